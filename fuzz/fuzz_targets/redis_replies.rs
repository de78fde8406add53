//! A server that answers whatever it likes: each operation is answered in time, in few words, and without a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use retry_loop::circuit::{Result, SHORTEST_LEASE, Settings};
use retry_loop::bucket;
use retry_loop::random::Random;
use retry::core::shared::{Asked, Location, Name};
use retry::state::shared::{Gate, Permit, Shared, Warning};
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
    let asked = Asked {
        location: SERVER.clone(),
        breaker: Some((Name::new("b"), Settings::default())),
        budget: Some((Name::new("b"), BudgetSettings::default())),
    };
    let random = &mut Random::seeded(1);
    let mut shared = Shared::new(&asked);
    let begun = Instant::now();
    let gate = shared.admit(SHORTEST_LEASE);
    let permit = match gate.decision {
        Gate::Pass(permit) => permit,
        Gate::Refused { .. } => Permit::Unguarded,
    };
    let warnings = [
        gate.warning,
        shared.record(permit, Result::Failure, random).warning,
        shared.renew(permit).warning,
        shared.refusal().warning,
        shared.pay().warning,
        shared.deposit().warning,
    ];
    // Each operation has 200 ms; a busy machine may take longer.
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    let said: Vec<String> = warnings.into_iter().flatten().map(|warning: Warning| warning.to_string()).collect();
    assert!(said.len() <= 1, "{said:?}");
    assert!(said.iter().all(|warning| warning.len() < 8192), "{said:?}");
});
