//! What lies in Redis and was never written by us.

use std::sync::Arc;
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use futures_util::StreamExt as _;

use super::server::Server;
use super::{HOUR, node};
use crate::auth::factor::authenticator::Sealed;
use crate::auth::throttle::{Charge, Charged, Limit};
use crate::flow::ports::{Clock as _, EndReason, Ended};
use crate::store::contract::samples::{
    Damaged, Dump, Plant, ceremony, ceremony_key, cipher, identity, ring_of, session, session_key,
};
use crate::store::contract::sealing::earlier_record;
use crate::store::contract::upgrade;
use crate::store::settings::StateSettings;
use crate::store::system::SystemClock;

async fn operator(url: &str) -> MultiplexedConnection {
    crate::store::redis::client(url, None).unwrap().get_multiplexed_async_connection().await.unwrap()
}

/// Plants garbage for the contract suite.
pub(super) fn plant(settings: &StateSettings) -> Plant {
    let StateSettings::Redis { url, prefix, .. } = settings.clone() else { panic!("not for Redis") };
    Arc::new(move |what, value| {
        let (url, prefix) = (url.expose().to_owned(), prefix.clone());
        Box::pin(async move {
            let mut operator = operator(&url).await;
            let mut cmd = match what {
                Damaged::Session(name) => ::redis::cmd("HSET").arg(format!("{prefix}s1:{name}")).arg("d").to_owned(),
                Damaged::Ceremony(name) => ::redis::cmd("SET").arg(format!("{prefix}c1:{name}")).to_owned(),
                Damaged::Counter(name) => {
                    ::redis::cmd("SET").arg(format!("{prefix}t1:{}", cipher().counter(&name))).to_owned()
                }
            };
            let () = cmd.arg(value).query_async(&mut operator).await.unwrap();
        })
    })
}

/// Everything below the prefix but the marks.
pub(super) fn dump(settings: &StateSettings) -> Dump {
    let StateSettings::Redis { url, prefix, .. } = settings.clone() else { panic!("not for Redis") };
    Arc::new(move || {
        let (url, prefix) = (url.expose().to_owned(), prefix.clone());
        Box::pin(async move {
            let mut operator = operator(&url).await;
            let mut scan = ::redis::cmd("SCAN");
            scan.arg(0).arg("MATCH").arg(format!("{prefix}*")).arg("COUNT").arg(100_000);
            let (_, names): (u64, Vec<String>) = scan.query_async(&mut operator).await.unwrap();
            let mut all = Vec::new();
            for name in names.iter().filter(|name| !name.starts_with(&format!("{prefix}l1:"))) {
                let kind: String = ::redis::cmd("TYPE").arg(name).query_async(&mut operator).await.unwrap();
                let read = match kind.as_str() {
                    "hash" => ::redis::cmd("HGETALL").arg(name).to_owned(),
                    "zset" => ::redis::cmd("ZRANGE").arg(name).arg(0).arg(-1).arg("WITHSCORES").to_owned(),
                    _ => ::redis::cmd("MGET").arg(name).to_owned(),
                };
                let values: Vec<Vec<u8>> = read.query_async(&mut operator).await.unwrap();
                all.extend(name.bytes().chain(values.concat()));
            }
            all
        })
    })
}

