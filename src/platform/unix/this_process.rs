//! This process: its start, its end, and the local time.

use crate::platform::system;
pub use crate::platform::system::lifecycle::death_signal;
use std::time::SystemTime;

/// Opens those of the standard streams that are closed, or the next file that is opened would be taken for one of them.
/// They lead to /dev/null, where we can neither read nor write with them; the command finds them closed all the same.
pub fn open_closed_streams() {
    for (fd, unusable) in [(0, libc::O_WRONLY), (1, libc::O_RDONLY), (2, libc::O_RDONLY)] {
        // SAFETY: F_GETFD on any number is allowed; it fails for a closed descriptor. open(2) takes the lowest
        // free number, which is `fd`, since those below are open. Without a /dev there is nothing better.
        unsafe {
            if libc::fcntl(fd, libc::F_GETFD) == -1 {
                libc::open(c"/dev/null".as_ptr(), unusable | libc::O_CLOEXEC);
            }
        }
    }
}

/// No core file from this process: the command has left its own, and a second one of ours would
/// only mislead.
pub fn no_core_dump() {
    let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
    let _best_effort = rustix::process::setrlimit(rustix::process::Resource::Core, none);
    system::lifecycle::forbid_dumps();
}

/// How many seconds the local time is ahead of UTC at `time`.
pub fn offset_from_utc(time: SystemTime) -> i64 {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let seconds = seconds.try_into().unwrap_or(0);
    // SAFETY: zeros are a valid `tm`: numbers and a null pointer.
    let mut local: libc::tm = unsafe { std::mem::zeroed() };
    // SAFETY: both point to values that live through the call. It reads TZ, as every `getenv` does, while
    // no other thread changes the environment: nothing does.
    let known = unsafe { !libc::localtime_r(&raw const seconds, &raw mut local).is_null() };
    if known { local.tm_gmtoff } else { 0 }
}
