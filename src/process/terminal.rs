//! The terminal, as it was before an attempt. A command that is killed cannot put back what it has changed: raw
//! mode, no echo, its own process group in the foreground. A shell does that for its jobs, and so do we.

use crate::platform::signals::with_terminal_output_allowed;
use rustix::process::{Pid, getpgrp, test_kill_process_group};
use rustix::stdio;
use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcgetpgrp, tcsetattr, tcsetpgrp};
use std::os::fd::BorrowedFd;

/// The terminal that the command shares with us.
#[derive(Debug)]
pub struct Terminal {
    /// A standard stream that leads to it.
    fd: BorrowedFd<'static>,
    /// As it was before the attempt; nothing where it was not ours to change.
    before: Option<Termios>,
}

impl Terminal {
    /// The terminal behind our standard streams, if there is one.
    pub fn find() -> Option<Self> {
        let streams = [stdio::stdin(), stdio::stdout(), stdio::stderr()];
        // tcgetpgrp(3) answers for the controlling terminal only, which is the only one that is ours to mend.
        let fd = streams.into_iter().find(|fd| isatty(fd) && tcgetpgrp(fd).is_ok())?;
        Some(Self { fd, before: None })
    }

    /// Remembers the terminal as it is. In the background it belongs to someone else.
    pub fn save(&mut self) {
        self.before = if self.foreground() == Some(getpgrp()) { tcgetattr(self.fd).ok() } else { None };
    }

    /// Takes the foreground back from a group that is gone. One that lives has it from a shell (`bg`), or from a command
    /// that goes on.
    pub fn take_foreground(&self) {
        if self.before.is_some()
            && let Some(group) = self.foreground()
            && group != getpgrp()
            && test_kill_process_group(group) == Err(rustix::io::Errno::SRCH)
        {
            // From the background this stops us, or fails in an orphaned process group (tcsetpgrp(3)).
            let _not_ours = with_terminal_output_allowed(|| tcsetpgrp(self.fd, getpgrp()));
        }
    }

    /// Puts the settings back, if the terminal is ours.
    pub fn restore(&self) {
        if let Some(before) = &self.before
            && self.foreground() == Some(getpgrp())
        {
            // At once: a terminal that is stopped (Ctrl-S) would never have written all that is to be written.
            let _hung_up = tcsetattr(self.fd, OptionalActions::Now, before);
        }
    }

    fn foreground(&self) -> Option<Pid> {
        tcgetpgrp(self.fd).ok()
    }
}
