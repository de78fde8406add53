//! When to tell the observer again what is in progress.

use crate::core::stream::Cursor;
use crate::run::event::{Activity, Observer};
use std::time::Duration;

/// Tells an observer what is in progress, and remembers when it wants to be told again.
#[derive(Debug, Default)]
pub struct ProgressTimer {
    due: Option<Duration>,
}

impl ProgressTimer {
    /// When to call [`Self::tick`] again, as time since the start of the run; `None` if the observer shows nothing.
    pub fn due(&self) -> Option<Duration> {
        self.due
    }

    /// Tells the observer what is in progress at `now`.
    pub fn tick<O>(&mut self, now: Duration, activity: Activity, observer: &mut dyn Observer<O>) {
        self.due = observer.activity(activity).map(|after| now.saturating_add(after));
    }

    /// Tells the observer that nothing is in progress any more.
    pub fn finish<O>(&mut self, observer: &mut dyn Observer<O>) {
        observer.activity(Activity::Finished);
        self.due = None;
    }

    /// Tells the observer where a command, or a key, has left the cursor of the terminal.
    pub fn cursor_moved<O>(&mut self, cursor: Cursor, observer: &mut dyn Observer<O>) {
        observer.activity(Activity::CursorMoved { cursor });
        self.due = None;
    }
}
