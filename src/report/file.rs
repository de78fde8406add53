//! Files that the views write. A file is replaced whole or not at all, or it is appended to with one
//! write, so that several `retry` may append to the same one. Nothing here is for the command's output.
//!
//! Nothing here waits for others for longer than the patience that it is given: for the reader of a pipe, or for
//! someone who has locked a file.

use super::clock;
use super::patience::{Patience, Ready};
use super::place::{Entry, MODE, Place};
use crate::platform::files;
use rustix::fs::{AtFlags, FileType, FlockOperation, Gid, Mode, OFlags, Stat, Uid};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::SystemTime;

/// So much of a file's end is looked at before something is appended: as much as GitHub shows of a step.
const PRESENT: u64 = 1 << 20;

/// Makes `bytes` the whole contents of a file: a new file takes the place of the old one, with its mode and,
/// where we may, its owner. What is no file (a pipe) cannot be replaced and is written to.
///
/// # Errors
/// Whatever the system answers; then the old file is still there.
pub fn replace(path: &Path, bytes: &[u8], patience: &mut dyn Patience) -> io::Result<()> {
    match Place::of(path)? {
        Place::Entry(entry) if entry.present.as_ref().is_none_or(is_regular) => put(&entry, bytes),
        place => write_whole(&mut place.append()?, bytes, patience),
    }
}

/// Writes `bytes` at the end of a file with one write, or to a pipe as it takes them.
///
/// # Errors
/// Whatever the system answers, also when only a part was written.
pub fn append(path: &Path, bytes: &[u8], patience: &mut dyn Patience) -> io::Result<()> {
    write_whole(&mut Place::of(path)?.append()?, bytes, patience)
}

/// Whether something was appended while nobody else could.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// It was.
    Held,
    /// Someone else has locked the file.
    Refused,
}

/// Appends what `text` makes of the present contents, while no other `retry` does the same. Without the lock
/// it is appended all the same: that is one write, so the worst that can happen is a heading twice, and the
/// outputs of a step are worth more. What is no file has no contents: reading from a pipe would take what is
/// meant for its reader.
///
/// # Errors
/// Whatever the system answers.
pub fn append_knowing(
    path: &Path,
    text: impl FnOnce(&str) -> String,
    patience: &mut dyn Patience,
) -> io::Result<Lock> {
    let place = Place::of(path)?;
    let mut file = place.append()?;
    let stat = rustix::fs::fstat(&file)?;
    if !is_regular(&stat) {
        write_whole(&mut file, text("").as_bytes(), patience)?;
        return Ok(Lock::Held);
    }
    let lock = loop {
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::AGAIN) if patience.pause() == Ready::Yes => {}
            Err(Errno::AGAIN) => break Lock::Refused,
            // An error: a file system that has no locks.
            Ok(()) | Err(_) => break Lock::Held,
        }
    };
    let present = contents(&place, &stat)?;
    write_whole(&mut file, text(&String::from_utf8_lossy(&present)).as_bytes(), patience)?;
    Ok(lock)
}

