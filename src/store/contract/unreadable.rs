//! The contract of the state ports for what cannot be read: nothing is permitted by it, and nobody is shut out for it.

use std::time::Duration;

use super::samples::{Damaged, HOUR, StatePorts, ceremony, ceremony_key, session, session_key};
use crate::auth::throttle::{Charge, Charged, Limit};
use crate::auth::time::Timestamp;

/// What is no record in any store: cut short, of other versions, of another shape, no text at all.
fn garbage(good: &str) -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = (0..=good.len()).step_by(41).map(|end| good.as_bytes()[..end].to_vec()).collect();
    all.push(good.as_bytes().to_vec());
    for shape in [
        r#"{"v":9,"body":G}"#,
        r#"{"v":"s2:","d":G}"#,
        r#"{"v":"c2:","d":G}"#,
        r#"{"v":1,"d":G}"#,
        r#"{"v":null,"body":G}"#,
    ] {
        all.push(shape.replace('G', good).into_bytes());
    }
    let others = ["null", "[]", "{}", "\u{0}", r#"{"v":1}"#, r#"{"v":1,"body":null}"#, r#"{"v":"s1:","d":[]}"#, "-1"];
    all.extend(others.map(|text| text.as_bytes().to_vec()));
    all.extend([b"\xff\xfe\x00".to_vec(), b"[".repeat(5000)]);
    all
}

pub(super) async fn unreadable_cases(make: &impl AsyncFn() -> StatePorts) {
    a_session_that_cannot_be_read_is_ended(make().await).await;
    a_ceremony_that_cannot_be_read_is_over(make().await).await;
    a_counter_that_cannot_be_read_is_used_up_and_no_more(make().await).await;
}

async fn a_session_that_cannot_be_read_is_ended(p: StatePorts) {
    let now = p.clock.now();
    let one = session("ann", now);
    for body in garbage(&serde_json::to_string(&one).unwrap()) {
        let (key, whole) = (session_key(), session_key());
        for key in [key, whole] {
            assert!(p.sessions.replace(None, &key, &one, now.plus(HOUR)).await.unwrap());
        }
        (p.plant)(Damaged::Session(key.encoded()), body.clone()).await;
        let told = String::from_utf8_lossy(&body).into_owned();
        let listed = p.sessions.of_user(&one.identity.id).await.unwrap();
        let read = |k| listed.iter().find(|(key, _)| *key == k).map(|(_, session)| session.is_ok());
        assert_eq!((read(key), read(whole)), (Some(false), Some(true)), "{told}");
        assert!(p.sessions.load(&key).await.unwrap().is_none(), "{told}");
        assert_eq!(p.sessions.of_user(&one.identity.id).await.unwrap().len(), 1, "it is ended: {told}");
        assert!(!p.sessions.replace(Some(&key), &session_key(), &one, now.plus(HOUR)).await.unwrap(), "{told}");
        assert!(p.sessions.load(&whole).await.unwrap().is_some(), "and no other: {told}");
        assert!(p.sessions.revoke(&whole).await.unwrap());
    }
}

async fn a_ceremony_that_cannot_be_read_is_over(p: StatePorts) {
    let one = ceremony("ann", p.clock.now());
    for body in garbage(&serde_json::to_string(&one).unwrap()) {
        let (key, told) = (ceremony_key(), String::from_utf8_lossy(&body).into_owned());
        p.ceremonies.put(&key, &one, HOUR).await.unwrap();
        (p.plant)(Damaged::Ceremony(key.encoded()), body.clone()).await;
        assert!(p.ceremonies.load(&key).await.unwrap().is_none(), "{told}");
        assert!(p.ceremonies.take(&key).await.unwrap().is_none(), "{told}");
        p.ceremonies.put(&key, &one, HOUR).await.unwrap();
        assert!(p.ceremonies.load(&key).await.unwrap().is_some(), "{told}");
        (p.plant)(Damaged::Ceremony(key.encoded()), body).await;
        assert!(p.ceremonies.take(&key).await.unwrap().is_none(), "{told}");
        assert!(p.ceremonies.load(&key).await.unwrap().is_none(), "{told}");
    }
}

async fn a_counter_that_cannot_be_read_is_used_up_and_no_more(p: StatePorts) {
    let (now, ten) = (p.clock.now(), Duration::from_secs(10));
    let full = Charged::Wait { index: 1, retry_after: ten };
    let far = Timestamp::from_millis(i64::MAX.unsigned_abs() / 2).as_millis().to_string();
    for (n, value) in ["", "x", "-5", "1e9", "0x1", " 1", "9".repeat(400).as_str(), &far].into_iter().enumerate() {
        for charged in [0, 3] {
            let limit = Limit { tries: 3, refill: ten };
            let first = Charge { key: format!("first:{n}:{charged}"), limit: Limit { tries: 100, refill: ten } };
            let both = [first, Charge { key: format!("ann:{n}:{charged}"), limit }];
            let go = async |seconds| p.throttle.charge(&both, now.plus(Duration::from_secs(seconds))).await.unwrap();
            for _ in 0..charged {
                assert!(go(0).await.is_go());
            }
            (p.plant)(Damaged::Counter(both[1].key.clone()), value.as_bytes().to_vec()).await;
            assert_eq!(go(0).await, full, "{value:?} gives no attempt away");
            assert_eq!(go(9).await, Charged::Wait { index: 1, retry_after: Duration::from_secs(1) }, "{value:?}");
            assert!(go(10).await.is_go(), "{value:?} locks nobody out for ever");
            assert_eq!(go(10).await, full, "{value:?}: one attempt each refill");
            for seconds in [40, 40, 40] {
                assert!(go(seconds).await.is_go(), "{value:?}");
            }
            assert_eq!(go(40).await, full, "{value:?}");
        }
    }
}
