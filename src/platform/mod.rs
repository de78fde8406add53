//! The system calls for which there is no safe, portable crate. Only this folder depends on the operating system, and
//! only this folder of the library has `unsafe` code. It decides nothing.
//!
//! | folder | owns |
//! |---|---|
//! | `unix` | what is the same on all Unix systems: waitid, kill, sigaction, poll, streams that do not block |
//! | `linux` | child subreaper, /proc, pidfd, eventfd, clone, ptrace, `RWF_NOWAIT`, splice, `O_TMPFILE` |
//! | `bsd` | macOS and FreeBSD: a process group for the tree, posix_spawn, a pipe to wake up |
//! | `windows` | job objects, CreateProcessW, overlapped pipes, events of the console |
//!
//! | file | owns |
//! |---|---|
//! | [`launch`] | the arguments of a start |
//! | [`received`] | a signal that this process has received, or what stands for one |
//! | [`record_directory`] | a directory of records that processes share, as far as systems agree |
//!
//! Three plain facts are in `core`: which signals and exit codes there are, and how a path with a drive looks.
//!
//! This file chooses the system. Each has the same modules with the same functions; where Linux, macOS and FreeBSD
//! differ, `unix` calls the chosen one.
//!
//! # What a system has to guarantee
//!
//! | module | guarantee |
//! |---|---|
//! | [`caught`] | Everything that asks a program to end is taken once, with its origin. Whether it has reached the command as well is known, or it is said to have not. |
//! | [`children`] | Every end, stop and continuation of a child is reported once. A child's pid is not reused before its end is reported. |
//! | [`console`] | Escape sequences are written only where they are understood. |
//! | [`descendants`] | The search finds all processes that an attempt has started, or returns [`Coverage::Partial`]. A system that cannot know returns [`Descendants::Unknown`], and finds the command's process group. A signal never goes to a process that has reused the pid of another. After `release` they outlive us. |
//! | [`files`] | A file is read and written at an offset, whatever its position. |
//! | [`group`] | The choice is the same for all commands of a run. A command with a group of its own is never in the background of a terminal. |
//! | [`input_file`] | Two names of one file have one identity. |
//! | [`job_control`] | A system without it says that it is absent, and stops nothing. |
//! | [`local_socket`] | What does not exist is known before it is asked for. |
//! | [`nonblocking_reader`], [`nonblocking_writer`] | No call blocks, whatever others do with the stream, and nobody else notices. |
//! | [`output_file`] | A file is replaced as a whole or not at all. No link is followed that someone else may have put there. |
//! | [`pipe`](mod@pipe) | Our end does not block. The command's end is like that of any other pipe. |
//! | [`program`] | A quoted word is read back as it was. |
//! | [`readiness`] | One sleep ends for each signal, change of a child, stream or time. What is ready before the sleep ends it at once. |
//! | [`record_directory`] | A record is not found before it can be used. One that was removed is known as such to those who have it open. |
//! | [`signals`] | A death by a signal can be repeated, or nothing is done and the exit code says it. |
//! | [`spawn`] | The command starts with its arguments, variables and streams, in its process group, and no process that it starts escapes the search. If it cannot be started, the result is an error with the system's number, and no child is left. A signal that comes meanwhile reaches us or the command. |
//! | [`stdin`] | An offset is returned only if a rewind does no harm. |
//! | [`stdio`] | The streams live as long as the process. |
//! | [`terminal`] | What a killed command has changed is restored, if nobody else uses the terminal. |
//! | [`this_process`] | We leave no core file. |
//! | [`unnamed`] | The file is ours alone, and gone when we are. |
//! | [`user`] | Only the user, and who may do anything, may write to the directory. |
//! | [`wakeup`] | A signal handler may use it, and that never blocks. Commands do not inherit it. |

#![expect(
    unsafe_code,
    reason = "sigaction, clone, execve, waitid, prctl, ptrace, kcmp and the calls of Windows have no safe wrapper"
)]

pub mod launch;
pub mod received;
pub mod record_directory;

#[cfg(unix)]
mod unix;
#[cfg(unix)]
use unix as family;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as system;

#[cfg(all(unix, not(target_os = "linux")))]
mod bsd;
#[cfg(all(unix, not(target_os = "linux")))]
use bsd as system;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
use windows as family;
#[cfg(windows)]
use windows as system;

use family::record_directory as system_record_directory;
pub use family::{
    caught, children, console, files, group, input_file, job_control, local_socket, nonblocking_reader,
    nonblocking_writer, output_file, pipe, program, readiness, signals, stdin, stdio, terminal, this_process,
    unnamed, user, wakeup,
};
pub use system::{descendants, spawn};

use crate::core::outcome::Outcome;
use crate::core::signal::Signal;

/// Whether a search has found all descendants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coverage {
    /// It has, except for one that moved while the list was read (proc(5)).
    Complete,
    /// A child ended during the search, and its children may have become ours since. While processes fork and end all
    /// the time, every search ends like this.
    Changing,
    /// The system hides some. On Linux: /proc is missing, has the pids of another namespace, or could not be read.
    Partial,
}

/// Whether we have descendants, as far as the kernel says without a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Descendants {
    /// We have none.
    None,
    /// We have some, ended or not.
    Some,
    /// The kernel does not say.
    Unknown,
}

/// A change in the state of a child.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It has ended like this, and is reaped.
    Ended(Outcome),
    /// It was stopped by this signal.
    Stopped(Signal),
    /// It was continued.
    Continued,
    /// It asked to be traced by its parent (PTRACE_TRACEME), and has stopped for the tracer with this signal.
    Traced(Signal),
}

/// Whether a person at a terminal can stop and continue us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobControl {
    /// There is a controlling terminal.
    Possible,
    /// There is none.
    Absent,
}

/// The result of reading from a stream that does not block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PipeRead {
    /// This many bytes were read, at least one.
    Bytes(usize),
    /// The pipe is empty.
    Empty,
    /// The pipe is empty, and has no writer any more.
    End,
}

/// The result of writing to a stream that does not block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// This many bytes were written, at least one.
    Bytes(usize),
    /// Nothing was written, because the write would have blocked.
    Blocked,
}

/// Whether a stream is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// It is, or there was an error.
    Ready,
    /// It is not.
    NotReady,
}

/// Where our stdin is in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offset {
    /// At this offset, to which it can be rewound.
    At(u64),
    /// It shares its offset with our stdout or stderr.
    Shared,
    /// It is no file.
    None,
}

/// Whether a stream that cannot be rewound can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Supply {
    /// It has data, or may get some.
    Open,
    /// It is empty, and all its writers are gone.
    Ended,
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
                let asks = |line: &str| {
                    ["target_os", "cfg(unix", "cfg(windows", "cfg!(unix", "cfg!(windows"]
                        .iter()
                        .any(|word| line.contains(word))
                };
                let lines = text.lines().filter(|line| asks(line));
                found.extend(lines.map(|line| format!("{}: {}", path.display(), line.trim())));
            }
        }
    }

    #[test]
    fn nothing_else_asks_which_system_this_is() {
        let mut found = Vec::new();
        for room in ["cli", "process", "report", "run", "state", "stats", "streams"] {
            conditional_lines(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(room), &mut found);
        }
        assert_eq!(found, Vec::<String>::new());
    }
}
