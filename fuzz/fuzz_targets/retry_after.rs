//! The server's word: whatever a command prints, and however it comes in pieces, is the same demand, which is
//! never absurd and never makes a delay longer than what was asked for plus its random part.
#![no_main]

use libfuzzer_sys::fuzz_target;
use retry_loop::random::Random;
use retry::core::retry_after::{Decision, HintParser, ServerHint};
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

/// Tue, 24 Nov 2026 08:00:00 GMT.
const NOW: Duration = Duration::from_secs(1_795_507_200);
/// Its pattern is compiled once.
static NEW: LazyLock<HintParser> = LazyLock::new(|| HintParser::new().unwrap());
const LONGEST: Duration = Duration::from_secs(100_000_000_000);
const SHARE: Duration = Duration::from_secs(5);

fuzz_target!(|input: (u16, u16, u16, &[u8])| {
    let (size, own, limit, output) = input;
    let word = listen(output.chunks(output.len().max(1)));
    assert_eq!(listen(output.chunks(usize::from(size).max(1))), word, "in pieces of {size}");
    let (own, limit) = (Duration::from_millis(own.into()), Duration::from_secs(limit.into()));
    match (word, word.decide(own, limit, &mut Random::seeded(size.into()))) {
        (ServerHint::Nothing, decision) => assert_eq!(decision, Decision::Wait(own)),
        (ServerHint::Exhausted(words), decision) => assert_eq!(decision, Decision::Exhausted(words)),
        (ServerHint::Wait(asked), decision) => {
            assert!(!asked.is_zero() && asked <= LONGEST, "{asked:?}");
            match decision {
                Decision::Wait(delay) => {
                    assert!(asked <= limit);
                    assert!(delay >= own.max(asked) && delay <= own.max(asked) + SHARE, "{delay:?}");
                }
                Decision::TooLong(too_long) => assert!(too_long == asked && asked > limit),
                Decision::Exhausted(words) => panic!("{words}"),
            }
        }
    }
});

fn listen<'a>(chunks: impl Iterator<Item = &'a [u8]>) -> ServerHint {
    let mut hint_parser = NEW.clone();
    chunks.for_each(|chunk| hint_parser.feed(chunk));
    hint_parser.finish(SystemTime::UNIX_EPOCH + NOW)
}
