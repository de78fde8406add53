//! The shared state that an invocation uses: its names, settings and location. Owns the parser of `--state`; opens
//! nothing.

use super::redis_url::{RedisUrl, SENTINEL_SCHEMES};
use retry_loop::bucket::BudgetSettings;
use retry_loop::circuit::BreakerSettings;
use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt;
use std::path::PathBuf;

/// The name of a breaker or of a budget: any bytes, even none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Vec<u8>);

impl Name {
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<&OsStr> for Name {
    fn from(text: &OsStr) -> Self {
        Self::new(text.as_encoded_bytes())
    }
}

/// Bytes that are not UTF-8 are replaced.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        String::from_utf8_lossy(&self.0).fmt(f)
    }
}

/// The circuit breaker and the retry budget of an invocation.
#[derive(Debug, Clone)]
pub struct SharedConfig {
    pub location: Location,
    /// Where the runs of this user on this machine share state while the server at `location` cannot be used. `None` if
    /// `location` is a directory, or if there is no home directory.
    pub machine: Option<Location>,
    /// `--breaker` and its settings.
    pub breaker: Option<(Name, BreakerSettings)>,
    /// `--budget` and its settings.
    pub budget: Option<(Name, BudgetSettings)>,
}

impl SharedConfig {
    /// The breaker for a nested `retry`: `RETRY_OUTER_BREAKER`. A nested one that names the same leaves it to the run
    /// around it, which records the result of the attempt. It would be refused while that run probes the circuit, so the
    /// probe would always fail; and each failure would count twice.
    pub fn outer_breaker(&self) -> Option<String> {
        self.breaker.as_ref().map(|(name, _)| format!("{name} in {}", self.location))
    }
}

/// Where shared state is kept.
#[derive(Clone, PartialEq, Eq)]
pub enum Location {
    /// The user's own directory: created with mode 0700, and refused unless it belongs to this user alone.
    Default(PathBuf),
    /// A directory of `--state`: used as it is, so that a group can share one.
    Directory(PathBuf),
    /// A Redis or Valkey server.
    Redis(RedisUrl),
    /// There is no home directory. To use it is an error.
    Unavailable,
    /// The variable `RETRY_STATE` was meant for a server, but its value is wrong. To use it is an error with this text,
    /// which names the variable and contains no password.
    Rejected(String),
}

/// Why a value of `--state` is wrong. No text repeats the value, which may contain a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadLocation {
    Empty,
    Scheme,
    /// It begins like a URL, but is no valid one.
    Malformed,
    /// It begins like a URL of Sentinels, but is no valid one.
    MalformedSentinels,
    /// This `retry` was built without the feature `redis`.
    NoRedis,
    /// `redis+unix://`, on a system without Unix sockets.
    NoUnixSockets,
    /// `rediss://` or `rediss+sentinel://`, and this `retry` was built without the feature `redis-tls`.
    NoTls,
}

impl fmt::Display for BadLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "must not be empty; use a directory or redis://HOST",
            Self::Scheme => {
                "must be a directory or a redis://, rediss://, redis+sentinel:// or redis+unix:// URL (for a \
                 directory with : in its name, use ./NAME)"
            }
            Self::Malformed => {
                "must be redis://USER:PASSWORD@HOST:PORT/DB (only HOST is required; in a password, write \
                 / ? # @ as %2F %3F %23 %40) or redis+unix:///SOCKET"
            }
            Self::MalformedSentinels => {
                "must be redis+sentinel://USER:PASSWORD@HOST:PORT,HOST2:PORT2/PRIMARY_NAME/DB (only HOST and \
                 PRIMARY_NAME are required; in a password, write / ? # @ as %2F %3F %23 %40)"
            }
            Self::NoRedis => "this build of retry has no Redis support (cargo feature redis)",
            Self::NoUnixSockets => "Windows has no Unix sockets; use redis://HOST",
            Self::NoTls => {
                "this build of retry has no TLS support (cargo feature redis-tls); use redis:// or \
                 redis+sentinel://"
            }
        })
    }
}

impl std::error::Error for BadLocation {}

