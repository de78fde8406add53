//! This process: its start, its command line and its end.

use super::signals;
use crate::core::signal::Signal;
use std::ffi::{CStr, OsStr, OsString};
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;

/// What Rust's runtime does before `main`, for a program without it. Standard streams that are closed get
/// /dev/null, or the next file that is opened would be taken for one of them; the command finds them
/// closed all the same, and we can neither read nor write there.
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
    signals::survive_failed_writes();
}

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

/// The signal that the kernel sends us when our parent dies, if we were started with one: PR_SET_PDEATHSIG(2const).
#[cfg(target_os = "linux")]
pub fn death_signal() -> Option<Signal> {
    let mut signal: libc::c_int = 0;
    // SAFETY: PR_GET_PDEATHSIG writes an int to where its argument points.
    let asked = unsafe { libc::prctl(libc::PR_GET_PDEATHSIG, &raw mut signal) };
    (asked == 0 && signal > 0).then_some(Signal(signal))
}

/// Only Linux has that.
#[cfg(not(target_os = "linux"))]
pub fn death_signal() -> Option<Signal> {
    None
}

/// No core file from this process: the command has left its own, and a second one of ours would
/// only mislead. PR_SET_DUMPABLE also keeps a core_pattern pipe from being fed (core(5)).
pub fn no_core_dump() {
    let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
    let _best_effort = rustix::process::setrlimit(rustix::process::Resource::Core, none);
    #[cfg(target_os = "linux")]
    let _best_effort = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

/// Whether two descriptors have one open file description, and with it one offset; `None` where the kernel does
/// not tell (kcmp(2) needs CONFIG_KCMP, and a sandbox may forbid it).
pub fn share_description(a: BorrowedFd<'_>, b: BorrowedFd<'_>) -> Option<bool> {
    #[cfg(target_os = "linux")]
    {
        use std::os::fd::AsRawFd as _;
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
