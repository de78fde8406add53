//! The file store: what holds for every store, and directories with unexpected contents.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    clippy::allow_attributes,
    reason = "a test has a clock and an environment of its own"
)]

mod common;
mod shared_state;

use common::command::{Scratch, can, program};
use retry::core::shared::{Location, Name};
use retry::state::error::{LockState, Removal};
use retry::state::inspect::{self, RecordStatus};
use retry::state::record::RECORD_SIZE;
use retry::state::record_key::{RecordKey, RecordKind};
use retry::state::shared::{Gate, Permit};
use retry_loop::circuit::{Circuit, Observation, Recorded};
use shared_state::{
    LEASE, LONG, attempt, child, copy_this_binary, counting, fails_open, failures, never_opens, sure, told,
    user, user_with,
};
use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime};
use tempfile::TempDir;

#[test]
fn run_as_child() {
    shared_state::run_task();
}

fn directory() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn given(path: impl AsRef<Path>) -> Location {
    Location::Directory(path.as_ref().to_owned())
}

fn own(path: impl AsRef<Path>) -> Location {
    Location::Default(path.as_ref().to_owned())
}

fn file_of(name: &str) -> String {
    RecordKey::new(&Name::new(name), RecordKind::Breaker).file_name()
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[test]
fn the_promises_of_every_store() {
    let directory = directory();
    shared_state::all_promises_hold(&own(directory.path().join("own")));
    shared_state::all_promises_hold(&given(directory.path().join("given")));
    // No name led to another directory.
    let mut all: Vec<_> =
        fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    all.sort();
    assert_eq!(all, ["given", "own"]);
}

#[test]
fn looking_and_succeeding_make_no_directory() {
    let directory = directory();
    let state = directory.path().join("a/b/retry");
    let mut quiet = user(&own(&state), "x");
    attempt(&mut quiet, Observation::Success);
    sure(quiet.deposit());
    assert_eq!(inspect::show(&own(&state)), Ok(vec![]));
    assert_eq!(inspect::reset(&own(&state), &Name::new("x")), Ok(Removal::Absent));
    assert!(!directory.path().join("a").exists());
    attempt(&mut quiet, Observation::Failure);
    assert_eq!(fs::metadata(&state).unwrap().mode() & 0o777, 0o700);
    let record = fs::metadata(state.join(file_of("x"))).unwrap();
    assert_eq!((record.mode() & 0o777, record.len()), (0o600, RECORD_SIZE as u64));
}

/// A run that succeeds at once while the circuit is closed and the bucket is full leaves the records as they are.
#[test]
fn a_success_at_once_writes_no_record() {
    let scratch = Scratch::new();
    let run = |ends: &str| {
        let _first_time = fs::remove_file(scratch.path("runs"));
        let options = "--base 0.001 --state state --breaker x --budget x --budget-ratio 1";
        let command = scratch.ends(ends);
        let output = scratch.retry_to_spawn(options).arg("--").args(command).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    };
    let records = || {
        let entries = fs::read_dir(scratch.path("state")).unwrap().map(|entry| entry.unwrap().path());
        let mut all: Vec<_> = entries
            .map(|path| {
                let stat = fs::metadata(&path).unwrap();
                (path, stat.ino(), stat.modified().unwrap(), stat.ctime_nsec(), stat.nlink())
            })
            .collect();
        all.sort();
        all
    };
    // The success ends the failures in a row, and fills the bucket again.
    run("1 0");
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    for (path, ..) in records() {
        File::options().write(true).open(path).unwrap().set_modified(long_ago).unwrap();
    }
    let before = records();
    assert_eq!(before.len(), 2, "{before:?}");
    run("0");
    assert_eq!(records(), before);
    run("1 0");
    assert_ne!(records(), before);
}

#[test]
fn our_own_directory_must_be_ours_alone() {
    let directory = directory();
    let state = directory.path().join("retry");
    fs::create_dir(&state).unwrap();
    for mode in [0o770, 0o707, 0o722, 0o1777] {
        fs::set_permissions(&state, Permissions::from_mode(mode)).unwrap();
        fails_open(&own(&state), "x", "other users can write to it");
    }
    fs::set_permissions(&state, Permissions::from_mode(0o755)).unwrap();
    attempt(&mut counting(&own(&state)), Observation::Failure);

    let link = directory.path().join("link");
    symlink(&state, &link).unwrap();
    fails_open(&own(&link), "x", ": not a directory");

    if can("a directory of someone else", "root", is_root()) {
        std::os::unix::fs::chown(&state, Some(65534), None).unwrap();
        fails_open(&own(&state), "x", "it belongs to another user");
    }
}

#[test]
fn no_link_is_followed_and_nothing_else_is_overwritten() {
    let directory = directory();
    let (state, victim) = (directory.path().join("state"), directory.path().join("victim"));
    fs::create_dir(&state).unwrap();
    fs::write(&victim, "precious").unwrap();
    let record = state.join(file_of("x"));

    symlink(&victim, &record).unwrap();
    fails_open(&given(&state), "x", "the record is a symbolic link");
    fs::remove_file(&record).unwrap();

    symlink(directory.path().join("new"), &record).unwrap();
    fails_open(&given(&state), "x", "the record is a symbolic link");
    assert!(!directory.path().join("new").exists());
    fs::remove_file(&record).unwrap();

    fs::hard_link(&victim, &record).unwrap();
    fails_open(&given(&state), "x", "hard link");
    fs::remove_file(&record).unwrap();

    fs::create_dir(&record).unwrap();
    fails_open(&given(&state), "x", "cannot open the record: is a directory");
    fs::remove_dir(&record).unwrap();

    // Opening a FIFO without a writer must not block.
    assert!(program("mkfifo").arg(&record).status().unwrap().success());
    fails_open(&given(&state), "x", "the record is not a regular file");
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");

    // A reset removes it.
    assert_eq!(inspect::reset(&given(&state), &Name::new("x")), Ok(Removal::Removed));
    attempt(&mut counting(&given(&state)), Observation::Failure);
}

#[test]
fn a_place_that_is_no_directory_stops_nothing() {
    let directory = directory();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    for location in [given(&file), own(&file)] {
        fails_open(&location, "x", ": not a directory");
        assert!(inspect::show(&location).is_err());
    }
    // A directory that does not exist is no error until there is something to write.
    let below = given(file.join("below"));
    let mut user = counting(&below);
    assert_eq!(user.admit(LEASE).decision, Gate::Pass(Permit::Unguarded));
    fails_open(
        &Location::Unavailable,
        "x",
        "neither XDG_STATE_HOME nor HOME is set to a directory of this user",
    );
}

/// Linux refuses a new file in /proc with ENOENT, also to root.
#[test]
fn the_reason_is_in_the_words_of_the_system() {
    if !can("files in /proc", "/proc", Path::new("/proc/self").exists()) {
        return;
    }
    let output = Scratch::new().retry("--state /proc --budget b -r2 --delays 0 false").output().unwrap();
    let why =
        "cannot use shared state in /proc: cannot open the record: no such file or directory. Continuing";
    assert!(String::from_utf8_lossy(&output.stderr).contains(why), "{output:?}");
}

/// Root can write everywhere, so a child process changes its user first.
#[test]
fn a_directory_that_cannot_be_written_stops_nothing() {
    let directory = directory();
    fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
    let state = directory.path().join("state");
    attempt(&mut counting(&given(&state)), Observation::Failure);
    fs::set_permissions(&state, Permissions::from_mode(0o555)).unwrap();
    fs::set_permissions(state.join(file_of("x")), Permissions::from_mode(0o444)).unwrap();

    for (name, permit, why) in
        [("x", "Unguarded", "cannot open the record"), ("new", "Closed(", "cannot open the record")]
    {
        let mut command = child(&["look".as_ref(), state.as_ref(), name.as_ref()]);
        if is_root() {
            // The other user must be able to read the binary.
            let copy = directory.path().join("binary");
            copy_this_binary(&copy);
            let mut other = program(&copy);
            other.args(command.get_args()).stdin(Stdio::null()).current_dir("/").uid(65534).gid(65534);
            for (name, value) in command.get_envs() {
                other.env(name, value.unwrap());
            }
            command = other;
        }
        let (answers, warnings) = told(&mut command);
        assert!(answers[0].starts_with(permit), "{answers:?}");
        assert_eq!(answers[1..], ["None", "Paid"]);
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].contains(why) && warnings[0].contains("permission denied"), "{warnings:?}");
    }
    fs::set_permissions(&state, Permissions::from_mode(0o755)).unwrap();
}

