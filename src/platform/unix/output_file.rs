//! A file that is written for the user: where its path leads, and how it is replaced as a whole.
//!
//! No symbolic link is trusted that someone else may have put there. In a sticky directory that everyone may write to
//! (/tmp), a link is followed only if it belongs to us or to the owner of the directory, as open(2) does with
//! fs.protected_symlinks. That sysctl may be off, and it does not protect renames, so it is checked here.

use super::descriptor::is_same_file;
use crate::platform::stdio::BorrowedStream;
use crate::platform::system::files;
use rustix::fs::{AtFlags, CWD, FileType, Gid, Mode, OFlags, Stat, Uid};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// As many links in a row as the kernel follows (path_resolution(7)).
const MAX_LINKS: usize = 40;

/// The mode of a new file. The umask decides who may read it, as for a shell's `>`.
const NEW_FILE_MODE: Mode = Mode::from_raw_mode(0o666);

/// A file at the end of a path, which may not exist yet.
#[derive(Debug)]
pub struct OutputFile(ResolvedPath);

/// Where a path leads.
#[derive(Debug)]
enum ResolvedPath {
    /// To an entry of a directory that is not a symbolic link.
    Entry(Entry),
    /// To something that only the kernel can open: the link in /proc that `/dev/stdout` leads to may not contain a
    /// path.
    Magic(PathBuf),
}

/// An entry of a directory, which may not exist yet.
#[derive(Debug)]
struct Entry {
    /// The directory.
    directory: OwnedFd,
    /// The name in the directory.
    name: OsString,
    /// What exists there now.
    present: Option<Stat>,
}

impl OutputFile {
    /// Follows the symbolic links from `path` to their end.
    ///
    /// # Errors
    /// EACCES for a link that cannot be trusted, ELOOP for too many links, and any other error of the system.
    pub fn at(path: &Path) -> io::Result<Self> {
        let mut path = path.to_owned();
        let mut base: Option<OwnedFd> = None;
        for _ in 0..MAX_LINKS {
            let Some(name) = path.file_name().map(OsStr::to_owned) else {
                return Ok(Self(ResolvedPath::Magic(path)));
            };
            let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            let base_fd = base.as_ref().map_or(CWD, AsFd::as_fd);
            let directory = open_directory(base_fd, parent.unwrap_or(Path::new(".")))?;
            if files::names_open_files(&directory, &path) {
                return Ok(Self(ResolvedPath::Magic(path)));
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
                _ => return Ok(Self(ResolvedPath::Entry(Entry { directory, name, present }))),
            }
        }
        Err(Errno::LOOP.into())
    }

    /// Replaces the file by a new one with these bytes, and with the mode and, if permitted, the owner of the old file.
    /// False if it is no regular file (a pipe), which can only be written to. `names` are free names for a temporary
    /// file.
    ///
    /// # Errors
    /// Any error of the system. The old file still exists then.
    pub fn replace(&self, bytes: &[u8], names: &mut dyn Iterator<Item = String>) -> io::Result<bool> {
        match &self.0 {
            ResolvedPath::Entry(entry) if entry.present.as_ref().is_none_or(is_regular) => {
                replace_entry(entry, bytes, names).map(|()| true)
            }
            _ => Ok(false),
        }
    }

