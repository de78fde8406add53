//! The writes to stderr and stdout. A message that cannot be written (EPIPE, ENOSPC, a closed stderr) changes neither
//! what `retry` does nor how it ends, so errors of stderr end here; errors of stdout are returned.
//!
//! No write to stderr blocks: its reader may have stopped, and signals and limits still have to work. What stderr
//! does not accept at once goes to a queue, which the event loop writes when there is room. There is one stderr, so
//! there is one queue, like std's own lock on it.

use super::sanitize::Line;
use super::wait_policy::{Readiness, WaitPolicy};
use crate::platform::nonblocking_writer::NonblockingWriter;
use crate::platform::stdio::{BorrowedStream, stderr};
use crate::platform::{Written, console};
use std::collections::VecDeque;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// With more bytes in the queue, the next attempt waits for the reader.
const HIGH_WATER: usize = 32 * 1024;

/// With more bytes in the queue, further lines are dropped and counted.
const QUEUE_LIMIT: usize = 64 * 1024;

static STDERR: Mutex<Queue> = Mutex::new(Queue::new());

fn queue() -> MutexGuard<'static, Queue> {
    STDERR.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lines that stderr has not accepted yet.
#[derive(Debug)]
struct Queue {
    /// Made with the first line: a run without messages does not look at stderr.
    writer: Option<NonblockingWriter>,
    /// The first line may be a rest: its beginning is written.
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    dropped: u64,
}

impl Queue {
    const fn new() -> Self {
        Self { writer: None, lines: VecDeque::new(), bytes: 0, dropped: 0 }
    }

    fn push(&mut self, line: Vec<u8>) {
        self.bytes += line.len();
        self.lines.push_back(line);
    }

    fn write(&mut self, line: String) {
        if self.bytes >= QUEUE_LIMIT {
            self.dropped += 1;
            return;
        }
        self.push(line.into_bytes());
        self.flush();
    }

    /// Writes what can be written without waiting. One line per call: a pipe accepts a line of up to 4096 bytes as a
    /// whole or not at all (POSIX), so that lines of several processes do not mix.
    fn flush(&mut self) {
        while let Some(line) = self.lines.front_mut() {
            let writer = match self.writer {
                Some(ref mut writer) => Ok(writer),
                None => NonblockingWriter::new(stderr()).map(|writer| self.writer.insert(writer)),
            };
            match writer.and_then(|writer| writer.write(line)) {
                Ok(Written::Blocked) => return,
                Ok(Written::Bytes(written)) if written < line.len() => {
                    self.bytes -= written;
                    line.drain(..written);
                }
                Ok(Written::Bytes(_)) | Err(_) => {
                    self.bytes -= line.len();
                    self.lines.pop_front();
                }
            }
            if self.lines.is_empty() && self.dropped > 0 {
                let what = match std::mem::take(&mut self.dropped) {
                    1 => "1 message was".to_owned(),
                    dropped => format!("{dropped} messages were"),
                };
                self.push(format!("retry: {what} discarded because nothing read stderr\n").into_bytes());
            }
        }
    }

    /// What to wait for before the next flush. If the writer has reopened a terminal, it is ready when the inherited
    /// descriptor is.
    fn blocked(&self) -> Option<BorrowedStream<'static>> {
        (!self.lines.is_empty()).then(stderr)
    }
}

/// Moves the cursor of a terminal to the start of a line, wherever it was: as many spaces as the terminal has
/// columns, which wrap unless the cursor was at the start (in the last column, it wraps only with the next
/// character), a carriage return, and "erase the line". zsh does so before its prompt. Empty if the width is not
/// known.
pub fn to_line_start(fd: BorrowedStream<'_>) -> String {
    match console::columns(fd) {
        Some(columns) => format!("{:columns$}\r\x1b[K", ""),
        None => String::new(),
    }
}

/// Writes a line to stderr, now or as soon as stderr accepts it.
pub fn line(line: &Line) {
    line_after("", line);
}

/// The same after `start`, which moves the cursor of a terminal to the start of a line.
pub fn line_after(start: &str, line: &Line) {
    queue().write(format!("{start}{}\n", line.as_str()));
}

/// Replaces the line of the terminal's cursor by `line`, or erases it, after `start`, which leaves a line that is not
/// ours. A live line is not queued: it would be out of date.
pub fn replace_line(start: &str, line: Option<&Line>) {
    let mut queue = queue();
    if line.is_none() || queue.lines.is_empty() {
        queue.write(format!("{start}\r\x1b[K{}", line.map_or("", Line::as_str)));
    }
}

