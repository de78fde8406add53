//! macOS and FreeBSD.
//!
//! | file | owns |
//! |---|---|
//! | [`descendants`] | the command, which stands for its process group |
//! | [`files`] | files without a name |
//! | [`group`] | the process group of a command |
//! | [`lifecycle`] | the parent-death signal, core files |
//! | [`siginfo`] | numbers of signals, and who has sent one |
//! | [`spawn`] | starting a command: posix_spawn |
//! | [`streams`] | reading, writing and moving bytes without blocking |
//! | [`trace`] | children that want to be traced |
//! | [`wakeup`] | a pipe |

pub mod descendants;
pub mod files;
pub mod group;
pub mod lifecycle;
pub mod siginfo;
pub mod spawn;
pub mod streams;
pub mod trace;
pub mod wakeup;
