//! Binding the addresses: all or none, with errors that name the address.
//!
//! A successor may begin while the gateway before it still lets requests finish. Who may listen is told by the admin
//! address, which one gateway holds alone, and gives up at once when it is told to stop; then it goes on accepting for
//! [`OVERLAP`]. Meanwhile both listen on the addresses of clients (`SO_REUSEPORT`), so that no connection is lost.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::proxy::clock;
use crate::proxy::settings::Listen;

/// How long one that stops goes on accepting: a successor listens by then.
pub(crate) const OVERLAP: Duration = Duration::from_millis(250);
/// How long a successor waits for the one before it to be told to stop.
const SUCCESSION: Duration = Duration::from_secs(5);
/// For an address that is about to be free.
const CLOSING: Duration = Duration::from_secs(1);
/// Between two attempts.
const AGAIN: Duration = Duration::from_millis(20);
/// Connections that wait to be accepted; the system allows fewer, perhaps.
const BACKLOG: u32 = 1024;
/// The header by which the admin address of a gateway is known, and its process.
pub(crate) const PROCESS: &str = "x-stepgate-process";

pub struct Listeners;

/// Bound listeners, not yet accepting. Port 0 has become a real port.
#[derive(Debug, Default)]
pub struct Bound {
    pub(crate) https: Vec<TcpListener>,
    pub(crate) http: Vec<TcpListener>,
    pub(crate) plain: Vec<TcpListener>,
    pub(crate) admin: Option<TcpListener>,
}

/// Whether others may listen on the address of a listener.
#[derive(Clone, Copy)]
enum Sharing {
    /// Nobody: without an admin address it could not be told who may.
    Never,
    /// A successor may; nobody does by now.
    Later,
    /// The one before us still does.
    Now,
}

impl Listeners {
    /// Binds every address, or none. Where another gateway holds the admin address, waits a few seconds for it to stop.
    ///
    /// # Errors
    /// The first address that cannot be bound; the text names it.
    pub async fn bind(listen: &Listen) -> io::Result<Bound> {
        let mut bound = Bound::default();
        let mut sharing = Sharing::Never;
        if let Some(address) = listen.admin {
            let (listener, succeeds) = admin(address).await?;
            (bound.admin, sharing) = (Some(listener), if succeeds { Sharing::Now } else { Sharing::Later });
        }
        for (addresses, list) in
            [(&listen.https, &mut bound.https), (&listen.http, &mut bound.http), (&listen.plain, &mut bound.plain)]
        {
            for address in addresses {
                list.push(bind_one(*address, sharing).await.map_err(|cause| told(*address, &cause))?);
            }
        }
        Ok(bound)
    }
}

/// The listener of the admin address, and whether another gateway had it.
async fn admin(address: SocketAddr) -> io::Result<(TcpListener, bool)> {
    let cause = match TcpListener::bind(address).await {
        Ok(listener) => return Ok((listener, false)),
        Err(cause) => cause,
    };
    let process = if cause.kind() == io::ErrorKind::AddrInUse { process_at(address).await } else { None };
    if let Some(process) = &process {
        tracing::warn!(target: "proxy", %address, process, "another gateway serves here: waiting for it to stop");
    }
    let patience = if process.is_some() { SUCCESSION } else { CLOSING };
    let bound = patiently(patience, || TcpListener::bind(address)).await;
    bound.map(|listener| (listener, process.is_some())).map_err(|cause| match process {
        Some(process) => io::Error::new(
            cause.kind(),
            format!(
                "cannot listen on {address}: address in use: another gateway serves there (process {process}). Stop it, \
                 and this one may begin at once; or give this one addresses of its own"
            ),
        ),
        None => told(address, &cause),
    })
}

/// A listener for clients.
async fn bind_one(address: SocketAddr, sharing: Sharing) -> io::Result<TcpListener> {
    let shared = !matches!(sharing, Sharing::Never) && address.port() != 0;
    if matches!(sharing, Sharing::Later) && shared {
        // A socket that may not share tells of anybody who listens, be they willing to share or not.
        patiently(CLOSING, || async { socket(address)?.bind(address) }).await?;
    }
    patiently(CLOSING, || async {
        let socket = socket(address)?;
        socket.set_reuseport(shared)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    })
    .await
}

fn socket(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Connections of before that the system still waits for do not matter.
    socket.set_reuseaddr(true)?;
    Ok(socket)
}

/// Tries again while the address is in use, for so long.
async fn patiently<T, F>(patience: Duration, mut bind: impl FnMut() -> F) -> io::Result<T>
where
    F: Future<Output = io::Result<T>>,
{
    let start = clock::now();
    loop {
        match bind().await {
            Err(cause) if cause.kind() == io::ErrorKind::AddrInUse && start.elapsed() < patience => {
                tokio::time::sleep(AGAIN).await;
            }
            settled => return settled,
        }
    }
}

/// The process of the gateway whose admin address this is, if it is one's.
async fn process_at(address: SocketAddr) -> Option<String> {
    let ask = async {
        let mut stream = TcpStream::connect(address).await.ok()?;
        stream.write_all(b"GET /livez HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n").await.ok()?;
        let mut answer = String::new();
        stream.take(4096).read_to_string(&mut answer).await.ok()?;
        let mut fields = answer.lines().filter_map(|line| line.split_once(':'));
        let (_, process) = fields.find(|(name, _)| name.eq_ignore_ascii_case(PROCESS))?;
        Some(process.trim().to_owned())
    };
    tokio::time::timeout(CLOSING, ask).await.ok()?
}

fn told(address: SocketAddr, cause: &io::Error) -> io::Error {
    let hint = match cause.kind() {
        io::ErrorKind::AddrInUse => "; `ss -ltnp` tells which program listens there",
        io::ErrorKind::PermissionDenied => "; ports below 1024 need CAP_NET_BIND_SERVICE",
        _ => "",
    };
    io::Error::new(cause.kind(), format!("cannot listen on {address}: {cause}{hint}"))
}

impl Bound {
    /// Whether a successor may listen beside us.
    pub(crate) const fn overlap(&self) -> Duration {
        if self.admin.is_some() { OVERLAP } else { Duration::ZERO }
    }

    /// The addresses, as bound.
    ///
    /// # Errors
    /// The system does not tell them.
    pub fn addresses(&self) -> io::Result<Listen> {
        let all = |list: &[TcpListener]| list.iter().map(TcpListener::local_addr).collect::<io::Result<Vec<_>>>();
        Ok(Listen {
            https: all(&self.https)?,
            http: all(&self.http)?,
            plain: all(&self.plain)?,
            admin: self.admin.as_ref().map(TcpListener::local_addr).transpose()?,
        })
    }
}