impl Location {
    /// Parses a value of `--state`: a URL if it begins like one, else a directory. A text that begins like a URL is
    /// never a directory, because it may contain a password, and names of directories are printed.
    pub fn parse(text: &OsStr) -> Result<Self, BadLocation> {
        let Some(prefix) = UrlPrefix::find(text.as_encoded_bytes()) else {
            return if text.is_empty() {
                Err(BadLocation::Empty)
            } else {
                Ok(Self::Directory(PathBuf::from(text)))
            };
        };
        let scheme = prefix.scheme.as_str();
        // Other clients have other names for it: `redis-sentinel`, `sentinel`.
        let is_sentinel = scheme.contains("sentinel");
        if !SCHEMES.contains(&scheme) && !is_sentinel {
            return Err(BadLocation::Scheme);
        }
        if !cfg!(feature = "redis") {
            return Err(BadLocation::NoRedis);
        }
        if matches!(scheme, "rediss" | "rediss+sentinel") && !cfg!(feature = "redis-tls") {
            return Err(BadLocation::NoTls);
        }
        if matches!(scheme, "redis+unix" | "unix") && cfg!(windows) {
            return Err(BadLocation::NoUnixSockets);
        }
        match prefix.form {
            UrlStart::Clean => text.to_str().and_then(RedisUrl::parse).map(Self::Redis),
            UrlStart::Malformed => None,
        }
        .ok_or(if is_sentinel { BadLocation::MalformedSentinels } else { BadLocation::Malformed })
    }

    /// Where state is kept while a server cannot be used, if this is the default location. Not the default location
    /// itself: a budget of one retry would cut a larger one with the same name to its size.
    pub fn without_server(self) -> Option<Self> {
        match self {
            Self::Default(path) => Some(Self::Default(path.join("without-server"))),
            Self::Directory(_) | Self::Redis(_) | Self::Unavailable | Self::Rejected(_) => None,
        }
    }
}

/// The schemes of servers.
const SCHEMES: [&str; 6] =
    ["redis", "rediss", "redis+unix", "unix", SENTINEL_SCHEMES[0], SENTINEL_SCHEMES[1]];

/// A text that begins like a URL.
struct UrlPrefix {
    /// In lower case; empty if there is only `://`.
    scheme: String,
    form: UrlStart,
}

/// How a URL begins.
#[derive(Clone, Copy, PartialEq, Eq)]
enum UrlStart {
    /// With a scheme and `://`.
    Clean,
    /// After a blank or a quotation mark, or with another number of slashes.
    Malformed,
}

impl UrlPrefix {
    /// A text that begins with `/` or `.`, and on Windows with `\` or a drive, is a path. Otherwise `scheme:/` (RFC 3986,
    /// 3.1), a known scheme and `:`, or `://` anywhere make a URL. So does the rest of a URL whose scheme is missing:
    /// `HOST:PORT`, and `:PASSWORD@HOST`. Characters before it that come from careless copying or quoting are skipped.
    fn find(text: &[u8]) -> Option<Self> {
        if matches!(text.first(), None | Some(b'/' | b'.')) || cfg!(windows) && begins_on_windows(text) {
            return None;
        }
        let is_skipped = |byte: &&u8| !byte.is_ascii_alphanumeric() && !b":/".contains(*byte);
        let skipped = text.iter().take_while(is_skipped).count();
        let rest = &text[skipped..];
        let end = rest.iter().position(|byte| *byte == b':');
        let valid = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
        let scheme = end
            .map(|end| &rest[..end])
            .filter(|scheme| scheme.first().is_some_and(u8::is_ascii_alphabetic) && scheme.iter().all(valid));
        let has_slashes = text.windows(3).any(|part| part == b"://");
        let colon = text.iter().rposition(|byte| *byte == b':');
        let has_port = colon.is_some_and(|colon| {
            let port = &text[colon + 1..];
            !port.is_empty() && port.iter().all(u8::is_ascii_digit)
        });
        let is_rest = has_port || colon.is_some() && text.contains(&b'@');
        match (scheme, end) {
            (Some(scheme), Some(end)) => {
                let scheme = String::from_utf8_lossy(scheme).to_ascii_lowercase();
                let after = &rest[end + 1..];
                let clean = skipped == 0 && after.starts_with(b"//");
                let form = if clean { UrlStart::Clean } else { UrlStart::Malformed };
                let begins = after.starts_with(b"/") || SCHEMES.contains(&scheme.as_str());
                begins.then_some(Self { scheme, form })
            }
            _ => None,
        }
        .or_else(|| {
            (has_slashes || is_rest).then_some(Self { scheme: String::new(), form: UrlStart::Malformed })
        })
    }
}

/// Whether a text begins like a path of Windows: `\\server\share`, `C:\directory`, `C:/directory`.
fn begins_on_windows(text: &[u8]) -> bool {
    matches!(text, [b'\\', ..]) || matches!(text, [drive, b':', ..] if drive.is_ascii_alphabetic())
}

