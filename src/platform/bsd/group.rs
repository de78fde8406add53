//! A process group is the only way to reach the processes that a command has started. A command gets a new one if there
//! is no controlling terminal. On a terminal it would be in the background, where reading stops it and Ctrl-C does not
//! reach it.

use crate::platform::group::ProcessGroup;
use std::fs::File;
use std::sync::OnceLock;

/// The choice for all commands.
pub fn for_commands() -> ProcessGroup {
    static GROUP: OnceLock<ProcessGroup> = OnceLock::new();
    *GROUP.get_or_init(|| match File::open("/dev/tty") {
        Ok(_controlling_terminal) => ProcessGroup::Inherited,
        Err(_) => ProcessGroup::New,
    })
}
