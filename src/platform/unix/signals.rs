//! Signals that come to this process: caught, counted, and taken by whoever asks.

use crate::core::signal::Signal;
use crate::platform::system::siginfo;
pub use crate::platform::system::siginfo::{TERMINATING, real_time};
use crate::platform::system::spawn::is_child_before_exec;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};

/// Who sent a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A process, with kill(2) or one of its kin.
    Process,
    /// The kernel: a key on the terminal, the terminal's end, a timer.
    Kernel,
}

/// What a caught signal may do to a system call that it interrupts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interruption {
    /// The call is restarted.
    Restart,
    /// The call ends with EINTR: for TTIN, which would come again and again.
    Eintr,
}

/// Signal numbers end below this: 64 is the last one of Linux.
const NUMBERS: usize = 65;

/// Signals that came and were not yet looked at, by number and origin. The handler only counts and
/// wakes: both are async-signal-safe, and a counter cannot overflow like a queue.
static PENDING: [[AtomicU32; 2]; NUMBERS] = [const { [const { AtomicU32::new(0) }; 2] }; NUMBERS];
/// Whether there is anything in [`PENDING`]; set behind it.
static ANY_PENDING: AtomicBool = AtomicBool::new(false);
static WAKE: AtomicI32 = AtomicI32::new(-1);

extern "C" fn on_signal(number: libc::c_int, info: *mut libc::siginfo_t, _context: *mut libc::c_void) {
    if is_child_before_exec() {
        // It was meant for the command. It comes again, with its default action, as soon as we return.
        set_disposition(Signal(number), libc::SIG_DFL, 0);
        // SAFETY: getpid(2) and kill(2) are async-signal-safe.
        unsafe { libc::kill(libc::getpid(), number) };
        return;
    }
    // SAFETY: the kernel passes a valid siginfo_t to a handler that was installed with SA_SIGINFO.
    let (code, sender) = unsafe { ((*info).si_code, (*info).si_pid()) };
    if is_fault(number, code) {
        // A fault of our own. The instruction is run again when we return, and ends us as it should.
        set_disposition(Signal(number), libc::SIG_DFL, 0);
        return;
    }
    // SAFETY: getpid(2) is async-signal-safe. The kernel names us as the sender of the SIGPIPE and the SIGXFSZ
    // that a write of our own causes, and abort(3) sends SIGABRT: nobody sent those.
    if code <= 0 && sender == unsafe { libc::getpid() } {
        return;
    }
    if let Some(counters) = usize::try_from(number).ok().and_then(|number| PENDING.get(number)) {
        counters[siginfo::origin(code, sender) as usize].fetch_add(1, Ordering::Release);
        ANY_PENDING.store(true, Ordering::Release);
    }
    // SAFETY: write(2) is async-signal-safe. The descriptor does not block; if it is full, the reader has a
    // wake-up waiting already. It may be an eventfd, which takes eight bytes, a number above 0. errno is put
    // back for the code that was interrupted.
    unsafe {
        let errno = siginfo::errno_location();
        let saved = *errno;
        libc::write(WAKE.load(Ordering::Relaxed), 1_u64.to_ne_bytes().as_ptr().cast(), 8);
        *errno = saved;
    }
}

/// Whether the kernel tells us of an error of our own: si_code is positive then (sigaction(2)).
fn is_fault(number: libc::c_int, code: libc::c_int) -> bool {
    let faults = [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGTRAP, libc::SIGSYS];
    code > 0 && code != siginfo::SENT_BY_KILL && faults.contains(&number)
}

/// From now on, `signal` is counted, and each one writes to `wake` (which must not block and must stay
/// open). A signal that was ignored at start stays ignored, here and in the command (`nohup`, `trap '' HUP`);
/// SIGCHLD alone is caught all the same, or waiting would fail with ECHILD.
pub fn catch(signal: Signal, interruption: Interruption, wake: &OwnedFd) {
    WAKE.store(wake.as_raw_fd(), Ordering::Relaxed);
    let flags = match interruption {
        Interruption::Restart => libc::SA_SIGINFO | libc::SA_RESTART,
        Interruption::Eintr => libc::SA_SIGINFO,
    };
    // Caught first and put back if it was ignored: to ask first would be a second call for every signal.
    let before = set_disposition(signal, on_signal as *const () as libc::sighandler_t, flags);
    if before == libc::SIG_IGN && signal != Signal::SIGCHLD {
        set_disposition(signal, libc::SIG_IGN, 0);
    }
}

/// The signal mask that we were started with: a command inherits it, whatever we block and let through.
static ORIGINAL_MASK: OnceLock<Mask> = OnceLock::new();

/// A set of blocked signals.
#[derive(Clone, Copy)]
pub struct Mask(libc::sigset_t);

