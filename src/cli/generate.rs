//! `--generate`: the man page and the completions, generated from the flags at run time, so that a packager needs only
//! the binary. The committed files are this output; a test compares them.

use super::{completions, help, man, manual};
use crate::platform::program::SYSTEM;
use clap::{Command, ValueEnum};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Product {
    /// The man page
    Man,
    /// The man page as plain text
    Text,
    /// Completions for bash
    Bash,
    /// Completions for zsh
    Zsh,
    /// Completions for fish
    Fish,
    /// Completions for PowerShell
    Powershell,
    /// Completions for Elvish
    Elvish,
}

pub fn generate(model: Command, product: Product) -> Vec<u8> {
    let model = match product {
        Product::Man | Product::Text => model,
        _ => help::for_completions(model, SYSTEM),
    };
    let text = match product {
        Product::Man => man::page(&model),
        Product::Text => manual::text(&man::page(&model)),
        Product::Bash => completions::bash(model),
        Product::Zsh => completions::zsh(model),
        Product::Fish => completions::fish(model),
        Product::Powershell => completions::powershell(model),
        Product::Elvish => completions::elvish(model),
    };
    text.into_bytes()
}