    /// Opens it for appending, and creates the file if there is none. A file that a path like `/dev/stdout` names is
    /// written where the others that inherited it write. A pipe without a reader is an error, a full
    /// pipe does not block, a terminal does not become our controlling one, and a link that was created meanwhile is
    /// not followed.
    ///
    /// # Errors
    /// Any error of the system.
    pub fn open_for_append(&self) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let opened = match &self.0 {
            ResolvedPath::Entry(Entry { directory, name, .. }) => {
                rustix::fs::openat(directory, name, flags | OFlags::CREATE | OFlags::NOFOLLOW, NEW_FILE_MODE)
            }
            ResolvedPath::Magic(path) => rustix::fs::open(path, flags, Mode::empty())
                .map(|opened| inherited_file(path, &opened).unwrap_or(opened)),
        };
        match opened {
            // fifo(7). The system's words, "no such device or address", are about devices.
            Err(Errno::NXIO) if self.is_fifo() => {
                Err(io::Error::new(io::ErrorKind::NotConnected, "no process has it open for reading"))
            }
            opened => Ok(opened?.into()),
        }
    }

    /// Whether it is what `stream` leads to: a path that names an open file (`/dev/stderr`), or a path to the same pipe
    /// or terminal. The path of a regular file does not count: a log beside the output in one file is still a log. Opens
    /// nothing if the two are different files.
    pub fn is_stream(path: &Path, stream: BorrowedStream<'_>) -> bool {
        let (Ok(file), Ok(other)) = (rustix::fs::stat(path), rustix::fs::fstat(stream)) else { return false };
        let is_same = (file.st_dev, file.st_ino) == (other.st_dev, other.st_ino);
        is_same && (!is_regular(&file) || matches!(Self::at(path), Ok(Self(ResolvedPath::Magic(_)))))
    }

    fn is_fifo(&self) -> bool {
        let found = match &self.0 {
            ResolvedPath::Entry(entry) => entry.present,
            ResolvedPath::Magic(path) => rustix::fs::stat(path).ok(),
        };
        found.is_some_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::Fifo)
    }

    /// The end of the file, at most `max` bytes; nothing if the path no longer leads to `opened`, which was opened for
    /// appending, or if we may not read it.
    ///
    /// # Errors
    /// Any error of the system.
    pub fn contents(&self, opened: &File, max: u64) -> io::Result<Vec<u8>> {
        let Ok(mut file) = self.open_for_read() else { return Ok(Vec::new()) };
        let (stat, opened) = (rustix::fs::fstat(&file)?, rustix::fs::fstat(opened)?);
        let mut bytes = Vec::new();
        if (stat.st_dev, stat.st_ino) == (opened.st_dev, opened.st_ino) {
            let length = u64::try_from(stat.st_size).unwrap_or(0);
            file.seek(SeekFrom::Start(length.saturating_sub(max)))?;
            file.take(max).read_to_end(&mut bytes)?;
        }
        Ok(bytes)
    }

    fn open_for_read(&self) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = match &self.0 {
            ResolvedPath::Entry(Entry { directory, name, .. }) => {
                rustix::fs::openat(directory, name, flags | OFlags::NOFOLLOW, Mode::empty())
            }
            ResolvedPath::Magic(path) => rustix::fs::open(path, flags, Mode::empty()),
        }?;
        Ok(file.into())
    }
}

/// The file as a stream to wait for.
pub fn stream(file: &File) -> BorrowedStream<'_> {
    file.as_fd()
}