/// Writes as much of the queue as stderr accepts now. Returns the descriptor to wait for if something is left.
pub fn flush() -> Option<BorrowedStream<'static>> {
    let mut queue = queue();
    if !queue.lines.is_empty() {
        queue.flush();
    }
    queue.blocked()
}

/// Writes the whole queue, unless `wait` gives up.
pub fn finish(wait: &mut dyn WaitPolicy) {
    while let Some(stderr) = flush() {
        if wait.writable(stderr) == Readiness::GaveUp {
            return;
        }
    }
}

/// Waits for a slow reader, so that no line has to be dropped: a loop without delays writes faster than a person reads.
pub fn catch_up(wait: &mut dyn WaitPolicy) {
    while let Some(stderr) = flush() {
        if queue().bytes < HIGH_WATER || wait.writable(stderr) == Readiness::GaveUp {
            return;
        }
    }
}

/// The width of the terminal on a descriptor, in columns; 80 if it is not known.
pub fn columns(fd: BorrowedStream<'_>) -> usize {
    console::columns(fd).unwrap_or(80)
}

/// Writes to stdout what the user asked for: help, a generated file, a dry run.
///
/// # Errors
/// Any error of stdout; without a reader, [`io::ErrorKind::BrokenPipe`].
pub fn write_stdout(text: &[u8]) -> io::Result<()> {
    console::write_stdout(text)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use rustix::pipe::{fcntl_setpipe_size, pipe};
    use std::fs::File;
    use std::io::Read;
    use std::os::fd::{AsFd, OwnedFd};

    /// A queue that writes to a pipe of one page, and the pipe's reader.
    fn piped() -> (Queue, File) {
        let (reader, writer) = pipe().unwrap();
        fcntl_setpipe_size(&writer, 4096).unwrap();
        rustix::io::ioctl_fionbio(&reader, true).unwrap();
        // A writer is for a stream that the process never closes.
        let writer: &'static OwnedFd = Box::leak(Box::new(writer));
        (
            Queue { writer: Some(NonblockingWriter::new(writer.as_fd()).unwrap()), ..Queue::new() },
            File::from(reader),
        )
    }

    fn read(reader: &mut File, queue: &mut Queue) -> String {
        let (mut text, mut bytes) = (String::new(), [0; 4096]);
        while let Ok(n @ 1..) = reader.read(&mut bytes) {
            text.push_str(std::str::from_utf8(&bytes[..n]).unwrap());
            queue.flush();
        }
        text
    }

    #[test]
    fn what_is_not_taken_comes_later_and_in_order() {
        let (mut queue, mut reader) = piped();
        let lines: Vec<String> = (0..300).map(|n| format!("{n} {}\n", "x".repeat(80))).collect();
        for line in &lines {
            queue.write(line.clone());
        }
        assert!(queue.blocked().is_some());
        assert_eq!(read(&mut reader, &mut queue), lines.concat());
        assert!(queue.blocked().is_none() && queue.bytes == 0);
    }

    #[test]
    fn a_line_that_is_longer_than_the_pipe_comes_whole() {
        let (mut queue, mut reader) = piped();
        let line = format!("{}\n", "y".repeat(200_000));
        queue.write(line.clone());
        assert_eq!(read(&mut reader, &mut queue), line);
    }

    #[test]
    fn what_is_too_much_is_counted() {
        let (mut queue, mut reader) = piped();
        let line = format!("{}\n", "z".repeat(1023));
        (0..100).for_each(|_| queue.write(line.clone()));
        assert!(queue.bytes <= QUEUE_LIMIT + line.len(), "{}", queue.bytes);
        let text = read(&mut reader, &mut queue);
        let (whole, last) = text.trim_end().rsplit_once('\n').unwrap();
        let kept = whole.lines().count();
        assert!(kept >= 64, "{kept}");
        assert_eq!(
            last,
            format!("retry: {} messages were discarded because nothing read stderr", 100 - kept)
        );
    }

    #[test]
    fn without_a_reader_nothing_is_kept() {
        let (mut queue, reader) = piped();
        (0..10).for_each(|_| queue.write("a line\n".repeat(200)));
        assert!(queue.blocked().is_some());
        drop(reader);
        queue.flush();
        assert!(queue.blocked().is_none() && queue.bytes == 0);
    }
}