/// A session as the version before sealing kept it: ended when it is met, and of no use to whom it names.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_of_an_earlier_version_end() {
    let server = Server::start(&[]);
    let node = node(server.url(), 2000).await;
    let mut operator = operator(&server.url()).await;
    let (key, now) = (session_key(), SystemClock.now());
    let (one, name) = (session("ann", now), format!("stepgate:s1:{}", key.encoded()));
    let (seen, ends) = (now.as_millis(), now.plus(HOUR).as_millis());
    let mut all = ::redis::pipe();
    all.cmd("HSET").arg(&name).arg("d").arg(earlier_record("d", &one)).arg("s").arg(seen).arg("e").arg(ends);
    all.arg("u").arg("id-ann").cmd("ZADD").arg("stepgate:u1:id-ann").arg(ends).arg(key.encoded());
    let () = all.query_async::<(u64, u64)>(&mut operator).await.map(|_| ()).unwrap();
    assert!(node.sessions.load(&key).await.unwrap().is_none());
    let left: u64 =
        ::redis::cmd("EXISTS").arg(&name).arg("stepgate:u1:id-ann").query_async(&mut operator).await.unwrap();
    assert_eq!(left, 0, "it is ended, and listed no more");
    let held = ceremony_key();
    let plain = serde_json::json!({ "v": "c1:", "d": ceremony("ann", now) }).to_string();
    let () = ::redis::cmd("SET")
        .arg(format!("stepgate:c1:{}", held.encoded()))
        .arg(plain)
        .query_async(&mut operator)
        .await
        .unwrap();
    assert!(node.ceremonies.load(&held).await.unwrap().is_none());
}

/// What nodes of the version before tell, and what nobody understands.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_push_of_the_version_before_is_understood() {
    let server = Server::start(&[]);
    let node = node(server.url(), 2000).await;
    let mut ends = node.sessions.ended();
    assert_eq!(ends.next().await, Some(Ended::Lost), "what ended before the subscription is unknown");
    let mut operator = operator(&server.url()).await;
    let key = session_key();
    let replaced = |by| Ended::One { key, session: None, why: EndReason::Replaced { by } };
    for (message, told) in [
        (key.encoded(), Ended::One { key, session: None, why: EndReason::Unknown }),
        ("no digest".to_owned(), Ended::Lost),
        (format!("{} revoked not-sealed", key.encoded()), Ended::One { key, session: None, why: EndReason::Revoked }),
        (format!("{} replaced not-sealed", key.encoded()), replaced(None)),
        (format!("{0} replaced not-sealed {0}", key.encoded()), replaced(Some(key))),
        (format!("{0} replaced  {0}", key.encoded()), replaced(Some(key))),
        (format!("{} later-word", key.encoded()), Ended::One { key, session: None, why: EndReason::Unknown }),
    ] {
        // A slow machine may make the subscription anew: what was published meanwhile is lost, which is told.
        let mut heard = Vec::new();
        while !heard.contains(&told) && heard.len() < 20 {
            let mut publish = ::redis::cmd("PUBLISH");
            let () = publish.arg("stepgate:x1").arg(&message).query_async(&mut operator).await.unwrap();
            if let Ok(end) = tokio::time::timeout(Duration::from_secs(10), ends.next()).await {
                heard.push(end.expect("it goes on"));
            }
        }
        assert!(heard.iter().all(|end| [&told, &Ended::Lost].contains(&end)), "{message}: {heard:?}");
        assert_eq!(heard.last(), Some(&told), "{message}");
    }
}

