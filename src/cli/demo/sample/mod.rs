//! The demo's sample app: a legacy app that knows nothing of sign-in and believes the headers it is told.
//!
//! It speaks HTTP/1.1 by hand, because it reports each request exactly as it arrived: the raw target, and
//! header names in their own order and case. A framework would have tidied them.

mod answer;
mod body;
mod live;
mod pages;
mod routes;
mod wire;

#[cfg(test)]
mod tests;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use routes::After;
use wire::{Connection, Read};

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
    pub(crate) async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        Ok(Self { address, task: tokio::spawn(accept(listener)) })
    }
}

impl Drop for Sample {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener) {
    let mut connections = JoinSet::new();
    loop {
        while connections.len() >= MAX_CONNECTIONS {
            connections.join_next().await;
        }
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.spawn(async move {
                    if let Err(fault) = serve(stream).await {
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
async fn serve(stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut connection = Connection::new(stream);
    loop {
        let head = match connection.read_head().await? {
            Read::Head(head) => head,
            Read::Closed => return Ok(()),
            Read::Broken(status) => return answer::plain(status).close().send(&mut connection, false).await,
        };
        match routes::serve(&mut connection, &head).await? {
            After::KeepAlive => {}
            After::Close => return connection.finish().await,
            After::WebSocket => return live::web_socket(connection).await,
        }
    }
}
