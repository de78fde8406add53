//! Who owns shared state in files: the group of the directory may use it, whatever the umask; root does not lock the
//! directory's owner out; and root creates nothing in the home of another user.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    clippy::allow_attributes,
    reason = "a test has an environment of its own"
)]

mod common;
mod shared_state;

use common::command::{RETRY, Scratch, can, program, said};
use retry::core::shared::{Location, Name};
use retry::state::record_key::{RecordKey, RecordKind};
use retry_loop::circuit::Observation;
use shared_state::{attempt, child, copy_this_binary, counting, failures, told};
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
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

fn file_of(name: &str) -> String {
    RecordKey::new(&Name::new(name), RecordKind::Breaker).file_name()
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[test]
fn a_directory_that_was_named_is_taken_as_it_is() {
    let directory = directory();
    let target = directory.path().join("target");
    fs::create_dir(&target).unwrap();
    fs::set_permissions(&target, Permissions::from_mode(0o2777)).unwrap();
    let link = directory.path().join("link");
    symlink(&target, &link).unwrap();
    attempt(&mut counting(&given(&link)), Observation::Failure);
    let record = target.join(file_of("x"));
    assert_eq!(failures(&given(&target), &Name::new("x")), 1);
    assert_eq!(fs::metadata(&target).unwrap().mode() & 0o7777, 0o2777);

    // The mode of the directory decides who may use a record, not the umask.
    for (mode, expected) in [(0o2777, 0o666), (0o2770, 0o660), (0o750, 0o640), (0o700, 0o600)] {
        for umask in ["000", "022", "077"] {
            fs::remove_file(&record).unwrap();
            fs::set_permissions(&target, Permissions::from_mode(mode)).unwrap();
            assert_eq!(told(&mut with_umask(umask, &target)).1, [""; 0]);
            let made = fs::metadata(&record).unwrap();
            assert_eq!(made.mode() & 0o777, expected, "{mode:o} {umask}");
            assert_eq!(made.gid(), fs::metadata(&target).unwrap().gid());
        }
    }
    // Only complete records are left.
    assert_eq!(fs::read_dir(&target).unwrap().count(), 2);
}

/// A process with this umask that records a failure of `x` in `state`.
fn with_umask(umask: &str, state: &Path) -> Command {
    let this = child(&["look".as_ref(), state.as_ref(), "x".as_ref()]);
    let mut shell = program("sh");
    shell.args(["-c", &format!("umask {umask}; exec \"$@\""), "sh"]);
    shell.arg(this.get_program()).args(this.get_args());
    for (name, value) in this.get_envs() {
        shell.env(name, value.unwrap());
    }
    shell
}

/// Two users share a directory of their group: each creates a record that the other one uses.
#[test]
fn users_of_a_group_share_what_either_has_made() {
    if !can("a directory that two users share", "root", is_root()) {
        return;
    }
    let (users, group) = ([65501, 65502], 65510);
    let directory = directory();
    fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
    let binary = directory.path().join("binary");
    copy_this_binary(&binary);
    // With the set-group-ID bit and without it, when the record has to be given to the group; and with a directory that
    // belongs to one of the users.
    for (index, (mode, owner)) in [(0o2770, 0), (0o770, 0), (0o770, users[0])].into_iter().enumerate() {
        let state = directory.path().join(format!("state{index}"));
        fs::create_dir(&state).unwrap();
        chown(&state, Some(owner), Some(group)).unwrap();
        fs::set_permissions(&state, Permissions::from_mode(mode)).unwrap();
        let fails = |user: Option<u32>, name: &str| {
            let this = child(&["look".as_ref(), state.as_ref(), name.as_ref()]);
            let mut other = program("sh");
            other.args(["-c", "umask 077; exec \"$@\"", "sh"]).arg(&binary).args(this.get_args());
            other.stdin(Stdio::null()).current_dir("/");
            for (name, value) in this.get_envs() {
                other.env(name, value.unwrap());
            }
            if let Some(user) = user {
                let mut setpriv = program("setpriv");
                setpriv.args([
                    format!("--reuid={user}"),
                    format!("--regid={user}"),
                    format!("--groups={group}"),
                ]);
                setpriv.arg("sh").args(other.get_args()).stdin(Stdio::null()).current_dir("/");
                for (name, value) in this.get_envs() {
                    setpriv.env(name, value.unwrap());
                }
                other = setpriv;
            }
            let (answers, warnings) = told(&mut other);
            assert_eq!(warnings, [""; 0], "{user:?} {mode:o}: {answers:?}");
        };
        for (name, first, second) in [("one", users[0], users[1]), ("other", users[1], users[0])] {
            fails(Some(first), name);
            fails(Some(second), name);
            assert_eq!(failures(&given(&state), &Name::new(name)), 2);
        }
        // A record that root creates, for example under sudo, locks no one out.
        fails(None, "root's");
        fails(Some(users[0]), "root's");
        fails(Some(users[1]), "root's");
        assert_eq!(failures(&given(&state), &Name::new("root's")), 3);
    }
}

/// Some configurations of sudo keep HOME: the user is root, and HOME is another user's.
#[test]
fn root_makes_nothing_in_the_home_of_someone_else() {
    if !can("root with the home of a user", "root", is_root()) {
        return;
    }
    let scratch = Scratch::new();
    let home = scratch.path("home");
    fs::create_dir_all(home.join(".local/state")).unwrap();
    chown(&home, Some(65501), None).unwrap();
    let place = |home: &Path, state_home: &str| {
        let mut command = scratch.retry_to_spawn("--dry-run --log-format json --breaker b true");
        let output = command.env("HOME", home).env("XDG_STATE_HOME", state_home).output().unwrap();
        let plan: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        plan["state"].as_str().unwrap().to_owned()
    };
    let roots = place(&home, "");
    assert!(!roots.starts_with(home.to_str().unwrap()) && roots.ends_with("/.local/state/retry"), "{roots}");
    assert_eq!(place(&home, home.join("not/there/yet").to_str().unwrap()), roots);
    // root's own home is used, and a directory in it is created.
    let own = scratch.path("own");
    assert_eq!(place(&own, ""), own.join(".local/state/retry").display().to_string());

    // With a file system of the test in place of root's own home.
    let script = r#"mount -t tmpfs tmpfs "$HOME_OF_ROOT" && exec "$0" --retries 1 --breaker b false"#;
    let mut command = program("unshare");
    scratch.settle(&mut command);
    command.args(["-m", "sh", "-c", script, RETRY]).env("HOME", &home).env_remove("XDG_STATE_HOME");
    let root = roots.strip_suffix("/.local/state/retry").unwrap();
    let output = command.env("HOME_OF_ROOT", root).output().unwrap();
    if output.status.code() != Some(1) {
        // Containers forbid it, so `needs` does not apply.
        eprintln!("not tested: root in the home of a user needs a mount namespace: {output:?}");
        return;
    }
    assert_eq!(said(&output).len(), 1, "{output:?}");
    assert_eq!(fs::read_dir(home.join(".local/state")).unwrap().count(), 0);
}
