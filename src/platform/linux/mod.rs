//! Linux.
//!
//! | file | owns |
//! |---|---|
//! | [`descendants`] | the processes below us: child subreaper, /proc, pidfds |
//! | [`environment`] | the environment of a command |
//! | [`files`] | files without a name |
//! | [`group`] | the process group of a command |
//! | [`lifecycle`] | the parent-death signal, core files |
//! | [`siginfo`] | numbers of signals, and who has sent one |
//! | [`spawn`] | starting a command: clone and execve |
//! | [`streams`] | reading, writing and moving bytes without blocking |
//! | [`trace`] | children that want to be traced |
//! | [`wakeup`] | eventfd |

pub mod descendants;
mod environment;
pub mod files;
pub mod group;
pub mod lifecycle;
pub mod siginfo;
pub mod spawn;
pub mod streams;
pub mod trace;
pub mod wakeup;
