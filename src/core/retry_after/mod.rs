//! The delay that a server asks for, parsed from the output of a failed command: the grammar and the arithmetic of
//! `--retry-after`. The clock is passed in. The result never makes a failure worth another attempt: it only says when,
//! or that waiting does not help.
//!
//! | file | owns |
//! |---|---|
//! | [`forms`] | the table of the forms in which servers ask |
//! | `parser` | the stream of lines, and which of them belong to which response |
//! | `line` | one line without what tools put around it, and the status of a response |
//! | `response` | which of the demands of a response counts |
//! | `field`, `value` | headers and members of objects |
//! | `phrase` | sentences for people |
//! | `amount`, `date` | durations and points in time |
//!
//! From 10^9 seconds on, a number is a point in time. A number that is negative, above 10^11 s or malformed is ignored:
//! a wrong delay is worse than none.

mod amount;
mod date;
mod field;
pub mod forms;
mod line;
mod parser;
mod phrase;
mod response;
mod value;

pub use parser::HintParser;

#[cfg(test)]
mod test_outputs;
#[cfg(test)]
mod tests;
