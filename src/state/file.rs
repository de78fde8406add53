//! The store of a machine: one small file per record, in one directory. Owns the locking and every
//! guard against what else may lie in a directory; knows no rules.
//!
//! A change is: open, lock, read 64 bytes, decide, write 64 bytes with one call, close. The kernel
//! drops the lock when the process dies, at whatever instruction, and a process can't die in the
//! middle of the one write, so there is nothing to repair. The file is written in place, never
//! replaced: a lock is on a file, not on a name.

use super::clock::{self, PATIENCE, Patience};
use super::operation::Operation;
use super::record::{Bytes, Kept, SIZE, State};
use super::record_key::RecordKey;
use super::store::{Lock, MOST_RECORDS, Removal, StoreError, StoreReply, StoredRecord, too_many};
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
    trust: Trust,
    directory: Option<OwnedFd>,
}

/// What is asked of the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trust {
    /// It is ours and nobody else may write to it.
    Own,
    /// Whoever named it knows who else uses it.
    Given,
}

/// Whether to make what is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum IfMissing {
    Make,
    Leave,
}

/// What is to become of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    /// It stays as it is.
    Keep,
    /// It becomes this.
    Write(Bytes),
}

/// What the bytes that are there (none without a record) and the time make of a record. It is applied
/// again when somebody else was faster.
type Rule<'a> = dyn FnMut(Option<&[u8]>, Timestamp) -> Change + 'a;

/// A lock is held for some microseconds, so the next try comes soon.
const BETWEEN_TRIES: Duration = Duration::from_millis(1);

impl FileStore {
    /// In the user's own directory, made with mode 0700 at the first write.
    pub fn own(path: PathBuf) -> Self {
        Self { path, trust: Trust::Own, directory: None }
    }

    /// In a directory that was named, made as the umask says at the first write. Its records are for whom the
    /// directory is for.
    pub fn given(path: PathBuf) -> Self {
        Self { path, trust: Trust::Given, directory: None }
    }

    /// Puts an operation to the record in `record_key`.
    ///
    /// # Errors
    /// When the directory or the file cannot be used, is not what it should be, or stays locked.
    pub fn ask<Q: Operation>(
        &mut self,
        key: &RecordKey,
        operation: &mut Q,
        patience: Patience,
    ) -> Result<StoreReply<Q::Reply>, StoreError> {
        let mut answered = None;
        self.update(key, patience, &mut |found, now| {
            let (state, damage) = match found.map(Q::State::from_bytes) {
                None => (None, None),
                Some(Ok(state)) => (Some(state), None),
                Some(Err(damage)) => (None, Some(damage)),
            };
            let mut state = state.unwrap_or_else(|| operation.fresh(now));
            let before = state;
            answered = Some(StoreReply { reply: operation.apply(&mut state, now), damage });
            if state == before && damage.is_none() { Change::Keep } else { Change::Write(state.to_bytes()) }
        })?;
        answered.ok_or_else(|| StoreError::new("the record was not looked at"))
    }

    fn update(&mut self, key: &RecordKey, patience: Patience, rule: &mut Rule<'_>) -> Result<(), StoreError> {
        let mut if_missing = IfMissing::Leave;
        loop {
            let Some(file) = self.open(key, if_missing)? else {
                // Most records never get written (a closed circuit, a full bucket): no empty files.
                if rule(None, clock::now()) == Change::Keep {
                    return Ok(());
                }
                if_missing = IfMissing::Make;
                continue;
            };
            lock(patience, || file.try_lock())?;
            if check(&file)? == Links::None {
                // It was removed while we waited for it. Its successor is another file.
                if patience.left().is_none() {
                    return Err(StoreError::new("the record keeps being removed"));
                }
                continue;
            }
            let found = read(&file)?;
            // The clock is read under the lock, so that it does not run backward from writer to writer.
            // A process that died between creating the file and writing it has left no bytes.
            let bytes = Some(found.as_slice()).filter(|bytes| !bytes.is_empty());
            return match rule(bytes, clock::now()) {
                Change::Keep => Ok(()),
                Change::Write(bytes) => write(&file, &bytes, found.len()),
            };
        }
    }

