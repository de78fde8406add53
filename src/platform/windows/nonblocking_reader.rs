//! Reading from an inherited handle. Whoever opened it has decided that a read blocks, so a thread reads.

use super::event::Event;
use super::pipe::is_end;
use crate::platform::PipeRead;
use std::io;
use std::mem::ManuallyDrop;
use std::os::windows::io::{AsRawHandle as _, BorrowedHandle, FromRawHandle as _};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::{fs::File, io::Read as _, thread};

/// How many bytes are read at once.
const SIZE: usize = 64 << 10;

/// An inherited handle to read from. The thread reads only when it is asked to, so at most 64 KiB are taken
/// before anyone wants them.
#[derive(Debug)]
pub struct NonblockingReader {
    handle: BorrowedHandle<'static>,
    thread: Option<&'static Shared>,
    /// Cleared while the thread reads.
    ready: &'static Event,
}

/// What the thread and we share. It is never freed: the thread may be in a read when the process ends.
#[derive(Debug)]
struct Shared {
    step: Mutex<Step>,
    changed: Condvar,
    ready: &'static Event,
}

#[derive(Debug)]
enum Step {
    /// Nothing is asked for.
    Idle,
    /// The thread is to read, or reads.
    Reading,
    /// These bytes were read, and those before the position were taken; no bytes at the end.
    Read(io::Result<Vec<u8>>, usize),
}

impl Shared {
    fn step(&self) -> MutexGuard<'_, Step> {
        self.step.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread.
    fn run(&self, handle: BorrowedHandle<'static>) {
        // SAFETY: `File` does not close it, as it is never dropped.
        let mut file = ManuallyDrop::new(unsafe { File::from_raw_handle(handle.as_raw_handle()) });
        loop {
            let mut step = self.step();
            while !matches!(*step, Step::Reading) {
                step = self.changed.wait(step).unwrap_or_else(PoisonError::into_inner);
            }
            drop(step);
            let mut bytes = vec![0; SIZE];
            let read = file.read(&mut bytes).map(|length| {
                bytes.truncate(length);
                bytes
            });
            *self.step() = Step::Read(read, 0);
            self.ready.set();
        }
    }
}

impl NonblockingReader {
    /// For a handle that lives as long as the process.
    ///
    /// # Errors
    /// No handles left.
    pub fn new(handle: BorrowedHandle<'static>) -> io::Result<Self> {
        Ok(Self { handle, thread: None, ready: Box::leak(Box::new(Event::new()?)) })
    }

    /// Set when there may be something to read.
    pub fn ready(&self) -> BorrowedHandle<'_> {
        self.ready.handle()
    }

    /// Reads what is available.
    ///
    /// # Errors
    /// Any error of ReadFile; no thread can be started.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<PipeRead> {
        let shared = match self.thread {
            Some(shared) => shared,
            None => self.start_thread()?,
        };
        let mut step = shared.step();
        match &mut *step {
            Step::Idle => {
                *step = Step::Reading;
                shared.ready.clear();
                drop(step);
                shared.changed.notify_one();
                Ok(PipeRead::Empty)
            }
            Step::Reading => Ok(PipeRead::Empty),
            Step::Read(Ok(bytes), position) => {
                if bytes.is_empty() {
                    return Ok(PipeRead::End);
                }
                let length = (bytes.len() - *position).min(buffer.len());
                buffer[..length].copy_from_slice(&bytes[*position..*position + length]);
                *position += length;
                if *position == bytes.len() {
                    *step = Step::Idle;
                }
                Ok(PipeRead::Bytes(length))
            }
            // The writer has gone: that is the end.
            Step::Read(Err(error), _) if is_end(error) => Ok(PipeRead::End),
            Step::Read(Err(error), _) => Err(io::Error::from(error.kind())),
        }
    }

    fn start_thread(&mut self) -> io::Result<&'static Shared> {
        let shared: &'static Shared = Box::leak(Box::new(Shared {
            step: Mutex::new(Step::Idle),
            changed: Condvar::new(),
            ready: self.ready,
        }));
        let handle = self.handle;
        thread::Builder::new().name("stdin".to_owned()).spawn(move || shared.run(handle))?;
        self.thread = Some(shared);
        Ok(shared)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::os::windows::io::{AsHandle as _, OwnedHandle};

    #[test]
    fn it_reads_as_bytes_come_and_never_waits() {
        let (reader, mut writer) = io::pipe().unwrap();
        let reader: &'static OwnedHandle = Box::leak(Box::new(reader.into()));
        let mut reader = NonblockingReader::new(reader.as_handle()).unwrap();
        let mut buffer = [0; 4];
        assert_eq!(reader.read(&mut buffer).unwrap(), PipeRead::Empty);
        assert_eq!(reader.read(&mut buffer).unwrap(), PipeRead::Empty);
        let mut all = Vec::new();
        let mut read_up_to = |length: usize, reader: &mut NonblockingReader, all: &mut Vec<u8>| {
            while all.len() < length {
                match reader.read(&mut buffer).unwrap() {
                    PipeRead::Bytes(n) => all.extend_from_slice(&buffer[..n]),
                    PipeRead::End => return,
                    PipeRead::Empty => assert!(super::super::event::is_set(reader.ready(), 10_000)),
                }
            }
        };
        writer.write_all(b"one line\n").unwrap();
        read_up_to(9, &mut reader, &mut all);
        assert_eq!(all, b"one line\n");
        writer.write_all(b"more").unwrap();
        drop(writer);
        read_up_to(usize::MAX, &mut reader, &mut all);
        assert_eq!(all, b"one line\nmore");
    }
}
