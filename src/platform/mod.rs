//! What `retry` asks of the operating system beyond what safe, portable crates offer: the only folder that knows on
//! which system it runs, and the only one of the library with `unsafe`. It decides nothing.
//!
//! | folder | owns |
//! |---|---|
//! | `unix` | what all Unix systems share: waitid, kill, sigaction, the start of a process |
//! | `linux` | child subreaper, /proc, pidfd, eventfd, clone, ptrace, `RWF_NOWAIT`, splice, `O_TMPFILE` |
//! | `bsd` | macOS and FreeBSD: a process group for the tree, posix_spawn, a pipe to wake up |
//!
//! This file chooses. A system has one module of each name, with the same functions; what is the same on all of them
//! is in `unix`, which calls the chosen system where it has to. (Windows would get a folder of its own, and `unix`
//! its counterpart.)
//!
//! # What a system has to promise
//!
//! | module | promise |
//! |---|---|
//! | [`spawn`] | The command starts with its words, variables and streams, in its group. A program that cannot be started is an error with the system's number, and no child is left. A signal that comes meanwhile is not lost: it reaches us or the command. |
//! | [`children`] | Every end, stop and continuation of a child is reported once. A child's pid stays its own until its end was reported. |
//! | [`descendants`] | The search finds all that an attempt has started, or says [`View::Partial`]. Without such knowledge [`Descendants::Unknown`] is the answer, and what is found is the command's process group. A signal never goes to a process that merely has the pid of one that is gone. |
//! | [`group`] | The same answer for every command of a run. A command with a group of its own is never in the background of a terminal. |
//! | [`signals`] | A caught signal is counted by number and origin, and wakes the event loop. What was ignored at the start stays ignored, here and in the command. |
//! | [`wakeup`] | Writing to it never blocks and may be done in a signal handler. Commands do not inherit it. |
//! | [`streams`] | `Ok` only for what did not block. ENOSYS, EINVAL or EOPNOTSUPP is the answer where that cannot be had; the caller knows another way. |
//! | [`files`] | A file gets its name when it is complete, or `None` is the answer. |
//! | [`this_process`] | The end leaves no core file of ours behind. |

#![expect(
    unsafe_code,
    reason = "sigaction, clone, execve, waitid, prctl, ptrace and kcmp have no safe wrapper"
)]

mod unix;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as system;

#[cfg(all(unix, not(target_os = "linux")))]
mod bsd;
#[cfg(all(unix, not(target_os = "linux")))]
use bsd as system;

#[cfg(not(unix))]
compile_error!("retry does not run on this system yet: src/platform has no folder for it");

pub use system::{descendants, files, spawn, streams};
pub use unix::{children, group, launch, signals, this_process, wakeup};

/// Whether a search has seen everything below us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// Every process is among those that were found, but for one that moved while the list was read (proc(5)).
    Complete,
    /// A child has ended meanwhile, and what it has started before may be new in the list. In a storm of processes that
    /// fork and end there is always one.
    Moving,
    /// The system did not show everything. On Linux: /proc is not there, is that of another pid namespace, or could
    /// not be read.
    Partial,
}

/// What the kernel says about processes below us without a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Descendants {
    /// There is none.
    None,
    /// There are some, ended or not.
    Some,
    /// It cannot say.
    Unknown,
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// Lines outside of this folder that depend on the system.
    fn conditional_lines(folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                conditional_lines(&path, found);
            } else if let Ok(text) = std::fs::read_to_string(&path) {
                let lines =
                    text.lines().filter(|line| line.contains("target_os") || line.contains("cfg(unix"));
                found.extend(lines.map(|line| format!("{}: {}", path.display(), line.trim())));
            }
        }
    }

    #[test]
    fn nothing_else_asks_which_system_this_is() {
        let mut found = Vec::new();
        for room in ["process", "streams", "state", "report", "cli"] {
            conditional_lines(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(room), &mut found);
        }
        assert_eq!(found, Vec::<String>::new());
    }
}
