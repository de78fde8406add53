//! The rules, pure: what to wait, what an outcome means, how it ends.
//!
//! Nothing here knows a clock, a file, the environment, tokio or a terminal. Time and randomness
//! are passed in, so every rule is tested as a function.
//!
//! | file | owns |
//! |---|---|
//! | [`attempt`] | the trait through which the loop runs whatever is retried |
//! | [`backoff`] | growth, cap and jitter: the delay after the nth failure |
//! | [`lines`] | a stream cut into lines, in bounded memory |
//! | [`outcome`] | how an attempt ended, how the run ended, and the exit table |
//! | [`output`] | rules about what a command prints, and what was seen of them |
//! | [`pattern`] | a regular expression that is matched line by line, over whole blocks |
//! | [`plan`] | everything that one invocation was asked to do |
//! | [`policy`] | sets, rules and the verdict on an outcome |
//! | [`preset`] | what well-known tools exit with and print when trouble will pass |
//! | [`random`] | the one source of randomness |
//! | [`retry_after`] | the server's word: how long a failed command was told to wait |
//! | [`signal`] | signal numbers and their names |

pub mod attempt;
pub mod backoff;
pub mod lines;
pub mod outcome;
pub mod output;
pub mod pattern;
pub mod plan;
pub mod policy;
pub mod preset;
pub mod random;
pub mod retry_after;
pub mod signal;
