//! Where a path leads, without trusting a symbolic link that someone else may have put there. In a sticky directory
//! that everyone may write to (/tmp), a link is followed only if it belongs to us or to the owner of the directory,
//! as open(2) does with fs.protected_symlinks. That sysctl may be off, and it does not protect renames, so it is
//! checked here.

use crate::platform::files;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// As many links in a row as the kernel follows (path_resolution(7)).
const MAX_LINKS: usize = 40;

/// The mode of a new file. The umask decides who may read it, as for a shell's `>`.
pub const NEW_FILE_MODE: Mode = Mode::from_raw_mode(0o666);

/// Where a path leads.
#[derive(Debug)]
pub enum ResolvedPath {
    /// To an entry of a directory that is not a symbolic link.
    Entry(Entry),
    /// To something that only the kernel can open: the link in /proc that `/dev/stdout` leads to may not contain a
    /// path.
    Magic(PathBuf),
}

/// An entry of a directory, which may not exist yet.
#[derive(Debug)]
pub struct Entry {
    /// The directory.
    pub directory: OwnedFd,
    /// The name in the directory.
    pub name: OsString,
    /// What exists there now.
    pub present: Option<Stat>,
}

impl ResolvedPath {
    /// Follows the symbolic links from `path` to their end.
    ///
    /// # Errors
    /// EACCES for a link that cannot be trusted, ELOOP for too many links, and any other error of the system.
    pub fn of(path: &Path) -> io::Result<Self> {
        let mut path = path.to_owned();
        let mut base: Option<OwnedFd> = None;
        for _ in 0..MAX_LINKS {
            let Some(name) = path.file_name().map(OsStr::to_owned) else { return Ok(Self::Magic(path)) };
            let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            let base_fd = base.as_ref().map_or(CWD, AsFd::as_fd);
            let directory = open_directory(base_fd, parent.unwrap_or(Path::new(".")))?;
            if files::names_open_files(&directory, &path) {
                return Ok(Self::Magic(path));
            }
            let present = match rustix::fs::statat(&directory, &name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => Some(stat),
                Err(Errno::NOENT) => None,
                Err(error) => return Err(error.into()),
            };
            match present {
                Some(link) if FileType::from_raw_mode(link.st_mode) == FileType::Symlink => {
                    // Between this check and readlinkat only the trusted owners can change the link.
                    if !is_trusted(&link, &rustix::fs::fstat(&directory)?) {
                        let text =
                            "refusing to follow another user's symbolic link in a world-writable directory";
                        return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
                    }
                    let target = rustix::fs::readlinkat(&directory, &name, Vec::new())?;
                    path = PathBuf::from(OsString::from_vec(target.into_bytes()));
                    base = Some(directory);
                }
                _ => return Ok(Self::Entry(Entry { directory, name, present })),
            }
        }
        Err(Errno::LOOP.into())
    }

    /// Opens it for appending, and creates the file if there is none. A pipe without a reader is an error, a full
    /// pipe does not block, a terminal does not become our controlling one, and a link that was created meanwhile is
    /// not followed.
    ///
    /// # Errors
    /// Any error of the system.
    pub fn open_for_append(&self) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = match self {
            Self::Entry(Entry { directory, name, .. }) => {
                rustix::fs::openat(directory, name, flags | OFlags::CREATE | OFlags::NOFOLLOW, NEW_FILE_MODE)
            }
            Self::Magic(path) => rustix::fs::open(path, flags, Mode::empty()),
        }?;
        Ok(file.into())
    }

    /// Opens it for reading.
    ///
    /// # Errors
    /// Any error of the system.
    pub fn open_for_read(&self) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = match self {
            Self::Entry(Entry { directory, name, .. }) => {
                rustix::fs::openat(directory, name, flags | OFlags::NOFOLLOW, Mode::empty())
            }
            Self::Magic(path) => rustix::fs::open(path, flags, Mode::empty()),
        }?;
        Ok(file.into())
    }
}

fn open_directory(base: BorrowedFd<'_>, path: &Path) -> io::Result<OwnedFd> {
    let flags = files::SEARCH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(base, path, flags, Mode::empty())?)
}

fn is_trusted(link: &Stat, directory: &Stat) -> bool {
    let sticky_and_writable = Mode::SVTX | Mode::WOTH;
    !Mode::from_raw_mode(directory.st_mode).contains(sticky_and_writable)
        || link.st_uid == directory.st_uid
        || link.st_uid == rustix::process::geteuid().as_raw()
}
