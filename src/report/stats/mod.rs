//! What `--stats` shows of the runs that [`crate::stats`] has added up.
//!
//! | file | owns |
//! |---|---|
//! | `text` | the tables for people, and what is said about files that hold more than reports |
//! | `json` | the same for machines |
//! | `html` | the page |
//! | `svg` | its charts |

pub mod html;
pub mod json;
mod svg;
pub mod text;

pub use html::page;
pub use json::json;
pub use text::text;
