//! How a connection to a server is made for Pingora, so that it carries its [`Socket`].

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pingora_core::connectors::L4Connect;
use pingora_core::protocols::GetProxyDigest;
use pingora_core::protocols::l4::socket::SocketAddr;
use pingora_core::protocols::l4::stream::Stream;
use pingora_core::protocols::raw_connect::ProxyDigest;
use pingora_error::ErrorType::{ConnectError, InternalError};
use pingora_error::{Error, OrErr, Result};
use pingora_http::ResponseHeader;
use socket2::SockRef;
use tokio::net::TcpStream;

use super::private_connections::PrivateConnection;
use super::socket::{Socket, connect, is_quiet};

/// Connects so that the connection carries its [`Socket`].
#[derive(Debug)]
pub(super) struct SocketConnector {
    pub(super) connect_timeout: Duration,
    /// Whose connection it will be, if not everybody's.
    pub(super) private: Option<Arc<PrivateConnection>>,
}

#[async_trait]
impl L4Connect for SocketConnector {
    async fn connect(&self, address: &SocketAddr) -> Result<Stream> {
        let SocketAddr::Inet(address) = address else {
            return Error::e_explain(InternalError, "servers have addresses");
        };
        let handed = self.private.as_ref().and_then(|private| private.handed_over(*address));
        let (stream, used) = match handed.filter(|stream| is_quiet(&SockRef::from(stream))) {
            Some(stream) => (stream, true),
            None => (connect(*address, self.connect_timeout).await?, false),
        };
        with_handle(stream, used)
    }
}

fn with_handle(stream: TcpStream, used: bool) -> Result<Stream> {
    let handle = SockRef::from(&stream).try_clone().or_err(ConnectError, "no handle for the connection")?;
    let socket = Socket::new(handle, used);
    let response = Box::new(ResponseHeader::build(200, Some(0))?);
    let mut stream = Stream::from(stream);
    stream.set_proxy_digest(ProxyDigest::new(response, Some(Box::new(Arc::new(socket)))));
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use pingora_core::protocols::Digest;
    use tokio::net::TcpListener;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    async fn connected(listener: &TcpListener, private: Option<Arc<PrivateConnection>>) -> (Stream, TcpStream) {
        let address = SocketAddr::Inet(listener.local_addr().unwrap());
        let stream = SocketConnector { connect_timeout: PATIENCE, private }.connect(&address).await.unwrap();
        (stream, listener.accept().await.unwrap().0)
    }

    fn socket(stream: &Stream) -> Arc<Socket> {
        let digest = Digest { proxy_digest: stream.get_proxy_digest(), ..Digest::default() };
        Socket::of(Some(&digest)).unwrap().clone()
    }

    #[tokio::test]
    async fn what_came_a_moment_ago_is_seen() {
        use std::io::Write;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        for says in ["x", ""] {
            let (stream, app) = connected(&listener, None).await;
            let socket = socket(&stream);
            assert!(socket.is_quiet());
            // No turn of the runtime from here on.
            let mut app = app.into_std().unwrap();
            app.write_all(says.as_bytes()).unwrap();
            if says.is_empty() {
                drop(app);
            }
            assert!(!socket.is_quiet(), "{says:?}");
        }
    }

    #[tokio::test]
    async fn private_connections_end_with_their_owner() {
        use tokio::io::AsyncReadExt;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let private_connections = crate::proxy::upstream::private_connections::PrivateConnections::default();
        let private = private_connections.find_or_add("app.test", None);
        let (stream, mut app) = connected(&listener, Some(private.clone())).await;
        private.adopt(&socket(&stream));
        assert_eq!(socket(&stream).owner(), private.key());
        drop((private, private_connections));
        assert_eq!(app.read(&mut [0]).await.unwrap(), 0, "although Pingora keeps it");
        drop(stream);
    }
}
