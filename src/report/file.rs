//! Files that the reports are written to. A file is replaced as a whole or not at all, or it is appended to with one
//! write, so that several `retry` may append to the same file. The command's output does not go through here.
//!
//! The [`WaitPolicy`] says how long to wait for the reader of a pipe, or for another process that has locked a file.

use super::clock;
use super::wait_policy::{Readiness, WaitPolicy};
use crate::platform::output_file::{OutputFile, stream};
use std::fs::{File, TryLockError};
use std::io::{self, Write as _};
use std::path::Path;
use std::time::SystemTime;

/// How many bytes of the end of a file are read before something is appended: as much as GitHub shows of a step.
const MAX_READ: u64 = 1 << 20;

/// Replaces a file by a new one with this content, and with the mode and, if permitted, the owner of the old file.
/// What is not a regular file (a pipe) cannot be replaced, and is written to.
///
/// # Errors
/// Any error of the system. The old file still exists then.
pub fn replace(path: &Path, bytes: &[u8], wait: &mut dyn WaitPolicy) -> io::Result<()> {
    let file = OutputFile::at(path)?;
    if file.replace(bytes, &mut temporary_names())? {
        return Ok(());
    }
    write_whole(&mut file.open_for_append()?, bytes, wait)
}

/// Appends lines to a file with one write, or writes them to a pipe. If the file ends within a line, because a disk was
/// full or a machine went down, a newline ends that line first, in the same write.
///
/// # Errors
/// Any error of the system. A part may have been written then, and stays: to cut it off could cut off what another
/// process has appended since.
pub fn append(path: &Path, lines: &[u8], wait: &mut dyn WaitPolicy) -> io::Result<()> {
    let target = OutputFile::at(path)?;
    let mut file = target.open_for_append()?;
    let is_file_with_content = file.metadata().is_ok_and(|found| found.is_file() && found.len() > 0);
    // If another process appends between this look and the write, the result is an empty line at worst, which readers of
    // JSON lines skip.
    if is_file_with_content && matches!(target.contents(&file, 1)?[..], [last] if last != b'\n') {
        return write_whole(&mut file, &[b"\n", lines].concat(), wait);
    }
    write_whole(&mut file, lines, wait)
}

/// Whether a file was locked while it was appended to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockResult {
    /// It was locked, or its file system has no locks.
    Acquired,
    /// Another process kept it locked.
    NotAcquired,
}

/// Appends what `text` returns for the present contents, under a lock that keeps other `retry` from doing the same.
/// If the lock cannot be acquired, it appends without it: that is one write, so the worst result is a second heading,
/// and losing the outputs of a step would be worse. Only a regular file has contents: reading from a pipe would take
/// what is meant for the pipe's reader.
///
/// # Errors
/// Any error of the system.
pub fn append_with(
    path: &Path,
    text: impl FnOnce(&str) -> String,
    wait: &mut dyn WaitPolicy,
) -> io::Result<LockResult> {
    let target = OutputFile::at(path)?;
    let mut file = target.open_for_append()?;
    if !file.metadata().is_ok_and(|found| found.is_file()) {
        write_whole(&mut file, text("").as_bytes(), wait)?;
        return Ok(LockResult::Acquired);
    }
    let lock = loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if wait.pause() == Readiness::Ready => {}
            Err(TryLockError::WouldBlock) => break LockResult::NotAcquired,
            // Any other error: the file system has no locks.
            Ok(()) | Err(TryLockError::Error(_)) => break LockResult::Acquired,
        }
    };
    let present = target.contents(&file, MAX_READ)?;
    write_whole(&mut file, text(&String::from_utf8_lossy(&present)).as_bytes(), wait)?;
    Ok(lock)
}

