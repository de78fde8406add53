//! What an invocation wants to share with others: under which name, with which settings, and where.
//! Owns the reading of `--state`; opens nothing.

use super::{breaker, budget};
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// The name of a breaker or of a budget: any bytes, also none at all.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Vec<u8>);

impl Name {
    /// The name that these bytes are.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<&OsStr> for Name {
    fn from(text: &OsStr) -> Self {
        Self::new(text.as_bytes())
    }
}

/// As text, with what is no UTF-8 replaced.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        String::from_utf8_lossy(&self.0).fmt(f)
    }
}

/// What an invocation wants to share.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Where.
    pub location: Location,
    /// `--breaker` and its settings.
    pub breaker: Option<(Name, breaker::Settings)>,
    /// `--budget` and its settings.
    pub budget: Option<(Name, budget::Settings)>,
}

/// Where shared state lives.
#[derive(Clone, PartialEq, Eq)]
pub enum Location {
    /// The user's own directory: made with mode 0700, and refused when it is not ours alone.
    Own(PathBuf),
    /// A directory that was named: taken as it is, so that a group can share one.
    Given(PathBuf),
    /// A Redis or Valkey server.
    Redis(RedisUrl),
    /// There is no home for it; using it is a failure that says so.
    Nowhere,
}

/// The address of a server. It may hold a password, so it is printed without.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisUrl(String);

/// Why a `--state` cannot be used, whatever the machine looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadLocation {
    /// The empty text.
    Empty,
    /// A scheme that is not known.
    Scheme,
    /// A URL that is not UTF-8.
    NotText,
    /// A server, but this `retry` was built without the feature `redis`.
    NoRedis,
    /// `rediss://`, but this `retry` was built without the feature `redis-tls`.
    NoTls,
}

impl fmt::Display for BadLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "it is empty; name a directory or redis://HOST",
            Self::Scheme => {
                "it is neither a directory nor redis://, rediss://, redis+unix:// (a directory with :// in \
                 its name can be written as ./NAME)"
            }
            Self::NotText => "the URL is not UTF-8",
            Self::NoRedis => "this retry was built without Redis (cargo feature redis)",
            Self::NoTls => "this retry was built without TLS (cargo feature redis-tls); use redis://",
        })
    }
}

impl std::error::Error for BadLocation {}

impl Location {
    /// What `--state` says: a URL if it begins with a scheme, else a directory.
    ///
    /// # Errors
    /// For a text that can never be right in this build.
    pub fn parse(text: &OsStr) -> Result<Self, BadLocation> {
        if text.is_empty() {
            return Err(BadLocation::Empty);
        }
        let Some(scheme) = scheme(text.as_bytes()) else {
            return Ok(Self::Given(PathBuf::from(text)));
        };
        match scheme.to_ascii_lowercase().as_slice() {
            _ if !cfg!(feature = "redis") => Err(BadLocation::NoRedis),
            b"rediss" if !cfg!(feature = "redis-tls") => Err(BadLocation::NoTls),
            b"redis" | b"rediss" | b"redis+unix" | b"unix" => {
                let url = text.to_str().ok_or(BadLocation::NotText)?;
                Ok(Self::Redis(RedisUrl(url.to_owned())))
            }
            _ => Err(BadLocation::Scheme),
        }
    }

    /// The default: `$XDG_STATE_HOME/retry`, else `~/.local/state/retry`. Relative paths in these
    /// variables are ignored, as the XDG Base Directory Specification asks.
    pub fn standard(xdg_state_home: Option<OsString>, home: Option<OsString>) -> Self {
        let absolute = |path: OsString| Some(PathBuf::from(path)).filter(|path| path.is_absolute());
        let state = xdg_state_home
            .and_then(absolute)
            .or_else(|| home.and_then(absolute).map(|home| home.join(".local/state")));
        state.map_or(Self::Nowhere, |state| Self::Own(state.join("retry")))
    }
}

/// The scheme of RFC 3986, 3.1, if one and `://` are there.
fn scheme(text: &[u8]) -> Option<&[u8]> {
    let end = text.windows(3).position(|part| part == b"://")?;
    let scheme = &text[..end];
    let valid = scheme.first()?.is_ascii_alphabetic()
        && scheme.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte));
    valid.then_some(scheme)
}

impl RedisUrl {
    /// The whole of it, password included: for connecting only, never for a message.
    pub fn with_password(&self) -> &str {
        &self.0
    }
}

/// Without user, password and query (`redis+unix://` has its password there). Everything up to the
/// last `@` is taken for them, since a password that was not encoded may hold any of `/?#@`.
impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = self.0.split_once("://").unwrap_or(("redis", &self.0));
        let (hidden, host) = match rest.rsplit_once('@') {
            Some((_, host)) => ("***@", host),
            None => ("", rest),
        };
        write!(f, "{scheme}://{hidden}{}", host.split(['?', '#']).next().unwrap_or_default())
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisUrl({self})")
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own(path) | Self::Given(path) => path.display().fmt(f),
            Self::Redis(url) => url.fmt(f),
            Self::Nowhere => f.write_str("nowhere"),
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

    fn parse(text: &str) -> Result<Location, BadLocation> {
        Location::parse(OsStr::new(text))
    }

    #[test]
    fn a_scheme_makes_a_server_and_everything_else_is_a_directory() {
        for directory in
            ["state", "/run/retry", "./redis://x", "redis:/x", "a b://", "://", "7z://x", "redis"]
        {
            assert_eq!(parse(directory), Ok(Location::Given(PathBuf::from(directory))), "{directory}");
        }
        assert_eq!(parse(""), Err(BadLocation::Empty));
        #[cfg(feature = "redis")]
        {
            assert_eq!(parse("http://example.com"), Err(BadLocation::Scheme));
            for url in
                ["redis://host", "REDIS://host", "redis+unix:///run/redis.sock", "unix:///run/redis.sock"]
            {
                assert!(matches!(parse(url), Ok(Location::Redis(_))), "{url}");
            }
            assert_eq!(parse("rediss://host").is_ok(), cfg!(feature = "redis-tls"));
        }
        #[cfg(not(feature = "redis"))]
        assert_eq!(parse("redis://host"), Err(BadLocation::NoRedis));
    }

    #[test]
    fn a_password_is_never_shown() {
        for (url, shown) in [
            ("redis://host:1/2", "redis://host:1/2"),
            ("redis://:secret@host:1/2", "redis://***@host:1/2"),
            ("redis://me:sec/re?t#@x@host", "redis://***@host"),
            ("redis+unix:///run/x.sock?db=1&pass=secret", "redis+unix:///run/x.sock"),
            ("redis://host/?password=secret", "redis://host/"),
        ] {
            let location = Location::Redis(RedisUrl(url.to_owned()));
            assert_eq!(location.to_string(), shown);
            assert_eq!(format!("{location:?}"), format!("Location({shown})"));
        }
    }

    #[test]
    fn the_default_is_below_the_state_home() {
        let of = |xdg: Option<&str>, home: Option<&str>| {
            Location::standard(xdg.map(OsString::from), home.map(OsString::from)).to_string()
        };
        assert_eq!(of(Some("/s"), Some("/h")), "/s/retry");
        assert_eq!(of(Some(""), Some("/h")), "/h/.local/state/retry");
        assert_eq!(of(Some("relative"), Some("/h")), "/h/.local/state/retry");
        assert_eq!(of(None, Some("relative")), "nowhere");
        assert_eq!(of(None, None), "nowhere");
    }
}
