//! The writes. A message that cannot be written (EPIPE, ENOSPC, a closed stderr) never changes what
//! `retry` does or how it ends, so errors on stderr end here; errors on stdout are the caller's.

use std::io::{self, Write};

/// Writes `text` and a newline to stderr in one write, so that lines of several processes do not mix.
pub fn line(text: &str) {
    let _unchanged_by = io::stderr().write_all(format!("{text}\n").as_bytes());
}

/// Writes what was asked for (help, a generated file, a dry run) to stdout.
///
/// # Errors
/// Whatever stdout answers; a missing reader is [`io::ErrorKind::BrokenPipe`].
pub fn product(text: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text)?;
    stdout.flush()
}
