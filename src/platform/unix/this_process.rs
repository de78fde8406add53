//! This process: its start, its end, and the local time.

use crate::platform::system;
pub use crate::platform::system::lifecycle::death_signal;
use std::time::SystemTime;

/// Opens /dev/null for each standard stream that is closed. Otherwise, the next file that is opened would take its
/// place. The descriptors can neither be read nor written, and the command finds the streams closed.
pub fn open_closed_streams() {
    for (fd, access) in [(0, libc::O_WRONLY), (1, libc::O_RDONLY), (2, libc::O_RDONLY)] {
        // SAFETY: F_GETFD is allowed for any number; it fails for a closed descriptor. open(2) takes the lowest free
        // number, which is `fd`, because the lower ones are open. Without a /dev, the stream stays closed.
        unsafe {
            if libc::fcntl(fd, libc::F_GETFD) == -1 {
                libc::open(c"/dev/null".as_ptr(), access | libc::O_CLOEXEC);
            }
        }
    }
}

/// Forbids a core file of this process: the command has left one of its own, and a second one would mislead.
pub fn no_core_dump() {
    let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
    let _best_effort = rustix::process::setrlimit(rustix::process::Resource::Core, none);
    system::lifecycle::forbid_dumps();
}

/// The seconds by which local time is ahead of UTC at `time`.
pub fn offset_from_utc(time: SystemTime) -> i64 {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let seconds = seconds.try_into().unwrap_or(0);
    // SAFETY: zeros are valid in a `tm`, which has numbers and a pointer.
    let mut local: libc::tm = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are valid during the call. It reads the variable TZ, and no thread changes the environment.
    let known = unsafe { !libc::localtime_r(&raw const seconds, &raw mut local).is_null() };
    if known { local.tm_gmtoff } else { 0 }
}
