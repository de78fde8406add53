//! The address of a Redis or Valkey server, or of the Sentinels that know it. Owns the forms of the URL, and that no
//! password of it is printed; opens nothing.

use std::fmt;

/// The schemes of the URL of Sentinels, without and with TLS.
pub const SENTINEL_SCHEMES: [&str; 2] = ["redis+sentinel", "rediss+sentinel"];

/// The port of a Sentinel whose URL names none.
#[cfg(feature = "redis")]
const SENTINEL_PORT: u16 = 26_379;

/// The address of a server. It may contain a password, which is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisUrl {
    url: String,
    /// Built from the parts that are no secret, never cut out of the URL.
    shown: String,
    sentinels: Option<Sentinels>,
}

/// The Sentinels that know where a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentinels {
    /// The name under which they watch the server.
    pub primary_name: String,
    /// At least one. Their text is `HOST:PORT`.
    pub members: Vec<RedisUrl>,
}

impl RedisUrl {
    /// Parses the URL of a server or of Sentinels; `None` if it is not a valid one. Without the feature `redis`, none is.
    #[cfg(feature = "redis")]
    pub fn parse(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let scheme = scheme.to_ascii_lowercase();
        if SENTINEL_SCHEMES.contains(&scheme.as_str()) {
            Self::parse_sentinels(&scheme, rest)
        } else {
            Self::parse_server(url, &scheme, rest)
        }
    }

    #[cfg(not(feature = "redis"))]
    pub fn parse(_: &str) -> Option<Self> {
        None
    }

    #[cfg(feature = "redis")]
    fn parse_server(url: &str, scheme: &str, rest: &str) -> Option<Self> {
        use redis::{ConnectionAddr, IntoConnectionInfo};
        let info = url.into_connection_info().ok()?;
        let settings = info.redis_settings();
        let hidden = hidden(settings);
        let (place, database) = match info.addr() {
            ConnectionAddr::Tcp(..) | ConnectionAddr::TcpTls { .. } if has_late_at(rest) => return None,
            ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, insecure: false, .. } => {
                let port = if *port == 6379 { String::new() } else { format!(":{port}") };
                (format!("{hidden}{}{port}", bracketed(host)), "/")
            }
            ConnectionAddr::Unix(path) => (path.display().to_string(), "?db="),
            _ => return None,
        };
        let database = match settings.db() {
            0 => String::new(),
            number => format!("{database}{number}"),
        };
        let shown = format!("{scheme}://{place}{database}");
        Some(Self { url: url.to_owned(), shown, sentinels: None })
    }

    /// `[USER:PASSWORD@]HOST[:PORT][,HOST2[:PORT2]...]/PRIMARY_NAME[/DB][?sentinel_username=...&sentinel_password=...]`:
    /// the form that Redis-Sentinel-Url (PyPI) has defined, and that limits, LangChain, RedisVL, Prefect and Harbor read.
    /// The user and the password are the primary's. The Sentinels' own are in the query, as Prefect has them.
    /// (`redis-sentinel://` has more than one form: `HOST/DB#PRIMARY_NAME` of Lettuce, `HOST?master=PRIMARY_NAME` of asynq.)
    #[cfg(feature = "redis")]
    fn parse_sentinels(scheme: &str, rest: &str) -> Option<Self> {
        use redis::{ConnectionAddr, IntoConnectionInfo};
        if has_late_at(rest) {
            return None;
        }
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/')?;
        let (user, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (name, database) = path.split_once('/').unwrap_or((path, ""));
        // As sentinel.conf says: "The valid charset is A-z 0-9 and the three characters .-_".
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_allowed) {
            return None;
        }
        let database: u32 = if database.is_empty() { 0 } else { database.parse().ok()? };
        let (mut sentinel_user, mut sentinel_password) = ("", None);
        for option in query.split('&').filter(|option| !option.is_empty()) {
            match option.split_once('=')? {
                ("sentinel_username", value) => sentinel_user = value,
                ("sentinel_password", value) => sentinel_password = Some(value),
                _ => return None,
            }
        }
        if sentinel_password.is_none() && !sentinel_user.is_empty() {
            return None;
        }
        let server_scheme = scheme.strip_suffix("+sentinel")?;
        let url = |user: &str, host: &str, database: &str| {
            let at = if user.is_empty() { "" } else { "@" };
            format!("{server_scheme}://{user}{at}{host}{database}")
        };
        let sentinel_user =
            sentinel_password.map(|password| format!("{sentinel_user}:{password}")).unwrap_or_default();
        let member = |host: &str| {
            let has_port = host.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'));
            let host = if has_port { host.to_owned() } else { format!("{host}:{SENTINEL_PORT}") };
            let server = Self::parse(&url(&sentinel_user, &host, ""))?;
            let info = server.url.as_str().into_connection_info().ok()?;
            let (ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. }) = info.addr()
            else {
                return None;
            };
            Some(Self { shown: format!("{}:{port}", bracketed(host)), ..server })
        };
        let members: Vec<Self> = hosts.split(',').map(member).collect::<Option<_>>()?;
        // The host is a stand-in: Sentinel names the real one.
        let primary = Self::parse(&url(user, "primary", &format!("/{database}")))?;
        let settings = primary.url.as_str().into_connection_info().ok()?.redis_settings().clone();
        let hidden = if sentinel_password.is_some() { HIDDEN } else { hidden(&settings) };
        let hosts: Vec<_> = members
            .iter()
            .map(|member| {
                let default_port = format!(":{SENTINEL_PORT}");
                member.shown.strip_suffix(&default_port).unwrap_or(&member.shown)
            })
            .collect();
        let database = if database == 0 { String::new() } else { format!("/{database}") };
        let shown = format!("{scheme}://{hidden}{}/{name}{database}", hosts.join(","));
        let sentinels = Sentinels { primary_name: name.to_owned(), members };
        Some(Self { url: primary.url, shown, sentinels: Some(sentinels) })
    }

    /// The URL with its password: for the connection only, never for a message. If there are [Self::sentinels], its host
    /// is a stand-in for the one that they name.
    pub fn with_password(&self) -> &str {
        &self.url
    }

    /// Who has to be asked for the server's address.
    pub fn sentinels(&self) -> Option<&Sentinels> {
        self.sentinels.as_ref()
    }
}

