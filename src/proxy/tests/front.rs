//! The rig behind TLS, and clients of it that speak HTTP/2.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::rig::*;
use crate::flow::ports::Ports;
use crate::flow::testing::World;
use crate::proxy::settings::ProxySettings;

/// A proxy behind TLS with two certificates, and what a client needs to trust both.
pub(super) struct Front {
    pub(super) rig: Rig,
    pub(super) tls: tokio_rustls::TlsConnector,
    pub(super) dir: tempfile::TempDir,
}

/// An answer over HTTP/2, read to its end.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Told {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

pub(super) type Send = h2::client::SendRequest<Bytes>;

impl Front {
    pub(super) async fn of(upstream: SocketAddr) -> Self {
        Self::start(settings(&[upstream])).await
    }

    /// `app.test` and `*.wild.test` over TLS with these settings.
    pub(super) async fn start(settings: ProxySettings) -> Self {
        Self::start_over(settings, World::failing()).await
    }

    /// Over these stores.
    pub(super) async fn start_over(mut settings: ProxySettings, ports: Ports) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let dir = tempfile::tempdir().unwrap();
        let (one, one_der) = certificate(&dir, "one", &["app.test"]);
        let (two, two_der) = certificate(&dir, "two", &["*.wild.test"]);
        settings.listen.https = vec![([127, 0, 0, 1], 0).into()];
        settings.certificates = vec![one, two];
        let rig = Rig::start_over(settings, ports).await;
        let mut roots = rustls::RootCertStore::empty();
        for der in [one_der, two_der] {
            roots.add(der.into()).unwrap();
        }
        let mut client = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        client.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Self { rig, tls: tokio_rustls::TlsConnector::from(Arc::new(client)), dir }
    }

    pub(super) async fn shake(&self, name: &'static str) -> std::io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(self.rig.listen.https[0]).await?;
        self.tls.connect(name.try_into().unwrap(), stream).await
    }

    /// A connection that speaks HTTP/2.
    pub(super) async fn h2(&self) -> Send {
        let (send, connection) = h2::client::handshake(self.shake("app.test").await.unwrap()).await.unwrap();
        tokio::spawn(connection);
        send.ready().await.unwrap()
    }
}

/// Sends a request without a body and reads the answer.
pub(super) async fn ask(send: &Send, request: Request<()>) -> Result<Told, h2::Error> {
    let (answer, _) = send.clone().ready().await?.send_request(request, true)?;
    read(within(answer).await?).await
}

/// Reads an answer to its end.
pub(super) async fn read(answer: http::Response<h2::RecvStream>) -> Result<Told, h2::Error> {
    let (parts, mut stream) = answer.into_parts();
    let mut body = Vec::new();
    while let Some(piece) = within(stream.data()).await.transpose()? {
        let _ = stream.flow_control().release_capacity(piece.len());
        body.extend_from_slice(&piece);
    }
    let body = String::from_utf8_lossy(&body).into_owned();
    Ok(Told { status: parts.status.as_u16(), headers: parts.headers, body })
}

pub(super) fn get(target: &str) -> http::request::Builder {
    Request::get(format!("https://app.test{target}"))
}
