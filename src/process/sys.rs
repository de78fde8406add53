//! The system calls that no safe crate offers, each behind a safe function, and the words that C gives to `main`.
//! The only file of the library with `unsafe`; it decides nothing.

#![expect(
    unsafe_code,
    reason = "sigaction, waitid with the pid, raise, prctl and environ have no safe wrapper"
)]

use crate::core::outcome::Outcome;
use crate::core::signal::Signal;
use rustix::process::Pid;
use std::ffi::{CStr, OsStr, OsString};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// Who sent a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A process, with kill(2) or one of its kin.
    Process,
    /// The kernel: a key on the terminal, or the terminal's end.
    Kernel,
}

/// What a caught signal may do to a system call that it interrupts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interruption {
    /// The call is restarted.
    Restart,
    /// The call ends with EINTR: for signals that must be looked at before anything else, and for TTIN,
    /// which would come again and again.
    Eintr,
}

/// Signals that came and were not yet looked at, by number and origin. The handler only counts and
/// wakes: both are async-signal-safe, and a counter cannot overflow like a queue.
static PENDING: [[AtomicU32; 2]; 32] = [const { [const { AtomicU32::new(0) }; 2] }; 32];
static WAKE: AtomicI32 = AtomicI32::new(-1);

extern "C" fn on_signal(number: libc::c_int, info: *mut libc::siginfo_t, _context: *mut libc::c_void) {
    // SAFETY: the kernel passes a valid siginfo_t to a handler that was installed with SA_SIGINFO.
    let origin = unsafe { origin(&*info) };
    if let Some(counters) = usize::try_from(number).ok().and_then(|number| PENDING.get(number)) {
        counters[origin as usize].fetch_add(1, Ordering::Release);
    }
    // SAFETY: write(2) is async-signal-safe. The pipe does not block; if it is full, the reader has a
    // wake-up waiting already. errno is put back for the code that was interrupted.
    unsafe {
        let errno = errno_location();
        let saved = *errno;
        libc::write(WAKE.load(Ordering::Relaxed), [0_u8].as_ptr().cast(), 1);
        *errno = saved;
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
unsafe fn errno_location() -> *mut libc::c_int {
    // SAFETY: always valid for the calling thread.
    unsafe { libc::__errno_location() }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
unsafe fn errno_location() -> *mut libc::c_int {
    // SAFETY: always valid for the calling thread.
    unsafe { libc::__error() }
}

/// On Linux, si_code is SI_USER, SI_QUEUE or SI_TKILL (all <= 0) for a process and SI_KERNEL for a
/// key: sigaction(2). Elsewhere SI_USER is positive and the sender's pid tells.
fn origin(info: &libc::siginfo_t) -> Origin {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let by_process = info.si_code <= 0;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    // SAFETY: si_pid is there for every signal that is caught here.
    let by_process = unsafe { info.si_pid() } != 0;
    if by_process { Origin::Process } else { Origin::Kernel }
}

/// From now on, `signal` is counted, and each one writes a byte to `wake` (a non-blocking pipe that
/// must stay open). A signal that was ignored at start stays ignored, here and in the command
/// (`nohup`, `trap '' HUP`); SIGCHLD alone is caught all the same, or waiting would fail with ECHILD.
pub fn catch(signal: Signal, interruption: Interruption, wake: &OwnedFd) {
    WAKE.store(wake.as_raw_fd(), Ordering::Relaxed);
    let flags = match interruption {
        Interruption::Restart => libc::SA_SIGINFO | libc::SA_RESTART,
        Interruption::Eintr => libc::SA_SIGINFO,
    };
    if signal != Signal::SIGCHLD && disposition(signal) == libc::SIG_IGN {
        return;
    }
    set_disposition(signal, on_signal as *const () as libc::sighandler_t, flags);
}

/// Lets SIGCHLD through if our parent blocked it: a mask is inherited, and waiting would never end.
pub fn unblock_child_signal() {
    let was_blocked = change_mask(libc::SIG_UNBLOCK, Signal::SIGCHLD);
    CHILD_SIGNAL_WAS_BLOCKED.store(was_blocked, Ordering::Relaxed);
}

/// Runs `spawn` with the signal mask that we were started with, since a command inherits ours.
pub fn with_original_mask<T>(spawn: impl FnOnce() -> T) -> T {
    if !CHILD_SIGNAL_WAS_BLOCKED.load(Ordering::Relaxed) {
        return spawn();
    }
    change_mask(libc::SIG_BLOCK, Signal::SIGCHLD);
    let spawned = spawn();
    change_mask(libc::SIG_UNBLOCK, Signal::SIGCHLD);
    spawned
}

static CHILD_SIGNAL_WAS_BLOCKED: AtomicBool = AtomicBool::new(false);

/// Blocks or unblocks one signal, and says whether it was blocked before.
fn change_mask(how: libc::c_int, signal: Signal) -> bool {
    // SAFETY: zeroed sets are valid memory for sigemptyset and for the old mask; it cannot fail with a
    // valid `how`.
    unsafe {
        let mut set = MaybeUninit::<libc::sigset_t>::zeroed().assume_init();
        let mut old = set;
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, signal.0);
        libc::sigprocmask(how, &raw const set, &raw mut old);
        libc::sigismember(&raw const old, signal.0) == 1
    }
}

/// Takes what came since the last look.
pub fn take(signal: Signal, origin: Origin) -> u32 {
    let counters = usize::try_from(signal.0).ok().and_then(|number| PENDING.get(number));
    counters.map_or(0, |counters| counters[origin as usize].swap(0, Ordering::Acquire))
}

fn disposition(signal: Signal) -> libc::sighandler_t {
    let mut old = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: only asks, into memory of the right type; zeroed is a valid sigaction.
    unsafe {
        libc::sigaction(signal.0, std::ptr::null(), old.as_mut_ptr());
        old.assume_init().sa_sigaction
    }
}

fn set_disposition(signal: Signal, handler: libc::sighandler_t, flags: libc::c_int) {
    // SAFETY: a zeroed sigaction is valid (an empty mask); the handler is a function of the right
    // type or SIG_DFL. It fails only for KILL, STOP and no signals, for which nothing can be set.
    unsafe {
        let mut action = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
        action.sa_sigaction = handler;
        action.sa_flags = flags;
        libc::sigaction(signal.0, &raw const action, std::ptr::null_mut());
    }
}

/// Does to this process what `signal` does by default: stops it until SIGCONT comes, or ends it.
/// It comes back if the kernel discards the signal: a job-control stop in an orphaned process group,
/// anything as pid 1.
pub fn take_default_action(signal: Signal) {
    let caught = disposition(signal);
    set_disposition(signal, libc::SIG_DFL, 0);
    change_mask(libc::SIG_UNBLOCK, signal);
    // SAFETY: no memory is involved.
    unsafe { libc::raise(signal.0) };
    if caught != libc::SIG_DFL && caught != libc::SIG_IGN {
        set_disposition(signal, caught, libc::SA_SIGINFO);
    }
}

/// No core file from this process: the command has left its own, and a second one of ours would
/// only mislead. PR_SET_DUMPABLE also keeps a core_pattern pipe from being fed (core(5)).
pub fn no_core_dump() {
    let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
    let _best_effort = rustix::process::setrlimit(rustix::process::Resource::Core, none);
    #[cfg(target_os = "linux")]
    let _best_effort = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

/// A change in the state of a child.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It is gone and reaped.
    Ended(Outcome),
    /// It was stopped by this signal.
    Stopped(Signal),
    /// It goes on.
    Continued,
}

/// The next change of any child, if there is one by now. Ended children are reaped.
///
/// # Errors
/// ECHILD when there is no child at all.
pub fn next_change() -> io::Result<Option<(Pid, Change)>> {
    let wanted = libc::WEXITED | libc::WSTOPPED | libc::WCONTINUED | libc::WNOHANG;
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    // SAFETY: waitid fills the siginfo_t; with WNOHANG and no change it stays zeroed (POSIX), so the
    // fields that are read are valid either way.
    let (pid, code, status) = unsafe {
        if libc::waitid(libc::P_ALL, 0, info.as_mut_ptr(), wanted) == -1 {
            return Err(io::Error::last_os_error());
        }
        let info = info.assume_init();
        (info.si_pid(), info.si_code, info.si_status())
    };
    let Some(pid) = Pid::from_raw(pid) else { return Ok(None) };
    let change = match code {
        libc::CLD_EXITED => Change::Ended(Outcome::Exited(status as u8)),
        libc::CLD_STOPPED => Change::Stopped(Signal(status)),
        libc::CLD_CONTINUED => Change::Continued,
        // CLD_KILLED and CLD_DUMPED; CLD_TRAPPED comes only to a tracer.
        _ => Change::Ended(Outcome::Killed(Signal(status))),
    };
    Ok(Some((pid, change)))
}

/// Whether there is any child, ended or not. Reaps nothing.
pub fn has_children() -> bool {
    let wanted = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    // SAFETY: as in `next_change`; nothing is read from it.
    unsafe { libc::waitid(libc::P_ALL, 0, info.as_mut_ptr(), wanted) == 0 }
}

/// Whether `pid` is a child of ours that was not waited for. Reaps nothing.
#[cfg(any(test, not(target_os = "linux")))]
pub fn is_child(pid: Pid) -> bool {
    let wanted = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    // SAFETY: as in `next_change`; nothing is read from it. A pid is positive, so the cast keeps it.
    unsafe {
        libc::waitid(libc::P_PID, pid.as_raw_nonzero().get() as libc::id_t, info.as_mut_ptr(), wanted) == 0
    }
}

/// Sends a signal to one process.
///
/// # Errors
/// ESRCH when it is gone, EPERM when it runs as someone else.
pub fn send(pid: Pid, signal: Signal) -> io::Result<()> {
    // SAFETY: no memory is involved. `Pid` is never 0 or negative, so no group is meant.
    match unsafe { libc::kill(pid.as_raw_nonzero().get(), signal.0) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Sends a signal to all processes of the group that `leader` has begun.
///
/// # Errors
/// ESRCH when it is empty, EPERM when all of it runs as someone else.
pub fn send_to_group(leader: Pid, signal: Signal) -> io::Result<()> {
    // SAFETY: no memory is involved. `Pid` is never 0, so no other group is meant; -1, "everyone", would
    // be the group of pid 1, which is no child of ours.
    match unsafe { libc::kill(-leader.as_raw_nonzero().get(), signal.0) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The session of a process, 0 for our own. Not through rustix, whose `Pid` cannot hold the 0 that the
/// kernel answers for a session whose leader is outside of our pid namespace.
pub fn session(pid: i32) -> i32 {
    // SAFETY: no memory is involved.
    unsafe { libc::getsid(pid) }
}

unsafe extern "C" {
    /// environ(7).
    static mut environ: *mut *mut libc::c_char;
}

/// The variables that were set, each with its place: `NAME=value` and a zero.
static VARIABLES: Mutex<Vec<(&'static str, &'static mut [u8])>> = Mutex::new(Vec::new());

/// Sets variables in our own environment, which the command inherits as it stands: std's `Command::env`
/// would sort it and drop entries that have no `=`. A value that is set again goes to the same place:
/// setenv(3) of glibc keeps every value it has ever been given, a hundred bytes for each attempt. And of a
/// name that is there twice it sets the first, where a shell takes the last.
pub fn set_variables(variables: &[(&'static str, String)]) {
    let mut places = VARIABLES.lock().unwrap_or_else(PoisonError::into_inner);
    let known = places.len();
    for (name, value) in variables {
        let text = [name, "=", value, "\0"].concat();
        let fits = |(known, place): &&mut (&str, &mut [u8])| known == name && place.len() >= text.len();
        if let Some((_, place)) = places.iter_mut().find(fits) {
            place[..text.len()].copy_from_slice(text.as_bytes());
        } else {
            // Room for every number that there is.
            let place = vec![0; text.len().max(64)].leak();
            place[..text.len()].copy_from_slice(text.as_bytes());
            places.push((name, place));
        }
    }
    if places.len() > known {
        put(&mut places[known..]);
    }
}

/// Puts new entries into the environment, in place of those of the same names.
fn put(entries: &mut [(&'static str, &'static mut [u8])]) {
    let is_replaced = |entry: &[u8]| {
        let name = entry.split(|byte| *byte == b'=').next().unwrap_or_default();
        entries.iter().any(|(replaced, _)| replaced.as_bytes() == name)
    };
    let mut all = Vec::new();
    // SAFETY: environ(7) points to texts that end with a zero, and ends with a null pointer; the new one is
    // never freed. Nothing must race with another thread that reads or writes it. The only other thread that
    // there ever is asks a Redis server and has ended by now, unless its name look-up hangs; that has read
    // what it wants of the environment (LOCALDOMAIN, RES_OPTIONS) when it began.
    unsafe {
        let mut entry = environ;
        while !entry.is_null() && !(*entry).is_null() {
            if !is_replaced(CStr::from_ptr(*entry).to_bytes()) {
                all.push(*entry);
            }
            entry = entry.add(1);
        }
        all.extend(entries.iter_mut().map(|(_, place)| place.as_mut_ptr().cast()));
        all.push(std::ptr::null_mut());
        environ = all.leak().as_mut_ptr();
    }
}

/// Whether SIGPIPE was ignored when this process started; std's `Command` sets it to default for every child.
static PIPE_SIGNAL_WAS_IGNORED: AtomicBool = AtomicBool::new(false);

/// What Rust's runtime does before `main`, for a program without it. Standard streams that are closed get
/// /dev/null, or the next file that is opened would be taken for one of them; the command finds them
/// closed all the same, and we can neither read nor write there. A reader's absence and the limit of a file's
/// size (`ulimit -f`) are errors and not our end.
pub fn begin() {
    for (fd, unusable) in [(0, libc::O_WRONLY), (1, libc::O_RDONLY), (2, libc::O_RDONLY)] {
        // SAFETY: F_GETFD on any number is allowed; it fails for a closed descriptor. open(2) takes the lowest
        // free number, which is `fd`, since those below are open. Without a /dev there is nothing better.
        unsafe {
            if libc::fcntl(fd, libc::F_GETFD) == -1 {
                libc::open(c"/dev/null".as_ptr(), unusable | libc::O_CLOEXEC);
            }
        }
    }
    PIPE_SIGNAL_WAS_IGNORED.store(disposition(Signal::SIGPIPE) == libc::SIG_IGN, Ordering::Relaxed);
    set_disposition(Signal::SIGPIPE, libc::SIG_IGN, 0);
    // Caught and not ignored: what is caught is not handed down to the command.
    if disposition(Signal::SIGXFSZ) != libc::SIG_IGN {
        set_disposition(Signal::SIGXFSZ, on_nothing as *const () as libc::sighandler_t, libc::SA_RESTART);
    }
}

extern "C" fn on_nothing(_number: libc::c_int) {}

/// The words of the command line, its own name first.
///
/// # Safety
/// `count` and `words` are those that a C `main` was given.
pub unsafe fn words(count: libc::c_int, words: *const *const libc::c_char) -> Vec<OsString> {
    let word = |index| {
        // SAFETY: there are `count` pointers to texts that end with a zero and live as long as the process.
        let word = unsafe { CStr::from_ptr(*words.add(index)) };
        OsStr::from_bytes(word.to_bytes()).to_owned()
    };
    (0..usize::try_from(count).unwrap_or(0)).map(word).collect()
}

/// Lets a command ignore SIGPIPE where our parent did (`trap '' PIPE`, a systemd service).
pub fn keep_pipe_signal_ignored(command: &mut Command) {
    if PIPE_SIGNAL_WAS_IGNORED.load(Ordering::Relaxed) {
        let ignore = || {
            set_disposition(Signal::SIGPIPE, libc::SIG_IGN, 0);
            Ok(())
        };
        // SAFETY: sigaction(2) is async-signal-safe, and the closure owns nothing.
        unsafe { command.pre_exec(ignore) };
    }
}

/// Whether two descriptors have one open file description, and with it one offset; `None` where the kernel does
/// not tell (kcmp(2) needs CONFIG_KCMP, and a sandbox may forbid it).
pub fn share_description(a: BorrowedFd<'_>, b: BorrowedFd<'_>) -> Option<bool> {
    #[cfg(target_os = "linux")]
    {
        const KCMP_FILE: libc::c_long = 0;
        let pid = libc::c_long::from(rustix::process::getpid().as_raw_nonzero().get());
        let (a, b) = (libc::c_long::from(a.as_raw_fd()), libc::c_long::from(b.as_raw_fd()));
        // SAFETY: no memory is involved.
        match unsafe { libc::syscall(libc::SYS_kcmp, pid, pid, KCMP_FILE, a, b) } {
            0 => Some(true),
            1.. => Some(false),
            _ => None,
        }
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _unknown = (a, b);
        None
    }
}

/// How many seconds the local time is ahead of UTC at `time`.
pub fn offset_from_utc(time: SystemTime) -> i64 {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let seconds = seconds.try_into().unwrap_or(0);
    // SAFETY: zeros are a valid `tm`: numbers and a null pointer.
    let mut local: libc::tm = unsafe { std::mem::zeroed() };
    // SAFETY: both point to values that live through the call. It reads TZ, as every `getenv` does, while
    // no other thread changes the environment: there is none.
    let known = unsafe { !libc::localtime_r(&raw const seconds, &raw mut local).is_null() };
    if known { local.tm_gmtoff } else { 0 }
}
