//! A signal that this process has received; on Windows, an event of the console.

use crate::core::signal::Signal;

/// What a received signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// HUP, INT, QUIT, TERM, and all events of a console: the end of the run, as soon as the command has ended.
    End,
    /// Something of the command: USR1, USR2, and for process 1 also WINCH, with which a container is told to shut down
    /// gracefully (httpd's STOPSIGNAL).
    Message,
    /// Something of the command, such as ALRM or a real-time signal. It ends the run if the command dies of it, or if
    /// no command runs.
    MessageOrEnd,
    /// TSTP, TTIN: a stop of the job.
    Stop,
    /// CONT: a continuation.
    Continue,
}

/// A signal from one origin, which came once or more often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// The signal.
    pub signal: Signal,
    /// Its sender.
    pub origin: Origin,
    /// How often it came since it was taken last.
    pub times: u32,
}

/// The sender of a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A process, with kill(2) or a similar call.
    Process,
    /// The kernel, for a key on the terminal, a hang-up or a timer.
    Kernel,
}
