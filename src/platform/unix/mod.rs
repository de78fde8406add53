//! The parts that all Unix systems share.
//!
//! | file | owns |
//! |---|---|
//! | [`caught`] | which signals are caught, and what each one means |
//! | [`children`] | changes in the state of children, and signals to other processes |
//! | [`console`] | what a terminal shows |
//! | `descriptor` | what an inherited descriptor refers to, and a second open file description of it |
//! | [`files`] | reading and writing a file at an offset |
//! | [`group`] | the process group of a command, and signals to it |
//! | [`input_file`] | files that are read for the user |
//! | [`job_control`] | whether a terminal makes job control possible; stopping ourselves |
//! | [`local_socket`] | the sockets of the journal, of syslog, of a server on this machine |
//! | [`nonblocking_reader`] | reading from an inherited descriptor without ever blocking |
//! | [`nonblocking_writer`] | writing to an inherited descriptor without ever blocking |
//! | [`output_file`] | a file that is written for the user |
//! | [`pipe`](mod@pipe) | pipes between the command and us |
//! | [`program`] | what is usual in command lines |
//! | [`readiness`] | waiting for streams and signals: poll(2) |
//! | [`record_directory`] | a directory of records that processes share |
//! | [`signals`] | catching, counting and taking signals, signal masks |
//! | [`start_error`] | why a command cannot be started |
//! | [`stdin`] | what our stdin is: a file that can be rewound, or a stream |
//! | [`stdio`] | the standard streams of this process |
//! | [`terminal`] | the terminal's settings and foreground group |
//! | [`this_process`] | this process: its start, its end, local time |
//! | [`unnamed`] | a file without a name in `$TMPDIR` |
//! | [`user`] | the user's directory for state |
//! | [`wakeup`] | the descriptors with which a signal handler wakes the event loop |

pub mod caught;
pub mod children;
pub mod console;
mod descriptor;
pub mod files;
pub mod group;
pub mod input_file;
pub mod job_control;
pub mod local_socket;
pub mod nonblocking_reader;
pub mod nonblocking_writer;
pub mod output_file;
pub mod pipe;
pub mod program;
pub mod readiness;
pub mod record_directory;
pub mod signals;
pub mod start_error;
pub mod stdin;
pub mod stdio;
pub mod terminal;
pub mod this_process;
pub mod unnamed;
pub mod user;
pub mod wakeup;