/// `file` is non-blocking: [`OutputFile::open_for_append`].
fn write_whole(file: &mut File, bytes: &[u8], wait: &mut dyn WaitPolicy) -> io::Result<()> {
    let mut rest = bytes;
    while !rest.is_empty() {
        match file.write(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => rest = &rest[written..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if wait.writable(stream(file)) == Readiness::GaveUp {
                    return Err(io::Error::new(io::ErrorKind::TimedOut, "no process is reading from it"));
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Names that no other process is likely to use.
fn temporary_names() -> impl Iterator<Item = String> {
    let since_epoch = clock::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let (pid, number) = (std::process::id(), since_epoch.as_nanos());
    (0..8).map(move |more| format!(".retry-{pid:x}-{:x}", number + more))
}

#[cfg(test)]
mod tests {
    use super::super::wait_policy::UntilSignal;
    use super::*;
    use std::fs;
    use std::path::PathBuf;
    use tempfile::TempDir;

    pub fn directory() -> (TempDir, impl Fn(&str) -> PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().to_owned();
        (directory, move |name| path.join(name))
    }

    pub fn files(directory: &TempDir) -> usize {
        fs::read_dir(directory.path()).unwrap().count()
    }

    #[test]
    fn a_file_is_replaced_as_a_whole() {
        let (directory, path) = directory();
        let file = path("file");
        for content in ["a long one", "short"] {
            replace(&file, content.as_bytes(), &mut UntilSignal).unwrap();
            assert_eq!((fs::read_to_string(&file).unwrap(), files(&directory)), (content.to_owned(), 1));
        }
        assert!(replace(directory.path(), b"x", &mut UntilSignal).is_err());
        assert_eq!(files(&directory), 1, "nothing else is left");
    }

    #[test]
    fn appending_adds_and_sees_what_is_there() {
        let (directory, path) = directory();
        let file = path("file");
        append(&file, b"a", &mut UntilSignal).unwrap();
        let lock = append_with(&file, |present| format!("{present}b"), &mut UntilSignal).unwrap();
        assert_eq!((fs::read(&file).unwrap(), lock), (b"aab".to_vec(), LockResult::Acquired));
        assert!(append(directory.path(), b"a", &mut UntilSignal).is_err());
    }

    #[test]
    fn what_is_appended_begins_a_line() {
        let (_directory, path) = directory();
        let file = path("file");
        for (before, after) in
            [("", "new\n"), ("old\n", "old\nnew\n"), ("torn", "torn\nnew\n"), ("\ntorn ", "\ntorn \nnew\n")]
        {
            fs::write(&file, before).unwrap();
            append(&file, b"new\n", &mut UntilSignal).unwrap();
            assert_eq!(fs::read_to_string(&file).unwrap(), after);
        }
    }
}

#[cfg(all(test, unix))]
mod unix_tests {
    use super::super::wait_policy::UntilSignal;
    use super::tests::{directory, files};
    use super::*;
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, lchown, symlink};

    /// As root, tests of what belongs to others can be made.
    fn is_root() -> bool {
        rustix::process::geteuid().is_root()
    }

    #[test]
    fn a_file_is_replaced_and_a_link_to_it_stays() {
        let (directory, path) = directory();
        let (file, link) = (path("file"), path("link"));
        replace(&file, b"one", &mut UntilSignal).unwrap();
        // Relative to where the link is, and over another link.
        symlink("other", &link).unwrap();
        symlink(&file, path("other")).unwrap();
        replace(&link, b"two", &mut UntilSignal).unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"two");
        append(&link, b"three", &mut UntilSignal).unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"two\nthree");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(files(&directory), 3, "nothing else is left");
        // A link to a file that is not there yet.
        symlink("new", path("dangling")).unwrap();
        replace(&path("dangling"), b"four", &mut UntilSignal).unwrap();
        assert_eq!(fs::read(path("new")).unwrap(), b"four");
        symlink("loop", path("loop")).unwrap();
        assert!(replace(&path("loop"), b"five", &mut UntilSignal).is_err());
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
            replace(&file, b"new", &mut UntilSignal).unwrap();
            let after = file.metadata().unwrap();
            assert_eq!((before.uid(), before.gid(), before.mode()), (after.uid(), after.gid(), after.mode()));
        }
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
        replace(&link, b"ours", &mut UntilSignal).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"ours");
        if !is_root() {
            return;
        }
        chown(&shared, Some(1), None).unwrap();
        lchown(&link, Some(1), None).unwrap();
        replace(&link, b"the directory's", &mut UntilSignal).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"the directory's");
        lchown(&link, Some(2), None).unwrap();
        let write = |path: &Path| {
            [
                replace(path, b"x", &mut UntilSignal),
                append(path, b"x", &mut UntilSignal),
                append_with(path, |_| "x".to_owned(), &mut UntilSignal).map(drop),
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
            replace(&link, b"not of everybody", &mut UntilSignal).unwrap();
        }
    }

    #[test]
    fn what_is_no_file_is_written_to() {
        replace(Path::new("/dev/null"), b"x", &mut UntilSignal).unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
        append_with(Path::new("/dev/null"), |present| format!("{present}x"), &mut UntilSignal).unwrap();
    }

    #[test]
    fn memory_is_a_directory_like_others() {
        let Ok(directory) = tempfile::tempdir_in("/dev/shm") else { return };
        let file = directory.path().join("file");
        replace(&file, b"a long one", &mut UntilSignal).unwrap();
        replace(&file, b"short", &mut UntilSignal).unwrap();
        assert_eq!((fs::read(&file).unwrap(), files(&directory)), (b"short".to_vec(), 1));
    }

    #[test]
    fn what_is_locked_is_appended_to_all_the_same() {
        let (_directory, path) = directory();
        let file = path("file");
        append(&file, b"a", &mut UntilSignal).unwrap();
        let other = File::open(&file).unwrap();
        other.lock().unwrap();
        // `UntilSignal` does not wait for locks at all.
        let lock = append_with(&file, |present| format!("{present}c"), &mut UntilSignal).unwrap();
        assert_eq!((fs::read(&file).unwrap(), lock), (b"aac".to_vec(), LockResult::NotAcquired));
    }
}
