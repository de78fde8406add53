//! The event with which the handler of console events wakes the event loop. Commands do not inherit it.

use super::event::Event;
use std::io;
use std::os::windows::io::BorrowedHandle;

/// An event that a handler sets, and the event loop waits for.
#[derive(Debug)]
pub struct WakeupSource(&'static Event);

impl WakeupSource {
    /// Creates the event. It is never closed: the handler runs in a thread of its own, at any time.
    ///
    /// # Errors
    /// No handles left.
    pub fn new() -> io::Result<Self> {
        Ok(Self(Box::leak(Box::new(Event::new()?))))
    }

    /// The handler sets this.
    pub fn event(&self) -> &'static Event {
        self.0
    }

    /// What the event loop waits for.
    pub fn handle(&self) -> BorrowedHandle<'static> {
        self.0.handle()
    }

    /// Clears the event.
    pub fn clear(&self) {
        self.0.clear();
    }
}
