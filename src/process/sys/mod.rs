//! The system calls that no safe crate offers, each behind a safe function. The only folder of the library with
//! `unsafe`; it decides nothing.
//!
//! | file | owns |
//! |---|---|
//! | [`signals`] | catching, counting and taking signals, signal masks |
//! | [`children`] | what becomes of children, and signals to other processes |
//! | [`start`] | starting a command: fork and exec |
//! | [`own`] | this process: its start, its command line, its death signal, local time |

#![expect(unsafe_code, reason = "sigaction, clone, execve, waitid, prctl and ptrace have no safe wrapper")]

pub mod children;
pub mod own;
pub mod signals;
pub mod start;
