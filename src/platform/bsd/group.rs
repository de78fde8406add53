//! A process group is the only way to reach what a command has started. The command gets one of its own where nobody can
//! notice: in a terminal's background, reading stops such a group, and Ctrl-C misses it.

use crate::platform::group::ProcessGroup;
use std::fs::File;
use std::sync::OnceLock;

/// The group of every command.
pub fn of_the_command() -> ProcessGroup {
    static DECIDED: OnceLock<ProcessGroup> = OnceLock::new();
    *DECIDED.get_or_init(|| match File::open("/dev/tty") {
        Ok(_controlling_terminal) => ProcessGroup::Inherited,
        Err(_) => ProcessGroup::New,
    })
}