/// What stands for the user and the password.
#[cfg(feature = "redis")]
const HIDDEN: &str = "***@";

#[cfg(feature = "redis")]
fn hidden(settings: &redis::RedisConnectionInfo) -> &'static str {
    let secret = settings.username().is_some() || settings.password().is_some();
    if secret { HIDDEN } else { "" }
}

/// An `@` behind the host comes from a password with a `/` or `?` that was not encoded. The host would then be the start
/// of the password.
#[cfg(feature = "redis")]
fn has_late_at(rest: &str) -> bool {
    rest.split_once(['/', '?', '#']).is_some_and(|(_, behind)| behind.contains('@'))
}

/// A host as it is in a URL.
#[cfg(feature = "redis")]
fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

/// Without the user and the password.
impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shown.fmt(f)
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisUrl({self})")
    }
}

#[cfg(all(test, feature = "redis"))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What is shown, and the URLs with their passwords: of the primary, and of the Sentinels.
    #[test]
    fn sentinels_know_the_server() {
        for (url, shown, primary, members) in [
            (
                "redis+sentinel://host/mymaster",
                "redis+sentinel://host/mymaster",
                "redis://primary/0",
                &["redis://host:26379"][..],
            ),
            (
                "Redis+Sentinel://a:1,b:26379,[::1],[::2]:7/my.master-1_x/3",
                "redis+sentinel://a:1,b,[::1],[::2]:7/my.master-1_x/3",
                "redis://primary/3",
                &["redis://a:1", "redis://b:26379", "redis://[::1]:26379", "redis://[::2]:7"],
            ),
            (
                "redis+sentinel://me:SEC%2FRET,@x@a/m/",
                "redis+sentinel://***@a/m",
                "redis://me:SEC%2FRET,@x@primary/0",
                &["redis://a:26379"],
            ),
            (
                "redis+sentinel://:SECRET@a,b/m/1?sentinel_password=SECRET2&sentinel_username=he",
                "redis+sentinel://***@a,b/m/1",
                "redis://:SECRET@primary/1",
                &["redis://he:SECRET2@a:26379", "redis://he:SECRET2@b:26379"],
            ),
            (
                "redis+sentinel://a/m?sentinel_password=SECRET",
                "redis+sentinel://***@a/m",
                "redis://primary/0",
                &["redis://:SECRET@a:26379"],
            ),
        ] {
            let parsed = RedisUrl::parse(url).expect(url);
            assert_eq!(parsed.to_string(), shown);
            assert_eq!(parsed.with_password(), primary);
            let sentinels = parsed.sentinels().expect(url);
            let urls: Vec<_> = sentinels.members.iter().map(RedisUrl::with_password).collect();
            assert_eq!(urls, members);
            let debug = format!("{parsed:?} {sentinels:?}");
            assert!(!debug.contains("SEC"), "{debug}");
        }
        let parsed = RedisUrl::parse("redis+sentinel://a,[::1]:7/m").unwrap();
        let shown: Vec<_> = parsed.sentinels().unwrap().members.iter().map(RedisUrl::to_string).collect();
        assert_eq!(shown, ["a:26379", "[::1]:7"]);
        assert_eq!(RedisUrl::parse("rediss+sentinel://a/m").is_some(), cfg!(feature = "redis-tls"));
        assert_eq!(RedisUrl::parse("redis://host/1").unwrap().sentinels(), None);
    }

    #[test]
    fn a_wrong_url_of_sentinels_is_refused() {
        for url in [
            "redis+sentinel://",
            "redis+sentinel://host",
            "redis+sentinel://host/",
            "redis+sentinel:///mymaster",
            "redis+sentinel://,/mymaster",
            "redis+sentinel://a,,b/mymaster",
            "redis+sentinel://a,/mymaster",
            "redis+sentinel://a:/mymaster/x",
            "redis+sentinel://a:x/mymaster",
            "redis+sentinel://a:65536/mymaster",
            "redis+sentinel://::1/mymaster",
            "redis+sentinel://a/mymaster/-1",
            "redis+sentinel://a/mymaster/1/2",
            "redis+sentinel://a/my master",
            "redis+sentinel://a/my%20master",
            "redis+sentinel://a/mymaster?x=1",
            "redis+sentinel://a/mymaster?sentinel_password",
            "redis+sentinel://a/mymaster?sentinel_username=me",
            "redis+sentinel://a/mymaster#1",
            "redis+sentinel://a/0#mymaster",
            "redis+sentinel://me:SEC/RET@a/mymaster",
            "redis+sentinel://a/mymaster?sentinel_password=SEC@RET",
            "redis+sentinel://a/mymaster?sentinel_password=SEC/RET@x",
        ] {
            assert_eq!(RedisUrl::parse(url), None, "{url}");
        }
    }

    proptest! {
        /// Whatever the parts are, no password is shown, and the primary and each Sentinel get their own.
        #[test]
        fn each_server_gets_its_own_password(
            user in "[a-z]{0,3}", hosts in prop::collection::vec("[a-z]{1,3}(:[1-9][0-9]{0,3})?", 1..5),
            name in "[a-zA-Z0-9._-]{1,9}", database in prop::option::of(0..99_u32), own in any::<bool>(),
        ) {
            let query = if own { "?sentinel_password=SECRET2" } else { "" };
            let path = database.map(|number| format!("/{number}")).unwrap_or_default();
            let url = format!("redis+sentinel://{user}:SECRET@{}/{name}{path}{query}", hosts.join(","));
            let parsed = RedisUrl::parse(&url).unwrap();
            prop_assert!(!parsed.to_string().contains("SECRET"));
            let expected = format!("redis://{user}:SECRET@primary/{}", database.unwrap_or(0));
            prop_assert_eq!(parsed.with_password(), expected);
            let sentinels = parsed.sentinels().unwrap();
            prop_assert_eq!(&sentinels.primary_name, &name);
            prop_assert_eq!(sentinels.members.len(), hosts.len());
            for member in &sentinels.members {
                prop_assert_eq!(member.with_password().contains(":SECRET2@"), own);
                prop_assert!(!member.with_password().contains(":SECRET@"));
            }
            // The text without the passwords is a valid URL of the same servers.
            let again = RedisUrl::parse(&parsed.to_string().replace("***@", "")).unwrap();
            prop_assert_eq!(&again.sentinels().unwrap().primary_name, &name);
            prop_assert_eq!(again.sentinels().unwrap().members.len(), hosts.len());
        }

        #[test]
        fn no_text_makes_it_panic(text in "[a-z0-9:/@,?#&=%.+-]{0,40}", noise in "\\PC{0,20}") {
            RedisUrl::parse(&format!("redis+sentinel://{text}"));
            RedisUrl::parse(&format!("redis+sentinel://{noise}/m"));
        }
    }
}
