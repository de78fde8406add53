//! `--generate`: the man page and the completions, made from the flags at run time, so that a packager
//! needs nothing but the binary. The committed files are this output; a test holds them equal.

use clap::{Command, ValueEnum};
use clap_complete::Shell;

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
    match what {
        What::Man => Vec::new(),
        What::Bash => completions(model, Shell::Bash),
        What::Zsh => completions(model, Shell::Zsh),
        What::Fish => completions(model, Shell::Fish),
        What::Powershell => completions(model, Shell::PowerShell),
        What::Elvish => completions(model, Shell::Elvish),
    }
}

fn completions(mut model: Command, shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut model, "retry", &mut script);
    script
}
