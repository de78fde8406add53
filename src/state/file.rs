//! The store of one machine: a small file per record, in one directory. Owns the locking, and the checks of what else
//! may be in the directory; knows no transitions of breakers and budgets.
//!
//! An update is: open, lock, read 152 bytes, apply the operation, write 152 bytes with one call, close. The kernel
//! releases the lock when the process dies, and a process cannot die in the middle of the one write, so there is
//! nothing to repair. The file is written in place, never replaced: a lock belongs to a file, not to its name.

use super::clock;
use super::error::{LockState, MAX_RECORDS, RecordContents, Removal, StoreError, StoreReply, StoredRecord};
use super::operation::Operation;
use super::record::{RECORD_SIZE, RecordBytes, RecordFormat, RecordState};
use super::record_key::RecordKey;
use super::timeout::{StoreTimeout, TIMEOUT_PER_ATTEMPT};
use crate::platform::files;
use crate::platform::record_directory::{
    self as directory, Access, DirectoryError, Links, OpenError, RecordDirectory,
};
use retry_loop::timestamp::Timestamp;
use std::fs::{File, TryLockError};
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Records in a directory.
#[derive(Debug)]
pub struct FileStore {
    path: PathBuf,
    access: Access,
    /// Open after the first use.
    directory: Option<RecordDirectory>,
}

/// What to do about a directory or record that does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum IfMissing {
    Create,
    Skip,
}

/// What an operation does to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Update {
    Keep,
    Write(RecordBytes),
}

/// Decides about a record from its bytes (`None`: there is no record) and the time. Called again when another process
/// has changed the record meanwhile.
type DecideFn<'a> = dyn FnMut(Option<&[u8]>, Timestamp) -> Update + 'a;

/// The time between two tries to lock a record. A lock is held for some microseconds.
const LOCK_INTERVAL: Duration = Duration::from_millis(1);

impl FileStore {
    /// A store in the user's own directory, which the first write creates, for this user alone.
    pub fn private(path: PathBuf) -> Self {
        Self { path, access: Access::Private, directory: None }
    }

    /// A store in a directory that the user has named, which the first write creates. Who may use the directory may use
    /// its records.
    pub fn shared(path: PathBuf) -> Self {
        Self { path, access: Access::Shared, directory: None }
    }

    /// Applies an operation to the record of `key`.
    ///
    /// # Errors
    /// When the directory or the file cannot be used, is not what it should be, or stays locked.
    pub fn execute<Q: Operation>(
        &mut self,
        key: &RecordKey,
        operation: &mut Q,
        timeout: StoreTimeout,
    ) -> Result<StoreReply<Q::Reply>, StoreError> {
        let mut result = None;
        self.update(key, timeout, &mut |bytes, now| {
            let (state, damage) = match bytes.map(Q::State::from_bytes) {
                None => (None, None),
                Some(Ok(state)) => (Some(state), None),
                Some(Err(damage)) => (None, Some(damage)),
            };
            let mut state = state.unwrap_or_else(|| operation.fresh(now));
            let before = state;
            result = Some(StoreReply { reply: operation.apply(&mut state, now), damage });
            if state == before && damage.is_none() { Update::Keep } else { Update::Write(state.to_bytes()) }
        })?;
        result.ok_or_else(|| StoreError::new("the record was not read"))
    }

    fn update(
        &mut self,
        key: &RecordKey,
        timeout: StoreTimeout,
        decide: &mut DecideFn<'_>,
    ) -> Result<(), StoreError> {
        let mut if_missing = IfMissing::Skip;
        loop {
            let Some(file) = self.open(key, if_missing)? else {
                // Most records are never written (a closed circuit, a full bucket), so no empty file is created.
                if decide(None, clock::now()) == Update::Keep {
                    return Ok(());
                }
                if_missing = IfMissing::Create;
                continue;
            };
            lock(timeout, || file.try_lock())?;
            if check(&file)? == Links::None {
                // Another process has removed the record while we waited for the lock. A new record is another file.
                if timeout.left().is_none() {
                    return Err(StoreError::new("another process keeps removing the record"));
                }
                continue;
            }
            let old = read(&file)?;
            // The clock is read under the lock, so that it does not run backward from writer to writer.
            // A process that died between creating the file and writing it has left no bytes.
            let bytes = Some(old.as_slice()).filter(|bytes| !bytes.is_empty());
            return match decide(bytes, clock::now()) {
                Update::Keep => Ok(()),
                Update::Write(new) => write(&file, &new, old.len()),
            };
        }
    }

