//! When the observer wants to be told again what goes on.

use crate::core::stream::Cursor;
use crate::run::event::{Activity, Observer};
use std::time::Duration;

/// Tells an observer what goes on, and knows when it wants to be told again.
#[derive(Debug, Default)]
pub struct ProgressTimer {
    due: Option<Duration>,
}

impl ProgressTimer {
    /// When the observer wants to be told again, as time since the start; none if nothing goes on that it shows.
    pub fn due(&self) -> Option<Duration> {
        self.due
    }

    /// Tells it what goes on at `now`.
    pub fn tick<O>(&mut self, now: Duration, activity: Activity, observer: &mut dyn Observer<O>) {
        self.due = observer.activity(activity).map(|after| now.saturating_add(after));
    }

    /// Tells it where a command has left the cursor of the terminal.
    pub fn wrote<O>(&mut self, cursor: Cursor, observer: &mut dyn Observer<O>) {
        observer.activity(Activity::Wrote { cursor });
        self.due = None;
    }

    /// Tells it that what went on is over.
    pub fn end<O>(&mut self, observer: &mut dyn Observer<O>) {
        observer.activity(Activity::Over);
        self.due = None;
    }
}
