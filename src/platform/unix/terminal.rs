//! The state of the terminal, saved before a command and restored after it. A command that is killed cannot restore
//! what it has changed: raw mode, no echo, its own process group in the foreground. We do that for it, as a shell for
//! its jobs.

use crate::platform::signals::with_sigttou_blocked;
use rustix::process::{Pid, getpgrp, test_kill_process_group};
use rustix::stdio;
use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcgetpgrp, tcsetattr, tcsetpgrp};
use std::os::fd::BorrowedFd;

/// The terminal that the command shares with us.
#[derive(Debug)]
pub struct Terminal {
    /// A standard stream that leads to it.
    fd: BorrowedFd<'static>,
    /// The settings before the command; `None` if we were in the background.
    before: Option<Termios>,
}

impl Terminal {
    /// The terminal behind our standard streams, if there is one.
    pub fn find() -> Option<Self> {
        let streams = [stdio::stdin(), stdio::stdout(), stdio::stderr()];
        // tcgetpgrp(3) succeeds for the controlling terminal only. We restore no other one.
        let fd = streams.into_iter().find(|fd| isatty(fd) && tcgetpgrp(fd).is_ok())?;
        Some(Self { fd, before: None })
    }

    /// Saves the settings. In the background the terminal is another job's, and nothing is saved.
    pub fn save(&mut self) {
        self.before = if self.foreground() == Some(getpgrp()) { tcgetattr(self.fd).ok() } else { None };
    }

    /// Takes the foreground from a process group that has ended. A group that still exists got it from a shell (`bg`),
    /// or is that of a command that still runs.
    pub fn take_foreground(&self) {
        if self.before.is_some()
            && let Some(group) = self.foreground()
            && group != getpgrp()
            && test_kill_process_group(group) == Err(rustix::io::Errno::SRCH)
        {
            // In the background this would stop us without `with_sigttou_blocked` (tcsetpgrp(3)).
            let _best_effort = with_sigttou_blocked(|| tcsetpgrp(self.fd, getpgrp()));
        }
    }

    /// Restores the settings, if we are in the foreground.
    pub fn restore(&self) {
        if let Some(before) = &self.before
            && self.foreground() == Some(getpgrp())
        {
            // `Now` does not wait for output, which a stopped terminal (Ctrl-S) would never write.
            let _hung_up = tcsetattr(self.fd, OptionalActions::Now, before);
        }
    }

    fn foreground(&self) -> Option<Pid> {
        tcgetpgrp(self.fd).ok()
    }
}
