//! Windows. No process gets a signal there: what stands for one is in [`caught`] and [`group`].
//!
//! | file | owns |
//! |---|---|
//! | [`caught`] | events of the console: Ctrl-C, Ctrl-Break, its end |
//! | [`children`] | the command: its end and its exit code |
//! | [`console`] | what a console shows |
//! | [`descendants`] | the processes that commands have started, by their jobs |
//! | `event` | event objects |
//! | [`files`] | reading and writing a file at an offset |
//! | [`group`] | the process group of a command on the console |
//! | [`input_file`] | files that are read for the user |
//! | `job` | job objects |
//! | [`job_control`] | stopping ourselves, which is not possible |
//! | [`local_socket`] | sockets of this machine, which do not exist here |
//! | [`nonblocking_reader`] | reading from an inherited handle without ever blocking: a thread |
//! | [`nonblocking_writer`] | writing to an inherited handle without ever blocking: a thread |
//! | [`output_file`] | a file that is written for the user |
//! | `overlapped` | a read or a write that goes on in the kernel |
//! | [`pipe`](mod@pipe) | pipes between the command and us |
//! | [`program`] | what is usual in command lines |
//! | [`readiness`] | waiting for streams, events and the command: WaitForMultipleObjects |
//! | [`record_directory`] | a directory of records that processes share |
//! | [`signals`] | what a Unix process does with signals to itself |
//! | [`spawn`] | starting a command: CreateProcessW, suspended until it is in its job |
//! | [`stdin`] | what our stdin is: a file that can be rewound, or a stream |
//! | [`stdio`] | the standard streams of this process |
//! | [`terminal`] | the modes of the console |
//! | [`this_process`] | this process: its start, its end |
//! | [`unnamed`] | a file in the directory for temporary files that only we can open |
//! | [`user`] | the user's directory for state |
//! | [`wakeup`] | the event with which a handler wakes the event loop |

pub mod caught;
pub mod children;
pub mod console;
pub mod descendants;
mod event;
pub mod files;
pub mod group;
pub mod input_file;
mod job;
pub mod job_control;
pub mod local_socket;
pub mod nonblocking_reader;
pub mod nonblocking_writer;
pub mod output_file;
mod overlapped;
pub mod pipe;
pub mod program;
pub mod readiness;
pub mod record_directory;
pub mod signals;
pub mod spawn;
pub mod stdin;
pub mod stdio;
pub mod terminal;
pub mod this_process;
pub mod unnamed;
pub mod user;
pub mod wakeup;
