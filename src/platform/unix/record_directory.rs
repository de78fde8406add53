//! A directory of records that processes share: opened once, and used through its descriptor, so that a directory that
//! is put in its place later changes nothing.

use crate::platform::record_directory::{Access, DirectoryError, Links, OpenError};
use crate::platform::system::files;
use rustix::fs::{AtFlags, CWD, Dir, FileType, Gid, Mode, OFlags, Stat, Uid};
use rustix::io::Errno;
use std::fs::{DirBuilder, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _};
use std::path::Path;

/// An open directory.
#[derive(Debug)]
pub struct RecordDirectory(OwnedFd);

/// Follows no symbolic link. Opening a FIFO or a device that has a record's name does not block and does not make it
/// our controlling terminal.
const READ: OFlags = OFlags::NOFOLLOW.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);
const READ_WRITE: OFlags = READ.union(OFlags::RDWR);

const OWNER_ONLY: Mode = Mode::RUSR.union(Mode::WUSR);

/// Creates the directory, unless it exists: with mode 0700 if it is private, else with the umask.
///
/// # Errors
/// Any error of mkdir(2).
pub fn create(path: &Path, access: Access) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    if access == Access::Private {
        builder.mode(0o700);
    }
    builder.create(path)
}

impl RecordDirectory {
    /// Opens the directory; `None` if there is none.
    ///
    /// # Errors
    /// When it cannot be opened, or is private and not this user's alone.
    pub fn open(path: &Path, access: Access) -> Result<Option<Self>, DirectoryError> {
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
        let flags = if access == Access::Private { flags | OFlags::NOFOLLOW } else { flags };
        let directory = match rustix::fs::openat(CWD, path, flags, Mode::empty()) {
            Ok(directory) => directory,
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::NOTDIR | Errno::LOOP) => return Err(DirectoryError::NotADirectory),
            Err(error) => return Err(DirectoryError::CannotOpen(error.into())),
        };
        if access == Access::Private {
            let stat =
                rustix::fs::fstat(&directory).map_err(|error| DirectoryError::CannotInspect(error.into()))?;
            if stat.st_uid != rustix::process::geteuid().as_raw() {
                return Err(DirectoryError::OfAnotherUser);
            }
            if stat.st_mode & 0o022 != 0 {
                return Err(DirectoryError::WritableByOthers);
            }
        }
        Ok(Some(Self(directory)))
    }

    /// The names in the directory that are UTF-8.
    ///
    /// # Errors
    /// Any error of readdir(3).
    pub fn names(&self) -> io::Result<impl Iterator<Item = io::Result<String>>> {
        let entries = Dir::read_from(&self.0)?;
        Ok(entries.filter_map(|entry| match entry {
            Ok(entry) => entry.file_name().to_str().ok().map(|name| Ok(name.to_owned())),
            Err(error) => Some(Err(error.into())),
        }))
    }

    /// Opens a record for reading.
    ///
    /// # Errors
    /// As [`Self::open_record`].
    pub fn open_for_read(&self, name: &str) -> Result<File, OpenError> {
        opened(rustix::fs::openat(&self.0, name, READ, Mode::empty()))
    }

    /// Opens a record for reading and writing.
    ///
    /// # Errors
    /// When there is none, or it cannot be opened, or it is a symbolic link.
    pub fn open_record(&self, name: &str) -> Result<File, OpenError> {
        opened(rustix::fs::openat(&self.0, name, READ_WRITE, Mode::empty()))
    }

    /// Creates a record, or opens the one that another process has created meanwhile. A private one is for its owner
    /// only; a shared one gets the group of the directory and the read and write bits of its mode.
    ///
    /// # Errors
    /// As [`Self::open_record`]; [`OpenError::Missing`] if the directory has been removed.
    pub fn create_record(&self, name: &str, access: Access) -> Result<File, OpenError> {
        opened(match access {
            Access::Private => rustix::fs::openat(&self.0, name, READ_WRITE | OFlags::CREATE, OWNER_ONLY),
            Access::Shared => create_shared(&self.0, name),
        })
    }

    /// Removes a record. Processes that have opened it keep it until they close it.
    ///
    /// # Errors
    /// Any error of unlink(2).
    pub fn remove(&self, name: &str) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.0, name, AtFlags::empty())?)
    }
}

fn opened(result: rustix::io::Result<OwnedFd>) -> Result<File, OpenError> {
    result.map(File::from).map_err(|error| match error {
        error @ Errno::NOENT => OpenError::Missing(error.into()),
        Errno::LOOP => OpenError::Link,
        error => OpenError::Other(error.into()),
    })
}

/// How many names a record has; `None` if it is not a regular file.
///
/// # Errors
/// Any error of fstat(2).
pub fn links(record: &File) -> io::Result<Option<Links>> {
    let stat = rustix::fs::fstat(record)?;
    let is_regular = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    Ok(is_regular.then_some(match stat.st_nlink {
        0 => Links::None,
        1 => Links::One,
        _ => Links::Several,
    }))
}

/// Writes at the beginning with one call. Returns how many bytes were written.
///
/// # Errors
/// Any error of pwrite(2).
pub fn write_at_start(record: &File, bytes: &[u8]) -> io::Result<usize> {
    record.write_at(bytes, 0)
}

/// Creates a record with the group of its directory and the read and write bits of its mode, whatever the umask. Where
/// possible, the file gets its name last, so that no process finds a record that it may not use yet, and a process
/// that is killed leaves none.
fn create_shared(directory: &OwnedFd, name: &str) -> rustix::io::Result<OwnedFd> {
    let directory_stat = rustix::fs::fstat(directory)?;
    if let Some(file) = create_unnamed_then_link(directory, name, &directory_stat)? {
        return Ok(file);
    }
    let flags = READ_WRITE | OFlags::CREATE | OFlags::EXCL;
    match rustix::fs::openat(directory, name, flags, OWNER_ONLY) {
        Ok(file) => share(&file, &directory_stat).map(|()| file),
        Err(Errno::EXIST) => rustix::fs::openat(directory, name, READ_WRITE, Mode::empty()),
        Err(error) => Err(error),
    }
}

/// `None` where this is not possible: on NFS, for example, or without /proc.
fn create_unnamed_then_link(
    directory: &OwnedFd,
    name: &str,
    directory_stat: &Stat,
) -> rustix::io::Result<Option<OwnedFd>> {
    let Some(file) = files::open_unnamed(directory, OFlags::RDWR, OWNER_ONLY) else { return Ok(None) };
    share(&file, directory_stat)?;
    match files::link_unnamed(&file, directory, Path::new(name)) {
        Ok(()) => Ok(Some(file)),
        // Another process has created the record meanwhile.
        Err(Errno::EXIST) => rustix::fs::openat(directory, name, READ_WRITE, Mode::empty()).map(Some),
        Err(_) => Ok(None),
    }
}

/// Gives a new record the group of its directory and, as root, the owner too: a run under sudo must not lock the
/// directory's owner out.
fn share(record: &OwnedFd, directory: &Stat) -> rustix::io::Result<()> {
    let owner = rustix::process::geteuid().is_root().then(|| Uid::from_raw(directory.st_uid));
    // A user who is not in that group may not do this. The record then has the user's own group, and its mode still
    // says what others may do.
    let _not_a_member = rustix::fs::fchown(record, owner, Some(Gid::from_raw(directory.st_gid)));
    rustix::fs::fchmod(record, Mode::from_raw_mode(directory.st_mode & 0o666) | OWNER_ONLY)
}
