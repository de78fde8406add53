//! Starting a command with CreateProcessW, by way of std: it quotes arguments, looks for the program, and knows how
//! batch files (`.cmd`, `.bat`) are run.
//!
//! The command is started suspended, so that it is in its job before it can start others. std does not give away the
//! handle of the main thread, which is the only thread then; the system's list of threads has it. (The alternatives:
//! NtResumeProcess is not documented, and an own call of CreateProcessW would be a second way to quote.)

use super::children::{self, Pid};
use super::descendants;
use super::group;
use super::job::Job;
use super::program::in_quotes;
use crate::platform::launch::{Launch, Program};
use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::windows::io::AsRawHandle as _;
use std::os::windows::io::{AsHandle as _, FromRawHandle as _, OwnedHandle};
use std::os::windows::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use windows_sys::Win32::Foundation::{
    ERROR_COMMITMENT_LIMIT, ERROR_NO_SYSTEM_RESOURCES, ERROR_NOT_ENOUGH_MEMORY, ERROR_NOT_ENOUGH_QUOTA,
    ERROR_OUTOFMEMORY, ERROR_SHARING_VIOLATION, ERROR_TOO_MANY_OPEN_FILES, INVALID_HANDLE_VALUE,
};
use windows_sys::Win32::System::Diagnostics::ToolHelp::{
    CreateToolhelp32Snapshot, TH32CS_SNAPTHREAD, THREADENTRY32, Thread32First, Thread32Next,
};
use windows_sys::Win32::System::Threading::{
    CREATE_NEW_PROCESS_GROUP, CREATE_NO_WINDOW, CREATE_SUSPENDED, OpenThread, ResumeThread,
    THREAD_SUSPEND_RESUME,
};

/// Starts a command.
///
/// # Errors
/// The errors of CreateProcessW; [`io::ErrorKind::NotFound`] when there is no such program.
pub fn start(launch: &Launch<'_>) -> io::Result<Pid> {
    let mut command = match launch.program {
        Program::Argv(argv) => {
            let (program, arguments) = argv.split_first().ok_or(io::ErrorKind::NotFound)?;
            let mut command = Command::new(find(program));
            match line_for_cmd(program, arguments) {
                Some((options, switch, line)) => give_line(command.args(options), switch, &line),
                None => command.args(arguments),
            };
            command
        }
        Program::ShellLine(line) => {
            let mut command = Command::new(shell());
            // /D: no AutoRun of the registry.
            give_line(command.arg("/D"), "/C".as_ref(), line);
            command
        }
    };
    command.envs(launch.variables.iter().map(|(name, value)| (name, value)));
    let [stdin, stdout, stderr] = launch.streams;
    if let Some(stream) = stdin {
        command.stdin(stream.try_clone()?);
    }
    if let Some(stream) = stdout {
        command.stdout(stream.try_clone()?);
    }
    if let Some(stream) = stderr {
        command.stderr(stream.try_clone()?);
    }
    // Without a console of ours, the system would open a window for each command.
    let console = if group::has_console() { 0 } else { CREATE_NO_WINDOW };
    command.creation_flags(CREATE_SUSPENDED | CREATE_NEW_PROCESS_GROUP | console);
    let mut child = command.spawn()?;
    let started = enter_job(&child).and_then(|job| resume(child.id()).map(|()| job));
    let (job, pid) = match (started, i32::try_from(child.id()).ok().and_then(Pid::from_raw)) {
        (Ok(job), Some(pid)) => (job, pid),
        (started, _) => {
            let _still_suspended = child.kill();
            let _status = child.wait();
            return Err(started.err().unwrap_or_else(|| io::ErrorKind::Other.into()));
        }
    };
    descendants::add(pid, job);
    children::set(pid, child.into());
    Ok(pid)
}

/// The file that a shell would run for `program`: `npm` is npm.cmd there, and std looks for .exe only. It is looked for with
/// the endings that PATHEXT has by default, in PATH and not in the current directory. `program` itself if there is none:
/// the system looks in its own directories too.
#[expect(clippy::disallowed_methods, reason = "PATH belongs to starting a command, not to settings")]
fn find(program: &OsStr) -> OsString {
    let path = Path::new(program);
    let is_runnable =
        path.extension().is_some_and(|ending| ENDINGS.iter().any(|e| ending.eq_ignore_ascii_case(e)));
    let directories = match path.parent() {
        _ if is_runnable => return program.to_owned(),
        Some(parent) if !parent.as_os_str().is_empty() => parent.as_os_str().to_owned(),
        _ => std::env::var_os("PATH").unwrap_or_default(),
    };
    let Some(name) = path.file_name() else { return program.to_owned() };
    let candidates = std::env::split_paths(&directories).flat_map(|directory| {
        ENDINGS.map(|ending| {
            let mut file = name.to_owned();
            file.push(".");
            file.push(ending);
            directory.join(file)
        })
    });
    let found = candidates.into_iter().find(|file| file.is_file());
    found.map_or_else(|| program.to_owned(), PathBuf::into_os_string)
}

/// What a program may be, in the order of PATHEXT.
const ENDINGS: [&str; 4] = ["com", "exe", "bat", "cmd"];

#[expect(clippy::disallowed_methods, reason = "ComSpec belongs to starting a command, not to settings")]
fn shell() -> OsString {
    std::env::var_os("ComSpec").unwrap_or_else(|| "cmd.exe".into())
}