impl std::fmt::Debug for Mask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Mask").finish_non_exhaustive()
    }
}

impl Mask {
    /// Blocks everything, and returns what was blocked before.
    pub fn block_everything() -> Self {
        // SAFETY: zeroed is valid memory for a set; sigfillset cannot fail with it.
        let all = unsafe {
            let mut all = MaybeUninit::<libc::sigset_t>::zeroed();
            libc::sigfillset(all.as_mut_ptr());
            all.assume_init()
        };
        Self(all).swap()
    }

    /// Puts this mask in force.
    pub fn set(self) {
        self.swap();
    }

    fn swap(self) -> Self {
        // SAFETY: both sets are valid memory; it cannot fail with a valid `how`.
        unsafe {
            let mut old = MaybeUninit::<libc::sigset_t>::zeroed();
            libc::sigprocmask(libc::SIG_SETMASK, &raw const self.0, old.as_mut_ptr());
            Self(old.assume_init())
        }
    }

    /// The mask of this process's start, for a command.
    pub fn original() -> Option<Self> {
        ORIGINAL_MASK.get().copied()
    }
}

/// Lets SIGCHLD through if our parent blocked it: a mask is inherited, and waiting would never end.
pub fn unblock_child_signal() {
    let old = change_mask(libc::SIG_UNBLOCK, Signal::SIGCHLD);
    let _set_before = ORIGINAL_MASK.set(old);
}

/// Runs `write` while SIGTTOU is blocked: a process in the background may change a terminal then (tcsetpgrp(3)).
pub fn with_terminal_output_allowed<T>(write: impl FnOnce() -> T) -> T {
    let old = change_mask(libc::SIG_BLOCK, Signal::SIGTTOU);
    let done = write();
    old.set();
    done
}

/// Blocks or unblocks one signal, and returns the mask before.
fn change_mask(how: libc::c_int, signal: Signal) -> Mask {
    // SAFETY: zeroed sets are valid memory for sigemptyset and for the old mask; it cannot fail with a
    // valid `how`.
    unsafe {
        let mut set = MaybeUninit::<libc::sigset_t>::zeroed().assume_init();
        let mut old = set;
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, signal.0);
        libc::sigprocmask(how, &raw const set, &raw mut old);
        Mask(old)
    }
}

/// Whether a signal came since this was asked last.
pub fn any_since() -> bool {
    ANY_PENDING.load(Ordering::Relaxed) && ANY_PENDING.swap(false, Ordering::Acquire)
}

/// How often a signal came since the last look.
pub fn take(signal: Signal, origin: Origin) -> u32 {
    let counters = usize::try_from(signal.0).ok().and_then(|number| PENDING.get(number));
    counters.map_or(0, |counters| counters[origin as usize].swap(0, Ordering::Acquire))
}

/// Sets what a signal does, and returns what it did before. It fails only for KILL, STOP and no signals, for
/// which nothing can be set.
fn set_disposition(signal: Signal, handler: libc::sighandler_t, flags: libc::c_int) -> libc::sighandler_t {
    // SAFETY: a zeroed sigaction is valid (an empty mask); the handler is a function of the right type,
    // SIG_DFL or SIG_IGN.
    unsafe {
        let mut action = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
        let mut before = action;
        action.sa_sigaction = handler;
        action.sa_flags = flags;
        libc::sigaction(signal.0, &raw const action, &raw mut before);
        before.sa_sigaction
    }
}

/// A write to a pipe without a reader, or beyond the limit of a file's size (`ulimit -f`), is an error and not our
/// end. Caught and not ignored: what is caught is not handed down to the command, and what was ignored stays so.
pub fn survive_failed_writes() {
    for signal in [Signal::SIGPIPE, Signal::SIGXFSZ] {
        let before = set_disposition(signal, on_nothing as *const () as libc::sighandler_t, libc::SA_RESTART);
        if before == libc::SIG_IGN {
            set_disposition(signal, libc::SIG_IGN, 0);
        }
    }
}

extern "C" fn on_nothing(_number: libc::c_int) {}

/// Does to this process what `signal` does by default: stops it until SIGCONT comes, or ends it.
/// It comes back if the kernel discards the signal: a job-control stop in an orphaned process group,
/// anything as pid 1.
pub fn take_default_action(signal: Signal) {
    let caught = set_disposition(signal, libc::SIG_DFL, 0);
    change_mask(libc::SIG_UNBLOCK, signal);
    // SAFETY: no memory is involved.
    unsafe { libc::raise(signal.0) };
    if caught != libc::SIG_DFL && caught != libc::SIG_IGN {
        set_disposition(signal, caught, libc::SA_SIGINFO);
    }
}
