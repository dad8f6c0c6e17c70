//! The contract of the smaller state ports: values that wait, marks, counters, quotas.

use std::time::Duration;

use super::samples::{HOUR, LONGER, RACERS, SHORT, StatePorts, winners};
use crate::auth::factor::authenticator::Sealed;
use crate::auth::throttle::{Charge, Charged, Limit};
use crate::auth::time::Timestamp;
use crate::flow::ports::Quota;

fn sealed(n: u8) -> Sealed {
    Sealed(vec![n, 0, 255, n])
}

pub(super) async fn pending_cases(make: &impl AsyncFn() -> StatePorts) {
    let p = make().await;
    assert!(p.pending.load("totp:ann").await.unwrap().is_none());
    assert!(p.pending.put_new("totp:ann", &sealed(1), SHORT).await.unwrap() == sealed(1));
    assert!(p.pending.put_new("totp:ann", &sealed(2), HOUR).await.unwrap() == sealed(1), "the first one stays");
    assert!(p.pending.load("totp:ann").await.unwrap() == Some(sealed(1)));
    assert!(p.pending.load("totp:bob").await.unwrap().is_none());
    (p.pass)(LONGER).await;
    assert!(p.pending.load("totp:ann").await.unwrap().is_none(), "a later keep does not lengthen the first one's life");
    assert!(p.pending.put_new("totp:ann", &sealed(3), HOUR).await.unwrap() == sealed(3));
    assert!(p.pending.take("totp:ann").await.unwrap() == Some(sealed(3)));
    assert!(p.pending.take("totp:ann").await.unwrap().is_none());
    assert!(p.pending.load("totp:ann").await.unwrap().is_none());

    let p = make().await;
    let keepers: Vec<_> = (0..RACERS)
        .map(|n| {
            let p = p.clone();
            tokio::spawn(
                async move { p.pending.put_new("race", &sealed(u8::try_from(n).unwrap()), HOUR).await.unwrap() },
            )
        })
        .collect();
    let mut answers = Vec::new();
    for keeper in keepers {
        answers.push(keeper.await.unwrap());
    }
    assert!(answers.iter().all(|a| *a == answers[0]), "everybody is told the one value that is kept");
    let takers: Vec<_> = (0..RACERS)
        .map(|_| {
            let p = p.clone();
            tokio::spawn(async move { p.pending.take("race").await.unwrap().is_some() })
        })
        .collect();
    assert_eq!(winners(takers).await, 1);
}

pub(super) async fn ledger_cases(make: &impl AsyncFn() -> StatePorts) {
    let p = make().await;
    for mark in ["totp:1:2", "totp:1:20", "with space", "ünïcode 'quote' \u{0}nul", ""] {
        assert!(p.ledger.claim(mark, SHORT).await.unwrap(), "{mark:?}");
        assert!(!p.ledger.claim(mark, HOUR).await.unwrap(), "{mark:?}");
    }
    assert!(p.ledger.claim("long", HOUR).await.unwrap());
    (p.pass)(LONGER).await;
    assert!(p.ledger.claim("totp:1:2", HOUR).await.unwrap(), "a refused claim does not lengthen the mark's life");
    assert!(!p.ledger.claim("totp:1:2", HOUR).await.unwrap());
    assert!(!p.ledger.claim("long", HOUR).await.unwrap());

    let p = make().await;
    for round in 0..5 {
        let racers: Vec<_> = (0..RACERS)
            .map(|_| {
                let p = p.clone();
                tokio::spawn(async move { p.ledger.claim(&format!("race:{round}"), HOUR).await.unwrap() })
            })
            .collect();
        assert_eq!(winners(racers).await, 1);
    }
}

fn charge(key: &str, tries: u32, refill: Duration) -> Charge {
    Charge { key: key.into(), limit: Limit { tries, refill } }
}

fn wait(index: usize, millis: u64) -> Charged {
    Charged::Wait { index, retry_after: Duration::from_millis(millis) }
}

pub(super) async fn throttle_cases(make: &impl AsyncFn() -> StatePorts) {
    a_bucket_empties_and_refills(make().await).await;
    all_counters_are_charged_or_none(make().await).await;
    what_was_right_is_given_back(make().await).await;
    raced_charges_never_exceed_the_limit(make().await).await;
}

