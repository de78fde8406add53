//! The server's word: how long a failed command was told to wait, read from what it printed. Owns the
//! grammar and the arithmetic of `--retry-after`. The clock and randomness are passed in, and nothing
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

use super::random::Random;
use std::time::Duration;

/// The random part is at most this share of what was asked for, so that clients part...
const SHARE: f64 = 0.1;
/// ...and never longer than this.
const SHARE_LIMIT: Duration = Duration::from_secs(5);

/// What the server said, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerHint {
    /// Nothing that is understood, or a time that has passed.
    Nothing,
    /// To wait so long from now.
    Wait(Duration),
    /// That another attempt soon is pointless, in these words: a quota of the day or a limit of money.
    Exhausted(&'static str),
}

/// What to do before the next attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Wait so long.
    Wait(Duration),
    /// Stop: so long a wait was asked for, and that is above `--max-retry-after`. A shorter one would be a
    /// failure for certain.
    TooLong(Duration),
    /// Stop: these words say that waiting will not help.
    Exhausted(&'static str),
}

impl ServerHint {
    /// The decision, where the delay would have been `own`.
    pub fn decide(self, own: Duration, limit: Duration, random: &mut Random) -> Decision {
        match self {
            Self::Nothing => Decision::Wait(own),
            Self::Wait(asked) if asked > limit => Decision::TooLong(asked),
            Self::Wait(asked) => Decision::Wait(delay(own, asked, random)),
            Self::Exhausted(words) => Decision::Exhausted(words),
        }
    }
}

/// `max(own, asked) + U(0, min(10 %, 5 s))`: never shorter than what was asked for.
pub fn delay(own: Duration, asked: Duration, random: &mut Random) -> Duration {
    let least = own.max(asked);
    let share = super::random::scale(least, SHARE).min(SHARE_LIMIT);
    least.saturating_add(random.between(Duration::ZERO, share))
}

#[cfg(test)]
mod evidence;
#[cfg(test)]
mod tests;
