//! An app that remembers who asked first on a connection, or speaks unasked a moment after an answer: what somebody reads
//! is never another's.

use std::time::Duration;

use super::direct::THE_LONG_WAY;
use super::rig::*;
use crate::auth::proof::{Method, Proofs};
use crate::auth::session::{Session, SessionToken};
use crate::auth::user::Identity;
use crate::flow::ports::Clock;
use crate::flow::testing::World;

/// Signs somebody in; the line that says so.
fn signed_in(world: &World, name: &str, byte: u8) -> String {
    let (now, one) = (Clock::now(world), session(name, &[]));
    let identity = Identity { id: world.person(name), ..one.identity };
    let proofs = Proofs::none().with(Method::Password, now).with(Method::Totp, now);
    let one = Session { id: name.to_owned(), identity, proofs, created_at: now, seen_at: now, ..one };
    let token = SessionToken::mint(&[byte; 32]);
    world.look(|s| s.sessions.insert(token.key(), (one.into(), now.plus(Duration::from_secs(1_000_000)))));
    format!("Cookie: __Host-stepgate={}\r\n", token.expose())
}

#[tokio::test]
async fn what_somebody_reads_is_never_anothers() {
    for speaks in [false, true] {
        let address = upstream_of(move |mut stream| async move {
            let mut first = None;
            loop {
                let asked = head(&mut stream).await;
                if asked.is_empty() {
                    break;
                }
                let who = field(&asked, "remote-user").unwrap_or_else(|| "nobody".to_owned());
                let told = first.get_or_insert(who).clone();
                let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{told}", told.len());
                say(&mut stream, &answer).await;
                if speaks {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    say(&mut stream, &answer).await;
                }
            }
        })
        .await;
        let world = World::new();
        let people = [("ann", signed_in(&world, "ann", 1)), ("bob", signed_in(&world, "bob", 2))];
        let rig = Rig::start_over(settings(&[address]), world.ports()).await;
        for (method, more) in [("GET", ""), ("GET", THE_LONG_WAY), ("DELETE", ""), ("POST", "Content-Length: 0\r\n")] {
            for round in 0..6 {
                let (name, cookie) = &people[round % 2];
                let mut stream = rig.connect().await;
                say(&mut stream, &format!("{method} /guarded/x HTTP/1.1\r\nHost: app.test\r\n{cookie}{more}\r\n"))
                    .await;
                let read = String::from_utf8(answer(&mut stream).await.1).unwrap();
                assert_eq!(read, *name, "{method} {more}, the app speaks: {speaks}");
                say(&mut stream, &format!("GET /x HTTP/1.1\r\nHost: app.test\r\n{more}\r\n")).await;
                let read = String::from_utf8(answer(&mut stream).await.1).unwrap();
                assert_eq!(read, "nobody", "a public rule, {method} {more}, the app speaks: {speaks}");
            }
        }
    }
}
