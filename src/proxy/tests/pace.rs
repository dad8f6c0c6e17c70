//! Bodies that stall or drip, answers that nobody reads, and streams that may be silent.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use super::front::*;
use super::rig::*;
use crate::proxy::settings::ProxySettings;

const MOMENT: Duration = Duration::from_millis(50);

/// Quick to lose patience: 800 ms for a piece, 1000 bytes per second.
fn hasty(servers: &[std::net::SocketAddr]) -> ProxySettings {
    let mut settings = settings(servers);
    settings.limits.body_timeout = Duration::from_millis(800);
    settings.limits.write_timeout = Duration::from_millis(800);
    settings.limits.min_rate = 1000;
    settings
}

fn post() -> http::request::Builder {
    Request::post("https://app.test/x")
}

#[tokio::test]
async fn a_body_that_stops_coming_is_told_so_over_http2() {
    let (address, heard) = upstream(OK).await;
    let front = Front::start(hasty(&[address])).await;
    for first in [b"".as_slice(), b"abc"] {
        for length in [None, Some(10)] {
            let send = front.h2().await;
            let mut request = post();
            if let Some(length) = length {
                request = request.header("content-length", length);
            }
            let start = Instant::now();
            let (answer, mut body) = send.clone().send_request(request.body(()).unwrap(), false).unwrap();
            if !first.is_empty() {
                body.send_data(Bytes::from_static(first), false).unwrap();
            }
            let told = read(within(answer).await.unwrap()).await.unwrap();
            assert_eq!(told.status, 408, "{first:?} {length:?}");
            let id = told.header("x-request-id");
            assert!(id.len() == 26 && told.body.contains(id), "{}", told.body);
            assert!(start.elapsed() >= Duration::from_millis(790), "{:?}", start.elapsed());
            // The connection is well.
            assert_eq!(ask(&send, get("/").body(()).unwrap()).await.unwrap().status, 200);
        }
    }
    let whole = |request: &String| request.starts_with("POST") && (request.contains("0\r\n\r\n"));
    assert!(!heard.lock().unwrap().iter().any(whole), "{heard:?}");
}

#[tokio::test]
async fn a_body_for_our_own_pages_has_a_deadline_over_http2_too() {
    let (address, _) = upstream(OK).await;
    let front = Front::start(hasty(&[address])).await;
    let request = Request::post("https://app.test/.stepgate/login").body(()).unwrap();
    let (answer, mut body) = front.h2().await.send_request(request, false).unwrap();
    body.send_data(Bytes::from_static(b"user"), false).unwrap();
    assert_eq!(within(answer).await.unwrap().status(), 408);
}

#[tokio::test]
async fn a_body_that_drips_is_told_so_over_http2() {
    let (address, _) = upstream(OK).await;
    let front = Front::start(hasty(&[address])).await;
    for (piece, status) in [(1, 408), (20, 408), (200, 200)] {
        let (answer, mut body) = front.h2().await.send_request(post().body(()).unwrap(), false).unwrap();
        let dripping = tokio::spawn(async move {
            for _ in 0..50 {
                tokio::time::sleep(MOMENT).await;
                if body.send_data(Bytes::from(vec![b'x'; piece]), false).is_err() {
                    return;
                }
            }
            let _ = body.send_data(Bytes::new(), true);
        });
        assert_eq!(within(answer).await.unwrap().status(), status, "{piece} bytes at a time");
        within(dripping).await.unwrap();
    }
}

#[tokio::test]
async fn a_body_that_drips_is_told_so_over_http1() {
    let (address, _) = upstream(OK).await;
    let front = Front::start(hasty(&[address])).await;
    for (piece, code) in [(1, "408"), (20, "408"), (200, "200")] {
        for chunked in [true, false] {
            let framing =
                if chunked { "Transfer-Encoding: chunked".into() } else { format!("Content-Length: {}", 50 * piece) };
            let mut stream = front.rig.connect().await;
            say(&mut stream, &format!("POST / HTTP/1.1\r\nHost: app.test\r\n{framing}\r\n\r\n")).await;
            let (mut reading, mut writing) = stream.into_split();
            let text = "x".repeat(piece);
            let text = if chunked { format!("{piece:x}\r\n{text}\r\n") } else { text };
            let dripping = tokio::spawn(async move {
                for _ in 0..50 {
                    tokio::time::sleep(MOMENT).await;
                    if writing.write_all(text.as_bytes()).await.is_err() {
                        return writing;
                    }
                }
                if chunked {
                    let _ = writing.write_all(b"0\r\n\r\n").await;
                }
                writing
            });
            let (told, _) = answer(&mut reading).await;
            assert!(told.starts_with(&format!("HTTP/1.1 {code}")), "{piece} bytes at a time, {framing}: {told}");
            within(dripping).await.unwrap();
        }
    }
}

