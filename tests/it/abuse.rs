//! HTTP/2 as a weapon, against the built binary: each attack ends or stays bounded, others are served meanwhile, and
//! the process lives.

use std::time::Duration;

use super::support::frames::*;
use super::support::front::{Front, ask, get as request};

/// What an attack may cost, in MiB.
const COST: u64 = 48;

/// Runs an attack while somebody else is served on connections of their own; what it left in memory, in MiB.
async fn beside<A: Future>(front: &Front, attack: A) -> (A::Output, u64) {
    serve_somebody(front).await;
    let before = front.resident();
    let mut attack = std::pin::pin!(attack);
    let mut peak = before;
    let output = loop {
        tokio::select! {
            output = &mut attack => break output,
            () = serve_somebody(front) => peak = peak.max(front.resident()),
        }
    };
    serve_somebody(front).await;
    (output, peak.max(front.resident()) - before)
}

async fn serve_somebody(front: &Front) {
    let served = async {
        let told = ask(&front.h2().await, request("/public/somebody")).await.unwrap();
        assert_eq!((told.status, told.body.as_str()), (200, "APP /public/somebody"));
    };
    tokio::time::timeout(Duration::from_secs(10), served).await.expect("others are served meanwhile");
}

/// Says the same again and again until the connection ends or all is said; the reason told, if one was.
async fn flood(frames: &mut Frames, batch: &[u8], times: usize) -> Option<u32> {
    for _ in 0..times {
        if frames.say(batch).await.is_err() {
            break;
        }
    }
    frames.end().await
}

/// Hears what is still said, until the gateway closes the connection.
async fn until_closed(frames: &mut Frames) {
    loop {
        if let Err(end) = frames.hear().await {
            return assert_ne!(end.kind(), std::io::ErrorKind::TimedOut, "it stays open");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_opened_and_reset() {
    let front = Front::start("").await;
    let head = get(b"app.test", b"/never");
    let ((), cost) = beside(&front, async {
        for _ in 0..5 {
            let mut frames = front.frames(&[]).await;
            let mut sent = 0;
            for _ in 0..100 {
                let mut batch = Vec::new();
                for _ in 0..100 {
                    let stream = frames.open();
                    batch.extend(frame(HEADERS, END_HEADERS | END_STREAM, stream, &head));
                    batch.extend(frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes()));
                }
                if frames.say(&batch).await.is_err() {
                    break;
                }
                sent += 100;
            }
            let reason = frames.end().await;
            assert!(sent < 10_000 || reason == Some(ENHANCE_YOUR_CALM), "{sent} streams, {reason:?}");
        }
    })
    .await;
    assert!(cost < COST, "{cost} MiB");
    assert!(front.app.heard().len() < 3_000, "{} requests reached the app", front.app.heard().len());
}

/// CVE-2025-8671: the client makes the server reset.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_that_the_server_is_made_to_reset() {
    let front = Front::start("").await;
    let head = get(b"app.test", b"/never");
    let (reason, cost) = beside(&front, async {
        let mut frames = front.frames(&[]).await;
        for _ in 0..100 {
            let mut batch = Vec::new();
            for _ in 0..100 {
                let stream = frames.open();
                batch.extend(frame(HEADERS, END_HEADERS | END_STREAM, stream, &head));
                batch.extend(frame(WINDOW_UPDATE, 0, stream, &[0; 4]));
            }
            if frames.say(&batch).await.is_err() {
                break;
            }
        }
        frames.end().await
    })
    .await;
    assert!(matches!(reason, None | Some(ENHANCE_YOUR_CALM | PROTOCOL_ERROR)), "{reason:?}");
    assert!(cost < COST, "{cost} MiB");
    assert!(front.app.heard().len() < 3_000, "{} requests reached the app", front.app.heard().len());
}

/// CVE-2024-27316.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_without_end() {
    let front = Front::start("").await;
    let field = block(&[(b"x-more", &[b'x'; 16_000])]);
    for (piece, times) in [(block(&[]), 100_000), (block(&[(b"a", b"")]), 100_000), (field, 5_000)] {
        let (reason, cost) = beside(&front, async {
            let mut frames = front.frames(&[]).await;
            let stream = frames.open();
            frames.say(&frame(HEADERS, 0, stream, &get(b"app.test", b"/"))).await.unwrap();
            flood(&mut frames, &frame(CONTINUATION, 0, stream, &piece).repeat(10), times / 10).await
        })
        .await;
        assert!(matches!(reason, None | Some(ENHANCE_YOUR_CALM)), "{reason:?}");
        assert!(cost < COST, "{cost} MiB");
    }
    assert!(front.app.heard().iter().all(|head| head.contains("/public/somebody")));
}

/// A large entry of the dynamic table, named again and again by one byte.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_that_unfold() {
    let front = Front::start("").await;
    let ((), cost) = beside(&front, async {
        for references in [20, 100, 10_000] {
            let mut frames = front.frames(&[]).await;
            let kept = [[0x40].as_slice(), &literal(b"x-bomb"), &literal(&[b'x'; 4000])].concat();
            let bomb = [get(b"app.test", b"/"), kept, vec![0xbe; references]].concat();
            let mut told = Vec::new();
            for _ in 0..50 {
                let stream = frames.open();
                let mut pieces = bomb.chunks(16_000);
                let first = frame(HEADERS, END_STREAM, stream, pieces.next().unwrap());
                let rest: Vec<u8> = pieces.flat_map(|piece| frame(CONTINUATION, 0, stream, piece)).collect();
                let end = frame(CONTINUATION, END_HEADERS, stream, &[]);
                if frames.say(&[first, rest, end].concat()).await.is_err() {
                    break;
                }
                told.push(frames.end_of(stream).await);
                if matches!(told.last(), Some(End::Gone(_))) {
                    break;
                }
            }
            let refused = |end: &End| matches!(end, End::Answer(431, _) | End::Gone(None | Some(ENHANCE_YOUR_CALM)));
            assert!(told.iter().all(refused), "{references}: {:?}", told.iter().find(|end| !refused(end)));
        }
    })
    .await;
    assert!(cost < COST, "{cost} MiB");
    assert!(front.app.heard().iter().all(|head| head.contains("/public/somebody")));
}