/// What the version before this one has kept, while its nodes still run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_version_before_has_kept_goes_on() {
    let server = Arc::new(Server::start(&[]));
    let settings = super::settings(server.url(), "stepgate:", 2000);
    let mut operator = operator(&server.url()).await;
    let now = SystemClock.now();
    let (seen, ends) = (upgrade::THEN.as_millis(), now.plus(HOUR).as_millis());
    let key = |kind: &str, name: &str| format!("stepgate:{kind}{name}");
    let mut all = ::redis::pipe();
    all.cmd("HSET").arg(key("s1:", upgrade::SESSION_NAME)).arg("d").arg(upgrade::SESSION).arg("s").arg(seen);
    all.arg("e").arg(ends).arg("u").arg(upgrade::OWNER).ignore();
    all.cmd("ZADD").arg(key("u1:", upgrade::OWNER)).arg(ends).arg(upgrade::SESSION_NAME).ignore();
    for (name, value) in [
        (key("c1:", upgrade::CEREMONY_NAME), upgrade::CEREMONY.to_owned()),
        (key("p1:", upgrade::PENDING_NAME), upgrade::PENDING.to_owned()),
        (key("t1:", upgrade::COUNTER), ends.to_string()),
        (key("l1:", "totp:1:2"), "1".to_owned()),
    ] {
        all.cmd("SET").arg(name).arg(value).arg("PX").arg(600_000).ignore();
    }
    let () = all.query_async(&mut operator).await.unwrap();
    let ports = super::state_ports(&settings, ring_of(&[1], &[]), server).await;
    upgrade::goes_on(&ports).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_of_another_type_is_as_good_as_garbage() {
    let server = Server::start(&[]);
    let node = node(server.url(), 2000).await;
    let mut operator = operator(&server.url()).await;
    let mut push = async |name: String| {
        let () = ::redis::pipe()
            .cmd("DEL")
            .arg(&name)
            .cmd("LPUSH")
            .arg(&name)
            .arg("x")
            .query_async::<(u64, u64)>(&mut operator)
            .await
            .map(|_| ())
            .unwrap();
    };
    let (key, held, now) = (session_key(), ceremony_key(), SystemClock.now());
    let one = session("ann", now);
    assert!(node.sessions.replace(None, &key, &one, now.plus(HOUR)).await.unwrap());
    push(format!("stepgate:s1:{}", key.encoded())).await;
    assert!(node.sessions.of_user(&identity("ann").id).await.unwrap()[0].1.is_err());
    assert!(!node.sessions.replace(Some(&key), &session_key(), &one, now.plus(HOUR)).await.unwrap());
    node.sessions.touch(&key, now, now.plus(HOUR)).await.unwrap();
    assert!(node.sessions.load(&key).await.unwrap().is_none());
    assert!(node.sessions.of_user(&identity("ann").id).await.unwrap().is_empty());
    for take in [false, true] {
        push(format!("stepgate:c1:{}", held.encoded())).await;
        let found = if take { node.ceremonies.take(&held).await } else { node.ceremonies.load(&held).await };
        assert!(found.unwrap().is_none());
        node.ceremonies.put(&held, &ceremony("ann", now), HOUR).await.unwrap();
        assert!(node.ceremonies.take(&held).await.unwrap().is_some());
    }
    push(format!("stepgate:t1:{}", cipher().counter("totp:ann"))).await;
    let charge = [Charge { key: "totp:ann".into(), limit: Limit { tries: 3, refill: HOUR } }];
    assert_eq!(node.throttle.charge(&charge, now).await.unwrap(), Charged::Wait { index: 0, retry_after: HOUR });
    assert!(node.throttle.charge(&charge, now.plus(HOUR)).await.unwrap().is_go());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_waiting_value_that_cannot_be_read_makes_room() {
    let server = Server::start(&[]);
    let node = node(server.url(), 2000).await;
    let mut operator = operator(&server.url()).await;
    let name = "stepgate:p1:totp";
    for broken in
        ["", "x", "null", r#"{"v":"p2:","d":"AAAA"}"#, r#"{"v":"p1:","d":"!"}"#, r#"{"v":"p1:","d":7}"#, "a list"]
    {
        for verb in 0..3 {
            let mut cmd = ::redis::cmd(if broken == "a list" { "LPUSH" } else { "SET" });
            let () = cmd.arg(name).arg(broken).query_async(&mut operator).await.unwrap();
            match verb {
                0 => assert!(node.pending.load("totp").await.unwrap().is_none(), "{broken}"),
                1 => assert!(node.pending.take("totp").await.unwrap().is_none(), "{broken}"),
                _ => assert!(node.pending.put_new("totp", &Sealed(vec![7]), HOUR).await.unwrap() == Sealed(vec![7])),
            }
            let kept = node.pending.take("totp").await.unwrap();
            assert_eq!(kept.is_some(), verb == 2, "{broken}");
        }
    }
}