/// An app that waits does not make its client slow.
#[tokio::test]
async fn time_that_the_app_takes_is_not_the_clients() {
    let address = upstream_of(|mut stream| async move {
        if head(&mut stream).await.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1500)).await;
        let mut left = 8 * 1024 * 1024;
        let mut buffer = vec![0; 1 << 16];
        while left > 0 {
            left -= stream.read(&mut buffer).await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(1500)).await;
        say(&mut stream, OK).await;
    })
    .await;
    let mut settings = hasty(&[address]);
    settings.apps[0].max_body = None;
    let front = Front::start(settings).await;
    let request = post().header("content-length", 8 * 1024 * 1024).body(()).unwrap();
    let (answer, mut body) = front.h2().await.send_request(request, false).unwrap();
    body.send_data(Bytes::from(vec![0; 8 * 1024 * 1024]), true).unwrap();
    assert_eq!(within(answer).await.unwrap().status(), 200);
    let mut stream = front.rig.connect().await;
    say(&mut stream, "POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 8388608\r\n\r\n").await;
    stream.write_all(&vec![0; 8 * 1024 * 1024]).await.unwrap();
    assert!(head(&mut stream).await.starts_with("HTTP/1.1 200"));
}

/// An app that speaks HTTP/2, begins its answer at once, and says one word per word it hears.
async fn talker() -> std::net::SocketAddr {
    upstream_of(|stream| async move {
        let Ok(mut connection) = h2::server::handshake(stream).await else { return };
        while let Some(Ok((request, mut respond))) = connection.accept().await {
            tokio::spawn(async move {
                let mut hears = request.into_body();
                let answer = http::Response::builder().header("content-type", "application/grpc").body(()).unwrap();
                let mut says = respond.send_response(answer, false).unwrap();
                while let Some(Ok(word)) = hears.data().await {
                    let _ = hears.flow_control().release_capacity(word.len());
                    if says.send_data(word, false).is_err() {
                        return;
                    }
                }
                let mut trailers = http::HeaderMap::new();
                trailers.insert("grpc-status", "0".parse().unwrap());
                let _ = says.send_trailers(trailers);
            });
        }
    })
    .await
}

#[tokio::test]
async fn a_call_of_grpc_may_be_silent_and_nothing_else() {
    let address = talker().await;
    let mut settings = hasty(&[address]);
    settings.apps[0].upstream.http2 = true;
    settings.apps[0].upstream.read_timeout = Duration::from_millis(800);
    let front = Front::start(settings).await;
    for (kind, survives) in [("application/grpc", true), ("application/grpc+proto", true), ("text/plain", false)] {
        let request = post().header("content-type", kind).header("te", "trailers").body(()).unwrap();
        let (answer, mut says) = front.h2().await.send_request(request, false).unwrap();
        let mut hears = within(answer).await.unwrap().into_body();
        tokio::time::sleep(Duration::from_millis(1500)).await; // longer than every timeout but that of calls
        let _ = says.send_data(Bytes::from_static(b"word"), false);
        let echo = within(hears.data()).await.and_then(Result::ok);
        assert_eq!(echo.as_deref() == Some(b"word"), survives, "{kind}");
        if survives {
            says.send_data(Bytes::new(), true).unwrap();
            assert!(within(hears.data()).await.is_none(), "{kind}");
            assert_eq!(within(hears.trailers()).await.unwrap().unwrap()["grpc-status"], "0");
        }
    }
}