    /// All records and the time.
    ///
    /// # Errors
    /// When the directory cannot be read, or has too many records.
    pub fn list(&mut self) -> Result<(Vec<StoredRecord>, Timestamp), StoreError> {
        // For all of them. Once it is used up, a record that is locked is read as it is.
        let patience = Patience::begin(PATIENCE);
        let mut all = Vec::new();
        let Some(directory) = self.directory(IfMissing::Leave)? else { return Ok((all, clock::now())) };
        let cannot = |error: Errno| StoreError::io("cannot read the directory", &error.into());
        for entry in Dir::read_from(directory).map_err(cannot)? {
            let entry = entry.map_err(cannot)?;
            let Some(key) = entry.file_name().to_str().ok().and_then(RecordKey::from_file_name) else {
                continue;
            };
            if all.len() == MOST_RECORDS {
                return Err(too_many());
            }
            // What cannot be opened is shown as a record without bytes: it is there, and it is not good.
            let (bytes, lock) = match rustix::fs::openat(directory, entry.file_name(), READ, Mode::empty()) {
                Ok(file) => look_at(&File::from(file), patience),
                Err(_) => (Vec::new(), Lock::Free),
            };
            let state = State::from_bytes(key.kind(), &bytes);
            all.push(StoredRecord { key, state, lock });
        }
        Ok((all, clock::now()))
    }

    /// Removes a record. That needs no lock: whoever has it writes to a file that is forgotten already, and
    /// whoever waits for it sees that the file has no name any more.
    ///
    /// # Errors
    /// When the directory cannot be used.
    pub fn remove(&mut self, key: &RecordKey) -> Result<Removal, StoreError> {
        let Some(directory) = self.directory(IfMissing::Leave)? else { return Ok(Removal::Absent) };
        match rustix::fs::unlinkat(directory, key.file_name(), AtFlags::empty()) {
            Ok(()) => Ok(Removal::Removed),
            Err(Errno::NOENT) => Ok(Removal::Absent),
            Err(error) => Err(StoreError::io("cannot remove the record", &error.into())),
        }
    }

