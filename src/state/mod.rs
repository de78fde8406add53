//! State that `retry` processes share: the circuit breakers and the retry budgets, by name.
//!
//! | file | owns |
//! |---|---|
//! | [`shared`] | what the loop asks: admit, record, renew, pay, deposit; and failing open |
//! | [`store`] | one operation to one record, in whichever store it is kept |
//! | [`operation`] | what can be asked, put to the rules or to a server that has them |
//! | [`mod@file`] | the store of a machine: a small file per record under a lock |
//! | `redis` | the store of a fleet: a Redis or Valkey server (cargo feature `redis`) |
//! | `connection` | the connection to it: what it may take in time and in memory |
//! | [`record`] | the bytes of a record in a file: versioned, checksummed, of one size |
//! | [`record_key`] | names of records: no name escapes its directory, none is too long |
//! | [`clock`] | the wall clock by which states are kept, and how long a store may take |
//!
//! The rules are [`retry_loop::circuit`] and [`retry_loop::bucket`]. Nothing here prints, and no lock
//! is held while a command runs.

pub mod clock;
#[cfg(feature = "redis")]
pub mod connection;
pub mod file;
pub mod operation;
pub mod record;
pub mod record_key;
#[cfg(feature = "redis")]
pub mod redis;
pub mod shared;
pub mod store;
