//! `--dry-run`: the possible course of a plan, for people and as JSON. It runs nothing, and every number in it is a bound.
//!
//! | file | owns |
//! |---|---|
//! | `schedule` | the bounds of when attempts can start, and their arithmetic |
//! | `forecast` | the content of a dry run; the JSON object |
//! | `text` | the table and the sentences below it |
//! | `chart` | the bars beside the table |

mod chart;
mod forecast;
mod schedule;
mod text;

pub use forecast::json;
pub use text::text;

#[cfg(test)]
mod tests {
    use crate::cli::parse::{Invocation, parse};
    use crate::core::plan::Plan;
    use std::ffi::OsString;

    /// The plan of `retry FLAGS ./deploy`, outside of any other `retry`.
    pub fn plan_of(flags: &str) -> Plan {
        let words = ["retry"].into_iter().chain(flags.split_whitespace()).chain(["./deploy"]);
        match parse(words.map(OsString::from)) {
            Ok(Invocation::Run(plan)) => Plan { depth: 1, ..*plan },
            other => panic!("{flags}: {other:?}"),
        }
    }
}