/// A write that fails: here because of RLIMIT_FSIZE, below because of a full disk.
#[test]
fn a_record_that_cannot_be_written_stops_nothing() {
    let directory = directory();
    let task: [&OsStr; 3] = ["look".as_ref(), directory.path().as_ref(), "x".as_ref()];
    let this = child(&task);
    let mut shell = program("sh");
    shell.args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$@\"", "sh"]);
    shell.arg(this.get_program()).args(this.get_args());
    for (name, value) in this.get_envs() {
        shell.env(name, value.unwrap());
    }
    let (answers, warnings) = told(&mut shell);
    assert!(answers[0].starts_with("Closed("), "{answers:?}");
    assert_eq!(answers[1..], ["None", "Paid"]);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("cannot write the record: file too large"), "{warnings:?}");
    // It left an empty file, which is not a damaged record.
    assert_eq!(fs::metadata(directory.path().join(file_of("x"))).unwrap().len(), 0);
    attempt(&mut counting(&given(directory.path())), Observation::Failure);
}

#[test]
fn a_full_disk_stops_nothing() {
    let directory = directory();
    let mount = |arguments: &[&OsStr]| {
        program("mount").args(arguments).stderr(Stdio::null()).status().is_ok_and(|done| done.success())
    };
    let path = directory.path().as_os_str();
    let arguments = ["-t", "tmpfs", "-o", "size=64k", "tmpfs"].map(OsStr::new);
    let mounted = mount(&[arguments.as_slice(), &[path]].concat());
    if !mounted {
        // Containers forbid it, so `needs` does not apply. The test above covers the same code.
        eprintln!("not tested: a full disk needs mount(2)");
        return;
    }
    let location = given(directory.path());
    attempt(&mut counting(&location), Observation::Failure);
    let mut filler = File::create(directory.path().join("filler")).unwrap();
    while std::io::Write::write_all(&mut filler, &[0; 512]).is_ok() {}
    let outcome = std::panic::catch_unwind(|| {
        // An existing record needs no space; a new one does.
        attempt(&mut counting(&location), Observation::Failure);
        let mut new = user(&location, "new");
        let Gate::Pass(permit) = sure(new.admit(LEASE)) else { panic!("refused") };
        let answer = new.record(permit, Observation::Failure, &mut retry_loop::random::Random::seeded(1));
        assert_eq!(answer.decision, None);
        let warning = answer.warning.unwrap();
        assert!(warning.contains("no space left on device"), "{warning}");
    });
    drop(filler);
    assert!(program("umount").arg(path).status().unwrap().success());
    outcome.unwrap();
}

