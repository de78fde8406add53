//! `--stats`: what many runs have in common, from the reports that `--report` wrote. Owns the reading of such
//! files and the sums; prints nothing ([`crate::report::stats`] does) and writes no report.
//!
//! | file | owns |
//! |---|---|
//! | `line`(mod@line) | one line of a file: a run, or why it is none |
//! | `read`(mod@read) | files and stdin, line by line, and what was left out |
//! | `tally` | the sums: for all runs, by name, by day, by reason |
//!
//! Memory is bounded whatever a file holds: one line at a time, and a limited number of names, reasons and days.

pub mod line;
pub mod read;
pub mod tally;

pub use read::{ReadError, Remark, read};
pub use tally::{Group, Stats, Tally};
