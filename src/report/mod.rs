//! Every byte that is printed: what happened ([`event`]) and the views of it.
//!
//! | file | owns |
//! |---|---|
//! | [`reporter`] | the one receiver of events, which gives each view its part |
//! | [`record`] | the account of the run that reports are made of |
//! | [`safe`] | what makes text safe for each place that it goes to |
//! | [`stats`] | what `--stats` shows: a table, JSON, a page |
//! | [`state`] | what is shared, for `--show-state` |
//! | [`text`] | the lines for people, to the letter |
//! | [`json`] | the same for machines, and the report |
//! | [`junit`] | the JUnit file |
//! | [`log`] | where messages go: stderr, the journal, syslog, a file |
//! | [`github`] | what GitHub Actions shows |
//! | [`file`](mod@file) | files that are replaced whole or appended to |
//! | [`place`] | where a path leads, and which links are followed |
//! | [`progress`] | the live line of a delay, and the lines of long silences |
//! | [`clock`] | times of day |
//! | [`output`] | the writes to stderr and stdout, and how wide a terminal is |
//! | [`patience`] | how long others are waited for: a reader, the holder of a lock |
//!
//! Nothing outside this folder prints, and nothing in it decides anything.

pub mod clock;
pub mod file;
pub mod github;
pub mod json;
pub mod junit;
pub mod log;
pub mod output;
pub mod patience;
pub mod place;
pub mod progress;
pub mod record;
pub mod reporter;
pub mod safe;
pub mod state;
pub mod stats;
pub mod text;
