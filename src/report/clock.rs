//! Times of day in messages and reports. Nothing else in this folder reads the wall clock, and no duration is computed
//! from it.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::time::SystemTime;

/// A time as RFC 3339 in UTC, with milliseconds.
pub fn rfc3339(time: SystemTime) -> String {
    format!("{:.3}", timestamp(time))
}

/// Local time as syslog(3) writes it: `Nov  3 07:05:00`.
pub fn local_for_syslog(time: SystemTime) -> String {
    for_syslog(time, TimeZone::system())
}

fn for_syslog(time: SystemTime, zone: TimeZone) -> String {
    timestamp(time).to_zoned(zone).strftime("%b %e %H:%M:%S").to_string()
}

/// A clock that is set to a year beyond 9999 stays at its end.
fn timestamp(time: SystemTime) -> Timestamp {
    Timestamp::try_from(time).unwrap_or(Timestamp::MAX)
}

/// The time on the wall clock.
#[expect(clippy::disallowed_methods, reason = "logs and reports have times of day")]
pub fn now() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::offset;
    use std::time::Duration;

    fn after_epoch(millis: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(millis)
    }

    #[test]
    fn times_have_milliseconds_and_the_zone() {
        assert_eq!(rfc3339(after_epoch(0)), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(after_epoch(1_793_000_000_012)), "2026-10-26T07:33:20.012Z");
        for millis in [1, 999, 951_782_399_999, 951_868_800_000, 4_102_444_800_000] {
            let time = after_epoch(millis);
            assert_eq!(rfc3339(time), humantime::format_rfc3339_millis(time).to_string());
        }
    }

    #[test]
    fn syslog_has_local_times_with_a_padded_day() {
        let time =
            |seconds: u64, hours| for_syslog(after_epoch(seconds * 1000), TimeZone::fixed(offset(hours)));
        assert_eq!(time(0, 0), "Jan  1 00:00:00");
        assert_eq!(time(1_793_000_000, 1), "Oct 26 08:33:20");
        assert_eq!(time(1_793_000_000, -23), "Oct 25 08:33:20");
    }
}
