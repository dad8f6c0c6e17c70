//! The demo's sample app: a legacy app that knows nothing of sign-in and believes the headers it is told.
//!
//! It reports each request exactly as it arrived: the raw target, and header names in their own order and case.

mod head;
mod live;
mod pages;
mod raw_stream;
mod routes;

#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONNECTION, HeaderValue, SERVER};
use axum::http::{Request, StatusCode, Version};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tower::ServiceExt;

use crate::notify::kept::KeptLetters;
use raw_stream::{Heads, RawStream};

/// Where the letters are, as JSON and for people.
pub(super) const OUTBOX: &str = "/outbox";
pub(super) const LETTERS: &str = "/letters";

/// Connections served at once; the app is for one person trying things out.
const MAX_CONNECTIONS: usize = 256;

/// The running app; it ends when this is dropped.
pub(crate) struct Sample {
    /// Where it listens, on loopback.
    pub(crate) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Sample {
    /// Starts the app on a free port of `127.0.0.1`.
    ///
    /// # Errors
    /// No port can be had.
    pub(crate) async fn start(letters: Arc<KeptLetters>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        Ok(Self { address, task: tokio::spawn(accept(listener, letters)) })
    }
}

impl Drop for Sample {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, letters: Arc<KeptLetters>) {
    let router = routes::router(letters);
    let mut connections = JoinSet::new();
    loop {
        while connections.len() >= MAX_CONNECTIONS {
            connections.join_next().await;
        }
        match listener.accept().await {
            Ok((stream, _)) => {
                let router = router.clone();
                connections.spawn(async move {
                    if let Err(fault) = serve(stream, router).await {
                        tracing::debug!(target: "sample", %fault, "connection ended");
                    }
                });
            }
            // Out of file descriptors and the like: let some connections end first.
            Err(fault) => {
                tracing::warn!(target: "sample", %fault, "cannot accept");
                connections.join_next().await;
                tokio::task::yield_now().await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

/// Serves one connection, request after request.
async fn serve(stream: TcpStream, router: Router) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let heads = Heads::default();
    let stream = TokioIo::new(RawStream::new(stream, heads.clone()));
    let service = service_fn(|request| respond(request, heads.clone(), router.clone()));
    let mut server = http1::Builder::new();
    server
        .half_close(true)
        .title_case_headers(true)
        .max_headers(head::MAX_FIELDS)
        .max_buf_size(2 * raw_stream::MAX_HEAD);
    server.serve_connection(stream, service).with_upgrades().await.map_err(io::Error::other)?;
    match heads.upgrade() {
        Some(upgrade) => live::web_socket(upgrade).await,
        None => Ok(()),
    }
}

async fn respond(mut request: Request<Incoming>, heads: Heads, router: Router) -> Result<Response, Infallible> {
    let version = request.version();
    let mut answer = match heads.next() {
        Ok(head) => {
            request.extensions_mut().insert(Arc::new(head));
            request.extensions_mut().insert(heads);
            router.oneshot(request.map(Body::new)).await?
        }
        Err(status) => routes::refuse(StatusCode::from_u16(status).unwrap_or_default()),
    };
    let fields = answer.headers_mut();
    fields.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    fields.insert(SERVER, HeaderValue::from_static("legacy-app"));
    if version == Version::HTTP_10 {
        fields.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(answer)
}
