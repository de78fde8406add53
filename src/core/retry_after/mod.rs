//! The server's word: how long a failed command was told to wait, read from what it printed. Owns the
//! grammar and the arithmetic of `--retry-after`. The clock is passed in, and nothing
//! here makes a failure worth another attempt: it only says when, or that waiting will not help.
//!
//! | file | owns |
//! |---|---|
//! | [`forms`] | the table of the forms in which servers say it |
//! | `parser` | the stream of lines, and which of them belong to which answer |
//! | `line` | one line without what tools put around it, and the status of an answer |
//! | `answer` | which of the demands of an answer counts |
//! | `field`, `value` | headers and members of objects |
//! | `phrase` | what people are told |
//! | `amount`, `date` | lengths of time and points in time |
//!
//! From 10^9 seconds on, a number is a point in time. What is negative, above 10^11 s, or no number is
//! ignored: a wrong number is worse than none.

mod amount;
mod answer;
mod date;
mod field;
pub mod forms;
mod line;
mod parser;
mod phrase;
mod value;

pub use parser::HintParser;

#[cfg(test)]
mod evidence;
#[cfg(test)]
mod tests;
