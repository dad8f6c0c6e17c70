//! A gateway behind TLS before an app of the tests' own, and clients that speak HTTP/2 to it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::app::App;
use super::frames::Frames;
use super::gateway::Gateway;
use super::port::free_port;

/// The rules of the app.
const RULES: &str = "
      - { name: open, path: /public/**, access: public }
      - { name: fresh, path: /admin/**, require: { strength: two_factor, max_age: 5m }, allow: { groups: [admins] } }
      - { name: rest, path: /guarded/**, require: one_factor }
      - { name: all, path: /**, access: public }";

/// Serves `app.test` over TLS, and in plain on `gateway.url`.
pub(crate) struct Front {
    pub(crate) gateway: Gateway,
    pub(crate) app: App,
    pub(crate) config: PathBuf,
    port: u16,
    tls: TlsConnector,
    http1: TlsConnector,
    _folder: tempfile::TempDir,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Told {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Front {
    /// `more` is added to the configuration.
    pub(crate) async fn start(more: &str) -> Self {
        Self::telling("info", more).await
    }

    /// The same, as talkative as told.
    pub(crate) async fn telling(log: &str, more: &str) -> Self {
        Self::ruled(log, RULES, more).await
    }

    /// The same, with other rules.
    pub(crate) async fn ruled(log: &str, rules: &str, more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let app = App::start().await;
        let made = rcgen::generate_simple_self_signed(vec!["app.test".to_owned()]).unwrap();
        std::fs::write(folder.path().join("app.pem"), made.cert.pem()).unwrap();
        std::fs::write(folder.path().join("app.key"), made.signing_key.serialize_pem()).unwrap();
        let (port, plain, admin) = (free_port(), free_port(), free_port());
        let text = format!(
            "listen: {{ https: [\"127.0.0.1:{port}\"], plain: [\"127.0.0.1:{plain}\"], admin: \"127.0.0.1:{admin}\" }}
tls: {{ cert: app.pem, key: app.key }}
users: {{ database: \"sqlite://{}/users.db\" }}
shutdown_grace: 1s
{more}
apps:
  - host: app.test
    upstream: http://{}
    rules: {rules}
",
            folder.path().display(),
            app.address,
        );
        let config = folder.path().join("stepgate.yaml");
        std::fs::write(&config, text).unwrap();
        let (url, admin) = (format!("http://127.0.0.1:{plain}"), format!("http://127.0.0.1:{admin}"));
        let gateway = Gateway::run_telling(log, &config, &url, &admin).await;
        let [tls, http1] = [b"h2".as_slice(), b"http/1.1"].map(|alpn| connector(&folder.path().join("app.pem"), alpn));
        Self { gateway, app, config, port, tls, http1, _folder: folder }
    }

    /// A connection from this address of the loopback net that has agreed on HTTP/2.
    pub(crate) async fn shake(&self, from: [u8; 4]) -> TlsStream<TcpStream> {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((from, 0).into()).unwrap();
        let stream = socket.connect(([127, 0, 0, 1], self.port).into()).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let tls = self.tls.connect("app.test".try_into().unwrap(), stream).await.unwrap();
        assert_eq!(tls.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
        tls
    }

    /// A connection of the same client that has agreed on HTTP/1.1.
    pub(crate) async fn http1(&self) -> TlsStream<TcpStream> {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(([127, 0, 0, 2], 0).into()).unwrap();
        let stream = socket.connect(([127, 0, 0, 1], self.port).into()).await.unwrap();
        self.http1.connect("app.test".try_into().unwrap(), stream).await.unwrap()
    }

    /// A connection to be spoken to frame by frame.
    pub(crate) async fn frames(&self, settings: &[(u16, u32)]) -> Frames {
        Frames::over(self.shake([127, 0, 0, 1]).await, settings).await.unwrap()
    }

    /// A connection of a well-behaved client, who is somebody else.
    pub(crate) async fn h2(&self) -> h2::client::SendRequest<Bytes> {
        let (send, connection) = h2::client::handshake(self.shake([127, 0, 0, 2]).await).await.unwrap();
        tokio::spawn(connection);
        send.ready().await.unwrap()
    }

    /// Where it listens for TLS, on 127.0.0.1.
    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// Resident memory of the gateway, in MiB.
    pub(crate) fn resident(&self) -> u64 {
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", self.gateway.process.id())).unwrap();
        statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4 / 1024
    }

    /// The text of the metrics.
    pub(crate) async fn metrics(&self) -> String {
        reqwest::get(format!("{}/metrics", self.gateway.admin_url)).await.unwrap().text().await.unwrap()
    }
}

/// What a client trusts that knows this certificate, and agrees on one protocol.
pub(crate) fn connector(certificate: &Path, alpn: &[u8]) -> TlsConnector {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificate).unwrap()).unwrap();
    let mut client = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    client.alpn_protocols = vec![alpn.to_vec()];
    TlsConnector::from(Arc::new(client))
}

/// Sends a request without a body and reads the answer.
pub(crate) async fn ask(send: &h2::client::SendRequest<Bytes>, request: http::Request<()>) -> Result<Told, h2::Error> {
    let (answer, _) = send.clone().ready().await?.send_request(request, true)?;
    read(answer.await?).await
}

/// Reads an answer to its end.
pub(crate) async fn read(answer: http::Response<h2::RecvStream>) -> Result<Told, h2::Error> {
    let (parts, mut stream) = answer.into_parts();
    let mut body = Vec::new();
    while let Some(piece) = stream.data().await.transpose()? {
        let _ = stream.flow_control().release_capacity(piece.len());
        body.extend_from_slice(&piece);
    }
    let body = String::from_utf8_lossy(&body).into_owned();
    Ok(Told { status: parts.status.as_u16(), headers: parts.headers, body })
}

/// A GET of `app.test`.
pub(crate) fn get(target: &str) -> http::Request<()> {
    http::Request::get(format!("https://app.test{target}")).body(()).unwrap()
}
