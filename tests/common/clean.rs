//! What a child of a test does not inherit: signals and streams. The only `unsafe` of the tests.

#![expect(unsafe_code, reason = "pre_exec and sigaction have no safe wrapper")]

use rustix::fs::{Mode, OFlags, Stat, fstat, open};
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout, stderr, stdin, stdout};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Makes `command` begin with default signals, an empty mask, and /dev/null in place of each stream that it would
/// inherit.
pub fn start(command: &mut Command) {
    let ours = [fstat(stdin()), fstat(stdout()), fstat(stderr())];
    let clean = move || {
        reset_signals()?;
        let theirs: [BorrowedFd<'_>; 3] = [stdin(), stdout(), stderr()];
        for ((number, theirs), ours) in theirs.into_iter().enumerate().zip(&ours) {
            let inherited = match (fstat(theirs), ours) {
                (Ok(theirs), Ok(ours)) => same(&theirs, ours),
                // A stream that is closed here is closed there.
                (theirs, _) => theirs.is_err(),
            };
            if inherited {
                put_null(number)?;
            }
        }
        Ok(())
    };
    // SAFETY: between fork and exec it makes only system calls and owns no memory of the heap.
    unsafe { command.pre_exec(clean) };
}

fn same(one: &Stat, other: &Stat) -> bool {
    (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)
}

fn put_null(number: usize) -> io::Result<()> {
    let way = if number == 0 { OFlags::RDONLY } else { OFlags::WRONLY };
    let null = open(c"/dev/null", way | OFlags::CLOEXEC, Mode::empty())?;
    match number {
        0 => dup2_stdin(&null)?,
        1 => dup2_stdout(&null)?,
        _ => dup2_stderr(&null)?,
    }
    Ok(())
}

/// Not through sigaction(3), which refuses the two or three signals that the C library keeps for itself; its
/// posix_spawn leaves them ignored, and what is ignored is inherited.
#[cfg(target_os = "linux")]
fn set_default(signal: libc::c_int) {
    // The kernel's struct is smaller; zeros are SIG_DFL without flags and with an empty mask.
    let action = [0_u64; 16];
    let size_of_mask: libc::size_t = 8;
    // SAFETY: the action is big enough. It fails for KILL and STOP, which are never ignored.
    unsafe {
        libc::syscall(
            libc::SYS_rt_sigaction,
            libc::c_long::from(signal),
            action.as_ptr(),
            std::ptr::null::<u8>(),
            size_of_mask,
        )
    };
}

#[cfg(not(target_os = "linux"))]
fn set_default(signal: libc::c_int) {
    // SAFETY: no memory is involved.
    unsafe { libc::signal(signal, libc::SIG_DFL) };
}

fn reset_signals() -> io::Result<()> {
    const LAST: libc::c_int = if cfg!(target_os = "linux") { 64 } else { 31 };
    (1..=LAST).for_each(set_default);
    let mut none = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: sigemptyset fills the set before it is used.
    let done = unsafe {
        libc::sigemptyset(none.as_mut_ptr());
        libc::sigprocmask(libc::SIG_SETMASK, none.as_ptr(), std::ptr::null_mut())
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
