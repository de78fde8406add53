//! Every byte that is printed: what happened ([`event`]) and the views of it.
//!
//! | file | owns |
//! |---|---|
//! | [`event`] | the one enum of what can happen |
//! | [`state`] | what is shared, for `--show-state` |
//! | [`text`] | the lines for people, to the letter |
//! | [`output`] | the writes to stderr and stdout |
//!
//! Nothing outside this folder prints, and nothing in it decides anything.

pub mod event;
pub mod output;
pub mod state;
pub mod text;