/// Whether a text from the command line may be, or contain, a URL with a password: any URL with an `@` or a `?`, and what
/// begins like the URL of a server. In `redis://me:PASSWORD`, the host was forgotten.
pub fn may_hold_secret(text: &str) -> bool {
    let is_server =
        |prefix: UrlPrefix| prefix.scheme.starts_with("redis") || prefix.scheme.contains("sentinel");
    text.contains("://") && text.contains(['@', '?'])
        || UrlPrefix::find(text.as_bytes()).is_some_and(is_server)
}

/// A value of `--state` for a message, without a password: a valid URL without its user and password, a wrong one as
/// its scheme only.
pub fn without_secret(text: &OsStr) -> Cow<'_, str> {
    match (Location::parse(text), UrlPrefix::find(text.as_encoded_bytes())) {
        (Ok(Location::Redis(url)), _) => url.to_string().into(),
        (_, Some(prefix)) => format!("{}:...", prefix.scheme).into(),
        (_, None) => text.to_string_lossy(),
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default(path) | Self::Directory(path) => path.display().fmt(f),
            Self::Redis(url) => url.fmt(f),
            Self::Unavailable => f.write_str("the default directory"),
            Self::Rejected(_) => f.write_str("RETRY_STATE"),
        }
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Location({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<Location, BadLocation> {
        Location::parse(OsStr::new(text))
    }

    #[test]
    fn a_text_that_does_not_begin_like_a_url_is_a_directory() {
        for directory in ["state", "/run/retry", "./redis://x", "/a://b", "a:b", "7z:x", "redis", " x", "-"] {
            assert_eq!(parse(directory), Ok(Location::Directory(PathBuf::from(directory))), "{directory}");
        }
        for directory in [r"C:\state", "c:/state", r"\\server\share"] {
            let is_directory = parse(directory) == Ok(Location::Directory(PathBuf::from(directory)));
            assert!(is_directory || !cfg!(windows), "{directory}");
        }
        assert_eq!(parse(""), Err(BadLocation::Empty));
    }

    #[cfg(feature = "redis")]
    #[test]
    fn a_good_url_is_a_server_and_is_shown_without_its_password() {
        for (url, shown) in [
            ("redis://host", "redis://host"),
            ("redis://host:1/2", "redis://host:1/2"),
            ("REDIS://host:6379/0", "redis://host"),
            ("redis://:SECRET@host:1/2", "redis://***@host:1/2"),
            ("redis://SECRET@host", "redis://***@host"),
            ("redis://me:SEC@RET@host", "redis://***@host"),
            ("redis://me:SEC%2FRET@[::1]:7", "redis://***@[::1]:7"),
            ("redis://host/?password=SECRET", "redis://host"),
            ("redis+unix:///run/x.sock?db=1&pass=SEC@RET", "redis+unix:///run/x.sock?db=1"),
            ("unix:///run/x.sock", "unix:///run/x.sock"),
            ("redis+sentinel://:SECRET@a,b:7/mymaster/1", "redis+sentinel://***@a,b:7/mymaster/1"),
            ("redis+sentinel://a/m?sentinel_password=SECRET", "redis+sentinel://***@a/m"),
        ] {
            if cfg!(windows) && url.contains("unix") {
                assert_eq!(parse(url), Err(BadLocation::NoUnixSockets));
                continue;
            }
            let location = parse(url).expect(url);
            assert!(matches!(location, Location::Redis(_)), "{url}");
            assert_eq!(location.to_string(), shown);
            assert_eq!(format!("{location:?}"), format!("Location({shown})"));
            assert_eq!(without_secret(OsStr::new(url)), shown);
        }
        for url in ["rediss://host", "rediss+sentinel://host/mymaster"] {
            assert_eq!(parse(url).is_ok(), cfg!(feature = "redis-tls"));
        }
    }

    #[test]
    fn a_wrong_url_shows_only_its_scheme() {
        let wrong = if cfg!(feature = "redis") { BadLocation::Malformed } else { BadLocation::NoRedis };
        let sentinels =
            if cfg!(feature = "redis") { BadLocation::MalformedSentinels } else { BadLocation::NoRedis };
        for (text, error, shown) in [
            ("redis://", wrong, "redis:..."),
            ("redis://:SECRET", wrong, "redis:..."),
            ("redis://:12345", wrong, "redis:..."),
            ("redis://me:SECRET@", wrong, "redis:..."),
            ("redis://me:SECRET", wrong, "redis:..."),
            ("redis://SECRET/x@host", wrong, "redis:..."),
            ("redis://SECRET?x@host", wrong, "redis:..."),
            ("redis://SECRET#x@host", wrong, "redis:..."),
            ("redis://me:12/SECRET@host", wrong, "redis:..."),
            ("redis://host/SECRET", wrong, "redis:..."),
            ("redis:/:SECRET@host", wrong, "redis:..."),
            ("redis:SECRET@host", wrong, "redis:..."),
            ("redis:", wrong, "redis:..."),
            ("redis+unix:", wrong, "redis+unix:..."),
            ("redis+unix:SECRET", wrong, "redis+unix:..."),
            ("  redis://:SECRET@host", wrong, "redis:..."),
            ("\t\u{feff}redis://:SECRET@host", wrong, "redis:..."),
            ("\"redis://:SECRET@host\"", wrong, "redis:..."),
            ("REDIS:/:SECRET@host", wrong, "redis:..."),
            ("redis+sentinel://:SECRET@host", sentinels, "redis+sentinel:..."),
            ("redis+sentinel://:SECRET/mymaster", sentinels, "redis+sentinel:..."),
            ("redis+sentinel:/:SECRET@host/mymaster", sentinels, "redis+sentinel:..."),
            (" redis+sentinel://:SECRET@host/mymaster", sentinels, "redis+sentinel:..."),
            ("redis-sentinel://:SECRET@host/0#mymaster", sentinels, "redis-sentinel:..."),
            ("redis-sentinel://:SECRET@host/mymaster", sentinels, "redis-sentinel:..."),
            ("sentinel://SECRET@host/mymaster", sentinels, "sentinel:..."),
            ("http://me:SECRET@host", BadLocation::Scheme, "http:..."),
            ("http:/me:SECRET@host", BadLocation::Scheme, "http:..."),
            ("://me:SECRET@host", BadLocation::Scheme, ":..."),
            ("a b://me:SECRET@host", BadLocation::Scheme, ":..."),
            ("localhost:6379", BadLocation::Scheme, ":..."),
            ("me:SECRET@host", BadLocation::Scheme, ":..."),
            (":SECRET@host", BadLocation::Scheme, ":..."),
            ("redis//:SECRET@host", BadLocation::Scheme, ":..."),
        ] {
            let is_unix = cfg!(all(windows, feature = "redis")) && text.contains("unix");
            let error = if is_unix { BadLocation::NoUnixSockets } else { error };
            assert_eq!(parse(text), Err(error), "{text}");
            assert_eq!(without_secret(OsStr::new(text)), shown);
            assert!(!error.to_string().contains("SECRET"));
        }
        let tls = if cfg!(not(feature = "redis")) { BadLocation::NoRedis } else { BadLocation::NoTls };
        let tls = if cfg!(feature = "redis-tls") { BadLocation::Malformed } else { tls };
        assert_eq!(parse("rediss:/x"), Err(tls));
    }

    #[cfg(unix)]
    #[test]
    fn a_password_that_is_no_text_is_not_shown() {
        use std::os::unix::ffi::OsStrExt as _;
        let not_text = OsStr::from_bytes(b"redis://me:SECRET\xff@host");
        let wrong = if cfg!(feature = "redis") { BadLocation::Malformed } else { BadLocation::NoRedis };
        assert_eq!(Location::parse(not_text), Err(wrong));
        assert_eq!(without_secret(not_text), "redis:...");
    }

    proptest! {
        /// Whatever stands around it: a password after `://` is not shown, and makes no directory.
        #[test]
        fn no_text_with_a_password_shows_it(
            before in "[a-z \"'(+.]{0,8}", slashes in "/{1,4}", user in "[a-z]{0,3}", after in "[@:/?#a-z0-9.]{0,12}",
        ) {
            prop_assume!(!before.starts_with('.'));
            // One letter is a drive there.
            prop_assume!(cfg!(unix) || before.len() != 1);
            let text = format!("{before}:{slashes}{user}:SECRET{after}");
            prop_assume!(text.contains("://") || !before.is_empty() && before.bytes().all(|b| b.is_ascii_lowercase()));
            let shown = without_secret(OsStr::new(&text)).into_owned();
            prop_assert!(!shown.contains("SECRET"), "{} {}", text, shown);
            prop_assert!(!matches!(parse(&text), Ok(Location::Directory(_))), "{}", text);
        }
    }
}
