//! macOS and FreeBSD.
//!
//! | file | owns |
//! |---|---|
//! | [`descendants`] | our descendants: the command, which stands for its process group |
//! | [`files`] | files without a name |
//! | [`group`] | the process group of a command |
//! | [`lifecycle`] | the parent-death signal, core files |
//! | [`ptrace`] | children that ask to be traced |
//! | [`siginfo`] | signal numbers, and the sender of a signal |
//! | [`spawn`] | starting a command: posix_spawn |
//! | [`streams`] | reading, writing and moving bytes without blocking |
//! | [`wakeup`] | a pipe |

pub mod descendants;
pub mod files;
pub mod group;
pub mod lifecycle;
pub mod ptrace;
pub mod siginfo;
pub mod spawn;
pub mod streams;
pub mod wakeup;