async fn a_bucket_empties_and_refills(p: StatePorts) {
    let (now, ten) = (p.clock.now(), Duration::from_secs(10));
    let at = |millis| now.plus(Duration::from_millis(millis));
    let one = [charge("totp:account:ann", 3, ten)];
    let go = async |t: Timestamp| p.throttle.charge(&one, t).await.unwrap();
    assert!(p.throttle.charge(&[], now).await.unwrap().is_go());
    for _ in 0..3 {
        assert!(go(now).await.is_go());
    }
    assert_eq!(go(now).await, wait(0, 10_000));
    assert_eq!(go(at(4_000)).await, wait(0, 6_000), "a refused attempt costs nothing");
    assert_eq!(go(at(9_999)).await, wait(0, 1));
    assert!(go(at(10_000)).await.is_go());
    assert_eq!(go(at(10_000)).await, wait(0, 10_000));
    assert_eq!(go(at(2_000)).await, wait(0, 10_000), "a clock that runs back opens nothing, and locks for no longer");
    assert!(go(at(30_000)).await.is_go());
    assert!(go(at(30_000)).await.is_go());
    assert_eq!(go(at(30_000)).await, wait(0, 10_000));
    let other = [charge("totp:account:bob", 3, ten)];
    assert!(p.throttle.charge(&other, now).await.unwrap().is_go(), "counters do not share");
    p.throttle.forgive(&["totp:account:ann".into(), "never:charged".into()]).await.unwrap();
    for _ in 0..3 {
        assert!(go(at(30_000)).await.is_go(), "forgiven");
    }
    assert_eq!(go(at(30_000)).await, wait(0, 10_000));
    p.throttle.forgive(&[]).await.unwrap();
    assert_eq!(go(at(30_000)).await, wait(0, 10_000));
    let never = [charge("none", 0, ten)];
    assert_eq!(p.throttle.charge(&never, now).await.unwrap(), wait(0, 10_000), "no tries, no attempt");
}

async fn all_counters_are_charged_or_none(p: StatePorts) {
    let (now, ten) = (p.clock.now(), Duration::from_secs(10));
    let [a, b, c] = [charge("a", 3, ten), charge("b", 1, ten), charge("c", 2, ten * 2)];
    let go = async |charges: &[Charge]| p.throttle.charge(charges, now).await.unwrap();
    let states = vec![now.plus(ten), now.plus(ten), now.plus(ten * 2)];
    assert_eq!(go(&[a.clone(), b.clone(), c.clone()]).await, Charged::Go(states));
    for _ in 0..5 {
        assert_eq!(go(&[a.clone(), b.clone(), c.clone()]).await, wait(1, 10_000), "a refused attempt costs nothing");
    }
    assert!(go(std::slice::from_ref(&c)).await.is_go(), "those after the full one were not charged");
    assert_eq!(go(std::slice::from_ref(&c)).await, wait(0, 20_000));
    assert!(go(std::slice::from_ref(&a)).await.is_go(), "nor those before it: the second of three");
    assert!(go(std::slice::from_ref(&a)).await.is_go(), "the third of three");
    assert_eq!(go(&[a.clone(), b.clone(), c.clone()]).await, wait(2, 20_000), "told is the one that has room last");
    p.throttle.forgive(&["a".into(), "b".into()]).await.unwrap();
    assert_eq!(go(&[a, b, c]).await, wait(2, 20_000), "forgiven are only those named");
}

