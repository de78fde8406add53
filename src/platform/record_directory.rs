//! A directory of records that processes share: what all systems say about it.

pub use super::system_record_directory::{RecordDirectory, create, links, write_at_start};
use std::io;

/// Who may use the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Only this user. It is an error if the directory belongs to another one, or if others may write to it.
    Private,
    /// Everyone whom the directory's own permissions allow: the user has named it.
    Shared,
}

/// Why a directory cannot be used.
#[derive(Debug)]
pub enum DirectoryError {
    /// It is something else. A private one is no symbolic link either.
    NotADirectory,
    /// It is private, and belongs to another user.
    OfAnotherUser,
    /// It is private, and others may write to it.
    WritableByOthers,
    CannotOpen(io::Error),
    CannotInspect(io::Error),
}

/// Why a record cannot be opened.
#[derive(Debug)]
pub enum OpenError {
    /// There is none, in the system's words.
    Missing(io::Error),
    /// It is a symbolic link.
    Link,
    Other(io::Error),
}

/// How many names (hard links) a record has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Links {
    /// It has been removed since it was opened.
    None,
    One,
    Several,
}