    fn open(&mut self, key: &RecordKey, if_missing: IfMissing) -> Result<Option<File>, StoreError> {
        let (trust, is_known) = (self.trust, self.directory.is_some());
        let Some(directory) = self.directory(if_missing)? else { return Ok(None) };
        // First without O_CREAT: in a sticky directory, Linux refuses to "create" a file that exists and
        // belongs to someone else (fs.protected_regular).
        let mut opened = rustix::fs::openat(directory, key.file_name(), READ_WRITE, Mode::empty());
        if if_missing == IfMissing::Make && matches!(opened, Err(Errno::NOENT)) {
            opened = match trust {
                Trust::Own => {
                    rustix::fs::openat(directory, key.file_name(), READ_WRITE | OFlags::CREATE, OWNERS)
                }
                Trust::Given => make_for_all(directory, &key.file_name()),
            };
        }
        match opened {
            Ok(file) => Ok(Some(File::from(file))),
            Err(Errno::NOENT) if if_missing == IfMissing::Leave => Ok(None),
            // The directory has been removed since it was opened.
            Err(Errno::NOENT) if is_known => {
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
        if if_missing == IfMissing::Make {
            let mut builder = DirBuilder::new();
            builder.recursive(true);
            if self.trust == Trust::Own {
                builder.mode(0o700);
            }
            builder
                .create(&self.path)
                .map_err(|error| StoreError::io("cannot make the directory", &error))?;
        }
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
        let flags = if self.trust == Trust::Own { flags | OFlags::NOFOLLOW } else { flags };
        let directory = match rustix::fs::openat(CWD, &self.path, flags, Mode::empty()) {
            Ok(directory) => directory,
            Err(Errno::NOENT) if if_missing == IfMissing::Leave => return Ok(None),
            Err(Errno::NOTDIR | Errno::LOOP) => return Err(StoreError::new("it is not a directory")),
            Err(error) => return Err(StoreError::io("cannot open the directory", &error.into())),
        };
        if self.trust == Trust::Own {
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

/// No link is followed; opening a FIFO or a device that lies there neither blocks nor becomes our
/// terminal.
const READ: OFlags = OFlags::NOFOLLOW.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);
const READ_WRITE: OFlags = READ.union(OFlags::RDWR);

/// For the owner alone.
const OWNERS: Mode = Mode::RUSR.union(Mode::WUSR);

/// Makes a record for whom its directory is for, whatever the umask: with the directory's group and what its mode
/// says about reading and writing. Where it can be, its name comes last, so that nobody finds a record that is not
/// for him yet, and a process that is killed leaves none.
fn make_for_all(directory: &OwnedFd, name: &str) -> rustix::io::Result<OwnedFd> {
    let of = rustix::fs::fstat(directory)?;
    if let Some(made) = make_whole(directory, name, &of)? {
        return Ok(made);
    }
    let flags = READ_WRITE | OFlags::CREATE | OFlags::EXCL;
    match rustix::fs::openat(directory, name, flags, OWNERS) {
        Ok(file) => give(&file, &of).map(|()| file),
        Err(Errno::EXIST) => rustix::fs::openat(directory, name, READ_WRITE, Mode::empty()),
        Err(error) => Err(error),
    }
}

/// As a file that gets its name last; none where that cannot be done: on NFS, say, or without /proc.
fn make_whole(directory: &OwnedFd, name: &str, of: &Stat) -> rustix::io::Result<Option<OwnedFd>> {
    let Some(file) = files::open_unnamed(directory, OFlags::RDWR, OWNERS) else { return Ok(None) };
    give(&file, of)?;
    match files::link_unnamed(&file, directory, Path::new(name)) {
        Ok(()) => Ok(Some(file)),
        // Somebody else was faster; his is as good.
        Err(Errno::EXIST) => rustix::fs::openat(directory, name, READ_WRITE, Mode::empty()).map(Some),
        Err(_) => Ok(None),
    }
}

/// Gives a new record to the group of its directory and, as root, to its owner too: a user whose directory it is
/// must not be locked out by a run under sudo.
fn give(record: &OwnedFd, directory: &Stat) -> rustix::io::Result<()> {
    let owner = rustix::process::geteuid().is_root().then(|| Uid::from_raw(directory.st_uid));
    // Who is not in that group cannot give to it. What he makes is his own group's, and the mode still tells
    // what others may do.
    let _not_in_it = rustix::fs::fchown(record, owner, Some(Gid::from_raw(directory.st_gid)));
    rustix::fs::fchmod(record, Mode::from_raw_mode(directory.st_mode & 0o666) | OWNERS)
}

/// What is in a record, whether or not somebody has locked it.
fn look_at(file: &File, patience: Patience) -> (Vec<u8>, Lock) {
    if check(file).is_err() {
        return (Vec::new(), Lock::Free);
    }
    let held = match lock(patience, || file.try_lock_shared()) {
        Ok(()) => Lock::Free,
        Err(_) => Lock::Held,
    };
    (read(file).unwrap_or_default(), held)
}

/// How many names a file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Links {
    None,
    One,
}

/// A record is a plain file with one name: a second one could be a file of ours elsewhere that somebody
/// wants us to overwrite.
fn check(file: &File) -> Result<Links, StoreError> {
    let stat = rustix::fs::fstat(file)
        .map_err(|error| StoreError::io("cannot look at the record", &error.into()))?;
    match (FileType::from_raw_mode(stat.st_mode), stat.st_nlink) {
        (FileType::RegularFile, 0) => Ok(Links::None),
        (FileType::RegularFile, 1) => Ok(Links::One),
        (FileType::RegularFile, _) => Err(StoreError::new("the record has a second name (a hard link)")),
        _ => Err(StoreError::new("the record is not a plain file")),
    }
}

/// Tries again and again until the patience is used up. A blocking lock could not be given up.
#[expect(clippy::disallowed_methods, reason = "a lock that another process holds has no event to wait for")]
fn lock(patience: Patience, try_lock: impl Fn() -> Result<(), TryLockError>) -> Result<(), StoreError> {
    loop {
        match try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if patience.left().is_some() => std::thread::sleep(BETWEEN_TRIES),
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::new(format!(
                    "the record stays locked (limit: {} ms)",
                    patience.limit().as_millis()
                )));
            }
            Err(TryLockError::Error(error)) => return Err(StoreError::io("cannot lock the record", &error)),
        }
    }
}

/// All bytes of the file, but no more than are needed to see that there are too many.
fn read(file: &File) -> Result<Vec<u8>, StoreError> {
    let mut bytes = vec![0; SIZE + 1];
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

fn write(file: &File, bytes: &Bytes, length_before: usize) -> Result<(), StoreError> {
    let cannot = |error| StoreError::io("cannot write the record", &error);
    if file.write_at(bytes, 0).map_err(cannot)? != SIZE {
        return Err(StoreError::new("cannot write the record: no space"));
    }
    if length_before > SIZE {
        file.set_len(SIZE as u64).map_err(cannot)?;
    }
    Ok(())
}
