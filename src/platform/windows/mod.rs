//! Windows.
//!
//! | file | owns |
//! |---|---|
//! | [`console`] | what a console shows |
//! | [`input_file`] | files that are read for the user |
//! | [`local_socket`] | sockets of this machine, which do not exist here |
//! | [`output_file`] | a file that is written for the user |
//! | [`program`] | what is usual in command lines |
//! | [`record_directory`] | a directory of records that processes share |
//! | [`user`] | the user's directory for state |

pub mod console;
pub mod input_file;
pub mod local_socket;
pub mod output_file;
pub mod program;
pub mod record_directory;
pub mod user;
