//! Linux.
//!
//! | file | owns |
//! |---|---|
//! | [`descendants`] | our descendants: child subreaper, /proc, pidfds |
//! | [`environment`] | the environment of a command |
//! | [`files`] | files without a name |
//! | [`group`] | the process group of a command |
//! | [`lifecycle`] | the parent-death signal, core files |
//! | [`ptrace`] | children that ask to be traced |
//! | [`siginfo`] | signal numbers, and the sender of a signal |
//! | [`spawn`] | starting a command: clone and execve |
//! | [`streams`] | reading, writing and moving bytes without blocking |
//! | [`wakeup`] | eventfd |

pub mod descendants;
mod environment;
pub mod files;
pub mod group;
pub mod lifecycle;
pub mod ptrace;
pub mod siginfo;
pub mod spawn;
pub mod streams;
pub mod wakeup;
