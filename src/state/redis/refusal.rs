//! What a person is told when a server answers a command with an error.

use crate::state::error::StoreError;
use redis::RedisError;

/// The server has answered a command with an error.
pub fn refused(error: &RedisError) -> StoreError {
    let code = error.code().unwrap_or("ERR");
    match (code, error.detail()) {
        ("WRONGTYPE", _) => StoreError::new("the key has the wrong type (WRONGTYPE)"),
        // Its text names our script and a line of it.
        ("READONLY", _) => StoreError::new("the server is a read-only replica (READONLY)"),
        (_, Some(detail)) => {
            let detail = unknown_command(detail).unwrap_or_else(|| detail.to_owned());
            StoreError::new(format!("the server returned an error: {code} {detail}"))
        }
        (_, None) => StoreError::new(format!("the server returned an error: {code}")),
    }
}

/// The text of a server that does not know a command, without the arguments that it repeats, and with the likely reason: a
/// Sentinel listens where a server was expected, or the other way round. `None` for other texts. Redis 5 and older put
/// the command in backquotes.
fn unknown_command(detail: &str) -> Option<String> {
    let quotes = ['\'', '`'];
    let (command, _) = detail.strip_prefix("unknown command ")?.strip_prefix(quotes)?.split_once(quotes)?;
    let advice = if command.eq_ignore_ascii_case("SENTINEL") {
        "it is not a Sentinel; for a server, use redis://HOST:PORT"
    } else {
        "if it is a Sentinel, use redis+sentinel://HOST:PORT/PRIMARY_NAME"
    };
    Some(format!("unknown command '{command}' ({advice})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_not_repeated_and_the_likely_mistake_is_named() {
        for (detail, shown) in [
            (
                "unknown command 'EVALSHA', with args beginning with: 'abc' '1' ",
                "unknown command 'EVALSHA' (if it is a Sentinel, use redis+sentinel://HOST:PORT/PRIMARY_NAME)",
            ),
            (
                "unknown command `SCAN`, with args beginning with: `0`, ",
                "unknown command 'SCAN' (if it is a Sentinel, use redis+sentinel://HOST:PORT/PRIMARY_NAME)",
            ),
            (
                "unknown command 'SENTINEL'",
                "unknown command 'SENTINEL' (it is not a Sentinel; for a server, use redis://HOST:PORT)",
            ),
        ] {
            assert_eq!(unknown_command(detail).as_deref(), Some(shown));
        }
        for other in ["unknown command", "unknown command x", "max number of clients reached"] {
            assert_eq!(unknown_command(other), None);
        }
    }
}
