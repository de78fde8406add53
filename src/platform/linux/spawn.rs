//! Starting a command: clone(2) and execve(2).
//!
//! std's `Command` is not used. When it forks, it needs two descriptors for a pipe, keeps our signal handlers in the
//! child until execve (a key that is pressed then is lost), fails for a script without `#!`, sorts the environment and
//! drops entries without `=`. When it uses posix_spawn(3), there is no parent-death signal, and glibc leaves signals 32
//! and 33 ignored in the command.

use super::environment::Environment;
use crate::platform::group::ProcessGroup;
use crate::platform::launch::Launch;
use crate::platform::signals::Mask;
use crate::platform::unix::program::argv;
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};
use rustix::process::Pid;
use std::ffi::{CStr, CString, OsStr};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

/// Set between clone(2) and execve(2) in a child, which shares our memory and has our signal handlers.
static IN_CHILD: AtomicBool = AtomicBool::new(false);

/// Whether this is the child, so that a signal is for the command.
pub fn is_child_before_exec() -> bool {
    IN_CHILD.load(Ordering::Relaxed)
}

pub use crate::platform::unix::start_error::is_transient;

/// Starts a command. Returns when it runs, or cannot be run.
///
/// # Errors
/// The errors of clone(2) and of execve(2), chosen as by execvp(3).
pub fn start(launch: &Launch<'_>) -> io::Result<Pid> {
    let prepared = Prepared::new(launch)?;
    let memory = ChildMemory::get()?;
    memory.failure.store(0, Ordering::Relaxed);
    let us = rustix::process::getpid();
    // Signals are blocked until they have their default action in the child: before, it has our handlers, which only
    // count.
    let mask = Mask::block_all();
    let original = Mask::original().unwrap_or(mask);
    let mut child = Child { prepared, launch, parent: us, mask: original, memory };
    let pid = fork(&mut child);
    let error = io::Error::last_os_error();
    // The child no longer uses our memory. This has to happen before signals are unblocked.
    IN_CHILD.store(false, Ordering::Relaxed);
    mask.set();
    // A failure is -1, which a `Pid` accepts, and which is every process for kill(2).
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

/// The argument of `run_child`.
struct Child<'a> {
    prepared: Prepared,
    launch: &'a Launch<'a>,
    parent: Pid,
    mask: Mask,
    memory: &'static ChildMemory,
}

/// Creates the child, and suspends us until it has executed a file or ended (CLONE_VFORK). It shares our memory
/// (CLONE_VM), as with vfork(2) and posix_spawn(3): copying the page tables would take a fifth of an attempt.
/// Returns its pid, or -1.
fn fork(child: &mut Child<'_>) -> libc::pid_t {
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    let stack = child.memory.top_of_stack();
    // SAFETY: the child has a stack of its own, and its argument lives as long as it uses our memory. It calls only
    // async-signal-safe functions. All signals are blocked, so no handler runs in it before IN_CHILD is set.
    unsafe { libc::clone(run_child, stack, flags, ptr::from_mut(child).cast()) }
}

extern "C" fn run_child(child: *mut libc::c_void) -> libc::c_int {
    // SAFETY: `fork` passes a `Child`, and does nothing with it meanwhile.
    let child = unsafe { &mut *child.cast::<Child<'_>>() };
    let errno = child.prepared.exec(child.launch, child.parent, child.mask);
    child.memory.failure.store(errno, Ordering::Relaxed);
    // SAFETY: _exit(2) ends the child at once, without flushing our buffers.
    unsafe { libc::_exit(127) }
}

/// Memory for the child, mapped once. It is shared even where the rest is not (valgrind turns every clone into a fork).
struct ChildMemory {
    /// The errno with which the child failed. A pipe would need descriptors, which may be short.
    failure: AtomicI32,
}

impl ChildMemory {
    /// In bytes: enough for the child's calls and for the frame of a signal handler, which has all registers.
    const SIZE: usize = 1 << 16;

    fn get() -> io::Result<&'static Self> {
        static MEMORY: OnceLock<&'static ChildMemory> = OnceLock::new();
        if let Some(memory) = MEMORY.get() {
            return Ok(memory);
        }
        // SAFETY: a new mapping at any address, which is never unmapped; zeros are a valid `ChildMemory`.
        let memory = unsafe {
            let access = ProtFlags::READ | ProtFlags::WRITE;
            &*mmap_anonymous(ptr::null_mut(), Self::SIZE, access, MapFlags::SHARED)?.cast::<Self>()
        };
        Ok(MEMORY.get_or_init(|| memory))
    }

    /// The stack grows down from the end of the mapping; `failure` is at its beginning.
    fn top_of_stack(&'static self) -> *mut libc::c_void {
        // SAFETY: this is the end of the mapping that `get` created.
        unsafe { ptr::from_ref(self).cast_mut().cast::<u8>().add(Self::SIZE).cast() }
    }
}

