//! The rules, pure: what to wait, what an outcome means, how it ends.
//!
//! Nothing here knows a clock, a file, the environment, tokio or a terminal. Time and randomness
//! are passed in, so every rule is tested as a function.
//!
//! | file | owns |
//! |---|---|
//! | [`account`] | a run that is over, in a few numbers |
//! | [`clean`] | text without colours and cursor movements |
//! | [`duration`] | how a duration is written |
//! | [`lines`] | a stream cut into lines, in bounded memory |
//! | [`outcome`] | how an attempt ended, how the run ended, and the exit table |
//! | [`output`] | rules about what a command prints, and what was seen of them |
//! | [`pattern`] | a regular expression that is matched line by line, over whole blocks |
//! | [`plan`] | everything that one invocation was asked to do |
//! | [`rules`] | sets, rules and the verdict on an outcome |
//! | [`preset`] | what well-known tools exit with and print when trouble will pass |
//! | [`os_error`] | the system's words for an error |
//! | [`retry_after`] | the server's word: how long a failed command was told to wait |
//! | [`shared`] | what an invocation wants to share with others: names, settings, where |
//! | [`signal`] | signal numbers and their names |
//! | [`tail`] | the end of a stream, in bounded memory |

pub mod account;
pub mod clean;
pub mod duration;
pub mod lines;
pub mod os_error;
pub mod outcome;
pub mod output;
pub mod pattern;
pub mod plan;
pub mod preset;
pub mod retry_after;
pub mod rules;
pub mod run_id;
pub mod shared;
pub mod signal;
pub mod tail;
