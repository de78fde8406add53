//! Which name was meant by one that does not exist.

/// An option in our spelling: `--max-delay` for `--max_delay` or `--MAX-DELAY`. A short option stays as it is.
pub(super) fn plain(option: &str) -> String {
    // `-F` is another option than `-f`.
    if option.starts_with("--") { option.replace('_', "-").to_lowercase() } else { option.to_owned() }
}

/// The name that is most likely meant by `typed`: the nearest one, at a distance of one letter, or of two in a long
/// name; else the only option that `typed` begins, as getopt_long(3) has it. `None` if no name or more than one is that
/// near. The opposite of `typed` is never meant: `--no-log` is not `--log`.
pub fn misspelt<'a>(typed: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let typed = plain(typed);
    let tolerance = if typed.trim_start_matches("--").chars().count() < 7 { 1 } else { 2 };
    let names: Vec<&str> = names.filter(|name| negation(name) == negation(&typed)).collect();
    let distances = names.iter().map(|name| (distance(&typed, name), *name));
    let mut near: Vec<(usize, &str)> = distances.filter(|(far, _)| *far <= tolerance).collect();
    near.sort_unstable();
    match near[..] {
        [(_, name)] => Some(name),
        [(first, name), (second, _), ..] if first < second => Some(name),
        [] => only_one_begun(&typed, &names),
        _ => None,
    }
}

/// What makes an option the opposite of another one: `--no-` and the like.
fn negation(option: &str) -> Option<&'static str> {
    let name = option.strip_prefix("--")?;
    ["no", "un", "dont-", "disable-", "without-"].into_iter().find(|negation| name.starts_with(negation))
}

/// The only option that begins with `typed`, if that is long enough to tell what is meant.
fn only_one_begun<'a>(typed: &str, names: &[&'a str]) -> Option<&'a str> {
    if typed.strip_prefix("--").is_none_or(|name| name.len() < 3) {
        return None;
    }
    let mut begun = names.iter().copied().filter(|name| name.starts_with(typed));
    begun.next().filter(|_| begun.next().is_none())
}

/// The number of letters that are missing, extra or wrong, or of neighbours that changed places (the optimal string
/// alignment distance).
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    // The rows of the usual table for the last two letters of `one`.
    let mut above: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for i in 1..=one.len() {
        let mut next = vec![i; other.len() + 1];
        for j in 1..=other.len() {
            let wrong = usize::from(one[i - 1] != other[j - 1]);
            let mut least = (row[j - 1] + wrong).min(row[j] + 1).min(next[j - 1] + 1);
            let swapped = i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1];
            if swapped {
                least = least.min(above[j - 2] + 1);
            }
            next[j] = least;
        }
        above = std::mem::replace(&mut row, next);
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_distance_counts_letters() {
        for (one, other, wanted) in [
            ("", "", 0),
            ("base", "base", 0),
            ("bse", "base", 1),
            ("baase", "base", 1),
            ("bsae", "base", 1),
            ("bass", "base", 1),
            ("retires", "retries", 1),
            ("tiems", "times", 1),
            ("times", "timeout", 3),
            ("", "abc", 3),
        ] {
            assert_eq!(distance(one, other), wanted, "{one} {other}");
            assert_eq!(distance(other, one), wanted, "{one} {other}");
        }
    }

    #[test]
    fn only_a_near_name_is_suggested() {
        let names = ["--retries", "--retry-on", "--retry-if", "--stop-on", "--base", "--stdin", "--stdout"];
        let meant = |typed: &str| misspelt(typed, names.into_iter());
        assert_eq!(meant("--retires"), Some("--retries"));
        assert_eq!(meant("--retry_on"), Some("--retry-on"));
        assert_eq!(meant("--bse"), Some("--base"));
        assert_eq!(meant("--bas"), Some("--base"));
        // Two are equally near.
        assert_eq!(meant("--retry-o"), Some("--retry-on"));
        assert_eq!(meant("--retry-of"), None);
        assert_eq!(meant("--retr"), None);
        assert_eq!(meant("--st"), None);
        assert_eq!(meant("--stop"), Some("--stop-on"));
        for far in ["--times", "--abort-on", "--until-fail", "--std", "--xyzzy", "--"] {
            assert_eq!(meant(far), None, "{far}");
        }
    }

    proptest! {
        #[test]
        fn a_distance_is_the_same_both_ways_and_none_between_equals(one in "[a-c-]{0,8}", other in "[a-c-]{0,8}") {
            let far = distance(&one, &other);
            prop_assert_eq!(far, distance(&other, &one));
            prop_assert_eq!(far == 0, one == other);
            prop_assert!(far <= one.len().max(other.len()));
        }

        #[test]
        fn one_wrong_letter_is_forgiven(at in 2..9_usize, letter in "[q-z]") {
            let mut typed = "--max-delay".to_owned();
            typed.replace_range(at..=at, &letter);
            prop_assert_eq!(misspelt(&typed, ["--max-delay", "--retries"].into_iter()), Some("--max-delay"));
        }
    }
}
