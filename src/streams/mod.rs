//! What goes into a command and what comes out of it: replayed, searched, passed on, held, released.
//!
//! | file | owns |
//! |---|---|
//! | [`stdio`] | the three streams of the command through all attempts, as `process` uses them |
//! | [`input`] | stdin: inherited and rewound, or replayed |
//! | [`output_pipe`] | stdout and stderr: a pipe from the command, whose output is passed on or held |
//! | [`scanner`] | the search in the output of an attempt |
//! | [`recent_output`] | the end of an attempt's output, for `--retry-if` |
//! | [`spool`] | bytes that are kept: in memory, then in an unlinked file |
//! | [`chunk`] | the bytes of one read, with what is written and what is searched of them |
//! | [`time_slice`] | how long one stream may take before it is the turn of others |
//! | [`error`] | errors that lose a part of a stream |
//!
//! Nothing here waits: the event loop in `process` asks what to wait for, and lets everything advance as far as
//! it can. Nothing here judges: it returns what it has found.

pub mod chunk;
pub mod error;
pub mod input;
pub mod output_pipe;
pub mod recent_output;
pub mod scanner;
pub mod spool;
pub mod stdio;
pub mod time_slice;
