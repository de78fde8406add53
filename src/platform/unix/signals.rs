//! Signals to this process: catching, counting and taking them, and signal masks.

use crate::core::signal::Signal;
use crate::platform::received::Origin;
use crate::platform::system::siginfo;
pub use crate::platform::system::siginfo::{TERMINATING, real_time};
use crate::platform::system::spawn::is_child_before_exec;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};

/// What happens to a system call that a caught signal interrupts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InterruptedCall {
    /// The call is restarted.
    Restart,
    /// The call fails with EINTR. For SIGTTIN: a restarted call would cause it again and again.
    Fail,
}

/// All signal numbers are below this. The last one of Linux is 64.
const NUMBERS: usize = 65;

/// How many signals came and were not taken yet, by number and origin. The handler only counts and wakes: both are
/// async-signal-safe, and a counter does not overflow as a queue would.
static PENDING: [[AtomicU32; 2]; NUMBERS] = [const { [const { AtomicU32::new(0) }; 2] }; NUMBERS];
/// Whether [`PENDING`] has a signal. It is set after the counter.
static ANY_PENDING: AtomicBool = AtomicBool::new(false);
/// The descriptor that wakes the event loop.
static WAKE: AtomicI32 = AtomicI32::new(-1);

extern "C" fn on_signal(number: libc::c_int, info: *mut libc::siginfo_t, _context: *mut libc::c_void) {
    if is_child_before_exec() {
        // The signal is for the command. It comes again when we return, and has its default action.
        set_disposition(Signal(number), libc::SIG_DFL, 0);
        // SAFETY: getpid(2) and kill(2) are async-signal-safe.
        unsafe { libc::kill(libc::getpid(), number) };
        return;
    }
    // SAFETY: the kernel passes a valid siginfo_t to a handler that was installed with SA_SIGINFO.
    let (code, sender) = unsafe { ((*info).si_code, (*info).si_pid()) };
    if is_fault(number, code) {
        // A fault of our own. When we return, the instruction runs again and ends us.
        set_disposition(Signal(number), libc::SIG_DFL, 0);
        return;
    }
    // SAFETY: getpid(2) is async-signal-safe. We are the sender of the SIGPIPE and the SIGXFSZ that a write of our own
    // causes, and of the SIGABRT of abort(3). Those are not for the command.
    if code <= 0 && sender == unsafe { libc::getpid() } {
        return;
    }
    if let Some(counters) = usize::try_from(number).ok().and_then(|number| PENDING.get(number)) {
        counters[siginfo::origin(code, sender) as usize].fetch_add(1, Ordering::Release);
        ANY_PENDING.store(true, Ordering::Release);
    }
    // SAFETY: write(2) is async-signal-safe. The descriptor does not block; if it is full, the event loop wakes up
    // anyway. It may be an eventfd, which takes eight bytes, a number above 0. errno is restored for the code that was
    // interrupted.
    unsafe {
        let errno = siginfo::errno_location();
        let saved = *errno;
        libc::write(WAKE.load(Ordering::Relaxed), 1_u64.to_ne_bytes().as_ptr().cast(), 8);
        *errno = saved;
    }
}

/// Whether a signal means a fault in our own code. si_code is positive then (sigaction(2)).
fn is_fault(number: libc::c_int, code: libc::c_int) -> bool {
    let faults = [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGTRAP, libc::SIGSYS];
    code > 0 && code != siginfo::SENT_BY_KILL && faults.contains(&number)
}

/// From now on, `signal` is counted, and each one writes to `wake`, which must not block and must stay open. A signal
/// that was ignored at the start stays ignored, here and in the command (`nohup`, `trap '' HUP`). SIGCHLD is caught in
/// any case, because waiting would fail with ECHILD.
pub fn catch(signal: Signal, call: InterruptedCall, wake: &OwnedFd) {
    WAKE.store(wake.as_raw_fd(), Ordering::Relaxed);
    let flags = match call {
        InterruptedCall::Restart => libc::SA_SIGINFO | libc::SA_RESTART,
        InterruptedCall::Fail => libc::SA_SIGINFO,
    };
    // A signal that was ignored is ignored again. Asking first would be a second system call for every signal.
    let before = set_disposition(signal, on_signal as *const () as libc::sighandler_t, flags);
    if before == libc::SIG_IGN && signal != Signal::SIGCHLD {
        set_disposition(signal, libc::SIG_IGN, 0);
    }
}

/// The signal mask that we were started with. Commands get it, whatever we block or unblock.
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
    /// Blocks all signals, and returns the mask before.
    pub fn block_all() -> Self {
        // SAFETY: zeroed is valid memory for a set; sigfillset cannot fail with it.
        let all = unsafe {
            let mut all = MaybeUninit::<libc::sigset_t>::zeroed();
            libc::sigfillset(all.as_mut_ptr());
            all.assume_init()
        };
        Self(all).swap()
    }

    /// Makes this the mask of the process.
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

    /// The mask that we were started with; `None` before [`unblock_child_signal`].
    pub fn original() -> Option<Self> {
        ORIGINAL_MASK.get().copied()
    }
}

/// Unblocks SIGCHLD, and remembers the mask before. A parent may have blocked it, and then a wait would never end.
pub fn unblock_child_signal() {
    let old = change_mask(libc::SIG_UNBLOCK, Signal::SIGCHLD);
    let _set_before = ORIGINAL_MASK.set(old);
}

/// Runs `change` with SIGTTOU blocked, so that a process in the background can change a terminal (tcsetpgrp(3)).
pub fn with_sigttou_blocked<T>(change: impl FnOnce() -> T) -> T {
    let old = change_mask(libc::SIG_BLOCK, Signal::SIGTTOU);
    let result = change();
    old.set();
    result
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

/// Whether a signal came since the last call.
pub fn take_any() -> bool {
    ANY_PENDING.load(Ordering::Relaxed) && ANY_PENDING.swap(false, Ordering::Acquire)
}

/// How often a signal came since it was taken last.
pub fn take(signal: Signal, origin: Origin) -> u32 {
    let counters = usize::try_from(signal.0).ok().and_then(|number| PENDING.get(number));
    counters.map_or(0, |counters| counters[origin as usize].swap(0, Ordering::Acquire))
}

/// Sets the disposition of a signal, and returns the one before. It fails only for SIGKILL, SIGSTOP and invalid
/// numbers, which have none.
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

/// Catches SIGPIPE and SIGXFSZ, so that a write to a pipe without a reader, or beyond the limit of a file's size
/// (`ulimit -f`), is an error and does not end us. They are caught and not ignored, because a command inherits ignored
/// signals. If they were ignored at the start, they stay so.
pub fn catch_write_signals() {
    for signal in [Signal::SIGPIPE, Signal::SIGXFSZ] {
        let before = set_disposition(signal, do_nothing as *const () as libc::sighandler_t, libc::SA_RESTART);
        if before == libc::SIG_IGN {
            set_disposition(signal, libc::SIG_IGN, 0);
        }
    }
}

extern "C" fn do_nothing(_number: libc::c_int) {}

/// Sends `signal` to this process with its default action: it stops until SIGCONT comes, or ends. The kernel may
/// discard the signal: a stop in an orphaned process group, or any signal for pid 1.
pub fn take_default_action(signal: Signal) {
    let before = set_disposition(signal, libc::SIG_DFL, 0);
    change_mask(libc::SIG_UNBLOCK, signal);
    // SAFETY: no memory is involved.
    unsafe { libc::raise(signal.0) };
    if before != libc::SIG_DFL && before != libc::SIG_IGN {
        set_disposition(signal, before, libc::SA_SIGINFO);
    }
}
