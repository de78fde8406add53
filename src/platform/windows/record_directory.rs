//! A directory of records that processes share. A private one is in the user's profile, whose access rights it inherits:
//! nobody but the user, administrators and the system may write there.

use crate::platform::record_directory::{Access, DirectoryError, Links, OpenError};
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::mem::MaybeUninit;
use std::os::windows::fs::{FileExt as _, OpenOptionsExt as _};
use std::os::windows::io::AsRawHandle as _;
use std::path::{Path, PathBuf};
use windows_sys::Win32::Storage::FileSystem::{
    FILE_FLAG_OPEN_REPARSE_POINT, FILE_STANDARD_INFO, FILE_TYPE_DISK, FileStandardInfo,
    GetFileInformationByHandleEx, GetFileType,
};

/// A directory that exists.
#[derive(Debug)]
pub struct RecordDirectory(PathBuf);

/// Creates the directory, unless it exists.
///
/// # Errors
/// Any error of the system.
pub fn create(path: &Path, _access: Access) -> io::Result<()> {
    std::fs::create_dir_all(path)
}

impl RecordDirectory {
    /// Looks for the directory; `None` if there is none.
    ///
    /// # Errors
    /// When it cannot be looked at, or is none.
    pub fn open(path: &Path, access: Access) -> Result<Option<Self>, DirectoryError> {
        // A link and a junction are no directories for `symlink_metadata`.
        let metadata = match access {
            Access::Private => std::fs::symlink_metadata(path),
            Access::Shared => std::fs::metadata(path),
        };
        match metadata {
            Ok(found) if found.is_dir() => Ok(Some(Self(path.to_owned()))),
            Ok(_) => Err(DirectoryError::NotADirectory),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(DirectoryError::CannotInspect(error)),
        }
    }

    /// The names in the directory that are Unicode.
    ///
    /// # Errors
    /// Any error of the system.
    pub fn names(&self) -> io::Result<impl Iterator<Item = io::Result<String>>> {
        let entries = std::fs::read_dir(&self.0)?;
        Ok(entries.filter_map(|entry| match entry {
            Ok(entry) => entry.file_name().into_string().ok().map(Ok),
            Err(error) => Some(Err(error)),
        }))
    }

    /// Opens a record for reading.
    ///
    /// # Errors
    /// As [`Self::open_record`].
    pub fn open_for_read(&self, name: &str) -> Result<File, OpenError> {
        self.open_with(name, OpenOptions::new().read(true))
    }

    /// Opens a record for reading and writing.
    ///
    /// # Errors
    /// When there is none, or it cannot be opened, or it is a symbolic link.
    pub fn open_record(&self, name: &str) -> Result<File, OpenError> {
        self.open_with(name, OpenOptions::new().read(true).write(true))
    }

    /// Creates a record, or opens the one that another process has created meanwhile. It has the access rights that
    /// the directory gives to its files.
    ///
    /// # Errors
    /// As [`Self::open_record`]; [`OpenError::Missing`] if the directory has been removed.
    pub fn create_record(&self, name: &str, _access: Access) -> Result<File, OpenError> {
        self.open_with(name, OpenOptions::new().read(true).write(true).create(true))
    }

    /// Removes a record. Processes that have opened it keep it until they close it.
    ///
    /// # Errors
    /// Any error of the system.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.0.join(name))
    }

    /// std's default lets other processes read, write and remove the file while it is open.
    fn open_with(&self, name: &str, options: &mut OpenOptions) -> Result<File, OpenError> {
        // A link is opened itself, and not what it leads to.
        options.custom_flags(FILE_FLAG_OPEN_REPARSE_POINT);
        let opened = options.open(self.0.join(name)).map_err(|error| match error.kind() {
            ErrorKind::NotFound => OpenError::Missing(error),
            _ => OpenError::Other(error),
        });
        match opened {
            Ok(file) if file.metadata().is_ok_and(|found| found.is_symlink()) => Err(OpenError::Link),
            opened => opened,
        }
    }
}

/// How many names a record has; `None` if it is not a regular file.
///
/// # Errors
/// Any error of the system.
pub fn links(record: &File) -> io::Result<Option<Links>> {
    let handle = record.as_raw_handle();
    let mut info = MaybeUninit::<FILE_STANDARD_INFO>::zeroed();
    // SAFETY: the handle is open, and the buffer has the size that is passed. A structure of zeros is a valid one.
    let info = unsafe {
        if GetFileType(handle) != FILE_TYPE_DISK {
            return Ok(None);
        }
        let size = size_of::<FILE_STANDARD_INFO>() as u32;
        if GetFileInformationByHandleEx(handle, FileStandardInfo, info.as_mut_ptr().cast(), size) == 0 {
            return Err(io::Error::last_os_error());
        }
        info.assume_init()
    };
    Ok((!info.Directory).then_some(match info.NumberOfLinks {
        _ if info.DeletePending => Links::None,
        0 => Links::None,
        1 => Links::One,
        _ => Links::Several,
    }))
}

/// Writes at the beginning with one call. Returns how many bytes were written.
///
/// # Errors
/// Any error of the system.
pub fn write_at_start(record: &File, bytes: &[u8]) -> io::Result<usize> {
    record.seek_write(bytes, 0)
}
