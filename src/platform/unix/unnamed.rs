//! A file without a name in `$TMPDIR`: only we can open it, and it is gone when we are.

use crate::platform::system::files::{SEARCH, open_unnamed};
use rustix::fs::{AtFlags, Mode, OFlags, openat, unlinkat};
use rustix::io::Errno;
use std::fs::File;
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

const MODE: Mode = Mode::RUSR.union(Mode::WUSR);

/// Makes one, empty, for reading and writing.
///
/// # Errors
/// There is no such directory, we may not write there, or no descriptors are left.
pub fn file() -> io::Result<File> {
    let flags = SEARCH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = rustix::fs::open(std::env::temp_dir(), flags, Mode::empty())?;
    let directory = directory.as_fd();
    // O_EXCL: nobody can give it a name (open(2)).
    match open_unnamed(directory, OFlags::RDWR | OFlags::EXCL, MODE) {
        Some(file) => Ok(file.into()),
        None => unlinked(directory),
    }
}

/// A file that has a name for a moment. The name cannot be guessed, and a file or a link that is there
/// already is not opened.
fn unlinked(directory: BorrowedFd<'_>) -> io::Result<File> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    for _ in 0..8 {
        let name = format!(".retry-{:016x}", RandomState::new().hash_one(std::process::id()));
        match openat(directory, &name, flags, MODE) {
            Ok(file) => {
                unlinkat(directory, &name, AtFlags::empty())?;
                return Ok(file.into());
            }
            Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Errno::EXIST.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Seek as _, Write as _};
    use std::os::unix::fs::MetadataExt as _;

    fn is_ours_alone(mut file: File) {
        file.write_all(b"kept").unwrap();
        file.rewind().unwrap();
        let mut read = String::new();
        file.read_to_string(&mut read).unwrap();
        let found = file.metadata().unwrap();
        assert_eq!((read.as_str(), found.nlink(), found.mode() & 0o177), ("kept", 0, 0));
    }

    #[test]
    fn no_way_to_make_it_leaves_a_name() {
        is_ours_alone(file().unwrap());
        let directory = tempfile::tempdir().unwrap();
        let opened = File::open(directory.path()).unwrap();
        is_ours_alone(unlinked(opened.as_fd()).unwrap());
        assert_eq!(directory.path().read_dir().unwrap().count(), 0);
    }

    #[test]
    fn a_directory_that_is_not_there_is_the_system_s_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let opened = File::open(file.path()).unwrap();
        let error = unlinked(opened.as_fd()).unwrap_err();
        assert_eq!(Errno::from_io_error(&error), Some(Errno::NOTDIR));
    }
}