    /// All records, and the time.
    ///
    /// # Errors
    /// When the directory cannot be read, or has too many records.
    pub fn list(&mut self) -> Result<(Vec<StoredRecord>, Timestamp), StoreError> {
        // For all records together. After that, a locked record is read without its lock.
        let timeout = StoreTimeout::start(TIMEOUT_PER_ATTEMPT);
        let (mut records, mut found) = (Vec::new(), 0);
        let Some(directory) = self.directory(IfMissing::Skip)? else { return Ok((records, clock::now())) };
        let cannot = |error: io::Error| StoreError::io("cannot read the directory", &error);
        for name in directory.names().map_err(cannot)? {
            let name = name.map_err(cannot)?;
            let Some(key) = RecordKey::from_file_name(&name) else { continue };
            found += 1;
            if found > MAX_RECORDS {
                return Err(StoreError::too_many_records());
            }
            let opened = directory.open_for_read(&name);
            let read = match opened {
                Err(OpenError::Missing(_)) => continue,
                opened => opened.map_err(cannot_open).and_then(|file| inspect(&file, timeout)),
            };
            let (contents, lock) = match read {
                // As an operation sees it, there is no record.
                Ok((bytes, _)) if bytes.is_empty() => continue,
                Ok((bytes, lock)) => (RecordState::from_bytes(key.kind(), &bytes).into(), lock),
                Err(error) => (RecordContents::Unusable(error), LockState::Unlocked),
            };
            records.push(StoredRecord { key, contents, lock });
        }
        Ok((records, clock::now()))
    }

    /// Removes a record, without a lock: a process that holds the lock writes to a file that is gone already, and one
    /// that waits for the lock sees that the file has no name any more.
    ///
    /// # Errors
    /// When the directory cannot be used.
    pub fn remove(&mut self, key: &RecordKey) -> Result<Removal, StoreError> {
        let Some(directory) = self.directory(IfMissing::Skip)? else { return Ok(Removal::Absent) };
        match directory.remove(&key.file_name()) {
            Ok(()) => Ok(Removal::Removed),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Removal::Absent),
            Err(error) => Err(StoreError::io("cannot remove the record", &error)),
        }
    }

    fn open(&mut self, key: &RecordKey, if_missing: IfMissing) -> Result<Option<File>, StoreError> {
        let (access, was_open) = (self.access, self.directory.is_some());
        let Some(directory) = self.directory(if_missing)? else { return Ok(None) };
        // First without creating it: in a sticky directory, Linux refuses to "create" a file that exists and
        // belongs to another user (fs.protected_regular).
        let mut opened = directory.open_record(&key.file_name());
        if if_missing == IfMissing::Create && matches!(opened, Err(OpenError::Missing(_))) {
            opened = directory.create_record(&key.file_name(), access);
        }
        match opened {
            Ok(file) => Ok(Some(file)),
            Err(OpenError::Missing(_)) if if_missing == IfMissing::Skip => Ok(None),
            // The directory has been removed since it was opened.
            Err(OpenError::Missing(_)) if was_open => {
                self.directory = None;
                self.open(key, if_missing)
            }
            Err(error) => Err(cannot_open(error)),
        }
    }

    fn directory(&mut self, if_missing: IfMissing) -> Result<Option<&RecordDirectory>, StoreError> {
        if self.directory.is_none() {
            let Some(opened) = self.open_directory(if_missing)? else { return Ok(None) };
            self.directory = Some(opened);
        }
        Ok(self.directory.as_ref())
    }

    fn open_directory(&self, if_missing: IfMissing) -> Result<Option<RecordDirectory>, StoreError> {
        if if_missing == IfMissing::Create {
            directory::create(&self.path, self.access)
                .map_err(|error| StoreError::io("cannot create the directory", &error))?;
        }
        let opened = RecordDirectory::open(&self.path, self.access).map_err(|error| match error {
            DirectoryError::NotADirectory => StoreError::new("not a directory"),
            DirectoryError::OfAnotherUser => {
                StoreError::new("it belongs to another user (use --state DIR to share a directory)")
            }
            DirectoryError::WritableByOthers => {
                StoreError::new("other users can write to it (use --state DIR to share a directory)")
            }
            DirectoryError::CannotOpen(error) => StoreError::io("cannot open the directory", &error),
            DirectoryError::CannotInspect(error) => StoreError::io("cannot check the directory", &error),
        })?;
        if opened.is_none() && if_missing == IfMissing::Create {
            return Err(StoreError::new("another process has removed the directory"));
        }
        Ok(opened)
    }
}

