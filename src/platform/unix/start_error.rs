//! Why a command cannot be started.

use rustix::io::Errno;
use std::io;

/// Whether a resource is short for the moment: processes, memory, descriptors, or the file is being written.
pub fn is_transient(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::AGAIN | Errno::NOMEM | Errno::TXTBSY | Errno::MFILE | Errno::NFILE)
    )
}
