//! When a view of what goes on wants to be called again. Without such a view there is no such time, and
//! nothing wakes up for it.

use crate::core::output::Cursor;
use crate::report::event::Activity;
use std::fmt;
use std::time::Duration;

type Tick<'a> = Box<dyn FnMut(Activity) -> Option<Duration> + 'a>;

/// A view, and when it wants to be called.
#[derive(Default)]
pub struct ProgressTimer<'a> {
    tick: Option<Tick<'a>>,
    due: Option<Duration>,
}

impl<'a> ProgressTimer<'a> {
    /// `tick` returns after how long it wants to be called again, if at all.
    pub fn new(tick: impl FnMut(Activity) -> Option<Duration> + 'a) -> Self {
        Self { tick: Some(Box::new(tick)), due: None }
    }

    /// When it wants to be called, as time since the start.
    pub fn due(&self) -> Option<Duration> {
        self.due
    }

    /// Calls it.
    pub fn tick(&mut self, now: Duration, moment: Activity) {
        if let Some(tick) = &mut self.tick {
            self.due = tick(moment).map(|after| now.saturating_add(after));
        }
    }

    /// Tells it that a command was there.
    pub fn wrote(&mut self, cursor: Cursor) {
        self.tick(Duration::ZERO, Activity::Wrote { cursor });
        self.due = None;
    }

    /// Calls it for the last time until something begins.
    pub fn end(&mut self) {
        self.tick(Duration::ZERO, Activity::Over);
        self.due = None;
    }
}

impl fmt::Debug for ProgressTimer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProgressTimer").field("due", &self.due).finish_non_exhaustive()
    }
}
