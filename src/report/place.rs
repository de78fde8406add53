//! Where a path leads, without trusting a link that someone else may have put there. In a sticky directory that
//! everybody may write to (/tmp), a link is followed only if it is ours or the directory owner's, as open(2)
//! does where fs.protected_symlinks is set. We rename as well as open, and a sysctl may be off, so it is checked
//! here.

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
const MOST_LINKS: usize = 40;

/// Whoever may read what the user writes may read reports: the umask decides, as for a shell's `>`.
pub const MODE: Mode = Mode::from_raw_mode(0o666);

/// Where a path leads.
#[derive(Debug)]
pub enum Place {
    /// To an entry of a directory that is no link.
    Entry(Entry),
    /// To something that only the kernel can open: `/dev/stdout` is a link to a link that names no file.
    Kernels(PathBuf),
}

/// An entry of a directory, there or not.
#[derive(Debug)]
pub struct Entry {
    /// The directory.
    pub directory: OwnedFd,
    /// The name in it.
    pub name: OsString,
    /// What is there now.
    pub present: Option<Stat>,
}

impl Place {
    /// Follows links from `path` to where they end.
    ///
    /// # Errors
    /// EACCES for a link that is not to be trusted, ELOOP for too many links, and whatever else the system
    /// answers.
    pub fn of(path: &Path) -> io::Result<Self> {
        let mut path = path.to_owned();
        let mut from: Option<OwnedFd> = None;
        for _ in 0..MOST_LINKS {
            let Some(name) = path.file_name().map(OsStr::to_owned) else { return Ok(Self::Kernels(path)) };
            let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            let start = from.as_ref().map_or(CWD, AsFd::as_fd);
            let directory = open_directory(start, parent.unwrap_or(Path::new(".")))?;
            if files::is_of_the_kernel(&directory, &path) {
                return Ok(Self::Kernels(path));
            }
            let present = match rustix::fs::statat(&directory, &name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(found) => Some(found),
                Err(Errno::NOENT) => None,
                Err(error) => return Err(error.into()),
            };
            match present {
                Some(link) if FileType::from_raw_mode(link.st_mode) == FileType::Symlink => {
                    // Whoever is trusted with this link can change it meanwhile, and nobody else can.
                    if !is_trusted(&link, &rustix::fs::fstat(&directory)?) {
                        let what = "a link of someone else in a directory of everybody is not followed";
                        return Err(io::Error::new(io::ErrorKind::PermissionDenied, what));
                    }
                    let target = rustix::fs::readlinkat(&directory, &name, Vec::new())?;
                    path = PathBuf::from(OsString::from_vec(target.into_bytes()));
                    from = Some(directory);
                }
                _ => return Ok(Self::Entry(Entry { directory, name, present })),
            }
        }
        Err(Errno::LOOP.into())
    }

    /// Opens it for appending, and makes the file if there is none. A pipe without a reader is an error and a
    /// full one does not block, no terminal becomes ours, and a link that has come meanwhile is not followed.
    ///
    /// # Errors
    /// Whatever the system answers.
    pub fn append(&self) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = match self {
            Self::Entry(Entry { directory, name, .. }) => {
                rustix::fs::openat(directory, name, flags | OFlags::CREATE | OFlags::NOFOLLOW, MODE)
            }
            Self::Kernels(path) => rustix::fs::open(path, flags, Mode::empty()),
        }?;
        Ok(file.into())
    }

    /// Opens it for reading.
    ///
    /// # Errors
    /// Whatever the system answers.
    pub fn read(&self) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = match self {
            Self::Entry(Entry { directory, name, .. }) => {
                rustix::fs::openat(directory, name, flags | OFlags::NOFOLLOW, Mode::empty())
            }
            Self::Kernels(path) => rustix::fs::open(path, flags, Mode::empty()),
        }?;
        Ok(file.into())
    }
}

fn open_directory(start: BorrowedFd<'_>, path: &Path) -> io::Result<OwnedFd> {
    let flags = files::SEARCH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(start, path, flags, Mode::empty())?)
}

fn is_trusted(link: &Stat, directory: &Stat) -> bool {
    let everybodys = Mode::SVTX | Mode::WOTH;
    !Mode::from_raw_mode(directory.st_mode).contains(everybodys)
        || link.st_uid == directory.st_uid
        || link.st_uid == rustix::process::geteuid().as_raw()
}
