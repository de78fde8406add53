//! This process: its start and its end.

use crate::platform::system;
pub use crate::platform::system::lifecycle::death_signal;

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
