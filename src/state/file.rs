//! The store of one machine: a small file per record, in one directory. Owns the locking, and the checks of what else
//! may be in the directory; knows no transitions of breakers and budgets.
//!
//! An update is: open, lock, read 152 bytes, apply the operation, write 152 bytes with one call, close. The kernel
//! releases the lock when the process dies, and a process cannot die in the middle of the one write, so there is
//! nothing to repair. The file is written in place, never replaced: a lock belongs to a file, not to its name.

use super::clock;
use super::error::{LockState, MAX_RECORDS, Removal, StoreError, StoreReply, StoredRecord};
use super::operation::Operation;
use super::record::{RECORD_SIZE, RecordBytes, RecordFormat, RecordState};
use super::record_key::RecordKey;
use super::timeout::{StoreTimeout, TIMEOUT_PER_ATTEMPT};
use crate::platform::files;
use retry_loop::timestamp::Timestamp;
use rustix::fs::{AtFlags, CWD, Dir, FileType, Gid, Mode, OFlags, Stat, Uid};
use rustix::io::Errno;
use std::fs::{DirBuilder, File, TryLockError};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, FileExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Records in a directory.
#[derive(Debug)]
pub struct FileStore {
    path: PathBuf,
    access: DirectoryAccess,
    /// Open after the first use.
    directory: Option<OwnedFd>,
}