#[tokio::test]
async fn a_conversation_goes_on_as_long_as_one_side_talks() {
    let address = upstream_of(|mut stream| async move {
        if head(&mut stream).await.is_empty() {
            return;
        }
        say(&mut stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
        for _ in 0..12 {
            tokio::time::sleep(MOMENT * 2).await;
            if stream.write_all(b"5\r\nevent\r\n").await.is_err() {
                return;
            }
        }
        say(&mut stream, "0\r\n\r\n").await;
    })
    .await;
    let front = Front::start(hasty(&[address])).await;
    // The request never ends, and drips.
    let (answer, mut body) = front.h2().await.send_request(post().body(()).unwrap(), false).unwrap();
    body.send_data(Bytes::from_static(b"a"), false).unwrap();
    let told = read(within(answer).await.unwrap()).await.unwrap();
    assert_eq!((told.status, told.body.matches("event").count()), (200, 12));
}

#[tokio::test]
async fn who_was_begun_to_be_answered_may_speak_slowly() {
    let address = upstream_of(|mut stream| async move {
        if head(&mut stream).await.is_empty() {
            return;
        }
        say(&mut stream, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n").await;
        let mut heard = Vec::new();
        while !heard.ends_with(b"0\r\n\r\n") {
            let Ok(byte) = stream.read_u8().await else { return };
            heard.push(byte);
        }
        say(&mut stream, "ok").await;
    })
    .await;
    let front = Front::start(hasty(&[address])).await;
    let (answer, mut body) = front.h2().await.send_request(post().body(()).unwrap(), false).unwrap();
    let answer = within(answer).await.unwrap();
    for _ in 0..12 {
        tokio::time::sleep(MOMENT * 2).await;
        body.send_data(Bytes::from_static(b"a"), false).unwrap();
    }
    body.send_data(Bytes::new(), true).unwrap();
    assert_eq!(read(answer).await.unwrap().body, "ok");
}

#[tokio::test]
async fn an_answer_that_is_not_read_ends_and_others_are_served_meanwhile() {
    let address = upstream_of(|mut stream| async move {
        while !head(&mut stream).await.is_empty() {
            say(&mut stream, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n").await;
            if stream.write_all(&vec![b'x'; 1_000_000]).await.is_err() {
                return;
            }
        }
    })
    .await;
    let front = Front::start(hasty(&[address])).await;
    let send = front.h2().await;
    for drops in [false, true] {
        let (answer, _) = send.clone().send_request(get("/").body(()).unwrap(), true).unwrap();
        let mut stalled = within(answer).await.unwrap().into_body();
        let other = tokio::spawn({
            let send = front.h2().await;
            async move { ask(&send, get("/").body(()).unwrap()).await.unwrap().body.len() }
        });
        let end = within(async {
            loop {
                match stalled.data().await {
                    Some(Ok(_)) if drops => {
                        tokio::time::sleep(MOMENT).await;
                        // Here and there a byte of room: each piece in time, all of them for years.
                        stalled.flow_control().release_capacity(1).unwrap();
                    }
                    Some(Ok(_)) => {}
                    end => return end,
                }
            }
        });
        assert!(end.await.unwrap().unwrap_err().is_reset(), "in drops: {drops}");
        assert_eq!(within(other).await.unwrap(), 1_000_000);
        assert!(within(send.clone().ready()).await.is_ok(), "the connection is well");
    }
}

#[tokio::test]
async fn an_answer_that_is_read_in_drops_ends_over_http1() {
    const LENGTH: usize = 64 * 1024 * 1024;
    let address = upstream_of(|mut stream| async move {
        if head(&mut stream).await.is_empty() {
            return;
        }
        say(&mut stream, &format!("HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\n\r\n")).await;
        let _ = stream.write_all(&vec![b'x'; LENGTH]).await;
    })
    .await;
    let mut settings = hasty(&[address]);
    settings.limits.write_timeout = Duration::from_secs(1);
    settings.limits.min_rate = 100_000_000;
    let front = Front::start(settings).await;
    let mut stream = front.rig.connect().await;
    say(&mut stream, "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    // 2 MB per second: each piece in time, all of them half a minute.
    let (mut buffer, mut read) = (vec![0; 100_000], 0);
    let reading = async {
        while let Ok(count @ 1..) = stream.read(&mut buffer).await {
            read += count;
            tokio::time::sleep(MOMENT).await;
        }
    };
    within(reading).await;
    assert!(read < LENGTH, "all of it came");
}

#[tokio::test]
async fn an_answer_that_nobody_reads_ends_over_http1() {
    for length in [5_usize, 64 * 1024 * 1024] {
        let (told, mut ended) = tokio::sync::mpsc::unbounded_channel();
        let address = upstream_of(move |mut stream| {
            let told = told.clone();
            async move {
                if head(&mut stream).await.is_empty() {
                    return;
                }
                say(&mut stream, &format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n")).await;
                let _ = stream.write_all(&vec![b'x'; length]).await;
                let _ = told.send(());
            }
        })
        .await;
        let mut settings = hasty(&[address]);
        settings.limits.write_timeout = Duration::from_millis(500);
        let front = Front::start(settings).await;
        let mut stream = front.rig.connect().await;
        say(&mut stream, "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
        within(ended.recv()).await.unwrap();
        if length == 5 {
            assert!(answer(&mut stream).await.0.starts_with("HTTP/1.1 200"), "what is small waits where it is");
        }
    }
}
