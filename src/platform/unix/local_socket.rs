//! Sockets of this machine: those of the journal, of syslog, of a Redis server.

use crate::platform::stdio::BorrowedStream;
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
#[cfg(feature = "redis")]
use tokio::net::UnixStream;

/// Whether this system has the journal or syslog.
pub const HAS_SYSTEM_LOGS: bool = true;

/// Sends a datagram to a socket. `wait` waits until the socket can be written to, or returns false.
///
/// # Errors
/// Any error of the socket; `TimedOut` when it takes no messages.
pub fn send(
    socket: &Path,
    datagram: &[u8],
    mut wait: impl FnMut(BorrowedStream<'_>) -> bool,
) -> io::Result<()> {
    let sender = UnixDatagram::unbound()?;
    // Connected, because poll(2) tells only of a connected socket whether the daemon has room (unix_dgram_poll in the
    // kernel).
    sender.connect(socket)?;
    sender.set_nonblocking(true)?;
    match sender.send(datagram) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            if !wait(sender.as_fd()) {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "the socket accepts no messages"));
            }
            sender.send(datagram).map(drop)
        }
        sent => sent.map(drop),
    }
}

/// The device and inode of a stream, as systemd names that of the journal in JOURNAL_STREAM.
pub fn journal_name(stream: BorrowedStream<'_>) -> Option<String> {
    rustix::fs::fstat(stream).ok().map(|stat| format!("{}:{}", stat.st_dev, stat.st_ino))
}

/// Connects to a server on this machine.
///
/// # Errors
/// Any error of connect(2).
#[cfg(feature = "redis")]
pub async fn connect(path: &Path) -> io::Result<UnixStream> {
    UnixStream::connect(path).await
}
