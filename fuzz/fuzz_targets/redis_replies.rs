//! A server that answers whatever it likes: each operation is answered in time, in few words, and without a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use retry::core::shared::{Location, Name, SharedConfig};
use retry::state::shared::{Gate, Permit, SharedState};
use retry_loop::bucket::BudgetSettings;
use retry_loop::circuit::{BreakerSettings, Observation, SHORTEST_LEASE};
use retry_loop::random::Random;
use std::ffi::OsStr;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

/// What the server says, and to what.
struct Says {
    bytes: Vec<u8>,
    to: To,
}

#[derive(Clone, Copy, PartialEq)]
enum To {
    /// The first thing that it is told, in place of a greeting.
    Greeting,
    Operation,
}

static SAYS: Mutex<Says> = Mutex::new(Says { bytes: Vec::new(), to: To::Operation });

/// The server's location. A socket in a directory, because ports would run out.
static SERVER: LazyLock<Location> = LazyLock::new(|| {
    let directory = tempfile::tempdir().unwrap().keep();
    let socket = directory.join("socket");
    let listener = UnixListener::bind(&socket).unwrap();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            // The client may leave at any time.
            let _gone = serve(client.unwrap());
        }
    });
    Location::parse(OsStr::new(&format!("redis+unix://{}", socket.display()))).unwrap()
});

fn serve(mut client: UnixStream) -> std::io::Result<()> {
    let mut request = [0; 16384];
    loop {
        let length = client.read(&mut request)?;
        let times = |word: &[u8]| request[..length].windows(word.len()).filter(|part| *part == word).count();
        let says = SAYS.lock().unwrap();
        if length == 0 || says.to == To::Greeting || times(b"EVAL") > 0 {
            client.write_all(&says.bytes)?;
            // Or what is half an answer would be waited for.
            return client.shutdown(Shutdown::Write);
        }
        client.write_all("+OK\r\n".repeat(times(b"SETINFO")).as_bytes())?;
    }
}

fuzz_target!(|input: (bool, &[u8])| {
    let (greeting, bytes) = input;
    let to = if greeting { To::Greeting } else { To::Operation };
    *SAYS.lock().unwrap() = Says { bytes: bytes.to_vec(), to };
    let config = SharedConfig {
        machine: None,
        location: SERVER.clone(),
        breaker: Some((Name::new("b"), BreakerSettings::default())),
        budget: Some((Name::new("b"), BudgetSettings::default())),
    };
    let random = &mut Random::seeded(1);
    let mut state = SharedState::new(&config);
    let mut warnings = Vec::new();
    let mut warn = |warning| warnings.push(warning);
    let begun = Instant::now();
    let permit = match state.admit(SHORTEST_LEASE, &mut warn) {
        Gate::Pass(permit) => permit,
        Gate::Refused { .. } => Permit::Unguarded,
    };
    state.record(permit, Observation::Failure, random, &mut warn);
    state.renew(permit, &mut warn);
    state.refusal(&mut warn);
    state.pay(&mut warn);
    state.deposit(&mut warn);
    // Each operation has 200 ms; a busy machine may take longer.
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(warnings.len() <= 1, "{warnings:?}");
    assert!(warnings.iter().all(|warning: &String| warning.len() < 8192), "{warnings:?}");
});
