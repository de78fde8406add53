//! The parts that all Unix systems share.
//!
//! | file | owns |
//! |---|---|
//! | [`children`] | changes in the state of children, and signals to other processes |
//! | [`group`] | the process group of a command, and signals to it |
//! | [`launch`] | the arguments of a start |
//! | [`signals`] | catching, counting and taking signals, signal masks |
//! | [`this_process`] | this process: its start, its end, local time |
//! | [`wakeup`] | the descriptors with which a signal handler wakes the event loop |

pub mod children;
pub mod group;
pub mod launch;
pub mod signals;
pub mod this_process;
pub mod wakeup;