#[test]
fn a_damaged_record_is_replaced_with_one_warning() {
    let directory = directory();
    let location = given(directory.path());
    let record = directory.path().join(file_of("x"));
    for _ in 0..3 {
        attempt(&mut counting(&location), Observation::Failure);
    }
    let good = fs::read(&record).unwrap();
    let flipped = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    };
    let version = [&good[..4], &[9], &good[5..]].concat();
    for (bytes, why) in [
        (good[..63].to_vec(), "63 bytes"),
        ([good.as_slice(), &good].concat(), "153 bytes"),
        (vec![0; RECORD_SIZE], "checksum"),
        (vec![0; 64], "checksum"),
        (flipped(20), "checksum"),
        (version, "version 9"),
        (b"hello\n".to_vec(), "6 bytes"),
    ] {
        fs::write(&record, &bytes).unwrap();
        let shown = inspect::show(&location).unwrap();
        assert!(matches!(shown[0].status, RecordStatus::Damaged(RecordKind::Breaker, _)), "{shown:?}");

        let mut user = counting(&location);
        let answer = user.admit(LEASE);
        assert!(matches!(answer.decision, Gate::Pass(Permit::Closed(_))));
        let warning = answer.warning.expect("a warning");
        assert!(warning.starts_with("the breaker record in "));
        assert!(warning.contains(why), "{warning}");
        assert_eq!(attempt(&mut user, Observation::Failure), Some(Recorded::Counted));
        assert_eq!(failures(&location, &Name::new("x")), 1);
        assert_eq!(fs::metadata(&record).unwrap().len(), RECORD_SIZE as u64);
    }
    // A file whose process died before it was written.
    fs::write(&record, "").unwrap();
    assert_eq!(inspect::show(&location), Ok(vec![]));
    attempt(&mut counting(&location), Observation::Failure);
    assert_eq!(failures(&location, &Name::new("x")), 1);
}

