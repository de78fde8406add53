//! Signal numbers and their names. Owns the table; sends and receives nothing.

use std::fmt;

/// A signal's number, as the kernel of this machine counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signal(pub i32);

macro_rules! named {
    ($($name:ident),* $(,)?) => {
        const NAMES: &[(i32, &str)] = &[$((libc::$name, stringify!($name))),*];
        impl Signal { $(#[doc = stringify!($name)] pub const $name: Self = Self(libc::$name);)* }
    };
}

named!(
    SIGHUP, SIGINT, SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGKILL, SIGUSR1, SIGSEGV, SIGUSR2,
    SIGPIPE, SIGALRM, SIGTERM, SIGCHLD, SIGCONT, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGXCPU,
    SIGXFSZ, SIGVTALRM, SIGPROF, SIGWINCH, SIGIO, SIGSYS,
);

impl Signal {
    /// `SIGKILL`, `kill` or `9`. `None` for what is no signal here.
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(number) = text.parse::<i32>() {
            return (1..=MAX).contains(&number).then_some(Self(number));
        }
        let upper = text.to_ascii_uppercase();
        let bare = upper.strip_prefix("SIG").unwrap_or(&upper);
        NAMES.iter().find(|(_, name)| &name[3..] == bare).map(|&(number, _)| Self(number))
    }

    /// The status that a shell shows for a death by this signal: 128 + its number.
    pub fn status(self) -> u8 {
        128_u8.saturating_add(u8::try_from(self.0).unwrap_or(u8::MAX))
    }
}

/// The highest signal number: 64 on Linux with its real-time signals, 31 or 32 elsewhere.
const MAX: i32 = if cfg!(target_os = "linux") { 64 } else { 32 };

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.iter().find(|(number, _)| *number == self.0) {
            Some((_, name)) => f.write_str(name),
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
            assert_eq!(Signal::parse(text), Some(Signal::SIGKILL), "{text}");
        }
        for text in ["", "SIG", "0", "-9", "65", "KILLED", "9 "] {
            assert_eq!(Signal::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn names_and_numbers_are_shown() {
        assert_eq!(Signal(9).to_string(), "SIGKILL");
        assert_eq!(Signal(40).to_string(), "signal 40");
        assert_eq!(Signal::SIGTERM.status(), 143);
    }
}