fn cannot_open(error: OpenError) -> StoreError {
    let cannot = |error| StoreError::io("cannot open the record", &error);
    match error {
        OpenError::Link => StoreError::new("the record is a symbolic link"),
        OpenError::Missing(error) | OpenError::Other(error) => cannot(error),
    }
}

/// The bytes of a record, even if it stays locked.
fn inspect(file: &File, timeout: StoreTimeout) -> Result<(Vec<u8>, LockState), StoreError> {
    check(file)?;
    let lock = match lock(timeout, || file.try_lock_shared()) {
        Ok(()) => LockState::Unlocked,
        Err(_) => LockState::Locked,
    };
    Ok((read(file)?, lock))
}

/// A record must be a regular file with at most one name: a second one could be a file of ours elsewhere that someone
/// wants us to overwrite.
fn check(file: &File) -> Result<Links, StoreError> {
    match directory::links(file).map_err(|error| StoreError::io("cannot check the record", &error))? {
        Some(Links::Several) => Err(StoreError::new("the record has more than one hard link")),
        Some(links) => Ok(links),
        None => Err(StoreError::new("the record is not a regular file")),
    }
}

/// Tries to lock a record until the time is up. A blocking call could not be interrupted.
#[expect(clippy::disallowed_methods, reason = "no event tells when another process releases its lock")]
fn lock(timeout: StoreTimeout, try_lock: impl Fn() -> Result<(), TryLockError>) -> Result<(), StoreError> {
    loop {
        match try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if timeout.left().is_some() => std::thread::sleep(LOCK_INTERVAL),
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::new(format!(
                    "the record is still locked after {}ms",
                    timeout.limit().as_millis()
                )));
            }
            Err(TryLockError::Error(error)) => return Err(StoreError::io("cannot lock the record", &error)),
        }
    }
}

/// The bytes of the file, but no more than one byte above the size of a record.
fn read(file: &File) -> Result<Vec<u8>, StoreError> {
    let mut bytes = vec![0; RECORD_SIZE + 1];
    let mut length = 0;
    while length < bytes.len() {
        match files::read_at(file, &mut bytes[length..], length as u64) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(StoreError::io("cannot read the record", &error)),
        }
    }
    bytes.truncate(length);
    Ok(bytes)
}

fn write(file: &File, bytes: &RecordBytes, old_length: usize) -> Result<(), StoreError> {
    let cannot = |error| StoreError::io("cannot write the record", &error);
    if directory::write_at_start(file, bytes).map_err(cannot)? != RECORD_SIZE {
        return Err(StoreError::new("cannot write the record: no space left on device"));
    }
    if old_length > RECORD_SIZE {
        file.set_len(RECORD_SIZE as u64).map_err(cannot)?;
    }
    Ok(())
}