#[test]
fn a_lock_that_is_never_given_up_is_not_waited_for() {
    let directory = directory();
    let location = given(directory.path());
    attempt(&mut counting(&location), Observation::Failure);
    let held = File::open(directory.path().join(file_of("x"))).unwrap();
    held.lock().unwrap();
    let started = Instant::now();
    let answer = counting(&location).admit(LEASE);
    assert_eq!(answer.decision, Gate::Pass(Permit::Unguarded));
    assert!(answer.warning.unwrap().contains("the record is still locked after 200ms"));
    let took = started.elapsed();
    assert!(took >= Duration::from_millis(200) && took < LONG / 10, "{took:?}");
    held.unlock().unwrap();
    attempt(&mut counting(&location), Observation::Failure);
    assert_eq!(failures(&location, &Name::new("x")), 2);
}

/// For any number of locked records.
#[test]
fn people_wait_for_no_lock_and_are_told_of_it() {
    let directory = directory();
    let location = given(directory.path());
    let names: Vec<String> = (0..20).map(|n| format!("n{n}")).collect();
    let locks: Vec<File> = (names.iter())
        .map(|name| {
            attempt(
                &mut user_with(&location, &Name::new(name.as_str()), never_opens()),
                Observation::Failure,
            );
            let file = File::open(directory.path().join(file_of(name))).unwrap();
            file.lock().unwrap();
            file
        })
        .collect();
    let started = Instant::now();
    let shown = inspect::show(&location).unwrap();
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    assert_eq!(shown.len(), 20);
    for one in shown {
        let counted =
            matches!(one.status, RecordStatus::Breaker(breaker, None) if breaker != Circuit::fresh());
        assert!(counted && one.lock == LockState::Locked, "{one:?}");
    }
    let started = Instant::now();
    for name in &names {
        assert_eq!(inspect::reset(&location, &Name::new(name.as_str())), Ok(Removal::Removed));
    }
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    assert_eq!(inspect::show(&location), Ok(vec![]));
    // A process that gets the lock of a removed record does not bring it back.
    drop(locks);
    attempt(&mut user_with(&location, &Name::new("n0"), never_opens()), Observation::Failure);
    let shown = inspect::show(&location).unwrap();
    assert_eq!((shown.len(), shown[0].lock), (1, LockState::Unlocked));
}

