//! Files that the views write. A file is replaced whole or not at all, or it is appended to with one
//! write, so that several `retry` may append to the same one. Nothing here is for the command's output.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Whoever may read what the user writes may read reports: the umask decides, as for a shell's `>`.
const MODE: u32 = 0o666;

/// Makes `bytes` the whole contents of a file: a new file takes the place of the old one. What is no
/// file (a pipe) cannot be replaced and is written to.
///
/// # Errors
/// Whatever the system answers; then the old file is still there.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // `/dev/stdout` is the file that someone is writing to, whatever its name: it must not be replaced.
    if path.starts_with("/dev") || path.starts_with("/proc") {
        return append(path, bytes);
    }
    // A link stays, and what it leads to is replaced.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if fs::metadata(&path).is_ok_and(|data| !data.is_file()) {
        return append(&path, bytes);
    }
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".retry-").permissions(fs::Permissions::from_mode(MODE));
    let mut new = builder.tempfile_in(directory)?;
    new.write_all(bytes)?;
    new.persist(&path)?;
    Ok(())
}

/// Writes `bytes` at the end of a file with one write.
///
/// # Errors
/// Whatever the system answers, also when only a part was written.
pub fn append(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_once(&mut open(path)?, bytes)
}

/// Appends what `text` makes of the present contents, while no other `retry` does the same.
///
/// # Errors
/// Whatever the system answers.
pub fn append_knowing(path: &Path, text: impl FnOnce(&str) -> String) -> io::Result<()> {
    let mut file = open(path)?;
    file.lock()?;
    let present = fs::read(path)?;
    write_once(&mut file, text(&String::from_utf8_lossy(&present)).as_bytes())
}

/// A pipe without a reader must not hold us up, and no terminal may become ours.
fn open(path: &Path) -> io::Result<File> {
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    File::options().append(true).create(true).mode(MODE).custom_flags(flags).open(path)
}

fn write_once(file: &mut File, bytes: &[u8]) -> io::Result<()> {
    match file.write(bytes)? {
        written if written == bytes.len() => Ok(()),
        _ => Err(io::ErrorKind::WriteZero.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_file_is_replaced_and_a_link_to_it_stays() {
        let directory = tempfile::tempdir().unwrap();
        let (file, link) = (directory.path().join("file"), directory.path().join("link"));
        replace(&file, b"one").unwrap();
        symlink(&file, &link).unwrap();
        replace(&link, b"two").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"two");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2, "nothing else is left");
    }

    #[test]
    fn what_is_no_file_is_written_to() {
        replace(Path::new("/dev/null"), b"x").unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }

    #[test]
    fn appending_adds_and_sees_what_is_there() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        append(&file, b"a").unwrap();
        append_knowing(&file, |present| format!("{present}b")).unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"aab");
        assert!(append(directory.path(), b"a").is_err());
    }
}
