//! The connection to a Redis or Valkey server. Owns the name look-up, the socket, TLS, the runtime on which
//! they wait, and the guards against what a server may do: answer slowly, for ever, or with gigabytes.
//!
//! One clock bounds all of it, and what has not answered by then is dropped with its socket and its runtime;
//! nothing of it goes on. The exception is a name that has to be looked up: no limit can be set for the C
//! library's resolver. It has a thread, which holds no more than the name and ends when the resolver gives up.
//! (The thread is not tokio's: its pool panics where the system has no thread left, and waits when it is dropped.)
//!
//! The redis crate collects a reply before it looks at it. So the stream below it fails after 64 KiB, counted
//! from the last thing that we sent, and what is announced (a length of 4 GB, an array of 2^31) is never
//! allocated before it has arrived.

use super::clock::Patience;
use super::store::StoreError;
use crate::core::shared::RedisUrl;
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{AsyncConnectionConfig, Cmd, ConnectionAddr, ErrorKind, IntoConnectionInfo, RedisError, Value};
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// The most bytes of a reply. The scripts answer with less than a hundred; a part of a list has some thousand.
pub const LONGEST_REPLY: usize = 64 * 1024;

/// Of the addresses of a name so many are tried, all at once.
const MOST_ADDRESSES: usize = 8;

/// A server that can be asked.
pub struct Connection {
    server: MultiplexedConnection,
    excess: Excess,
    runtime: Runtime,
}

/// Why an operation has no answer.
pub enum Failure {
    /// The server refused it, in its own words.
    Refused(RedisError),
    /// The connection was gone, perhaps for long: a server closes an idle one. Another one may do.
    Lost(StoreError),
    /// Anything else.
    Final(StoreError),
}

impl Connection {
    /// Connects and, where the URL says so, signs in and selects a database.
    ///
    /// # Errors
    /// When this does not succeed before the patience is used up.
    pub fn open(url: &RedisUrl, patience: Patience) -> Result<Self, StoreError> {
        let wrong = |_: RedisError| StoreError::new("the URL is not one of a Redis server");
        let info = url.with_password().into_connection_info().map_err(wrong)?;
        let peer = Peer::find(info.addr(), patience)?;
        let runtime = Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(|error| StoreError::io("cannot wait for the server", &error))?;
        let excess = Excess::default();
        let settings = info.redis_settings().clone().set_skip_set_lib_name();
        let connected = within(&runtime, patience, async {
            let stream =
                Capped { stream: peer.connect().await?, left: LONGEST_REPLY, excess: excess.clone() };
            // The whole exchange has one limit; none of the redis crate's own is needed.
            let config = AsyncConnectionConfig::new().set_response_timeout(None);
            MultiplexedConnection::new_with_config(&settings, stream, config)
                .await
                .map_err(|error| not_connected(&error, &excess))
        });
        let (server, driver) = connected.ok_or_else(|| no_answer(patience))??;
        runtime.spawn(driver);
        Ok(Self { server, excess, runtime })
    }

    /// Sends one command and waits for its answer.
    ///
    /// # Errors
    /// When the server refuses, or no good answer comes before the patience is used up. Only after a refusal
    /// can the connection be used again.
    pub fn ask(&mut self, command: &Cmd, patience: Patience) -> Result<Value, Failure> {
        let answer = within(&self.runtime, patience, self.server.req_packed_command(command));
        let answer = answer.ok_or_else(|| Failure::Final(no_answer(patience)))?;
        answer.and_then(Value::extract_error).map_err(|error| {
            if self.excess.is_there() || error.is_unrecoverable_error() && !error.is_io_error() {
                Failure::Final(broken(&error, &self.excess))
            } else if error.is_io_error() {
                Failure::Lost(broken(&error, &self.excess))
            } else {
                Failure::Refused(error)
            }
        })
    }
}

/// Waits for it as long as there is patience; none if that was not long enough.
fn within<T>(runtime: &Runtime, patience: Patience, work: impl Future<Output = T>) -> Option<T> {
    let left = patience.left()?;
    // The timer belongs to the runtime, so it is made inside.
    runtime.block_on(async { timeout(left, work).await }).ok()
}

/// Where a server is.
enum Peer {
    Tcp(Vec<SocketAddr>),
    #[cfg(feature = "redis-tls")]
    Tls(String, Vec<SocketAddr>),
    Unix(std::path::PathBuf),
}