/// The descriptor that a path like `/dev/stdout` names, if it is of the file `opened`, and regular. The others that
/// inherited it write where its offset is. What we write through a description of our own leaves that offset where it
/// was, and their next output overwrites ours (`{ retry --report /dev/stdout ...; echo; } > FILE`).
fn inherited_file(path: &Path, opened: &OwnedFd) -> Option<OwnedFd> {
    let number = path.file_name()?.to_str()?.parse().ok().filter(|number| *number >= 0)?;
    if !is_regular(&rustix::fs::fstat(opened).ok()?) {
        return None;
    }
    // SAFETY: it is borrowed for the next three calls. None of our threads closes a descriptor meanwhile, and one that
    // is not open is an error of the first call.
    let inherited = unsafe { BorrowedFd::borrow_raw(number) };
    let is_writable =
        rustix::fs::fcntl_getfl(inherited).is_ok_and(|flags| flags & OFlags::ACCMODE != OFlags::RDONLY);
    if !is_writable || !is_same_file(inherited, opened.as_fd()) {
        return None;
    }
    rustix::io::fcntl_dupfd_cloexec(inherited, 0).ok()
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

fn is_regular(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
}

fn replace_entry(entry: &Entry, bytes: &[u8], names: &mut dyn Iterator<Item = String>) -> io::Result<()> {
    // A file without a name is removed when we end, however we end, so nothing is left behind.
    let unnamed = files::open_unnamed(&entry.directory, OFlags::WRONLY, NEW_FILE_MODE).map(File::from);
    let Some(unnamed) = unnamed else { return replace_by_temporary(entry, bytes, names) };
    write_new(&unnamed, entry, bytes)?;
    if entry.present.is_none() {
        match files::link_unnamed(&unnamed, &entry.directory, entry.name.as_ref()) {
            Ok(()) => return Ok(()),
            // Another process has created one meanwhile.
            Err(Errno::EXIST) => {}
            Err(_) => return replace_by_temporary(entry, bytes, names),
        }
    }
    // linkat(2) does not replace files, so the new file first gets a temporary name.
    for name in &mut *names {
        match files::link_unnamed(&unnamed, &entry.directory, name.as_ref()) {
            Ok(()) => return rename(entry, &name),
            Err(Errno::EXIST) => {}
            // There is no /proc.
            Err(_) => break,
        }
    }
    replace_by_temporary(entry, bytes, names)
}

/// For file systems without O_TMPFILE (NFS, old overlayfs), and for systems other than Linux.
fn replace_by_temporary(
    entry: &Entry,
    bytes: &[u8],
    names: &mut dyn Iterator<Item = String>,
) -> io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    for name in &mut *names {
        match rustix::fs::openat(&entry.directory, &name, flags, NEW_FILE_MODE) {
            Ok(file) => {
                let written = write_new(&file.into(), entry, bytes);
                if written.is_err() {
                    let _gone = rustix::fs::unlinkat(&entry.directory, &name, AtFlags::empty());
                }
                return written.and_then(|()| rename(entry, &name));
            }
            Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Errno::EXIST.into())
}

fn rename(entry: &Entry, temporary: &str) -> io::Result<()> {
    let Entry { directory, name, .. } = entry;
    let renamed = rustix::fs::renameat(directory, temporary, directory, name);
    if renamed.is_err() {
        let _gone = rustix::fs::unlinkat(directory, temporary, AtFlags::empty());
    }
    Ok(renamed?)
}

/// Writes a new file, and gives it the mode and, if permitted, the owner of the old one.
fn write_new(file: &File, entry: &Entry, bytes: &[u8]) -> io::Result<()> {
    (&*file).write_all(bytes)?;
    let Some(old) = &entry.present else { return Ok(()) };
    let new = rustix::fs::fstat(file)?;
    // Changing the owner needs privileges; changing to another group of ours does not.
    if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid) {
        let (owner, group) = (Some(Uid::from_raw(old.st_uid)), Some(Gid::from_raw(old.st_gid)));
        if rustix::fs::fchown(file, owner, group).is_err() {
            let _if_permitted = rustix::fs::fchown(file, None, group);
        }
    }
    // Without set-user-ID and set-group-ID.
    let _if_permitted = rustix::fs::fchmod(file, Mode::from_raw_mode(old.st_mode & 0o777));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};

    /// What happens where files cannot be without a name.
    #[test]
    fn a_temporary_file_gets_the_mode_and_the_owner() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o604)).unwrap();
        if rustix::process::geteuid().is_root() {
            chown(&file, Some(12), Some(34)).unwrap();
        }
        let before = file.metadata().unwrap();
        let ResolvedPath::Entry(entry) = OutputFile::at(&file).unwrap().0 else { panic!("{file:?}") };
        let mut names = ["file", ".new"].map(str::to_owned).into_iter();
        replace_by_temporary(&entry, b"newer", &mut names).unwrap();
        let after = file.metadata().unwrap();
        assert_eq!((before.uid(), before.gid(), before.mode()), (after.uid(), after.gid(), after.mode()));
        assert_eq!(fs::read(&file).unwrap(), b"newer");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