/// What the child needs, allocated before it exists: between fork and exec, malloc(3) is forbidden.
struct Prepared {
    /// The files that execvp(3) would try, in order.
    files: Vec<CString>,
    argv: CStringArray,
    /// The arguments to run a file with the shell: `/bin/sh`, the file, the rest.
    shell_argv: CStringArray,
    environment: Environment,
}

/// An array as C expects it: pointers to texts, and a null pointer at the end.
struct CStringArray {
    pointers: Vec<*const libc::c_char>,
    _texts: Vec<CString>,
}

impl CStringArray {
    fn new(texts: Vec<CString>) -> Self {
        let mut pointers: Vec<_> = texts.iter().map(|text| text.as_ptr()).collect();
        pointers.push(ptr::null());
        Self { pointers, _texts: texts }
    }
}

impl Prepared {
    fn new(launch: &Launch<'_>) -> io::Result<Self> {
        let argv = argv(launch.program);
        let texts = argv.iter().map(|argument| CString::new(argument.as_bytes()));
        let texts = texts.collect::<Result<Vec<_>, _>>()?;
        let program = argv.first().ok_or(io::ErrorKind::NotFound)?;
        let files = candidates(program)?;
        let mut shell = vec![c"/bin/sh".to_owned(), c"".to_owned()];
        shell.extend(texts.iter().skip(1).cloned());
        Ok(Self {
            files,
            argv: CStringArray::new(texts),
            shell_argv: CStringArray::new(shell),
            environment: Environment::new(launch.variables)?,
        })
    }

    /// Called in the child. Returns only if no file could be executed, with the errno.
    fn exec(&mut self, launch: &Launch<'_>, parent: Pid, mask: Mask) -> libc::c_int {
        // SAFETY: these system calls are async-signal-safe, and their arguments live.
        unsafe {
            libc::prctl(libc::PR_SET_PDEATHSIG, launch.death_signal.0);
            // If our parent died before that, the signal never comes.
            if libc::getppid() != parent.as_raw_nonzero().get() {
                libc::_exit(127);
            }
            if launch.group == ProcessGroup::New {
                libc::setpgid(0, 0);
            }
            for (stream, target) in launch.streams.iter().zip(0..) {
                // The descriptors are above 2, because 0 to 2 were never free. The copy has no FD_CLOEXEC.
                if let Some(fd) = stream
                    && libc::dup2(fd.as_raw_fd(), target) == -1
                {
                    return *libc::__errno_location();
                }
            }
            self.environment.insert_pid(libc::getpid());
        }
        // From now on, a signal is for the command, and ends it if that is its default action.
        IN_CHILD.store(true, Ordering::Relaxed);
        mask.set();
        self.execute()
    }

    /// Executes the first file that can be executed, as execvp(3): a directory of PATH without the file, or without
    /// permission, is skipped, and a file that the kernel cannot execute (a script without `#!`) is run by the shell.
    fn execute(&mut self) -> libc::c_int {
        let mut forbidden = None;
        let mut last = libc::ENOENT;
        for file in &self.files {
            last = execve(file, &self.argv.pointers, &self.environment.entries);
            if last == libc::ENOEXEC {
                self.shell_argv.pointers[1] = file.as_ptr();
                return execve(c"/bin/sh", &self.shell_argv.pointers, &self.environment.entries);
            }
            match last {
                libc::EACCES => forbidden = Some(last),
                libc::ENOENT | libc::ENOTDIR | libc::ESTALE | libc::ENODEV | libc::ETIMEDOUT => {}
                _ => return last,
            }
        }
        forbidden.unwrap_or(last)
    }
}

fn execve(file: &CStr, argv: &[*const libc::c_char], environment: &[*const libc::c_char]) -> libc::c_int {
    // SAFETY: both arrays end with a null pointer, and the texts live.
    unsafe {
        libc::execve(file.as_ptr(), argv.as_ptr(), environment.as_ptr());
        *libc::__errno_location()
    }
}

/// The files that a program's name stands for. A name without a slash is searched in PATH, where an empty entry is the
/// working directory.
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
