//! Sockets of this machine, which std and tokio do not have here. What needs one is a usage error before it is used.

use crate::platform::stdio::BorrowedStream;
#[cfg(feature = "redis")]
use std::future::{Ready, ready};
use std::io;
use std::path::Path;
#[cfg(feature = "redis")]
use tokio::net::TcpStream;

/// Whether this system has the journal or syslog.
pub const HAS_SYSTEM_LOGS: bool = false;

/// Fails.
///
/// # Errors
/// Always.
pub fn send(
    _socket: &Path,
    _datagram: &[u8],
    _wait: impl FnMut(BorrowedStream<'_>) -> bool,
) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Always `None`.
pub fn journal_name(_stream: BorrowedStream<'_>) -> Option<String> {
    None
}

/// Fails.
///
/// # Errors
/// Always.
#[cfg(feature = "redis")]
pub fn connect(_path: &Path) -> Ready<io::Result<TcpStream>> {
    ready(Err(io::ErrorKind::Unsupported.into()))
}
