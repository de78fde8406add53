//! Starting a command: fork and exec.
//!
//! Not through std's `Command`: that needs two descriptors for a pipe where it forks, leaves our handlers in
//! the child until it executes the command (a key that is pressed then is lost), gives up on a script without `#!`,
//! sorts the environment and drops entries without `=`. And its other way, posix_spawn(3), offers no parent-death
//! signal and, in glibc, leaves signals 32 and 33 ignored in the command.

use crate::core::signal::Signal;
use std::ffi::OsString;
use std::os::fd::OwnedFd;

/// A command to be started.
#[derive(Debug, Clone, Copy)]
pub struct Launch<'a> {
    /// Its words, the program first.
    pub words: &'a [OsString],
    /// Variables that it gets besides, or in place of, our own.
    pub variables: &'a [(&'static str, String)],
    /// What it gets as its stdin, stdout and stderr; ours where there is nothing.
    pub streams: [Option<&'a OwnedFd>; 3],
    /// What the kernel sends it when we die first.
    pub death_signal: Signal,
    /// The process group that it starts in.
    pub group: Group,
}

/// The process group that a command starts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Ours.
    Ours,
    /// One of its own, with its pid as its number.
    Own,
}

#[cfg(target_os = "linux")]
pub use with_fork::start;

#[cfg(not(target_os = "linux"))]
pub use with_std::start;