/// Who may use the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DirectoryAccess {
    /// Only this user. It is an error if the directory belongs to another one, or if others may write to it.
    Private,
    /// Everyone whom its mode allows: the user has named the directory.
    Shared,
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
    /// A store in the user's own directory, which the first write creates with mode 0700.
    pub fn private(path: PathBuf) -> Self {
        Self { path, access: DirectoryAccess::Private, directory: None }
    }

    /// A store in a directory that the user has named, which the first write creates with the umask. Its records get
    /// the group of the directory and the read and write bits of its mode.
    pub fn shared(path: PathBuf) -> Self {
        Self { path, access: DirectoryAccess::Shared, directory: None }
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
        result.ok_or_else(|| StoreError::new("the record was not looked at"))
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
            if check(&file)? == Names::None {
                // Another process has removed the record while we waited for the lock. A new record is another file.
                if timeout.left().is_none() {
                    return Err(StoreError::new("the record keeps being removed"));
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
        let mut records = Vec::new();
        let Some(directory) = self.directory(IfMissing::Skip)? else { return Ok((records, clock::now())) };
        let cannot = |error: Errno| StoreError::io("cannot read the directory", &error.into());
        for entry in Dir::read_from(directory).map_err(cannot)? {
            let entry = entry.map_err(cannot)?;
            let Some(key) = entry.file_name().to_str().ok().and_then(RecordKey::from_file_name) else {
                continue;
            };
            if records.len() == MAX_RECORDS {
                return Err(StoreError::too_many_records());
            }
            // A record that cannot be opened is listed as one without bytes, and so as a damaged one.
            let (bytes, lock) = match rustix::fs::openat(directory, entry.file_name(), READ, Mode::empty()) {
                Ok(file) => inspect(&File::from(file), timeout),
                Err(_) => (Vec::new(), LockState::Unlocked),
            };
            let state = RecordState::from_bytes(key.kind(), &bytes);
            records.push(StoredRecord { key, state, lock });
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
        match rustix::fs::unlinkat(directory, key.file_name(), AtFlags::empty()) {
            Ok(()) => Ok(Removal::Removed),
            Err(Errno::NOENT) => Ok(Removal::Absent),
            Err(error) => Err(StoreError::io("cannot remove the record", &error.into())),
        }
    }

    fn open(&mut self, key: &RecordKey, if_missing: IfMissing) -> Result<Option<File>, StoreError> {
        let (access, was_open) = (self.access, self.directory.is_some());
        let Some(directory) = self.directory(if_missing)? else { return Ok(None) };
        // First without O_CREAT: in a sticky directory, Linux refuses to "create" a file that exists and
        // belongs to another user (fs.protected_regular).
        let mut opened = rustix::fs::openat(directory, key.file_name(), READ_WRITE, Mode::empty());
        if if_missing == IfMissing::Create && matches!(opened, Err(Errno::NOENT)) {
            opened = match access {
                DirectoryAccess::Private => {
                    rustix::fs::openat(directory, key.file_name(), READ_WRITE | OFlags::CREATE, OWNER_ONLY)
                }
                DirectoryAccess::Shared => create_shared(directory, &key.file_name()),
            };
        }
        match opened {
            Ok(file) => Ok(Some(File::from(file))),
            Err(Errno::NOENT) if if_missing == IfMissing::Skip => Ok(None),
            // The directory has been removed since it was opened.
            Err(Errno::NOENT) if was_open => {
                self.directory = None;
                self.open(key, if_missing)
            }
            Err(Errno::LOOP) => Err(StoreError::new("the record is a symbolic link")),
            Err(error) => Err(StoreError::io("cannot open the record", &error.into())),
        }
    }

    fn directory(&mut self, if_missing: IfMissing) -> Result<Option<&OwnedFd>, StoreError> {
        if self.directory.is_none() {
            let Some(opened) = self.open_directory(if_missing)? else { return Ok(None) };
            self.directory = Some(opened);
        }
        Ok(self.directory.as_ref())
    }

    fn open_directory(&self, if_missing: IfMissing) -> Result<Option<OwnedFd>, StoreError> {
        if if_missing == IfMissing::Create {
            let mut builder = DirBuilder::new();
            builder.recursive(true);
            if self.access == DirectoryAccess::Private {
                builder.mode(0o700);
            }
            builder
                .create(&self.path)
                .map_err(|error| StoreError::io("cannot make the directory", &error))?;
        }
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
        let flags = if self.access == DirectoryAccess::Private { flags | OFlags::NOFOLLOW } else { flags };
        let directory = match rustix::fs::openat(CWD, &self.path, flags, Mode::empty()) {
            Ok(directory) => directory,
            Err(Errno::NOENT) if if_missing == IfMissing::Skip => return Ok(None),
            Err(Errno::NOTDIR | Errno::LOOP) => return Err(StoreError::new("it is not a directory")),
            Err(error) => return Err(StoreError::io("cannot open the directory", &error.into())),
        };
        if self.access == DirectoryAccess::Private {
            let stat = rustix::fs::fstat(&directory)
                .map_err(|error| StoreError::io("cannot look at the directory", &error.into()))?;
            if stat.st_uid != rustix::process::geteuid().as_raw() {
                return Err(StoreError::new("it belongs to someone else; use --state DIR to share one"));
            }
            if stat.st_mode & 0o022 != 0 {
                return Err(StoreError::new("others may write to it; use --state DIR to share one"));
            }
        }
        Ok(Some(directory))
    }
}

/// Follows no symbolic link. Opening a FIFO or a device that has a record's name does not block and does not make it
/// our controlling terminal.
const READ: OFlags = OFlags::NOFOLLOW.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);
const READ_WRITE: OFlags = READ.union(OFlags::RDWR);

const OWNER_ONLY: Mode = Mode::RUSR.union(Mode::WUSR);

/// Creates a record with the group of its directory and the read and write bits of its mode, whatever the umask. Where
/// possible, the file gets its name last, so that no process finds a record that it may not use yet, and a process
/// that is killed leaves none.
fn create_shared(directory: &OwnedFd, name: &str) -> rustix::io::Result<OwnedFd> {
    let directory_stat = rustix::fs::fstat(directory)?;
    if let Some(file) = create_unnamed_then_link(directory, name, &directory_stat)? {
        return Ok(file);
    }
    let flags = READ_WRITE | OFlags::CREATE | OFlags::EXCL;
    match rustix::fs::openat(directory, name, flags, OWNER_ONLY) {
        Ok(file) => share(&file, &directory_stat).map(|()| file),
        Err(Errno::EXIST) => rustix::fs::openat(directory, name, READ_WRITE, Mode::empty()),
        Err(error) => Err(error),
    }
}

/// `None` where this is not possible: on NFS, for example, or without /proc.
fn create_unnamed_then_link(
    directory: &OwnedFd,
    name: &str,
    directory_stat: &Stat,
) -> rustix::io::Result<Option<OwnedFd>> {
    let Some(file) = files::open_unnamed(directory, OFlags::RDWR, OWNER_ONLY) else { return Ok(None) };
    share(&file, directory_stat)?;
    match files::link_unnamed(&file, directory, Path::new(name)) {
        Ok(()) => Ok(Some(file)),
        // Another process has created the record meanwhile.
        Err(Errno::EXIST) => rustix::fs::openat(directory, name, READ_WRITE, Mode::empty()).map(Some),
        Err(_) => Ok(None),
    }
}

/// Gives a new record the group of its directory and, as root, the owner too: a run under sudo must not lock the
/// directory's owner out.
fn share(record: &OwnedFd, directory: &Stat) -> rustix::io::Result<()> {
    let owner = rustix::process::geteuid().is_root().then(|| Uid::from_raw(directory.st_uid));
    // A user who is not in that group may not do this. The record then has the user's own group, and its mode still
    // says what others may do.
    let _not_a_member = rustix::fs::fchown(record, owner, Some(Gid::from_raw(directory.st_gid)));
    rustix::fs::fchmod(record, Mode::from_raw_mode(directory.st_mode & 0o666) | OWNER_ONLY)
}

/// The bytes of a record, even if it stays locked.
fn inspect(file: &File, timeout: StoreTimeout) -> (Vec<u8>, LockState) {
    if check(file).is_err() {
        return (Vec::new(), LockState::Unlocked);
    }
    let lock = match lock(timeout, || file.try_lock_shared()) {
        Ok(()) => LockState::Unlocked,
        Err(_) => LockState::Locked,
    };
    (read(file).unwrap_or_default(), lock)
}

/// How many names (hard links) a record has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Names {
    None,
    One,
}

/// A record must be a regular file with at most one name: a second one could be a file of ours elsewhere that someone
/// wants us to overwrite.
fn check(file: &File) -> Result<Names, StoreError> {
    let stat = rustix::fs::fstat(file)
        .map_err(|error| StoreError::io("cannot look at the record", &error.into()))?;
    match (FileType::from_raw_mode(stat.st_mode), stat.st_nlink) {
        (FileType::RegularFile, 0) => Ok(Names::None),
        (FileType::RegularFile, 1) => Ok(Names::One),
        (FileType::RegularFile, _) => Err(StoreError::new("the record has a second name (a hard link)")),
        _ => Err(StoreError::new("the record is not a plain file")),
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
                    "the record stays locked (limit: {} ms)",
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
        match file.read_at(&mut bytes[length..], length as u64) {
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
    if file.write_at(bytes, 0).map_err(cannot)? != RECORD_SIZE {
        return Err(StoreError::new("cannot write the record: no space"));
    }
    if old_length > RECORD_SIZE {
        file.set_len(RECORD_SIZE as u64).map_err(cannot)?;
    }
    Ok(())
}