/// Adds a line for cmd. With /S, cmd removes the first and the last quotation mark, and nothing else.
fn give_line<'a>(command: &'a mut Command, switch: &OsStr, line: &OsStr) -> &'a mut Command {
    let mut quoted = OsString::from("\"");
    quoted.push(line);
    quoted.push("\"");
    command.arg("/S").arg(switch).raw_arg(quoted)
}

/// The options, the switch and the line of `cmd /c LINE`, where std would not pass the line on as it is: it writes `\"` for
/// a quotation mark, which cmd does not know, and cmd removes the quotation marks of the first and the last word (`cmd /?`).
fn line_for_cmd<'a>(
    program: &OsStr,
    arguments: &'a [OsString],
) -> Option<(&'a [OsString], &'a OsStr, OsString)> {
    let name = Path::new(program).file_name()?;
    if !["cmd", "cmd.exe"].iter().any(|cmd| name.eq_ignore_ascii_case(cmd)) {
        return None;
    }
    let is_switch = |word: &OsString| ["/c", "/k"].iter().any(|switch| word.eq_ignore_ascii_case(switch));
    let place = arguments.iter().position(is_switch)?;
    let words: Vec<&str> =
        arguments.get(place + 1..)?.iter().map(|word| word.to_str()).collect::<Option<_>>()?;
    let line = match words[..] {
        // cmd finds out by itself whether this is a line or the path of a program.
        [] => return None,
        [word] if !word.contains('"') => return None,
        [line] => line.to_owned(),
        _ => words.iter().map(|word| for_cmd(word)).collect::<Vec<_>>().join(" "),
    };
    Some((&arguments[..place], &arguments[place], line.into()))
}

/// A word of a line for cmd. What is special to cmd stays so: `cmd /c dir "|" more` is a pipe.
fn for_cmd(word: &str) -> Cow<'_, str> {
    let is_split = word.is_empty() || word.contains([' ', '\t', '"']);
    if is_split { in_quotes(word).into() } else { word.into() }
}

fn enter_job(child: &Child) -> io::Result<Job> {
    let job = Job::new()?;
    job.add(child.as_handle())?;
    Ok(job)
}

/// Resumes the only thread of a process that was started suspended.
fn resume(pid: u32) -> io::Result<()> {
    // SAFETY: no memory is involved.
    let snapshot = unsafe { CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0) };
    if snapshot == INVALID_HANDLE_VALUE {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it is a new handle, and nobody else closes it.
    let snapshot = unsafe { OwnedHandle::from_raw_handle(snapshot) };
    let mut entry = THREADENTRY32 { dwSize: size_of::<THREADENTRY32>() as u32, ..THREADENTRY32::default() };
    // SAFETY: the snapshot is open, and the structure says how large it is.
    let mut is_filled = unsafe { Thread32First(snapshot.as_raw_handle(), &raw mut entry) };
    while is_filled != 0 {
        if entry.th32OwnerProcessID == pid {
            return resume_thread(entry.th32ThreadID);
        }
        // SAFETY: as above.
        is_filled = unsafe { Thread32Next(snapshot.as_raw_handle(), &raw mut entry) };
    }
    Err(io::Error::other("the system does not show the new process"))
}

fn resume_thread(thread: u32) -> io::Result<()> {
    // SAFETY: no memory is involved.
    let handle = unsafe { OpenThread(THREAD_SUSPEND_RESUME, 0, thread) };
    if handle.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it is a new handle, and nobody else closes it.
    let handle = unsafe { OwnedHandle::from_raw_handle(handle) };
    // SAFETY: the handle is open.
    match unsafe { ResumeThread(handle.as_raw_handle()) } {
        u32::MAX => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Whether a resource is short for the moment: memory, handles, or the file is being written.
pub fn is_transient(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error().map(i32::cast_unsigned),
        Some(
            ERROR_NOT_ENOUGH_MEMORY
                | ERROR_OUTOFMEMORY
                | ERROR_TOO_MANY_OPEN_FILES
                | ERROR_SHARING_VIOLATION
                | ERROR_NO_SYSTEM_RESOURCES
                | ERROR_COMMITMENT_LIMIT
                | ERROR_NOT_ENOUGH_QUOTA
        )
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cmd_gets_its_line_as_it_was_meant() {
        for (words, wanted) in [
            (&["cmd", "/c", r#"type "a b.txt" | find "x""#][..], Some((0, r#"type "a b.txt" | find "x""#))),
            (&["CMD.EXE", "/d", "/C", r#""a b\x.exe" "c d""#], Some((1, r#""a b\x.exe" "c d""#))),
            (&[r"C:\Windows\cmd.exe", "/c", r"a b\x.exe", "c d", ""], Some((0, r#""a b\x.exe" "c d" """#))),
            (&["cmd", "/c", "dir", "|", "more"], Some((0, "dir | more"))),
            (&["cmd", "/k", "echo", r#"say "x""#], Some((0, r#"echo "say \"x\"""#))),
            (&["cmd", "/c", r"C:\Program Files\deploy.cmd"], None),
            (&["cmd", "/c"], None),
            (&["cmd"], None),
            (&["tool", "/c", r#"a "b c""#], None),
        ] {
            let words: Vec<OsString> = words.iter().map(OsString::from).collect();
            let found = line_for_cmd(&words[0], &words[1..]);
            let found = found.map(|(options, _, line)| (options.len(), line));
            assert_eq!(found, wanted.map(|(options, line)| (options, line.into())), "{words:?}");
        }
    }
}