/// What carries the bytes.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl Peer {
    fn find(address: &ConnectionAddr, patience: Patience) -> Result<Self, StoreError> {
        match address {
            ConnectionAddr::Tcp(host, port) => look_up(host, *port, patience).map(Self::Tcp),
            #[cfg(feature = "redis-tls")]
            ConnectionAddr::TcpTls { host, port, insecure: false, .. } => {
                Ok(Self::Tls(host.clone(), look_up(host, *port, patience)?))
            }
            ConnectionAddr::Unix(path) => Ok(Self::Unix(path.clone())),
            _ => Err(StoreError::new("the URL is of a kind that this retry does not know")),
        }
    }

    async fn connect(self) -> Result<Box<dyn Stream>, StoreError> {
        match self {
            Self::Tcp(addresses) => Ok(Box::new(any_of(addresses).await.map_err(failed)?)),
            #[cfg(feature = "redis-tls")]
            Self::Tls(host, addresses) => {
                let stream = any_of(addresses).await.map_err(failed)?;
                Ok(Box::new(secured(host, stream).await?))
            }
            Self::Unix(path) => Ok(Box::new(UnixStream::connect(path).await.map_err(failed)?)),
        }
    }
}

fn look_up(host: &str, port: u16, patience: Patience) -> Result<Vec<SocketAddr>, StoreError> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let left = patience.left().ok_or_else(|| no_answer(patience))?;
    let (tell, answer) = mpsc::channel();
    let name = host.to_owned();
    std::thread::Builder::new()
        .name("retry-resolver".to_owned())
        .spawn(move || {
            let addresses = (name.as_str(), port).to_socket_addrs();
            let _nobody_may_wait = tell.send(addresses.map(|all| all.take(MOST_ADDRESSES).collect()));
        })
        .map_err(|error| StoreError::io("cannot start a thread", &error))?;
    answer.recv_timeout(left).map_err(|_| no_answer(patience))?.map_err(failed)
}

/// The first of them that takes a connection, so that an address which leads nowhere costs nothing.
async fn any_of(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut tries: JoinSet<io::Result<TcpStream>> = JoinSet::new();
    for address in addresses {
        tries.spawn(TcpStream::connect(address));
    }
    let mut outcome = Err(io::Error::other("the name has no address"));
    while let Some(tried) = tries.join_next().await {
        outcome = tried.map_err(io::Error::other).flatten();
        if outcome.is_ok() {
            break;
        }
    }
    let stream = outcome?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

#[cfg(feature = "redis-tls")]
async fn secured(host: String, stream: TcpStream) -> Result<impl Stream, StoreError> {
    use tokio_rustls::TlsConnector;
    use tokio_rustls::rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
    let found = rustls_native_certs::load_native_certs();
    let mut trusted = RootCertStore::empty();
    let (good, _) = trusted.add_parsable_certificates(found.certs);
    if good == 0 {
        let why = found.errors.first().map(|error| format!(": {error}")).unwrap_or_default();
        return Err(StoreError::new(format!("this system has no certificate that it trusts{why}")));
    }
    let config = ClientConfig::builder().with_root_certificates(trusted).with_no_client_auth();
    let name =
        ServerName::try_from(host).map_err(|_| StoreError::new("no certificate can be for this host"))?;
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.map_err(failed)
}

/// A stream that fails where more comes in than a reply may have.
struct Capped {
    stream: Box<dyn Stream>,
    /// What may still come in until we send something again.
    left: usize,
    excess: Excess,
}

/// Whether a reply was too long: the redis crate would not tell it from a connection that is lost.
#[derive(Clone, Default)]
struct Excess(Arc<AtomicBool>);

impl Excess {
    fn is_there(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl AsyncRead for Capped {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let Some(left) = self.left.checked_sub(buffer.filled().len() - before) else {
            self.excess.0.store(true, Ordering::Relaxed);
            return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
        };
        self.left = left;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Capped {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.left = LONGEST_REPLY;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// That there was no answer within the time that there was for all of it.
pub fn no_answer(patience: Patience) -> StoreError {
    StoreError::new(format!("no answer within {} ms", patience.limit().as_millis()))
}

/// The server's words are left out here: a server that does not know AUTH repeats its arguments, which
/// are the user and the password.
fn not_connected(error: &RedisError, excess: &Excess) -> StoreError {
    if error.kind() == ErrorKind::AuthenticationFailed {
        return StoreError::new("the server refused the user or the password");
    }
    match error.code() {
        Some(code @ ("WRONGPASS" | "NOAUTH" | "NOPERM")) => {
            StoreError::new(format!("the server refused the user or the password ({code})"))
        }
        Some(code) => StoreError::new(format!("the server refused the connection ({code})")),
        None => broken(error, excess),
    }
}

fn broken(error: &RedisError, excess: &Excess) -> StoreError {
    if excess.is_there() {
        return StoreError::new(format!("the server's answer is longer than {} KiB", LONGEST_REPLY / 1024));
    }
    // What the operating system says; nothing of it came from us or from the server.
    if error.is_io_error() {
        return failed(io::Error::other(error.to_string()));
    }
    StoreError::new(format!("the connection failed ({:?})", error.kind()))
}

#[expect(clippy::needless_pass_by_value, reason = "the form that map_err wants")]
fn failed(error: io::Error) -> StoreError {
    StoreError::io("the connection failed", &error)
}
