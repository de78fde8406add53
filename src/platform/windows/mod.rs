//! Windows. No process gets a signal there: what stands for one is in [`caught`] and [`group`].
//!
//! | file | owns |
//! |---|---|
//! | [`caught`] | events of the console: Ctrl-C, Ctrl-Break, its end |
//! | [`children`] | the command: its end and its exit code |
//! | [`descendants`] | the processes that commands have started, by their jobs |
//! | `event` | event objects |
//! | [`files`] | reading and writing a file at an offset |
//! | [`group`] | the process group of a command on the console |
//! | `job` | job objects |
//! | [`job_control`] | stopping ourselves, which is not possible |
//! | [`nonblocking_reader`] | reading from an inherited handle without ever blocking: a thread |
//! | [`nonblocking_writer`] | writing to an inherited handle without ever blocking: a thread |
//! | `overlapped` | a read or a write that goes on in the kernel |
//! | [`pipe`](mod@pipe) | pipes between the command and us |
//! | [`readiness`] | waiting for streams, events and the command: WaitForMultipleObjects |
//! | [`signals`] | what a Unix process does with signals to itself |
//! | [`spawn`] | starting a command: CreateProcessW, suspended until it is in its job |
//! | [`stdin`] | what our stdin is: a file that can be rewound, or a stream |
//! | [`stdio`] | the standard streams of this process |
//! | [`terminal`] | the modes of the console |
//! | [`this_process`] | this process: its start, its end |
//! | [`unnamed`] | a file in the directory for temporary files that only we can open |
//! | [`wakeup`] | the event with which a handler wakes the event loop |

pub mod caught;
pub mod children;
pub mod descendants;
mod event;
pub mod files;
pub mod group;
mod job;
pub mod job_control;
pub mod nonblocking_reader;
pub mod nonblocking_writer;
mod overlapped;
pub mod pipe;
pub mod readiness;
pub mod signals;
pub mod spawn;
pub mod stdin;
pub mod stdio;
pub mod terminal;
pub mod this_process;
pub mod unnamed;
pub mod wakeup;