/// Each lock is released in time for itself, but not for all locks of the attempt together.
#[test]
fn locks_of_an_attempt_share_200_ms() {
    let directory = directory();
    let location = given(directory.path());
    attempt(&mut counting(&location), Observation::Failure);
    let path = directory.path().join(file_of("x"));
    let mut user = counting(&location);
    let mut waits = 0;
    let warning = loop {
        let held = File::open(&path).unwrap();
        held.lock().unwrap();
        let holder = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(70));
            drop(held);
        });
        let answer = user.refusal();
        holder.join().unwrap();
        if let Some(warning) = answer.warning {
            break warning;
        }
        waits += 1;
        assert!(waits < 20, "nothing adds up");
    };
    assert!(warning.contains("the record is still locked after 200ms"), "{warning}");
    assert!(waits <= 3, "{waits}");
    // After that, the store is not used again.
    let held = File::open(&path).unwrap();
    held.lock().unwrap();
    let started = Instant::now();
    assert_eq!(sure(user.admit(LEASE)), Gate::Pass(Permit::Unguarded));
    assert!(started.elapsed() < Duration::from_millis(150), "{:?}", started.elapsed());
}

/// A file that is not a record costs neither time nor memory, even if it is large.
#[test]
fn huge_and_odd_files_are_no_records() {
    let directory = directory();
    let location = given(directory.path());
    let record = directory.path().join(file_of("x"));
    File::create(&record).unwrap().set_len(1 << 40).unwrap();
    let shown = inspect::show(&location).unwrap();
    assert!(matches!(shown[0].status, RecordStatus::Damaged(RecordKind::Breaker, _)), "{shown:?}");
    let answer = counting(&location).admit(LEASE);
    assert!(answer.warning.unwrap().contains("153 bytes"));
    assert_eq!(fs::metadata(&record).unwrap().len(), RECORD_SIZE as u64);
    for (make, why) in [
        ("ln -sf /dev/zero", "the record is a symbolic link"),
        ("mkfifo", "the record is not a regular file"),
        ("mkdir", "the record is not a regular file"),
    ] {
        fs::remove_file(&record).unwrap_or_default();
        let done = program("sh").args(["-c", &format!("{make} \"$1\""), "sh"]).arg(&record).status();
        assert!(done.unwrap().success());
        let shown = inspect::show(&location).unwrap();
        let RecordStatus::Unusable(RecordKind::Breaker, error) = &shown[0].status else {
            panic!("{shown:?}")
        };
        assert_eq!(error.to_string(), why, "{make}");
        fails_open(&location, "x", "cannot use shared state in ");
    }
}

#[test]
fn a_directory_of_too_many_records_is_not_read_to_its_end() {
    let directory = directory();
    for n in 0..=10_000 {
        File::create(directory.path().join(file_of(&n.to_string()))).unwrap();
    }
    let trouble = inspect::show(&given(directory.path())).unwrap_err().to_string();
    assert_eq!(trouble, "there are more than 10000 records");
}

#[test]
fn a_record_that_is_removed_meanwhile_is_made_again() {
    let directory = directory();
    let location = given(directory.path());
    let mut user = counting(&location);
    attempt(&mut user, Observation::Failure);
    let held = File::open(directory.path().join(file_of("x"))).unwrap();
    held.lock().unwrap();
    std::thread::scope(|scope| {
        // The file is removed while this waits for its lock.
        let waiting = scope.spawn(|| {
            attempt(&mut user_with(&location, &Name::new("x"), never_opens()), Observation::Failure)
        });
        std::thread::sleep(Duration::from_millis(20));
        fs::remove_file(directory.path().join(file_of("x"))).unwrap();
        held.unlock().unwrap();
        assert_eq!(waiting.join().unwrap(), Some(Recorded::Counted));
    });
    assert_eq!(failures(&location, &Name::new("x")), 1);

    // The same for the whole directory, which a process has open.
    fs::remove_dir_all(directory.path()).unwrap();
    let answer = user.admit(LEASE);
    assert!(matches!(answer.decision, Gate::Pass(Permit::Closed(_))));
    let Gate::Pass(permit) = answer.decision else { panic!("refused") };
    let recorded = user.record(permit, Observation::Failure, &mut retry_loop::random::Random::seeded(1));
    assert_eq!((recorded.decision, recorded.warning), (Some(Recorded::Counted), None));
    assert_eq!(failures(&location, &Name::new("x")), 1);
}
