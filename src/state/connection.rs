//! The connection to a Redis or Valkey server. Owns the name resolution, the socket, TLS, the runtime on which they
//! wait, and the protection from a server that replies slowly, never, or with gigabytes.
//!
//! One timeout limits all of it; what has not finished by then is dropped with its socket and its runtime. The one
//! exception is name resolution: the C library's resolver cannot be interrupted. It runs in a thread that holds only
//! the name and ends when the resolver gives up. (Not in tokio's thread pool, which panics where the system has no
//! thread left, and waits for its threads when it is dropped.)
//!
//! The redis crate collects a whole reply before it looks at it. So the stream below it fails after 64 KiB, counted
//! from the last bytes that we sent, and nothing is allocated for a length that a server only announces (a string of
//! 4 GB, an array of 2^31).

use super::error::StoreError;
use super::timeout::StoreTimeout;
use crate::core::redis_url::RedisUrl;
use crate::platform::local_socket;
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{AsyncConnectionConfig, Cmd, ConnectionAddr, ErrorKind, IntoConnectionInfo, RedisError, Value};
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// The longest reply, in bytes. A script replies with less than a hundred; a part of a list has some thousand.
pub const MAX_REPLY: usize = 64 * 1024;

/// How many addresses of a name are tried, all at once.
const MAX_ADDRESSES: usize = 8;

/// An open connection to a server.
pub struct Connection {
    server: MultiplexedConnection,
    overflow: Overflow,
    runtime: Runtime,
}

/// Why a command has no reply.
pub enum RequestError {
    /// The server answered with an error. The connection can be used again.
    Refused(RedisError),
    /// The connection is gone, perhaps for a long time: a server closes an idle one. A new connection may work.
    Lost(StoreError),
    /// A new connection would not help.
    Final(StoreError),
}

impl Connection {
    /// Connects to the host of the URL and, if the URL says so, authenticates and selects a database.
    ///
    /// # Errors
    /// When this fails or takes too long.
    pub fn open(url: &RedisUrl, timeout: StoreTimeout) -> Result<Self, StoreError> {
        Self::open_to(url, None, timeout)
    }

    /// The same to a place that a server has named. An empty host is the URL's.
    ///
    /// # Errors
    /// As for [`Self::open`].
    pub fn open_node(url: &RedisUrl, node: &Node, timeout: StoreTimeout) -> Result<Self, StoreError> {
        Self::open_to(url, Some(node), timeout)
    }

    fn open_to(url: &RedisUrl, node: Option<&Node>, timeout: StoreTimeout) -> Result<Self, StoreError> {
        let runtime = runtime()?;
        let connected = block_on(&runtime, timeout, connect(url, node));
        let (server, overflow) = connected.ok_or_else(|| StoreError::no_answer(timeout.limit()))??;
        Ok(Self { server, overflow, runtime })
    }

    /// Sends one command and waits for its reply.
    ///
    /// # Errors
    /// When the server refuses the command, or no valid reply comes in time. Only after a refusal can the connection
    /// be used again.
    pub fn request(&mut self, command: &Cmd, timeout: StoreTimeout) -> Result<Value, RequestError> {
        block_on(&self.runtime, timeout, request(&mut self.server, command, &self.overflow))
            .unwrap_or_else(|| Err(RequestError::Final(StoreError::no_answer(timeout.limit()))))
    }
}

/// Connects to the host of the URL, sends one command and waits for its reply.
///
/// # Errors
/// When this fails. There is no limit on its time.
pub(super) async fn ask_once(url: &RedisUrl, command: &Cmd) -> Result<Value, RequestError> {
    let (mut server, overflow) = connect(url, None).await.map_err(RequestError::Final)?;
    request(&mut server, command, &overflow).await
}

/// What a connection waits on.
///
/// # Errors
/// When the system has no descriptor left.
pub(super) fn runtime() -> Result<Runtime, StoreError> {
    Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(|error| StoreError::io("cannot wait for the server", &error))
}

