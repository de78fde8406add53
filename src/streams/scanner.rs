//! The search in the output of one attempt, for what rules and `--retry-after` look for. Owns how much is searched at a
//! time.

use super::chunk::Chunk;
use super::time_slice::ElapsedFn;
use crate::core::lines::MAX_LINE;
use crate::core::output::{Seen, Watcher, Watchlist};
use crate::core::retry_after::HintParser;
use crate::core::stream::Stream;
use retry_loop::server_hint::ServerHint;
use std::io;
use std::ops::RangeInclusive;
use std::time::{Duration, SystemTime};

/// How many bytes are searched between two looks at the clock. A pattern can take 3 us for each byte (`1[01]{1000}x`)
/// or more, and nothing interrupts a search. So a piece is small at first, doubled after a fast search, and halved
/// after a slow one. Only a line is never cut: one of 64 KiB is searched at once.
const PIECE: RangeInclusive<usize> = 1 << 10..=MAX_LINE;
/// A search that was fast can become slow with the next line. That pattern has a size of 50 KB, and this is the product
/// of size and bytes that takes 0.1 s.
const PRODUCT_OF_100_MS: usize = 2_000_000_000;
const FAST: Duration = Duration::from_millis(1);
const SLOW: Duration = Duration::from_millis(4);

/// Whether `--retry-after` reads the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerHints {
    /// It does not.
    Ignore,
    /// It does.
    Parse,
}

/// Searches the output of one attempt. The default one searches nothing.
#[derive(Debug, Default)]
pub struct Scanner {
    watcher: Option<Watcher>,
    hint_parser: Option<HintParser>,
    stopped: Stopped,
    piece: usize,
    max_piece: usize,
}

/// Whether the search was stopped before the end of the output.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Stopped {
    #[default]
    No,
    Yes,
}

impl Scanner {
    /// For the output of these streams.
    ///
    /// # Errors
    /// When there is no memory for the search.
    pub fn new(watchlist: &Watchlist, streams: &[Stream], server_hints: ServerHints) -> io::Result<Self> {
        // The rules of a shared pipe apply to both streams, so either name works.
        let stream = streams.iter().find(|stream| watchlist.watches(**stream));
        let watcher = stream.map(|&stream| Watcher::new(watchlist, stream));
        let hint_parser = match server_hints {
            ServerHints::Parse => Some(HintParser::new().map_err(io::Error::other)?),
            ServerHints::Ignore => None,
        };
        let size = watcher.as_ref().map_or(0, Watcher::size).max(1);
        let max_piece = (PRODUCT_OF_100_MS / size).clamp(*PIECE.start(), *PIECE.end());
        Ok(Self { watcher, hint_parser, stopped: Stopped::No, piece: *PIECE.start(), max_piece })
    }

    /// Whether the output is searched.
    pub fn is_active(&self) -> bool {
        self.stopped == Stopped::No && (self.watcher.is_some() || self.hint_parser.is_some())
    }

    /// Whether a part of the chunk is still to be searched.
    pub fn is_behind(&self, chunk: &Chunk) -> bool {
        self.is_active() && !chunk.unscanned().is_empty()
    }

    /// Searches a chunk, piece by piece, until `end`.
    pub fn scan(&mut self, chunk: &mut Chunk, elapsed: ElapsedFn<'_>, end: Duration) {
        while self.is_behind(chunk) {
            let begun = elapsed();
            if begun >= end {
                break;
            }
            let unscanned = chunk.unscanned();
            let piece = &unscanned[..unscanned.len().min(self.piece)];
            if let Some(watcher) = &mut self.watcher {
                watcher.feed(piece);
            }
            if let Some(hint_parser) = &mut self.hint_parser {
                hint_parser.feed(piece);
            }
            let length = piece.len();
            chunk.mark_scanned(length);
            self.piece = match elapsed().saturating_sub(begun) {
                took if took < FAST => (self.piece * 2).min(self.max_piece),
                took if took > SLOW => (self.piece / 2).max(*PIECE.start()),
                _ => self.piece,
            };
        }
    }

    /// Stops the search: nobody waits any longer for its end.
    pub fn stop(&mut self) {
        self.stopped = Stopped::Yes;
    }

    /// What was found. `now` is the wall clock, which an HTTP date is compared with.
    pub fn finish(self, now: fn() -> SystemTime) -> (Seen, ServerHint) {
        if self.stopped == Stopped::Yes {
            return (self.watcher.map(Watcher::seen_so_far).unwrap_or_default(), ServerHint::None);
        }
        let seen = self.watcher.map(Watcher::finish).unwrap_or_default();
        let hint = self.hint_parser.map_or(ServerHint::None, |hint_parser| hint_parser.finish(now()));
        (seen, hint)
    }
}
