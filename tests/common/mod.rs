//! What the tests of the binary share.
#![allow(dead_code, clippy::allow_attributes, reason = "each test file uses its own part")]

pub mod bad_values;
pub mod clean;
pub mod command;
pub mod http;
pub mod junit;
pub mod live;
pub mod release;
pub mod terminal;
