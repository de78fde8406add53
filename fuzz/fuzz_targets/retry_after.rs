//! The server's word: whatever a command prints, and however it comes in pieces, is the same demand, which is
//! never absurd and never makes a delay longer than what was asked for plus its random part.
#![no_main]

use libfuzzer_sys::fuzz_target;
use retry::core::retry_after::HintParser;
use retry_loop::random::Random;
use retry_loop::server_hint::{self, ServerHint};
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

/// Tue, 24 Nov 2026 08:00:00 GMT.
const NOW: Duration = Duration::from_secs(1_795_507_200);
/// Its pattern is compiled once.
static NEW: LazyLock<HintParser> = LazyLock::new(|| HintParser::new().unwrap());
const LONGEST: Duration = Duration::from_secs(100_000_000_000);
const SHARE: Duration = Duration::from_secs(5);

fuzz_target!(|input: (u16, u16, &[u8])| {
    let (size, own, output) = input;
    let hint = parse(output.chunks(output.len().max(1)));
    assert_eq!(parse(output.chunks(usize::from(size).max(1))), hint, "in pieces of {size}");
    let own = Duration::from_millis(own.into());
    if let ServerHint::Wait(requested) = hint {
        assert!(!requested.is_zero() && requested <= LONGEST, "{requested:?}");
        let delay = server_hint::delay(own, requested, &mut Random::seeded(size.into()));
        assert!(delay >= own.max(requested) && delay <= own.max(requested) + SHARE, "{delay:?}");
    }
});

fn parse<'a>(chunks: impl Iterator<Item = &'a [u8]>) -> ServerHint {
    let mut hint_parser = NEW.clone();
    chunks.for_each(|chunk| hint_parser.feed(chunk));
    hint_parser.finish(SystemTime::UNIX_EPOCH + NOW)
}
