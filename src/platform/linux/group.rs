//! Commands stay in our process group. Their trees are found without a new group, and a process that waits for our
//! group, or a key for it, reaches the command as well.

use crate::platform::group::ProcessGroup;

/// The choice for all commands.
pub fn for_commands() -> ProcessGroup {
    ProcessGroup::Inherited
}
