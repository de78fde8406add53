//! Signal numbers and their names.

use super::exit_code::{CONTROL_C_EXIT, ExitCode};
use super::system::System;
use std::fmt;

/// Whether processes can be sent signals, and die by them.
pub const HAS_SIGNALS: bool = cfg!(unix);

/// The number of a signal on this system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signal(pub i32);

macro_rules! named {
    ($names:ident: $($name:ident = $number:expr),* $(,)?) => {
        const $names: &[(i32, &str)] = &[$(($number, stringify!($name))),*];
        impl Signal { $(#[doc = stringify!($name)] pub const $name: Self = Self($number);)* }
    };
    ($names:ident: $($name:ident),* $(,)?) => { named!($names: $($name = libc::$name),*); };
}

#[cfg(unix)]
named!(NAMES:
    SIGHUP, SIGINT, SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGKILL, SIGUSR1, SIGSEGV, SIGUSR2,
    SIGPIPE, SIGALRM, SIGTERM, SIGCHLD, SIGCONT, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGXCPU,
    SIGXFSZ, SIGVTALRM, SIGPROF, SIGWINCH, SIGIO, SIGSYS,
);

#[cfg(target_os = "linux")]
named!(LINUX_NAMES: SIGPWR, SIGSTKFLT, SIGPOLL);

// Windows has no signals. These stand for what reaches a console program there, with the numbers of the C runtime
// and the names of libuv: Ctrl-C, Ctrl-Break, the closing of the console, the end of the session; SIGKILL for
// TerminateJobObject, SIGPIPE for the end of a reader.
#[cfg(windows)]
named!(NAMES: SIGHUP = 1, SIGINT = 2, SIGQUIT = 3, SIGKILL = 9, SIGPIPE = 13, SIGTERM = 15, SIGBREAK = 21);

/// The same for people.
const WINDOWS_EVENTS: &[(i32, &str)] = &[
    (1, "the closing of the console"),
    (2, "Ctrl-C"),
    (9, "TerminateJobObject"),
    (15, "the end of the session"),
    (21, "Ctrl-Break"),
];

#[cfg(not(target_os = "linux"))]
const LINUX_NAMES: &[(i32, &str)] = &[];

/// SIGRTMIN as kill(1) and the shells of Linux count. The C library keeps the two below for itself.
const FIRST_REAL_TIME: i32 = 34;
const LAST_REAL_TIME: i32 = 64;

impl Signal {
    /// What a time limit sends first, unless `--timeout-signal` says something else.
    #[cfg(unix)]
    pub const FIRST_OF_LIMIT: Self = Self::SIGTERM;
    #[cfg(windows)]
    pub const FIRST_OF_LIMIT: Self = Self::SIGBREAK;

    /// Parses `SIGKILL`, `kill` or `9`. `None` if this system has no such signal.
    pub fn parse(text: &str) -> Option<Self> {
        if !HAS_SIGNALS {
            return None;
        }
        if let Ok(number) = text.parse::<i32>() {
            return (1..=MAX).contains(&number).then_some(Self(number));
        }
        let upper = text.to_ascii_uppercase();
        let bare = upper.strip_prefix("SIG").unwrap_or(&upper);
        let named = NAMES.iter().chain(LINUX_NAMES).find(|(_, name)| &name[3..] == bare);
        named.map(|&(number, _)| Self(number)).or_else(|| Self::real_time(bare))
    }

    /// `RTMIN`, `RTMIN+3`, `RTMAX-1`.
    fn real_time(bare: &str) -> Option<Self> {
        let offset = |text: &str, sign| match text.strip_prefix(sign) {
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok(),
            _ => text.is_empty().then_some(0),
        };
        let number = match (bare.strip_prefix("RTMIN"), bare.strip_prefix("RTMAX")) {
            (Some(rest), _) => FIRST_REAL_TIME.checked_add(offset(rest, '+')?)?,
            (_, Some(rest)) => LAST_REAL_TIME.checked_sub(offset(rest, '-')?)?,
            (None, None) => return None,
        };
        (cfg!(target_os = "linux") && (FIRST_REAL_TIME..=LAST_REAL_TIME).contains(&number))
            .then_some(Self(number))
    }

    /// As people know it: by its name, on Windows by the event or the call that it stands for.
    pub fn known_as(self, system: System) -> String {
        let event = WINDOWS_EVENTS.iter().find(|(number, _)| *number == self.0);
        match (system, event) {
            (System::Windows, Some((_, event))) => (*event).to_owned(),
            _ => self.to_string(),
        }
    }

    /// The status that a shell shows for a death by this signal: 128 + its number. On Windows: the code of a process
    /// that Ctrl-C has ended, but 141 for SIGPIPE.
    pub fn status(self) -> ExitCode {
        if HAS_SIGNALS || self == Self::SIGPIPE {
            128 + ExitCode::from(u8::try_from(self.0).unwrap_or(127).min(127))
        } else {
            CONTROL_C_EXIT
        }
    }
}

/// The highest signal number: 64 on Linux with its real-time signals, 31 or 32 elsewhere.
const MAX: i32 = if cfg!(target_os = "linux") { LAST_REAL_TIME } else { 32 };

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.iter().chain(LINUX_NAMES).find(|(number, _)| *number == self.0) {
            Some((_, name)) => f.write_str(name),
            None if self.0 == FIRST_REAL_TIME && cfg!(target_os = "linux") => f.write_str("SIGRTMIN"),
            None if self.0 > FIRST_REAL_TIME && cfg!(target_os = "linux") => {
                write!(f, "SIGRTMIN+{}", self.0 - FIRST_REAL_TIME)
            }
            None => write!(f, "signal {}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_read() {
        for text in ["SIGKILL", "KILL", "kill", "sigkill", "9"] {
            assert_eq!(Signal::parse(text), HAS_SIGNALS.then_some(Signal::SIGKILL), "{text}");
        }
        for text in [
            "", "SIG", "0", "-9", "65", "KILLED", "9 ", "RTMIN-1", "RTMIN+31", "RTMAX+1", "RTMIN+",
            "RTMIN+ 1",
        ] {
            assert_eq!(Signal::parse(text), None, "{text:?}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn real_time_signals_have_the_names_of_the_shell() {
        for number in 34..=64 {
            let signal = Signal(number);
            assert_eq!(Signal::parse(&signal.to_string()), Some(signal));
        }
        for (text, number) in [("RTMIN", 34), ("SIGRTMIN+3", 37), ("rtmax", 64), ("RTMAX-14", 50)] {
            assert_eq!(Signal::parse(text), Some(Signal(number)), "{text}");
        }
        assert_eq!(Signal(37).to_string(), "SIGRTMIN+3");
    }

    #[test]
    fn people_on_windows_know_events_and_no_signals() {
        for (signal, event) in [(Signal::SIGINT, "Ctrl-C"), (Signal::SIGKILL, "TerminateJobObject")] {
            assert_eq!(signal.known_as(System::Windows), event);
            assert_eq!(signal.known_as(System::Unix), signal.to_string());
        }
        if !HAS_SIGNALS {
            assert_eq!(Signal::FIRST_OF_LIMIT.known_as(System::Windows), "Ctrl-Break");
        }
    }

    #[test]
    fn names_and_numbers_are_shown() {
        assert_eq!(Signal(9).to_string(), "SIGKILL");
        assert_eq!(Signal(32).to_string(), "signal 32");
        assert_eq!(Signal::SIGTERM.status(), if HAS_SIGNALS { 143 } else { CONTROL_C_EXIT });
        assert_eq!(Signal::SIGPIPE.status(), 141);
    }
}
