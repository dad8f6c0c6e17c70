//! Floods of HTTP/2 frames that are no part of a request (CVE-2019-9512, CVE-2019-9513, CVE-2019-9515), and clients that
//! send many of them for good reasons.

use std::time::Duration;

use super::support::frames::*;
use super::support::front::{Front, ask};

/// RFC 9218 §7.1: of no meaning to the library.
const PRIORITY_UPDATE: u8 = 0x10;

/// A frame of a kind, harmless by itself.
fn one(kind: u8, number: u32) -> Vec<u8> {
    match kind {
        PRIORITY => frame(PRIORITY, 0, 2 * number + 1, &[0, 0, 0, 0, 15]),
        WINDOW_UPDATE => frame(WINDOW_UPDATE, 0, 0, &1_u32.to_be_bytes()),
        PING => frame(PING, 0, 0, &[7; 8]),
        SETTINGS => frame(SETTINGS, 0, 0, &[]),
        PRIORITY_UPDATE => frame(PRIORITY_UPDATE, 0, 0, &[0, 0, 0, 1, b'u']),
        other => panic!("{other}"),
    }
}

/// Sends until the connection ends, or so many frames were sent. Says with what it ended.
async fn flood(front: &Front, most: u32, kind: impl Fn(u32) -> u8) -> Option<u32> {
    let mut frames = front.frames(&[]).await;
    for start in (0..most).step_by(50) {
        let all: Vec<u8> = (start..start + 50).flat_map(|number| one(kind(number), number)).collect();
        if frames.say(&all).await.is_err() {
            break;
        }
    }
    // Whatever else was answered, the end comes at last; or the answer to this.
    match tokio::time::timeout(Duration::from_secs(5), frames.get(b"app.test", b"/x")).await {
        Ok(End::Gone(reason)) => reason,
        other => panic!("it goes on: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_sends_frames_for_nothing_is_told_to_calm_down() {
    let front = Front::start("").await;
    const KINDS: [u8; 5] = [PRIORITY, WINDOW_UPDATE, PING, SETTINGS, PRIORITY_UPDATE];
    for kind in KINDS {
        assert_eq!(flood(&front, 5000, |_| kind).await, Some(ENHANCE_YOUR_CALM), "{kind}");
    }
    // In every mixture.
    for seed in 1..6_u32 {
        let kind =
            |number: u32| KINDS[(number.wrapping_mul(seed).wrapping_mul(2_654_435_761) >> 16) as usize % KINDS.len()];
        assert_eq!(flood(&front, 5000, kind).await, Some(ENHANCE_YOUR_CALM), "mixture {seed}");
    }
    let told = ask(&front.h2().await, http::Request::get("https://app.test/x").body(()).unwrap()).await.unwrap();
    assert_eq!(told.status, 200, "others are served");
}

/// Like the busiest of honest clients: for each request a priority and another one, for each piece of an answer room on
/// the stream and on the connection, and the time of the line measured meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_requests_served_may_send_many() {
    let front = Front::start("").await;
    let mut frames = front.frames(&[]).await;
    let mut sent = 0;
    for round in 0..400 {
        let stream = frames.open();
        let target: &[u8] = if round % 50 == 0 { b"/big" } else { b"/x" };
        let mut all = frame(PRIORITY, 0, stream, &[0, 0, 0, 0, 200]);
        all.extend(frame(HEADERS, END_HEADERS | END_STREAM, stream, &get(b"app.test", target)));
        all.extend(frame(PRIORITY, 0, stream, &[0, 0, 0, 0, 15]));
        all.extend(frame(PING, 0, 0, &[1; 8]));
        all.extend(frame(PRIORITY_UPDATE, 0, 0, &[&stream.to_be_bytes()[..], b"u=1"].concat()));
        frames.say(&all).await.unwrap();
        sent += 4;
        loop {
            let heard = frames.hear().await.unwrap();
            assert_ne!(heard.kind, GOAWAY, "after {sent} frames in {round} requests");
            if heard.kind == DATA && !heard.payload.is_empty() {
                let more = u32::try_from(heard.payload.len()).unwrap().to_be_bytes();
                let mut room = frame(WINDOW_UPDATE, 0, 0, &more);
                if heard.flags & END_STREAM == 0 {
                    room.extend(frame(WINDOW_UPDATE, 0, stream, &more));
                }
                frames.say(&room).await.unwrap();
                sent += 2;
            }
            if heard.stream == stream && heard.flags & END_STREAM > 0 {
                break;
            }
        }
    }
    assert!(sent > 2000, "{sent}");
}
