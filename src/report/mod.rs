//! Everything that is printed: the events of [`crate::run::event`] as messages, logs and reports.
//!
//! | file | owns |
//! |---|---|
//! | [`reporter`] | the observer of the run, which gives each view what it shows |
//! | [`history`] | the attempts so far, as reports need them |
//! | [`sanitize`] | what makes text safe for the place where it is shown |
//! | [`stats`] | what `--stats` shows: tables, JSON, a page |
//! | [`state`] | shared state, for `--show-state` |
//! | [`text`] | the messages for people, to the letter |
//! | [`format`](mod@format) | durations, command names and arguments as text |
//! | [`json`] | log lines and the report for machines |
//! | [`junit`] | the JUnit file |
//! | [`log`] | where messages go: stderr, the journal, syslog, a file |
//! | [`github`] | what GitHub Actions shows |
//! | [`file`](mod@file) | files that are replaced whole or appended to |
//! | [`progress`] | the live line of a delay, and the heartbeat of a long silence |
//! | [`clock`] | times of day |
//! | [`output`] | the writes to stderr and stdout, and the width of a terminal |
//! | [`width`] | how many columns a text takes |
//! | [`wait_policy`] | how long a write waits for a reader or for a lock |
//!
//! Nothing outside this folder prints, and nothing in it makes a decision.

pub mod clock;
pub mod file;
pub mod format;
pub mod github;
pub mod history;
pub mod json;
pub mod junit;
pub mod log;
pub mod output;
pub mod progress;
pub mod reporter;
pub mod sanitize;
pub mod state;
pub mod stats;
pub mod text;
pub mod wait_policy;
pub mod width;
