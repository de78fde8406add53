//! Starting a command: clone(2) and execve(2).
//!
//! Not through std's `Command`: that needs two descriptors for a pipe where it forks, leaves our handlers in the child
//! until it executes the command (a key that is pressed then is lost), gives up on a script without `#!`, sorts the
//! environment and drops entries without `=`. Its other way, posix_spawn(3), offers no parent-death signal and, in
//! glibc, leaves signals 32 and 33 ignored in the command.

use super::environment::Environment;
use crate::platform::group::ProcessGroup;
use crate::platform::launch::Launch;
use crate::platform::signals::Mask;
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};
use rustix::process::Pid;
use std::ffi::{CStr, CString, OsStr};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

/// Set in a child between clone(2) and execve(2), which shares our memory and has our signal handlers.
static IN_CHILD: AtomicBool = AtomicBool::new(false);

/// Whether this is the child, so that a signal was meant for the command.
pub fn is_child_before_exec() -> bool {
    IN_CHILD.load(Ordering::Relaxed)
}

/// Starts a command. Comes back when it runs, or cannot be run.
///
/// # Errors
/// What execve(2) and clone(2) answer, as execvp(3) would pass it on.
pub fn start(launch: &Launch<'_>) -> io::Result<Pid> {
    let prepared = Prepared::new(launch)?;
    let memory = ChildMemory::get()?;
    memory.failure.store(0, Ordering::Relaxed);
    let us = rustix::process::getpid();
    // No signal may come to the child before it dies of one: until then it has our handlers, which only count.
    let mask = Mask::block_everything();
    let original = Mask::original().unwrap_or(mask);
    let mut child = Child { prepared, launch, parent: us, mask: original, memory };
    let pid = fork(&mut child);
    let error = io::Error::last_os_error();
    // The child is gone from our memory. This comes before any signal is let through.
    IN_CHILD.store(false, Ordering::Relaxed);
    mask.set();
    // A failure is -1, which a `Pid` would take, and which to kill(2) is everybody.
    let pid = if pid > 0 { Pid::from_raw(pid) } else { None };
    let pid = pid.ok_or(error)?;
    match memory.failure.load(Ordering::Relaxed) {
        0 => Ok(pid),
        errno => {
            let _reaped = rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::empty());
            Err(io::Error::from_raw_os_error(errno))
        }
    }
}

/// What the child is told.
struct Child<'a> {
    prepared: Prepared,
    launch: &'a Launch<'a>,
    parent: Pid,
    mask: Mask,
    memory: &'static ChildMemory,
}

/// Makes the child, and stands still until it executes something or ends (CLONE_VFORK). It shares our memory
/// (CLONE_VM), as with vfork(2) and posix_spawn(3): to copy the page tables would cost a fifth of an attempt.
/// Returns its pid, or -1.
fn fork(child: &mut Child<'_>) -> libc::pid_t {
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    let stack = child.memory.top_of_stack();
    // SAFETY: the child has a stack of its own, and all that it is told lives until it is gone from our memory. It
    // calls only what is async-signal-safe. All signals are blocked, so no handler runs in it before it says that
    // they belong to the command.
    unsafe { libc::clone(run_child, stack, flags, ptr::from_mut(child).cast()) }
}

extern "C" fn run_child(child: *mut libc::c_void) -> libc::c_int {
    // SAFETY: `fork` passes a `Child`, which nobody else touches meanwhile.
    let child = unsafe { &mut *child.cast::<Child<'_>>() };
    let errno = child.prepared.become_the_command(child.launch, child.parent, child.mask);
    child.memory.failure.store(errno, Ordering::Relaxed);
    // SAFETY: ends the child at once; nothing of ours is flushed.
    unsafe { libc::_exit(127) }
}

/// Memory for the child, made once. A mapping, shared also where the rest is not (valgrind makes a fork of every
/// clone).
struct ChildMemory {
    /// Where the child says why it could not become the command. Not a pipe: descriptors may be short.
    failure: AtomicI32,
}

impl ChildMemory {
    /// Enough for the child's calls and for the frame of a signal handler, which holds all registers.
    const SIZE: usize = 1 << 16;

    fn get() -> io::Result<&'static Self> {
        static MEMORY: OnceLock<&'static ChildMemory> = OnceLock::new();
        if let Some(memory) = MEMORY.get() {
            return Ok(memory);
        }
        // SAFETY: a new mapping at no certain place, which is never unmapped; zeros are a valid `ChildMemory`.
        let memory = unsafe {
            let access = ProtFlags::READ | ProtFlags::WRITE;
            &*mmap_anonymous(ptr::null_mut(), Self::SIZE, access, MapFlags::SHARED)?.cast::<Self>()
        };
        Ok(MEMORY.get_or_init(|| memory))
    }

    /// The stack grows down from the end of the mapping; `failure` is at its beginning.
    fn top_of_stack(&'static self) -> *mut libc::c_void {
        // SAFETY: the end of the mapping that `get` has made.
        unsafe { ptr::from_ref(self).cast_mut().cast::<u8>().add(Self::SIZE).cast() }
    }
}

/// Everything that the child needs, allocated before it is there: between fork and exec, malloc(3) is forbidden.
struct Prepared {
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

impl Prepared {
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
            if launch.group == ProcessGroup::New {
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
            self.environment.insert_pid(libc::getpid());
        }
        // From now on a signal is the command's, and ends it if that is its default.
        IN_CHILD.store(true, Ordering::Relaxed);
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
