//! The bytes of a record in a directory that others may write: no bytes make the rules panic, a state comes back
//! as it was written, and none closes a circuit or empties a budget for ever.
#![no_main]

use libfuzzer_sys::fuzz_target;
use retry::state::record::{RECORD_SIZE, RecordFormat, RecordState};
use retry::state::record_key::RecordKind;
use retry_loop::bucket::{Bucket, BudgetSettings, Payment};
use retry_loop::circuit::{Admission, BreakerSettings, Circuit, Observation, Recorded, Refusal, Ticket, Trip};
use retry_loop::random::Random;
use retry_loop::timestamp::Timestamp;
use std::num::NonZeroU32;
use std::time::Duration;

/// No span is longer: a week.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

/// In milliseconds since 1970; JSON and Lua count no further.
const LAST_TIME: u64 = 1 << 52;

fuzz_target!(|input: (u64, u64, u32, bool, Vec<u8>)| {
    let (now, lease, small, sealed, mut bytes) = input;
    // No clock shows a later time, and no flag takes a longer one: the rules keep to that, and so may bytes.
    let (now, lease) = (now % LAST_TIME, lease % LONGEST.as_millis() as u64);
    if sealed {
        seal(&mut bytes);
    }
    for kind in RecordKind::ALL {
        match RecordState::from_bytes(kind, &bytes) {
            Ok(RecordState::Breaker(state)) => {
                look_at_breaker(state, Timestamp::from_millis(now), lease, small)
            }
            Ok(RecordState::Budget(state)) => look_at_budget(state, Timestamp::from_millis(now), small),
            Err(damage) => assert!(damage.to_string().len() < 60),
        }
    }
});

/// What makes bytes a record, or hardly anything would get past the checksum.
fn seal(bytes: &mut Vec<u8>) {
    bytes.resize(RECORD_SIZE, 0);
    bytes[..5].copy_from_slice(b"rtry\x02");
    bytes[5] = 1 + bytes[5] % 2;
    bytes[6] %= 4;
    bytes[7] = 0;
    // Only a closed circuit counts in a window.
    if bytes[6] != 0 {
        bytes[48..RECORD_SIZE - 8].fill(0);
    }
    let (content, checksum) = bytes.split_at_mut(RECORD_SIZE - 8);
    let sum = content.iter().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    checksum.copy_from_slice(&sum.to_le_bytes());
}

fn look_at_breaker(state: Circuit, now: Timestamp, lease: u64, failures: u32) {
    assert_eq!(Circuit::from_bytes(&state.to_bytes()), Ok(state));
    let settings = BreakerSettings {
        trip: Trip::in_a_row(NonZeroU32::new(failures).unwrap_or(NonZeroU32::MIN)),
        open: Duration::from_millis(lease),
    };
    let random = &mut Random::seeded(lease);
    assert!(state.refusal(now).is_none_or(|refusal| refusal.wait <= LONGEST), "{state:?}");
    let mut admitted = state;
    match admitted.admit(now, Duration::from_millis(lease)) {
        Admission::Refused(Refusal { wait, .. }) => {
            assert!(!wait.is_zero() && wait <= LONGEST, "{state:?}");
            // After that time there is a way out, unless the clock has ended.
            if let Some(later) = now.millis().checked_add(wait.as_millis() as u64) {
                let again = admitted.admit(Timestamp::from_millis(later), Duration::ZERO);
                assert!(matches!(again, Admission::Probe(_)), "{admitted:?} at {later}: {again:?}");
            }
        }
        Admission::Closed(ticket) | Admission::Probe(ticket) => {
            for result in [Observation::Success, Observation::Failure, Observation::Neutral] {
                let recorded = admitted.clone().record(ticket, result, now, &settings, random);
                if let Recorded::Opened { wait } = recorded {
                    assert!(wait <= LONGEST, "{admitted:?} {settings:?}: {wait:?}");
                }
            }
        }
    }
    admitted.renew(Ticket::of(state.generation), now);
    assert_eq!(Circuit::from_bytes(&admitted.to_bytes()), Ok(admitted));
}

fn look_at_budget(state: Bucket, now: Timestamp, burst: u32) {
    assert_eq!(Bucket::from_bytes(&state.to_bytes()), Ok(state));
    let settings = BudgetSettings::new(burst, f64::from(burst) / 7.0);
    let full = u64::from(burst) * 1000;
    assert!(state.left(now, &settings) <= full, "{state:?}");
    let mut state = state;
    if let Payment::Empty { wait } = state.pay(now, &settings) {
        assert!(burst == 0 || wait <= LONGEST, "{state:?}: {wait:?}");
    }
    state.deposit(now, &settings);
    assert!(state.left(now, &settings) <= full, "{state:?}");
    assert_eq!(Bucket::from_bytes(&state.to_bytes()), Ok(state));
}
