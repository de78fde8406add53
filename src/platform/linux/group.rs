//! The command stays in our process group: its tree is found without one, and nobody who waits for a group, or presses
//! a key for one, misses it.

use crate::platform::group::ProcessGroup;

/// The group of every command.
pub fn of_the_command() -> ProcessGroup {
    ProcessGroup::Inherited
}
