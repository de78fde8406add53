//! `--generate`: the man page and the completions, made from the flags at run time, so that a packager
//! needs nothing but the binary. The committed files are this output; a test holds them equal.

use super::{completions, man};
use clap::{Command, ValueEnum};

/// What `--generate` makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum What {
    /// man/retry.1
    Man,
    /// completions/retry.bash
    Bash,
    /// completions/_retry
    Zsh,
    /// completions/retry.fish
    Fish,
    /// completions/_retry.ps1
    Powershell,
    /// completions/retry.elv
    Elvish,
}

/// The text of it.
pub fn generate(model: Command, what: What) -> Vec<u8> {
    let text = match what {
        What::Man => man::page(&model),
        What::Bash => completions::bash(model),
        What::Zsh => completions::zsh(model),
        What::Fish => completions::fish(model),
        What::Powershell => completions::powershell(model),
        What::Elvish => completions::elvish(model),
    };
    text.into_bytes()
}
