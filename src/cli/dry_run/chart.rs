//! The bars beside the table, one for each delay.

use std::time::Duration;

/// The line above the chart.
pub const LEGEND: &str = "# minimum, + random";
/// The smallest useful width of the chart, in columns.
pub const MIN_WIDTH: usize = 8;

/// The bar of a delay in a range: `#` for the shortest delay, `+` for the random part. The longest
/// delay of all takes the whole width.
pub fn bar((low, high): (Duration, Duration), longest: Duration, width: usize) -> String {
    if high.is_zero() {
        return String::new();
    }
    let length = |delay: Duration| {
        ((delay.as_secs_f64() / longest.as_secs_f64() * width as f64).round() as usize).min(width)
    };
    let all = length(high).max(1);
    let certain = if low == high {
        all
    } else if all == 1 {
        // One character shows the larger part.
        usize::from(low >= high / 2)
    } else {
        // The random part has at least one character.
        length(low).min(all - 1)
    };
    format!("{}{}", "#".repeat(certain), "+".repeat(all - certain))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn bars_fit_and_show_both_parts() {
        let bar = |low, high, longest| super::bar((ms(low), ms(high)), ms(longest), 10);
        assert_eq!(bar(0, 0, 1000), "");
        assert_eq!(bar(1, 1, 1000), "#");
        assert_eq!(bar(0, 1, 1000), "+");
        assert_eq!(bar(5, 8, 1000), "#");
        assert_eq!(bar(1000, 1000, 1000), "##########");
        assert_eq!(bar(999, 1000, 1000), "#########+");
        assert_eq!(bar(500, 1000, 1000), "#####+++++");
        assert_eq!(bar(0, 500, 1000), "+++++");
    }
}