/// Frames that cost the client little and are answered, or looked at, one by one. The client reads nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_for_nothing() {
    let front = Front::start("limits: { keepalive: 1s }").await;
    let floods = [
        ("SETTINGS", frame(SETTINGS, 0, 0, &[])),
        ("SETTINGS of the table", frame(SETTINGS, 0, 0, &[0, 1, 0, 0, 16, 0])),
        ("SETTINGS of the window", frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 16, 0])),
        ("PING", frame(PING, 0, 0, &[7; 8])),
        ("PRIORITY", frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 1])),
        ("unknown", frame(0xee, 0, 1, b"whatever")),
        ("WINDOW_UPDATE", frame(WINDOW_UPDATE, 0, 0, &1_u32.to_be_bytes())),
    ];
    for (name, one) in floods {
        let (_, cost) = beside(&front, async {
            let mut frames = front.frames(&[]).await;
            let batch = one.repeat(1000);
            for _ in 0..200 {
                // A server that waits for us to read lets us wait.
                let said = tokio::time::timeout(Duration::from_secs(3), frames.say(&batch)).await;
                if !matches!(said, Ok(Ok(()))) {
                    break;
                }
            }
            // It has no stream, so it is idle, and ends whatever it goes on saying.
            until_closed(&mut frames).await;
        })
        .await;
        assert!(cost < COST, "{name}: {cost} MiB");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_frames_of_nothing_and_of_little() {
    let front = Front::start("").await;
    for (target, payload) in [(b"/public/a".as_slice(), b"".as_slice()), (b"/never", b""), (b"/never", b"x")] {
        let (reason, cost) = beside(&front, async {
            let mut frames = front.frames(&[]).await;
            let stream = frames.open();
            let fields: [(&[u8], &[u8]); 4] =
                [(b":method", b"POST"), (b":scheme", b"https"), (b":authority", b"app.test"), (b":path", target)];
            frames.say(&frame(HEADERS, END_HEADERS, stream, &block(&fields))).await.unwrap();
            flood(&mut frames, &frame(DATA, 0, stream, payload).repeat(1000), 1000).await
        })
        .await;
        assert!(matches!(reason, None | Some(ENHANCE_YOUR_CALM)), "{target:?} {payload:?}: {reason:?}");
        assert!(cost < COST, "{cost} MiB");
    }
}

/// The client asks for much and lets nothing of it come: by its windows, or by not reading at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_are_never_read() {
    let front = Front::start("limits: { write_timeout: 1s, keepalive: 1s, connections_per_client: 100 }").await;
    for window in [0, 1, 0x7fff_ffff] {
        let (ends, cost) = beside(&front, async {
            let mut ends = Vec::new();
            for _ in 0..4 {
                let mut frames = front.frames(&[(INITIAL_WINDOW, window)]).await;
                if window > 1 {
                    frames.say(&frame(WINDOW_UPDATE, 0, 0, &0x7000_0000_u32.to_be_bytes())).await.unwrap();
                }
                for _ in 0..100 {
                    let stream = frames.open();
                    let head = get(b"app.test", b"/big");
                    frames.say(&frame(HEADERS, END_HEADERS | END_STREAM, stream, &head)).await.unwrap();
                }
                ends.push(frames);
            }
            tokio::time::sleep(Duration::from_secs(2)).await;
            ends
        })
        .await;
        // A hundred of the 400 are at work, each with what Pingora has read ahead of it.
        assert!(cost < 100, "{window}: {cost} MiB");
        // Each of them was cut long ago, and then the connection, which was idle.
        for mut frames in ends {
            let first = frames.end_of(1).await;
            if window <= 1 {
                assert!(matches!(first, End::Reset(_)), "{window}: {first:?}");
            }
            until_closed(&mut frames).await;
        }
    }
    let gone = async {
        while !front.metrics().await.contains("\nstepgate_connections 0\n") {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), gone).await.expect("no connection is left");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_streams_than_allowed() {
    let front = Front::start("limits: { streams: 10, header_bytes: 16KiB }").await;
    let mut frames = front.frames(&[]).await;
    assert!(frames.settings.contains(&(3, 10)), "streams at once: {:?}", frames.settings);
    assert!(frames.settings.contains(&(6, 32 * 1024)), "bytes of a head: {:?}", frames.settings);
    let (_, cost) = beside(&front, async {
        let mut batch = Vec::new();
        for _ in 0..30 {
            let stream = frames.open();
            batch.extend(frame(HEADERS, END_HEADERS | END_STREAM, stream, &get(b"app.test", b"/never")));
        }
        frames.say(&batch).await.unwrap();
        for stream in (21..61).step_by(2) {
            assert_eq!(frames.end_of(stream).await, End::Reset(REFUSED_STREAM), "{stream}");
        }
        frames.say(&frame(RST_STREAM, 0, 1, &CANCEL.to_be_bytes())).await.unwrap();
        let told = frames.get(b"app.test", b"/public/x").await;
        assert_eq!(told, End::Answer(200, b"APP /public/x".to_vec()), "there is room again");
    })
    .await;
    assert!(cost < COST, "{cost} MiB");
    assert_eq!(front.app.heard().iter().filter(|head| head.contains("/never")).count(), 10);
}
