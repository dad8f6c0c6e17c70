//! TLS and HTTP/2 towards the apps.

use super::front::Front;
use super::rig::*;
use crate::proxy::settings::ProxySettings;
use bytes::Bytes;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// The settings of a proxy in front of an app that speaks TLS, chooses among these protocols, and does whatever `serve`
/// does with each connection.
pub(super) async fn behind_tls<F, Fut>(protocols: &[&str], serve: F) -> ProxySettings
where
    F: Fn(TlsStream<TcpStream>) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let dir = tempfile::tempdir().unwrap();
    let (files, der) = certificate(&dir, "app", &["erp.internal"]);
    let key = PrivateKeyDer::from_pem_slice(&std::fs::read(&files.key).unwrap()).unwrap();
    let config = rustls::ServerConfig::builder().with_no_client_auth();
    let mut config = config.with_single_cert(vec![der.into()], key).unwrap();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let address = upstream_of(move |stream| {
        let (acceptor, serve) = (acceptor.clone(), serve.clone());
        async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                serve(stream).await;
            }
        }
    });
    let mut settings = settings(&[address.await]);
    let upstream = &mut settings.apps[0].upstream;
    upstream.servers[0].tls = true;
    upstream.tls.sni = Some("erp.internal".to_owned());
    upstream.tls.insecure = true;
    settings
}

/// An upstream that speaks TLS with this certificate, HTTP/1.1, and keeps connections.
async fn tls_upstream(key: Vec<u8>, certificate: Vec<u8>) -> (SocketAddr, Heard) {
    let heard = Heard::default();
    let all = heard.clone();
    let key = PrivateKeyDer::from_pem_slice(&key).unwrap();
    let config = rustls::ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(vec![certificate.into()], key).unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let address = upstream_of(move |stream| {
        let (acceptor, heard) = (acceptor.clone(), all.clone());
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            loop {
                let head = head(&mut stream).await;
                if head.is_empty() {
                    return;
                }
                heard.lock().unwrap().push(head);
                say(&mut stream, OK).await;
            }
        }
    });
    (address.await, heard)
}

#[tokio::test]
async fn authorities_and_names_are_checked_and_pooled_connections_are_not_shared_across_them() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let dir = tempfile::tempdir().unwrap();
    let (right, der) = certificate(&dir, "right", &["erp.internal"]);
    let (wrong, _) = certificate(&dir, "wrong", &["erp.internal"]);
    let (address, heard) = tls_upstream(std::fs::read(&right.key).unwrap(), der).await;
    let mut settings = settings(&[address]);
    let app = &mut settings.apps[0];
    app.upstream.servers[0].tls = true;
    app.upstream.tls.sni = Some("erp.internal".to_owned());
    app.upstream.tls.ca = Some(right.cert);
    let mut other = app.clone();
    other.host = "other.test".to_owned();
    other.upstream.tls.ca = Some(wrong.cert);
    let mut misnamed = app.clone();
    misnamed.host = "misnamed.test".to_owned();
    misnamed.upstream.tls.sni = Some("elsewhere.internal".to_owned());
    settings.apps.extend([other, misnamed]);
    let rig = Rig::start(settings).await;
    let get = |host: &str| format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
    assert!(rig.exchange(&get("app.test")).await.starts_with("HTTP/1.1 200"));
    // An app behind TLS knows itself by it.
    let copy = "COPY /a HTTP/1.1\r\nHost: app.test\r\nDestination: http://app.test/b\r\n\r\n";
    assert!(rig.exchange(copy).await.starts_with("HTTP/1.1 200"));
    let told = heard.lock().unwrap().last().and_then(|head| field(head, "destination"));
    assert_eq!(told.as_deref(), Some("https://app.test/b"));
    // The connection just used is in the pool; another authority must not find it there.
    assert!(rig.exchange(&get("other.test")).await.starts_with("HTTP/1.1 502"));
    assert!(rig.exchange(&get("misnamed.test")).await.starts_with("HTTP/1.1 502"));
}

