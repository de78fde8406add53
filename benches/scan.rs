//! How fast streams are watched: bytes per second over log lines, in chunks as a pump reads them.
//! Run with `cargo bench --bench scan`.

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use retry::cli::presets::{Catalog, names};
use retry::core::lines::Lines;
use retry::core::output::{Watcher, Watchlist};
use retry::core::retry_after::HintParser;
use retry::core::rules::{Rule, Rules, Then};
use retry::core::stream::Stream;
use std::time::SystemTime;

const SIZE: usize = 64 << 20;
const CHUNK: usize = 64 << 10;

fn main() {
    divan::main();
}

/// Lines of 40 to 200 bytes as a build or a service prints them; none of the patterns occurs.
fn log() -> Vec<u8> {
    let words =
        ["GET", "/api/v1/items", "200", "compiled", "module", "latency_ms=12", "error=none", "worker"];
    let mut log = Vec::with_capacity(SIZE + 256);
    for line in 0_usize.. {
        if log.len() >= SIZE {
            break;
        }
        log.extend_from_slice(format!("2026-11-24T08:35:{:02}.{line:06}Z INFO ", line % 60).as_bytes());
        for word in 0..2 + line * 7 % 13 {
            log.extend_from_slice(words[(line * 31 + word * 17) % words.len()].as_bytes());
            log.push(b' ');
        }
        log.push(b'\n');
    }
    log
}

fn run(bencher: Bencher, feed: impl Fn(&[u8])) {
    let log = log();
    bencher.counter(BytesCount::new(log.len())).bench_local(|| feed(black_box(&log)));
}

fn watch(bencher: Bencher, list: &Watchlist, chunk: usize) {
    run(bencher, |log| {
        let mut watcher = Watcher::new(list, Stream::Stderr);
        log.chunks(chunk).for_each(|chunk| watcher.feed(chunk));
        black_box(watcher.finish());
    });
}

fn rules(texts: &[&str]) -> Watchlist {
    let rules = texts.iter().map(|text| Rule::on_output(Then::Retry, text).expect("a pattern"));
    Rules::new(rules).watchlist()
}

#[divan::bench(sample_count = 10, args = [
    "connection refused",
    "(?i)connection refused",
    r"ERROR \d{3}: ",
    "^fatal: .*unable to access",
    r"(?:timeout|timed out|reset by peer)$",
    r"\bE(?:429|5\d\d)\b",
])]
fn one_rule(bencher: Bencher, text: &str) {
    watch(bencher, &rules(&[text]), CHUNK);
}

#[divan::bench(sample_count = 10)]
fn four_rules(bencher: Bencher) {
    watch(bencher, &rules(&["connection refused", "timed out", "reset by peer", "broken pipe"]), CHUNK);
}

#[divan::bench(sample_count = 10)]
fn four_rules_as_one(bencher: Bencher) {
    watch(bencher, &rules(&["connection refused|timed out|reset by peer|broken pipe"]), CHUNK);
}

/// As a program writes that flushes often.
#[divan::bench(sample_count = 10, args = [100, 1000, 4096])]
fn literal_in_small_chunks(bencher: Bencher, chunk: usize) {
    watch(bencher, &rules(&["connection refused"]), chunk);
}

#[divan::bench(sample_count = 10, args = names())]
fn preset(bencher: Bencher, name: &str) {
    let preset = Catalog::default().preset(name, &[]).expect("a built-in preset");
    watch(bencher, &Watchlist::new([], preset.sides()), CHUNK);
}

#[divan::bench(sample_count = 10)]
fn retry_after(bencher: Bencher) {
    run(bencher, |log| {
        let mut parser = HintParser::new().expect("a pattern");
        log.chunks(CHUNK).for_each(|chunk| parser.feed(chunk));
        black_box(parser.finish(SystemTime::UNIX_EPOCH));
    });
}

/// As a server under test writes, with a status in every line.
#[divan::bench(sample_count = 10)]
fn retry_after_in_a_log_of_answers(bencher: Bencher) {
    let line = b"10.0.0.1 - - [24/Nov/2026:08:35:00 +0000] \"GET /api/v1/items HTTP/1.1\" 200 1512 \"-\" \"curl/8.5\"\n";
    let log = line.repeat(SIZE / line.len());
    bencher.counter(BytesCount::new(log.len())).bench_local(|| {
        let mut parser = HintParser::new().expect("a pattern");
        black_box(&log).chunks(CHUNK).for_each(|chunk| parser.feed(chunk));
        black_box(parser.finish(SystemTime::UNIX_EPOCH));
    });
}

/// What the borders cost alone, and what searching line by line would add to every pattern.
#[divan::bench(sample_count = 10)]
fn lines_one_by_one(bencher: Bencher) {
    run(bencher, |log| {
        let mut lines = Lines::default();
        let mut longest = 0;
        let mut count = |part: retry::core::lines::Part<'_>| {
            longest = part.lines().map(<[u8]>::len).fold(longest, usize::max);
        };
        log.chunks(CHUNK).for_each(|chunk| lines.feed(chunk, &mut count));
        lines.finish(&mut count);
        black_box(longest);
    });
}
