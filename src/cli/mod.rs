//! What was typed: flags, values, settings from the environment; generated files and the dry run.
//! Makes a [`crate::core::plan::Plan`] and runs nothing.
//!
//! | file | owns |
//! |---|---|
//! | [`args`] | the flags, their help and their groups: the one source of help, man page and completions |
//! | [`values`] | parsers of durations, numbers, jitter and other values |
//! | [`sets`] | the values of `--retry-on` and its kin |
//! | [`presets`] | the presets: files, names, and the preset of a command |
//! | [`environment`] | settings from `RETRY_...` variables, and other variables that matter |
//! | [`parse`](mod@parse) | from the words of an invocation to a plan to run or a text to print |
//! | [`plan`](mod@plan) | from the flags to the plan |
//! | [`checks`] | the checks that need more than one flag |
//! | [`meant`] | what was meant by a value that a flag does not take |
//! | [`shown`] | texts from elsewhere in messages: one line, no password |
//! | [`usage_error`] | every usage error as one line |
//! | [`pitfalls`] | curl without `-f`, commands whose exit status says nothing |
//! | [`dry_run`] | `--dry-run`: the possible course of a plan, for people and as JSON |
//! | [`texts`] | the texts that help and man page share |
//! | [`help`] | `-h` and `--help` |
//! | [`windows`] | the texts of the help and the good values that are others on Windows |
//! | [`differences`] | what differs by platform, for the man page |
//! | [`generate`] | `--generate`: the man page or the completions |
//! | [`man`] | the man page |
//! | [`manual`] | the man page as plain text |
//! | [`completions`] | the completions, which continue into those of the command |

pub mod args;
pub mod checks;
pub mod completions;
pub mod differences;
pub mod dry_run;
pub mod environment;
pub mod generate;
pub mod help;
pub mod man;
pub mod manual;
pub mod meant;
pub mod parse;
pub mod pitfalls;
pub mod plan;
pub mod presets;
pub mod sets;
pub mod shown;
pub mod texts;
pub mod usage_error;
pub mod values;
pub mod windows;

pub use args::Format;
pub use parse::{Invocation, ShowState, Stats, parse};
pub use pitfalls::notes;

use crate::core::system::System;

/// The flags that cannot do anything on this system.
pub const fn unsupported_flags(system: System) -> &'static [&'static str] {
    match system {
        System::Unix => &[],
        System::Windows => windows::UNSUPPORTED_FLAGS,
    }
}
