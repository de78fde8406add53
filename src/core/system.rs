//! The families of systems, as far as messages and the help depend on them.

/// Which shells, paths and manuals a person has at the prompt. A text that depends on it takes it as an argument, so that
/// the texts of all systems are tested on each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum System {
    /// sh and bash, man pages, signals.
    Unix,
    /// cmd and PowerShell.
    Windows,
}

impl System {
    /// All of them, for tests and documents.
    pub const ALL: [Self; 2] = [Self::Unix, Self::Windows];
}
