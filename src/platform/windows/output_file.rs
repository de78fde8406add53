//! A file that is written for the user: where its path leads, and how it is replaced as a whole.

use crate::platform::stdio::{BorrowedStream, is_terminal};
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::windows::fs::FileExt as _;
use std::os::windows::io::AsHandle as _;
use std::path::{Path, PathBuf};

/// A file at the end of a path, which may not exist yet.
#[derive(Debug)]
pub struct OutputFile {
    path: PathBuf,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A regular file, or none yet.
    Replaceable,
    /// A device or a named pipe.
    Stream,
}

impl OutputFile {
    /// Follows the symbolic links from `path` to their end. (Only administrators and developers may create links here,
    /// so all are trusted.)
    ///
    /// # Errors
    /// Any error of the system.
    pub fn at(path: &Path) -> io::Result<Self> {
        // Looking at a named pipe would open it, and use up its one connection.
        if path.as_os_str().as_encoded_bytes().starts_with(br"\\.\") {
            return Ok(Self { path: path.to_owned(), kind: Kind::Stream });
        }
        let kind = match std::fs::metadata(path) {
            Ok(found) if found.is_file() => Kind::Replaceable,
            Err(error) if error.kind() == ErrorKind::NotFound => Kind::Replaceable,
            // A directory is an error when it is opened; NUL and CON cannot be looked at.
            Ok(_) | Err(_) => Kind::Stream,
        };
        let is_link = std::fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink());
        let path = match kind {
            // A link to a file that is not there yet: the file is created, and the link stays.
            Kind::Replaceable if is_link => std::fs::canonicalize(path).or_else(|_| linked(path))?,
            _ => path.to_owned(),
        };
        Ok(Self { path, kind })
    }

    /// Replaces the file by a new one with these bytes. False if it is no regular file, which can only be written to.
    /// `names` are free names for a temporary file.
    ///
    /// # Errors
    /// Any error of the system: the file is read-only, or another process has opened it and does not share it. The old
    /// file still exists then.
    pub fn replace(&self, bytes: &[u8], names: &mut dyn Iterator<Item = String>) -> io::Result<bool> {
        if self.kind == Kind::Stream {
            return Ok(false);
        }
        for name in names {
            let temporary = self.path.with_file_name(name);
            let mut file = match File::create_new(&temporary) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
                created => created?,
            };
            let written = file.write_all(bytes);
            // An open file cannot be renamed everywhere.
            drop(file);
            let replaced = written.and_then(|()| std::fs::rename(&temporary, &self.path));
            if replaced.is_err() {
                let _gone = std::fs::remove_file(&temporary);
            }
            return replaced.map(|()| true);
        }
        Err(ErrorKind::AlreadyExists.into())
    }

    /// Opens it for appending, and creates the file if there is none. It can be read as well, if we may: a lock keeps
    /// every other handle of the file from reading it, also our own.
    ///
    /// # Errors
    /// Any error of the system.
    pub fn open_for_append(&self) -> io::Result<File> {
        let create = self.kind == Kind::Replaceable;
        let both = OpenOptions::new().read(true).append(true).create(create).open(&self.path);
        both.or_else(|_| OpenOptions::new().append(true).create(create).open(&self.path))
    }

    /// Whether it is what `stream` leads to: the console. Other streams have no path here.
    pub fn is_stream(path: &Path, stream: BorrowedStream<'_>) -> bool {
        let is_console = ["CON", "CONOUT$"].iter().any(|name| path.as_os_str().eq_ignore_ascii_case(name));
        is_console && is_terminal(stream)
    }

    /// The end of the file, at most `max` bytes; nothing if we may not read it.
    ///
    /// # Errors
    /// Any error of the system.
    pub fn contents(&self, opened: &File, max: u64) -> io::Result<Vec<u8>> {
        let length = opened.metadata()?.len();
        let mut position = length.saturating_sub(max);
        let mut bytes = vec![0; usize::try_from(length - position).unwrap_or(0)];
        let mut filled = 0;
        while filled < bytes.len() {
            match opened.seek_read(&mut bytes[filled..], position) {
                Ok(0) => break,
                Ok(read) => {
                    filled += read;
                    position += read as u64;
                }
                Err(error) if error.kind() == ErrorKind::PermissionDenied => break,
                Err(error) => return Err(error),
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }
}

/// The file as a stream to wait for.
pub fn stream(file: &File) -> BorrowedStream<'_> {
    file.as_handle()
}

/// Where a link leads whose target does not exist.
fn linked(link: &Path) -> io::Result<PathBuf> {
    let target = std::fs::read_link(link)?;
    // An absolute target replaces the directory.
    Ok(link.parent().unwrap_or(Path::new("")).join(target))
}
