//! What goes into a command and what comes out of it: kept, replayed, watched, held back, released.
//!
//! | file | owns |
//! |---|---|
//! | [`chunk`] | what one read has brought, written on and looked at |
//! | [`stdio`] | the three streams of the command through all attempts; what `process` asks |
//! | [`end`](mod@end) | the end of what an attempt wrote, for `--retry-if` |
//! | [`error`] | how a stream is lost |
//! | [`input`] | stdin: inherited and rewound, or replayed |
//! | [`output_pipe`] | stdout and stderr: a pipe from the command, watched, and passed on or held |
//! | [`own`] | a second open file description of what we inherited, which may be non-blocking |
//! | [`pipe`](mod@pipe) | pipes between the command and us |
//! | [`source`] | reading from a descriptor that others share, without ever blocking on it |
//! | [`spool`] | bytes that are kept: in memory, then in an unlinked file |
//! | [`unnamed`] | a file without a name in `$TMPDIR` |
//! | [`nonblocking_writer`] | writing to a descriptor that others share, without ever blocking on it |
//!
//! Nothing here waits: the one wait in `process` asks what to wait for, and lets everything advance as
//! far as it can. Nothing here judges: what was seen is handed over.

pub mod chunk;
pub mod end;
pub mod error;
pub mod input;
pub mod nonblocking_writer;
pub mod output_pipe;
pub mod own;
pub mod pipe;
pub mod source;
pub mod spool;
pub mod stdio;
pub mod unnamed;
