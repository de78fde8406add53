//! What all Unix systems share.
//!
//! | file | owns |
//! |---|---|
//! | [`children`] | what becomes of children, and signals to other processes |
//! | [`group`] | the process group that a command starts in, and what is sent to it |
//! | [`launch`] | what a command is started with |
//! | [`signals`] | catching, counting and taking signals, signal masks |
//! | [`this_process`] | this process: its start, its end, local time |
//! | [`wakeup`] | the descriptors by which a signal ends a sleep |

pub mod children;
pub mod group;
pub mod launch;
pub mod signals;
pub mod this_process;
pub mod wakeup;