/// The end of a file, if the path still leads to the one that was opened for appending.
fn contents(place: &Place, opened: &Stat) -> io::Result<Vec<u8>> {
    // A file that may only be written to.
    let Ok(mut file) = place.read() else { return Ok(Vec::new()) };
    let stat = rustix::fs::fstat(&file)?;
    let mut bytes = Vec::new();
    if (stat.st_dev, stat.st_ino) == (opened.st_dev, opened.st_ino) {
        let length = u64::try_from(stat.st_size).unwrap_or(0);
        file.seek(SeekFrom::Start(length.saturating_sub(PRESENT)))?;
        file.take(PRESENT).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

fn is_regular(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
}

/// The file does not block: [`Place::append`].
fn write_whole(file: &mut File, bytes: &[u8], patience: &mut dyn Patience) -> io::Result<()> {
    let mut rest = bytes;
    while !rest.is_empty() {
        match file.write(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => rest = &rest[written..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if patience.writable(file.as_fd()) == Ready::No {
                    return Err(io::Error::new(io::ErrorKind::TimedOut, "nobody reads it"));
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Puts a new file in the place of an entry.
fn put(entry: &Entry, bytes: &[u8]) -> io::Result<()> {
    // A file without a name is gone when we are, so whatever ends us while we write leaves nothing behind.
    let nameless = files::open_unnamed(&entry.directory, OFlags::WRONLY, MODE).map(File::from);
    let Some(nameless) = nameless else { return put_by_name(entry, bytes) };
    fill(&nameless, entry, bytes)?;
    if entry.present.is_none() {
        match files::link_unnamed(&nameless, &entry.directory, entry.name.as_ref()) {
            Ok(()) => return Ok(()),
            // Somebody else made one meanwhile.
            Err(Errno::EXIST) => {}
            Err(_) => return put_by_name(entry, bytes),
        }
    }
    // linkat(2) replaces nothing, so there is a moment with two names.
    for name in temporary_names() {
        match files::link_unnamed(&nameless, &entry.directory, name.as_ref()) {
            Ok(()) => return rename(entry, &name),
            Err(Errno::EXIST) => {}
            // No /proc.
            Err(_) => break,
        }
    }
    put_by_name(entry, bytes)
}

/// Where a file cannot be without a name: a file system such as NFS or overlayfs of old, a system that is not
/// Linux.
fn put_by_name(entry: &Entry, bytes: &[u8]) -> io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    for name in temporary_names() {
        match rustix::fs::openat(&entry.directory, &name, flags, MODE) {
            Ok(file) => {
                let filled = fill(&file.into(), entry, bytes);
                if filled.is_err() {
                    let _gone = rustix::fs::unlinkat(&entry.directory, &name, AtFlags::empty());
                }
                return filled.and_then(|()| rename(entry, &name));
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

/// Names that nobody else uses, most likely.
fn temporary_names() -> impl Iterator<Item = String> {
    let since = clock::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let (pid, number) = (std::process::id(), since.as_nanos());
    (0..8).map(move |more| format!(".retry-{pid:x}-{:x}", number + more))
}

/// Writes a new file, and gives it the mode and, where we may, the owner of the old one.
fn fill(file: &File, entry: &Entry, bytes: &[u8]) -> io::Result<()> {
    (&*file).write_all(bytes)?;
    let Some(old) = &entry.present else { return Ok(()) };
    let new = rustix::fs::fstat(file)?;
    // Both together need privileges; a group of our own does not.
    if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid) {
        let (owner, group) = (Some(Uid::from_raw(old.st_uid)), Some(Gid::from_raw(old.st_gid)));
        if rustix::fs::fchown(file, owner, group).is_err() {
            let _where_we_may = rustix::fs::fchown(file, None, group);
        }
    }
    // Not what makes a program run as its owner.
    let _where_we_may = rustix::fs::fchmod(file, Mode::from_raw_mode(old.st_mode & 0o777));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::patience::Endless;
    use super::*;
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, lchown, symlink};
    use std::path::PathBuf;
    use tempfile::TempDir;

    fn directory() -> (TempDir, impl Fn(&str) -> PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().to_owned();
        (directory, move |name| path.join(name))
    }

    fn files(directory: &TempDir) -> usize {
        fs::read_dir(directory.path()).unwrap().count()
    }

    /// As root, tests of what belongs to others can be made.
    fn is_root() -> bool {
        rustix::process::geteuid().is_root()
    }

    #[test]
    fn a_file_is_replaced_and_a_link_to_it_stays() {
        let (directory, path) = directory();
        let (file, link) = (path("file"), path("link"));
        replace(&file, b"one", &mut Endless).unwrap();
        // Relative to where the link is, and over another link.
        symlink("other", &link).unwrap();
        symlink(&file, path("other")).unwrap();
        replace(&link, b"two", &mut Endless).unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"two");
        append(&link, b"three", &mut Endless).unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"twothree");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(files(&directory), 3, "nothing else is left");
        // A link to a file that is not there yet.
        symlink("new", path("dangling")).unwrap();
        replace(&path("dangling"), b"four", &mut Endless).unwrap();
        assert_eq!(fs::read(path("new")).unwrap(), b"four");
        symlink("loop", path("loop")).unwrap();
        assert!(replace(&path("loop"), b"five", &mut Endless).is_err());
    }

    #[test]
    fn mode_and_owner_stay() {
        let (_directory, path) = directory();
        for mode in [0o600, 0o640, 0o604, 0o666] {
            let file = path("file");
            fs::write(&file, "old").unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            if is_root() {
                chown(&file, Some(12), Some(34)).unwrap();
            }
            let before = file.metadata().unwrap();
            replace(&file, b"new", &mut Endless).unwrap();
            put_by_name_too(&file);
            let after = file.metadata().unwrap();
            assert_eq!((before.uid(), before.gid(), before.mode()), (after.uid(), after.gid(), after.mode()));
        }
    }

    fn put_by_name_too(file: &Path) {
        let Place::Entry(entry) = Place::of(file).unwrap() else { panic!("{file:?}") };
        put_by_name(&entry, b"newer").unwrap();
        assert_eq!(fs::read(file).unwrap(), b"newer");
        assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn links_of_others_are_not_followed_where_everybody_may_put_them() {
        let (_directory, path) = directory();
        let (shared, target) = (path("shared"), path("target"));
        fs::create_dir(&shared).unwrap();
        fs::set_permissions(&shared, fs::Permissions::from_mode(0o1777)).unwrap();
        let link = shared.join("link");
        symlink(&target, &link).unwrap();
        // Our own.
        replace(&link, b"ours", &mut Endless).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"ours");
        if !is_root() {
            return;
        }
        chown(&shared, Some(1), None).unwrap();
        lchown(&link, Some(1), None).unwrap();
        replace(&link, b"the directory's", &mut Endless).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"the directory's");
        lchown(&link, Some(2), None).unwrap();
        let write = |path: &Path| {
            [
                replace(path, b"x", &mut Endless),
                append(path, b"x", &mut Endless),
                append_knowing(path, |_| "x".to_owned(), &mut Endless).map(drop),
            ]
        };
        for refused in write(&link) {
            assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        }
        // A link of ours leads to it.
        let ours = path("ours");
        symlink(&link, &ours).unwrap();
        assert!(write(&ours).iter().all(Result::is_err));
        assert_eq!(fs::read(&target).unwrap(), b"the directory's");
        for mode in [0o777, 0o1775] {
            fs::set_permissions(&shared, fs::Permissions::from_mode(mode)).unwrap();
            replace(&link, b"not of everybody", &mut Endless).unwrap();
        }
    }

    #[test]
    fn what_is_no_file_is_written_to() {
        replace(Path::new("/dev/null"), b"x", &mut Endless).unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
        append_knowing(Path::new("/dev/null"), |present| format!("{present}x"), &mut Endless).unwrap();
    }

    #[test]
    fn memory_is_a_directory_like_others() {
        let Ok(directory) = tempfile::tempdir_in("/dev/shm") else { return };
        let file = directory.path().join("file");
        replace(&file, b"a long one", &mut Endless).unwrap();
        replace(&file, b"short", &mut Endless).unwrap();
        assert_eq!((fs::read(&file).unwrap(), files(&directory)), (b"short".to_vec(), 1));
    }

    #[test]
    fn appending_adds_and_sees_what_is_there() {
        let (directory, path) = directory();
        let file = path("file");
        append(&file, b"a", &mut Endless).unwrap();
        let lock = append_knowing(&file, |present| format!("{present}b"), &mut Endless).unwrap();
        assert_eq!((fs::read(&file).unwrap(), lock), (b"aab".to_vec(), Lock::Held));
        assert!(append(directory.path(), b"a", &mut Endless).is_err());
        let other = File::open(&file).unwrap();
        other.lock().unwrap();
        // `Endless` does not wait for locks at all.
        let lock = append_knowing(&file, |present| format!("{present}c"), &mut Endless).unwrap();
        assert_eq!((fs::read(&file).unwrap(), lock), (b"aabaabc".to_vec(), Lock::Refused));
    }
}