async fn what_was_right_is_given_back(p: StatePorts) {
    let (now, ten) = (p.clock.now(), Duration::from_secs(10));
    let one = charge("network", 2, ten);
    let go = async |at: Timestamp| p.throttle.charge(std::slice::from_ref(&one), at).await.unwrap();
    let back = async |until: Timestamp, at: Timestamp| p.throttle.give_back(&[(one.clone(), until)], at).await.unwrap();
    for _ in 0..20 {
        let Charged::Go(states) = go(now).await else { panic!("who is always right waits") };
        back(states[0], now).await;
    }
    let Charged::Go(first) = go(now).await else { panic!("full") };
    let Charged::Go(second) = go(now).await else { panic!("full") };
    assert_eq!(go(now).await, wait(0, 10_000));
    back(second[0], now).await;
    assert!(go(now).await.is_go(), "one was given back, and one only");
    assert_eq!(go(now).await, wait(0, 10_000));
    // What has drained since is not given back once more.
    let later = now.plus(ten);
    back(first[0], later).await;
    assert!(go(later).await.is_go());
    assert_eq!(go(later).await, wait(0, 10_000));
    p.throttle.give_back(&[], later).await.unwrap();
    let never = charge("never charged", 2, ten);
    p.throttle.give_back(&[(never, later)], later).await.unwrap();
    let racers: Vec<_> = (0..RACERS)
        .map(|_| {
            let p = p.clone();
            tokio::spawn(async move {
                let one = charge("race:right", 1000, HOUR);
                let Charged::Go(states) = p.throttle.charge(std::slice::from_ref(&one), now).await.unwrap() else {
                    return false;
                };
                p.throttle.give_back(&[(one, states[0])], now).await.unwrap();
                true
            })
        })
        .collect();
    assert_eq!(winners(racers).await, RACERS);
    let one = charge("race:right", 1000, HOUR);
    let left = p.throttle.charge(std::slice::from_ref(&one), now).await.unwrap();
    assert_eq!(left, Charged::Go(vec![now.plus(HOUR)]), "all were given back");
}

async fn raced_charges_never_exceed_the_limit(p: StatePorts) {
    let now = p.clock.now();
    let racers: Vec<_> = (0..RACERS)
        .map(|_| {
            let p = p.clone();
            tokio::spawn(async move {
                let charges = [charge("race:network", 1000, HOUR), charge("race:account", 5, HOUR)];
                p.throttle.charge(&charges, now).await.unwrap().is_go()
            })
        })
        .collect();
    assert_eq!(winners(racers).await, 5);
}

fn quota(key: &str, most: u32) -> Quota {
    Quota { key: key.to_owned(), most }
}

pub(super) async fn quota_cases(make: &impl AsyncFn() -> StatePorts) {
    what_waits_is_counted_until_it_leaves_or_ends(make().await).await;
    all_quotas_are_entered_or_none(make().await).await;
    raced_entries_never_exceed_the_quota(make().await).await;
}

async fn what_waits_is_counted_until_it_leaves_or_ends(p: StatePorts) {
    let two = [quota("session:1", 2)];
    let enter = async |name: &str, ttl| p.quotas.enter(&two, name, ttl, p.clock.now()).await.unwrap();
    assert!(enter("a", SHORT).await && enter("b", HOUR).await);
    assert!(!enter("c", HOUR).await, "full");
    assert!(enter("b", HOUR).await, "it is there already and counts once");
    assert!(p.quotas.enter(&[quota("session:2", 2)], "c", HOUR, p.clock.now()).await.unwrap(), "quotas do not share");
    p.quotas.leave(&["session:1".to_owned(), "never".to_owned()], "b").await.unwrap();
    assert!(enter("c", HOUR).await && !enter("d", HOUR).await);
    (p.pass)(LONGER).await;
    assert!(enter("d", HOUR).await, "what has ended counts no more");
    assert!(!enter("e", HOUR).await);
    p.quotas.leave(&[], "c").await.unwrap();
    assert!(!p.quotas.enter(&[quota("none", 0)], "a", HOUR, p.clock.now()).await.unwrap());
}

async fn all_quotas_are_entered_or_none(p: StatePorts) {
    let now = p.clock.now();
    let both = [quota("address", 3), quota("all", 2)];
    for name in ["a", "b"] {
        assert!(p.quotas.enter(&both, name, HOUR, now).await.unwrap());
    }
    for _ in 0..5 {
        assert!(!p.quotas.enter(&both, "c", HOUR, now).await.unwrap(), "the second is full");
    }
    assert!(p.quotas.enter(&both[..1], "c", HOUR, now).await.unwrap(), "the first was not entered meanwhile");
    assert!(!p.quotas.enter(&both[..1], "d", HOUR, now).await.unwrap());
}

async fn raced_entries_never_exceed_the_quota(p: StatePorts) {
    let now = p.clock.now();
    let racers: Vec<_> = (0..RACERS)
        .map(|n| {
            let p = p.clone();
            tokio::spawn(async move {
                let quotas = [quota("race:all", 1000), quota("race:address", 5)];
                p.quotas.enter(&quotas, &format!("form{n}"), HOUR, now).await.unwrap()
            })
        })
        .collect();
    assert_eq!(winners(racers).await, 5);
}
