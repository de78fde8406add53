//! What was typed: flags, values, settings from the environment; generated files and the dry run.
//! Makes a [`crate::core::plan::Plan`] and runs nothing.
//!
//! | file | owns |
//! |---|---|
//! | [`args`] | the flags, their help and their groups: the one source for help, man page, completions |
//! | [`values`] | durations, numbers, jitter |
//! | [`sets`] | `--retry-on` and its kin |
//! | [`environment`] | the rules by which `RETRY_...` variables become flags |
//! | [`parse`](mod@parse) | from words to the plan, or to a text to print |
//! | [`usage_error`] | every usage error as one line |
//! | [`pitfalls`] | known traps: curl without `-f`, commands whose exit codes say nothing |
//! | [`dry_run`] | `--dry-run`: what a plan can lead to, for people and as JSON |
//! | [`texts`] | what help and man page both say beside the flags |
//! | [`generate`] | `--generate`: which file |
//! | [`man`] | the man page |
//! | [`completions`] | the completions, and how they go on into the command's own |

pub mod args;
pub mod completions;
pub mod dry_run;
pub mod environment;
pub mod generate;
pub mod man;
pub mod parse;
pub mod pitfalls;
pub mod presets;
pub mod sets;
pub mod texts;
pub mod usage_error;
pub mod values;

pub use args::Format;
pub use parse::{Invocation, Stats, parse};
pub use pitfalls::notes;