#[tokio::test]
async fn grpc_trailers_come_through_h2_on_both_sides() {
    let address = upstream_of(|stream| async move {
        let mut connection = h2::server::handshake(stream).await.unwrap();
        while let Some(Ok((request, mut respond))) = connection.accept().await {
            assert_eq!(request.headers()["te"], "trailers");
            let answer = http::Response::builder().header("content-type", "application/grpc").body(()).unwrap();
            let mut body = respond.send_response(answer, false).unwrap();
            body.send_data(Bytes::from_static(b"message"), false).unwrap();
            let mut trailers = http::HeaderMap::new();
            trailers.insert("grpc-status", "0".parse().unwrap());
            body.send_trailers(trailers).unwrap();
        }
    })
    .await;
    let mut settings = settings(&[address]);
    settings.apps[0].upstream.http2 = true;
    let front = Front::start(settings).await;
    let mut send = front.h2().await;
    let request = http::Request::post("https://app.test/pkg.Service/Call")
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(())
        .unwrap();
    let (answer, mut body) = send.send_request(request, false).unwrap();
    body.send_data(Bytes::from_static(b"ask"), true).unwrap();
    let mut answer = within(answer).await.unwrap();
    assert_eq!(answer.status(), 200);
    let message = within(answer.body_mut().data()).await.unwrap().unwrap();
    assert_eq!(&message[..], b"message");
    let trailers = within(answer.body_mut().trailers()).await.unwrap().unwrap();
    assert_eq!(trailers["grpc-status"], "0");
}

#[tokio::test]
async fn the_health_of_each_server_is_asked_by_its_own_scheme() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let dir = tempfile::tempdir().unwrap();
    let (files, der) = certificate(&dir, "erp", &["erp.internal"]);
    let (private, _) = tls_upstream(std::fs::read(&files.key).unwrap(), der).await;
    let (plain, heard) = upstream(OK).await;
    let mut settings = settings(&[plain, private]);
    let upstream = &mut settings.apps[0].upstream;
    upstream.servers[1].tls = true;
    upstream.tls.sni = Some("erp.internal".to_owned());
    upstream.tls.ca = Some(files.cert);
    upstream.health_path = Some("/health".to_owned());
    upstream.health_interval = std::time::Duration::from_millis(50);
    let rig = Rig::start(settings).await;
    let count = |path: &str| heard.lock().unwrap().iter().filter(|head| head.starts_with(path)).count();
    let looked = async {
        // The third round begins when the second is over.
        while count("GET /health ") < 3 {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    within(looked).await;
    for _ in 0..4 {
        assert!(rig.exchange("GET /work HTTP/1.1\r\nHost: app.test\r\n\r\n").await.starts_with("HTTP/1.1 200"));
    }
    assert_eq!(count("GET /work "), 2, "the other one is up too");
}

#[tokio::test]
async fn a_client_of_http_1_0_is_agreed_with() {
    let (address, _) = upstream(OK).await;
    let front = Front::of(address).await;
    let mut client = rustls::ClientConfig::clone(front.tls.config());
    client.alpn_protocols = vec![b"http/1.0".to_vec()];
    let stream = TcpStream::connect(front.rig.listen.https[0]).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(client));
    let mut stream = within(connector.connect("app.test".try_into().unwrap(), stream)).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"http/1.0".as_slice()));
    say(&mut stream, "GET / HTTP/1.0\r\nHost: app.test\r\n\r\n").await;
    assert!(head(&mut stream).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn who_cannot_be_agreed_with_is_told_why_before_the_connection_ends() {
    let (address, _) = upstream(OK).await;
    let front = Front::of(address).await;
    let mut client = rustls::ClientConfig::clone(front.tls.config());
    client.alpn_protocols = vec![b"spdy/3".to_vec()];
    let stream = TcpStream::connect(front.rig.listen.https[0]).await.unwrap();
    let shaken = tokio_rustls::TlsConnector::from(Arc::new(client)).connect("app.test".try_into().unwrap(), stream);
    let cause = within(shaken).await.unwrap_err().to_string();
    assert!(cause.contains("NoApplicationProtocol"), "{cause}");
}