/// Connects to the server of the URL, or to another node with the user, password and database of the URL.
async fn connect(
    url: &RedisUrl,
    node: Option<&Node>,
) -> Result<(MultiplexedConnection, Overflow), StoreError> {
    let malformed = |_: RedisError| StoreError::new("not a valid Redis URL");
    let info = url.with_password().into_connection_info().map_err(malformed)?;
    let peer = Peer::resolve(info.addr(), node).await?;
    let overflow = Overflow::default();
    let settings = info.redis_settings().clone().set_skip_set_lib_name();
    let stream = LimitedStream { stream: peer.connect().await?, left: MAX_REPLY, overflow: overflow.clone() };
    // A timeout limits everything together, so the redis crate needs no limit of its own.
    let config = AsyncConnectionConfig::new().set_response_timeout(None);
    let (server, driver) = MultiplexedConnection::new_with_config(&settings, stream, config)
        .await
        .map_err(|error| handshake_error(&error, &overflow))?;
    tokio::spawn(driver);
    Ok((server, overflow))
}

/// Sends one command over a connection of [`connect`], and waits for its reply.
async fn request(
    server: &mut MultiplexedConnection,
    command: &Cmd,
    overflow: &Overflow,
) -> Result<Value, RequestError> {
    server.req_packed_command(command).await.and_then(Value::extract_error).map_err(|error| {
        if overflow.is_set() || error.is_unrecoverable_error() && !error.is_io_error() {
            RequestError::Final(connection_error(&error, overflow))
        } else if error.is_io_error() {
            RequestError::Lost(connection_error(&error, overflow))
        } else {
            RequestError::Refused(error)
        }
    })
}

/// A place that a server has named: another node of its cluster, or the primary.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Node {
    /// Empty where a node of a cluster does not know its own.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl Node {
    /// Parses `HOST:PORT`; the host may be an IPv6 address without brackets.
    ///
    /// # Errors
    /// When it is something else.
    pub fn parse(text: &str) -> Result<Self, StoreError> {
        let (host, port) = text.rsplit_once(':').ok_or_else(StoreError::malformed_reply)?;
        Ok(Self { host: host.to_owned(), port: port.parse().map_err(|_| StoreError::malformed_reply())? })
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// Runs `work` until the time is up; `None` if it has not finished by then.
pub(super) fn block_on<T>(
    runtime: &Runtime,
    timeout: StoreTimeout,
    work: impl Future<Output = T>,
) -> Option<T> {
    let left = timeout.left()?;
    // Inside the async block, because tokio's timer needs to be made in the runtime.
    runtime.block_on(async { tokio::time::timeout(left, work).await }).ok()
}

/// The address of a server.
enum Peer {
    Tcp(Vec<SocketAddr>),
    #[cfg(feature = "redis-tls")]
    Tls(String, Vec<SocketAddr>),
    Unix(std::path::PathBuf),
}

trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for S {}

impl Peer {
    /// `node` replaces the host and the port of `address`.
    async fn resolve(address: &ConnectionAddr, node: Option<&Node>) -> Result<Self, StoreError> {
        let place = |host: &str, port: u16| match node {
            Some(node) if node.host.is_empty() => (host.to_owned(), node.port),
            Some(node) => (node.host.clone(), node.port),
            None => (host.to_owned(), port),
        };
        match address {
            ConnectionAddr::Tcp(host, port) => {
                let (host, port) = place(host, *port);
                resolve(&host, port).await.map(Self::Tcp)
            }
            #[cfg(feature = "redis-tls")]
            ConnectionAddr::TcpTls { host, port, insecure: false, .. } => {
                let (host, port) = place(host, *port);
                let addresses = resolve(&host, port).await?;
                Ok(Self::Tls(host, addresses))
            }
            ConnectionAddr::Unix(path) if node.is_none() => Ok(Self::Unix(path.clone())),
            _ => Err(StoreError::new("unsupported URL")),
        }
    }

    async fn connect(self) -> Result<Box<dyn ByteStream>, StoreError> {
        match self {
            Self::Tcp(addresses) => Ok(Box::new(connect_to_any(addresses).await.map_err(io_error)?)),
            #[cfg(feature = "redis-tls")]
            Self::Tls(host, addresses) => {
                let stream = connect_to_any(addresses).await.map_err(io_error)?;
                Ok(Box::new(start_tls(host, stream).await?))
            }
            Self::Unix(path) => Ok(Box::new(local_socket::connect(&path).await.map_err(io_error)?)),
        }
    }
}

async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, StoreError> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let (sender, receiver) = oneshot::channel();
    let name = host.to_owned();
    std::thread::Builder::new()
        .name("retry-resolver".to_owned())
        .spawn(move || {
            let addresses = (name.as_str(), port).to_socket_addrs();
            let _no_receiver_any_more = sender.send(addresses.map(|all| all.take(MAX_ADDRESSES).collect()));
        })
        .map_err(|error| StoreError::io("cannot start a thread", &error))?;
    let resolved = receiver.await.map_err(|_| StoreError::new("the resolver ended without an answer"))?;
    resolved.map_err(io_error)
}