#[cfg(target_os = "linux")]
mod with_fork {
    use super::super::signals::{self, Mask};
    use super::{Group, Launch};
    use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};
    use rustix::process::Pid;
    use std::ffi::{CStr, CString, OsStr};
    use std::io;
    use std::os::fd::AsRawFd;
    use std::os::unix::ffi::OsStrExt;
    use std::ptr;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicI32, Ordering};

    unsafe extern "C" {
        /// environ(7).
        static environ: *const *const libc::c_char;
    }

    /// Starts a command. Comes back when it runs, or cannot be run.
    ///
    /// # Errors
    /// What execve(2) and clone(2) answer, as execvp(3) would pass it on.
    pub fn start(launch: &Launch<'_>) -> io::Result<Pid> {
        let ready = Ready::new(launch)?;
        let room = Room::get()?;
        room.failure.store(0, Ordering::Relaxed);
        let us = rustix::process::getpid();
        // A signal must find the child either not yet there or ready to die of it.
        let mask = Mask::block_everything();
        let original = Mask::original().unwrap_or(mask);
        let mut child = Child { ready, launch, parent: us, mask: original, room };
        let pid = fork(&mut child);
        let error = io::Error::last_os_error();
        signals::belong_to_us();
        mask.set();
        // A failure is -1, which a `Pid` would take, and which to kill(2) is everybody.
        let pid = if pid > 0 { Pid::from_raw(pid) } else { None };
        let pid = pid.ok_or(error)?;
        match room.failure.load(Ordering::Relaxed) {
            0 => Ok(pid),
            errno => {
                let _reaped = rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::empty());
                Err(io::Error::from_raw_os_error(errno))
            }
        }
    }

    /// What the child is told.
    struct Child<'a> {
        ready: Ready,
        launch: &'a Launch<'a>,
        parent: Pid,
        mask: Mask,
        room: &'static Room,
    }

    /// Makes the child, and stands still until it executes something or ends (CLONE_VFORK). It shares our memory
    /// (CLONE_VM), as with vfork(2) and posix_spawn(3): to copy the page tables would cost a fifth of an attempt.
    /// Returns its pid, or -1.
    fn fork(child: &mut Child<'_>) -> libc::pid_t {
        let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
        let stack = child.room.top_of_stack();
        // SAFETY: the child has a stack of its own, and all that it is told lives until it is gone from our memory. It
        // calls only what is async-signal-safe. All signals are blocked, so no handler runs in it before it says that
        // they belong to the command.
        unsafe { libc::clone(run_child, stack, flags, ptr::from_mut(child).cast()) }
    }

    extern "C" fn run_child(child: *mut libc::c_void) -> libc::c_int {
        // SAFETY: `fork` passes a `Child`, which nobody else touches meanwhile.
        let child = unsafe { &mut *child.cast::<Child<'_>>() };
        let errno = child.ready.become_the_command(child.launch, child.parent, child.mask);
        child.room.failure.store(errno, Ordering::Relaxed);
        // SAFETY: ends the child at once; nothing of ours is flushed.
        unsafe { libc::_exit(127) }
    }

    /// Memory for the child, made once. A mapping, shared also where the rest is not (valgrind makes a fork of every
    /// clone).
    struct Room {
        /// Where the child says why it could not become the command. Not a pipe: descriptors may be short.
        failure: AtomicI32,
    }

    impl Room {
        /// Enough for the child's calls and for the frame of a signal handler, which holds all registers.
        const SIZE: usize = 1 << 16;

        fn get() -> io::Result<&'static Self> {
            static ROOM: OnceLock<&'static Room> = OnceLock::new();
            if let Some(room) = ROOM.get() {
                return Ok(room);
            }
            // SAFETY: a new mapping at no certain place, which is never unmapped; zeros are a valid `Room`.
            let room = unsafe {
                let access = ProtFlags::READ | ProtFlags::WRITE;
                &*mmap_anonymous(ptr::null_mut(), Self::SIZE, access, MapFlags::SHARED)?.cast::<Self>()
            };
            Ok(ROOM.get_or_init(|| room))
        }

        /// The stack grows down from the end of the mapping; `failure` is at its beginning.
        fn top_of_stack(&'static self) -> *mut libc::c_void {
            // SAFETY: the end of the mapping that `get` has made.
            unsafe { ptr::from_ref(self).cast_mut().cast::<u8>().add(Self::SIZE).cast() }
        }
    }

    /// Everything that the child needs, allocated before it is there: between fork and exec, malloc(3) is forbidden.
    struct Ready {
        /// The files that execvp(3) would try, in this order.
        files: Vec<CString>,
        /// The arguments with the null at their end.
        arguments: Pointers,
        /// As `arguments`, for a file that `/bin/sh` has to read: `/bin/sh`, the file, the rest.
        for_the_shell: Pointers,
        environment: Environment,
    }

    /// Texts as C wants them: pointers to them, and a null pointer at the end.
    struct Pointers {
        all: Vec<*const libc::c_char>,
        _texts: Vec<CString>,
    }

    impl Pointers {
        fn new(texts: Vec<CString>) -> Self {
            let mut all: Vec<_> = texts.iter().map(|text| text.as_ptr()).collect();
            all.push(ptr::null());
            Self { all, _texts: texts }
        }
    }

    impl Ready {
        fn new(launch: &Launch<'_>) -> io::Result<Self> {
            let texts = launch.words.iter().map(|word| CString::new(word.as_bytes()));
            let texts = texts.collect::<Result<Vec<_>, _>>()?;
            let program = launch.words.first().ok_or(io::ErrorKind::NotFound)?;
            let files = candidates(program)?;
            let mut shell = vec![c"/bin/sh".to_owned(), c"".to_owned()];
            shell.extend(texts.iter().skip(1).cloned());
            Ok(Self {
                files,
                arguments: Pointers::new(texts),
                for_the_shell: Pointers::new(shell),
                environment: Environment::new(launch.variables)?,
            })
        }

        /// In the child. Comes back only if nothing could be executed, with the reason.
        fn become_the_command(&mut self, launch: &Launch<'_>, parent: Pid, mask: Mask) -> libc::c_int {
            // SAFETY: system calls that are async-signal-safe, on values that live.
            unsafe {
                libc::prctl(libc::PR_SET_PDEATHSIG, launch.death_signal.0);
                // Our parent may have died before that: then the signal never comes.
                if libc::getppid() != parent.as_raw_nonzero().get() {
                    libc::_exit(127);
                }
                if launch.group == Group::Own {
                    libc::setpgid(0, 0);
                }
                for (stream, target) in launch.streams.iter().zip(0..) {
                    // They are above 2, since 0 to 2 were never free. The copy has no FD_CLOEXEC.
                    if let Some(fd) = stream
                        && libc::dup2(fd.as_raw_fd(), target) == -1
                    {
                        return *libc::__errno_location();
                    }
                }
                self.environment.name_the_process(libc::getpid());
            }
            signals::belong_to_the_command();
            mask.set();
            self.execute()
        }

        /// As execvp(3): a directory of PATH that has no such file, or not for us, is passed over; a file that the
        /// kernel cannot make sense of (a script without `#!`) is for the shell.
        fn execute(&mut self) -> libc::c_int {
            let mut refused = None;
            let mut last = libc::ENOENT;
            for file in &self.files {
                last = execve(file, &self.arguments.all, &self.environment.entries);
                if last == libc::ENOEXEC {
                    self.for_the_shell.all[1] = file.as_ptr();
                    return execve(c"/bin/sh", &self.for_the_shell.all, &self.environment.entries);
                }
                match last {
                    libc::EACCES => refused = Some(last),
                    libc::ENOENT | libc::ENOTDIR | libc::ESTALE | libc::ENODEV | libc::ETIMEDOUT => {}
                    _ => return last,
                }
            }
            refused.unwrap_or(last)
        }
    }

    fn execve(
        file: &CStr,
        arguments: &[*const libc::c_char],
        environment: &[*const libc::c_char],
    ) -> libc::c_int {
        // SAFETY: both lists end with a null pointer, and all that they point to lives.
        unsafe {
            libc::execve(file.as_ptr(), arguments.as_ptr(), environment.as_ptr());
            *libc::__errno_location()
        }
    }

    /// The files that a program's name may mean. A name without a slash is looked for in PATH, where an empty entry
    /// is the working directory.
    #[expect(clippy::disallowed_methods, reason = "PATH belongs to starting a command, not to settings")]
    fn candidates(program: &OsStr) -> io::Result<Vec<CString>> {
        let name = program.as_bytes();
        if name.is_empty() {
            return Err(io::Error::from_raw_os_error(libc::ENOENT));
        }
        if name.contains(&b'/') {
            return Ok(vec![CString::new(name)?]);
        }
        let path = std::env::var_os("PATH").unwrap_or_else(|| "/bin:/usr/bin".into());
        let file = |directory: &[u8]| match directory {
            [] => CString::new(name),
            _ => CString::new([directory, b"/", name].concat()),
        };
        Ok(path.as_bytes().split(|byte| *byte == b':').map(file).collect::<Result<_, _>>()?)
    }

    /// The environment of the command.
    struct Environment {
        /// `NAME=value`, and a null pointer at the end.
        entries: Vec<*const libc::c_char>,
        /// Ours, which `entries` points to.
        _texts: Vec<CString>,
        /// Those that hold the command's pid, which is not known yet, and where in the text it goes.
        pids: Vec<(Box<[u8]>, usize)>,
    }

    /// What systemd tells a service about itself, with the pid for which it is meant: sd_listen_fds(3),
    /// sd_watchdog_enabled(3), systemd.exec(5). The service is the command, not us.
    const PIDS: [&[u8]; 3] = [b"LISTEN_PID", b"WATCHDOG_PID", b"SYSTEMD_EXEC_PID"];
    /// The same process by another number, which we cannot know in time. Without it, the pid decides.
    const OTHER_PIDS: [&[u8]; 1] = [b"LISTEN_PIDFDID"];

    impl Environment {
        fn new(variables: &[(&'static str, String)]) -> io::Result<Self> {
            let us = rustix::process::getpid().as_raw_nonzero().to_string();
            let mut entries = Vec::new();
            let mut pids = Vec::new();
            let mut others = Vec::new();
            // SAFETY: environ(7) points to texts that end with a zero, and ends with a null pointer. Nothing of ours
            // ever changes it.
            let mut entry = unsafe { environ };
            // SAFETY: as above.
            while let Some(text) = unsafe { entry.as_ref() }.filter(|text| !text.is_null()) {
                // SAFETY: as above.
                let bytes = unsafe { CStr::from_ptr(*text) }.to_bytes();
                let name = bytes.split(|byte| *byte == b'=').next().unwrap_or_default();
                let value = bytes.get(name.len() + 1..).unwrap_or_default();
                if PIDS.contains(&name) && value == us.as_bytes() {
                    // Room for the digits of any pid, and zeros behind them.
                    let mut place = vec![0; name.len() + 1 + 21].into_boxed_slice();
                    place[..=name.len()].copy_from_slice(&bytes[..=name.len()]);
                    pids.push((place, name.len() + 1));
                } else if OTHER_PIDS.contains(&name) {
                    others.push(*text);
                } else if !variables.iter().any(|(ours, _)| ours.as_bytes() == name) {
                    entries.push(*text);
                }
                // SAFETY: the null pointer at the end was not reached.
                entry = unsafe { entry.add(1) };
            }
            if pids.is_empty() {
                entries.append(&mut others);
            }
            let texts = variables.iter().map(|(name, value)| CString::new([name, "=", value].concat()));
            let texts = texts.collect::<Result<Vec<_>, _>>()?;
            entries.extend(texts.iter().map(|text| text.as_ptr()));
            entries.extend(pids.iter().map(|(place, _)| place.as_ptr().cast()));
            entries.push(ptr::null());
            Ok(Self { entries, _texts: texts, pids })
        }

        /// In the child: writes its pid where it belongs, without allocating.
        fn name_the_process(&mut self, pid: libc::pid_t) {
            for (place, at) in &mut self.pids {
                let digits = pid.checked_ilog10().unwrap_or(0) + 1;
                let mut rest = pid.unsigned_abs();
                for position in (0..digits as usize).rev() {
                    place[*at + position] = b'0' + (rest % 10) as u8;
                    rest /= 10;
                }
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod with_std {
    use super::{Group, Launch};
    use rustix::io::Errno;
    use rustix::process::Pid;
    use std::ffi::OsString;
    use std::io;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::process::CommandExt;
    use std::path::PathBuf;
    use std::process::Command;

    /// Starts a command. There is no parent-death signal here.
    ///
    /// # Errors
    /// What posix_spawn(3) answers.
    pub fn start(launch: &Launch<'_>) -> io::Result<Pid> {
        let (program, arguments) = launch.words.split_first().ok_or(io::ErrorKind::NotFound)?;
        match spawn(launch, program, arguments) {
            // A script without `#!`. execvp(3) runs it with /bin/sh; posix_spawn(3) may not.
            Err(error) if Errno::from_io_error(&error) == Some(Errno::NOEXEC) => {
                let Some(file) = find(program) else { return Err(error) };
                let mut words = vec![file.into_os_string()];
                words.extend_from_slice(arguments);
                spawn(launch, &"/bin/sh".into(), &words)
            }
            other => other,
        }
    }

    fn spawn(launch: &Launch<'_>, program: &OsString, arguments: &[OsString]) -> io::Result<Pid> {
        let mut command = Command::new(program);
        command.args(arguments);
        command.envs(launch.variables.iter().map(|(name, value)| (name, value)));
        let [stdin, stdout, stderr] = launch.streams;
        if let Some(fd) = stdin {
            command.stdin(fd.try_clone()?);
        }
        if let Some(fd) = stdout {
            command.stdout(fd.try_clone()?);
        }
        if let Some(fd) = stderr {
            command.stderr(fd.try_clone()?);
        }
        if launch.group == Group::Own {
            command.process_group(0);
        }
        let child = command.spawn()?;
        i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or_else(|| Errno::SRCH.into())
    }

    /// The file that execvp(3) would have run.
    #[expect(clippy::disallowed_methods, reason = "PATH belongs to starting a command, not to settings")]
    fn find(program: &OsString) -> Option<PathBuf> {
        if program.as_bytes().contains(&b'/') {
            return Some(PathBuf::from(program));
        }
        let path = std::env::var_os("PATH").unwrap_or_else(|| OsString::from("/bin:/usr/bin"));
        std::env::split_paths(&path).map(|directory| directory.join(program)).find(|file| file.is_file())
    }
}
