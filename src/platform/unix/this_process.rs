//! This process: its start and its end.

use crate::platform::system;
pub use crate::platform::system::lifecycle::death_signal;

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
