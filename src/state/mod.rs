//! State that `retry` processes share: circuit breakers and retry budgets, by name.
//!
//! | file | owns |
//! |---|---|
//! | [`shared`] | the shared state of one run, which fails open |
//! | [`fail_open`] | the store of a run, and what it uses instead after an error |
//! | [`inspect`] | what is shared, for a person: `--show-state` and `--reset-state` |
//! | [`store`] | one operation on one record, in whichever store it is kept |
//! | [`operation`] | the operations, as calls of the rules and as arguments of a server's scripts |
//! | [`mod@file`] | the store of one machine: a small file per record, under a lock |
//! | `redis` | the store of a fleet: a Redis or Valkey server (cargo feature `redis`) |
//! | `connection` | the connection to the server, with its limits on time and memory |
//! | [`error`] | what a store returns: replies and errors |
//! | [`timeout`] | how long a store may take |
//! | [`record`] | what a record may hold, and its bytes in a file |
//! | [`record_key`] | names of records, as file names and as keys |
//! | [`clock`] | the wall clock of shared state |
//!
//! The rules are [`retry_loop::circuit`] and [`retry_loop::bucket`]. Nothing here prints, and no lock
//! is held while a command runs.

pub mod clock;
#[cfg(feature = "redis")]
pub mod connection;
pub mod error;
pub mod fail_open;
pub mod file;
pub mod inspect;
pub mod operation;
pub mod record;
pub mod record_key;
#[cfg(feature = "redis")]
pub mod redis;
pub mod shared;
pub mod store;
pub mod timeout;
