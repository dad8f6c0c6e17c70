//! Forms to apps that speak TLS, or HTTP/2.

use tokio::io::{AsyncRead, AsyncWrite};

use super::*;
use crate::proxy::tests::secure::behind_tls;

/// Takes HTTP/2 requests and writes down their type, length and body; refuses the first if it is `shy`.
async fn serve_http2(stream: impl AsyncRead + AsyncWrite + Unpin, heard: Heard, mut shy: bool) {
    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        if std::mem::take(&mut shy) {
            heard.lock().unwrap().push("refused".to_owned());
            respond.send_reset(h2::Reason::REFUSED_STREAM);
            continue;
        }
        let heard = heard.clone();
        tokio::spawn(async move {
            let (head, mut body) = request.into_parts();
            let mut whole = Vec::new();
            while let Some(Ok(piece)) = body.data().await {
                body.flow_control().release_capacity(piece.len()).unwrap();
                whole.extend_from_slice(&piece);
            }
            let field = |name: &str| head.headers.get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
            let (kind, length) = (field("content-type"), field("content-length"));
            heard.lock().unwrap().push(format!("{kind} {length}\n{}", String::from_utf8(whole).unwrap()));
            let mut answer = respond.send_response(http::Response::new(()), false).unwrap();
            answer.send_data(Bytes::from_static(b"ok"), true).unwrap();
        });
    }
}

async fn serve_http1(mut stream: impl AsyncRead + AsyncWrite + Unpin, heard: Heard) {
    loop {
        let head = head(&mut stream).await;
        let Some(length) = field(&head, "content-length").map(|length| length.parse().unwrap()) else { return };
        let mut body = vec![0; length];
        if tokio::io::AsyncReadExt::read_exact(&mut stream, &mut body).await.is_err() {
            return;
        }
        let kind = field(&head, "content-type").unwrap();
        heard.lock().unwrap().push(format!("{kind} {length}\n{}", String::from_utf8(body).unwrap()));
        say(&mut stream, OK).await;
    }
}

/// A gateway with these settings, and its stores.
async fn stage(settings: ProxySettings) -> Stage {
    let world = World::new();
    let rig = Rig::start_over(settings.clone(), world.ports()).await;
    Stage { world, settings, rig }
}

/// Settings for an app by HTTP/2 in the clear.
async fn in_the_clear(heard: &Heard, shy: bool) -> ProxySettings {
    let all = heard.clone();
    let mut settings = settings(&[upstream_of(move |stream| serve_http2(stream, all.clone(), shy)).await]);
    settings.apps[0].upstream.http2 = true;
    settings
}

#[tokio::test]
async fn an_app_by_tls_or_http2_gets_a_form_byte_for_byte_and_once() {
    let large: String = (0..20_000).map(|n| format!("{n:x}\r\n")).collect();
    for protocols in [&[][..], &["h2"], &["h2", "http/1.1"], &["http/1.1"]] {
        let heard = Heard::default();
        let all = heard.clone();
        let settings = match protocols {
            [] => in_the_clear(&heard, false).await,
            _ => {
                behind_tls(protocols, move |stream| {
                    let heard = all.clone();
                    async move {
                        match stream.get_ref().1.alpn_protocol() {
                            Some(b"h2") => serve_http2(stream, heard, false).await,
                            _ => serve_http1(stream, heard).await,
                        }
                    }
                })
                .await
            }
        };
        let stage = stage(settings).await;
        let ann = stage.session("ann", 1, &[Method::Password, Method::Totp]);
        for (kind, body) in [(FORM, BODY), ("multipart/form-data; boundary=x", large.as_str()), ("text/plain", "")] {
            let (id, held) = kept(&stage.rig.exchange(&post("/guarded/a", "", kind, body)).await);
            let request = replay("/guarded/a", &format!("{}; {held}", cookie(&ann)), &id);
            for expected in ["200", "410"] {
                let answer = stage.rig.exchange(&request).await;
                assert_eq!(status(&answer), expected, "{protocols:?} {kind}: {answer}");
            }
            let heard = std::mem::take(&mut *heard.lock().unwrap());
            assert_eq!(heard, [format!("{kind} {}\n{body}", body.len())], "{protocols:?}");
        }
    }
}

/// A server that turned a request away did not look at it; but nobody can see to that, and a form goes out once.
#[tokio::test]
async fn a_form_that_an_http2_app_turned_away_is_not_sent_again() {
    let heard = Heard::default();
    let stage = stage(in_the_clear(&heard, true).await).await;
    let ann = stage.session("ann", 1, &[Method::Password, Method::Totp]);
    let (id, held) = kept(&stage.rig.exchange(&post("/guarded/a", "", FORM, BODY)).await);
    let request = replay("/guarded/a", &format!("{}; {held}", cookie(&ann)), &id);
    let answer = stage.rig.exchange(&request).await;
    assert!(status(&answer) == "502" && answer.contains("Your form may have arrived"), "{answer}");
    assert_eq!(status(&stage.rig.exchange(&request).await), "410");
    assert_eq!(*heard.lock().unwrap(), ["refused"]);
}