/// The first connection that is made, so that an unreachable address costs no time.
async fn connect_to_any(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut connecting: JoinSet<io::Result<TcpStream>> = JoinSet::new();
    for address in addresses {
        connecting.spawn(TcpStream::connect(address));
    }
    let mut result = Err(io::Error::other("the host name has no address"));
    while let Some(joined) = connecting.join_next().await {
        result = joined.map_err(io::Error::other).flatten();
        if result.is_ok() {
            break;
        }
    }
    let stream = result?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

#[cfg(feature = "redis-tls")]
async fn start_tls(host: String, stream: TcpStream) -> Result<impl ByteStream, StoreError> {
    use tokio_rustls::TlsConnector;
    use tokio_rustls::rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
    let loaded = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(loaded.certs);
    if added == 0 {
        let why = loaded.errors.first().map(|error| format!(": {error}")).unwrap_or_default();
        return Err(StoreError::new(format!("no trusted CA certificates found on this system{why}")));
    }
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let name =
        ServerName::try_from(host).map_err(|_| StoreError::new("the host is not a valid TLS server name"))?;
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.map_err(io_error)
}

/// A stream that fails when a reply is longer than [`MAX_REPLY`].
struct LimitedStream {
    stream: Box<dyn ByteStream>,
    /// How many bytes may still be read until we send something again.
    left: usize,
    overflow: Overflow,
}

/// Whether a reply was too long. The redis crate does not distinguish this from a lost connection.
#[derive(Clone, Default)]
struct Overflow(Arc<AtomicBool>);

impl Overflow {
    fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl AsyncRead for LimitedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let Some(left) = self.left.checked_sub(buffer.filled().len() - before) else {
            self.overflow.set();
            return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
        };
        self.left = left;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for LimitedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.left = MAX_REPLY;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Connecting or authenticating has failed. The server's text is left out: a server that does not know AUTH repeats its
/// arguments, which are the user and the password.
fn handshake_error(error: &RedisError, overflow: &Overflow) -> StoreError {
    if error.kind() == ErrorKind::AuthenticationFailed {
        return StoreError::new("the server rejected the user or the password");
    }
    match error.code() {
        Some(code @ ("WRONGPASS" | "NOAUTH" | "NOPERM")) => {
            StoreError::new(format!("the server rejected the user or the password ({code})"))
        }
        Some(code) => StoreError::new(format!("the server rejected the connection ({code})")),
        None => connection_error(error, overflow),
    }
}

fn connection_error(error: &RedisError, overflow: &Overflow) -> StoreError {
    if overflow.is_set() {
        return StoreError::new(format!("the server's reply is longer than {} KiB", MAX_REPLY / 1024));
    }
    // The text is the operating system's; no part of it came from us or from the server.
    if error.is_io_error() {
        return io_error(io::Error::other(error.to_string()));
    }
    match error.kind() {
        ErrorKind::Parse => StoreError::new("the server does not speak the Redis protocol"),
        kind => StoreError::new(format!("the connection failed ({kind:?})")),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the signature that map_err wants")]
fn io_error(error: io::Error) -> StoreError {
    StoreError::io("the connection failed", &error)
}
