//! The contract of values that belong to a moment, and of sent codes.

use std::collections::HashSet;
use std::time::Duration;

use super::samples::{
    Damaged, HOUR, LONGER, RACERS, SHORT, StatePorts, ceremony, ceremony_key, ring_of, session, session_key,
    transient_text, winners,
};
use crate::auth::factor::authenticator::Sealed;
use crate::flow::ports::{Attempted, CodeDigest, IsMeant, StoreError, SweptEntry, TransientKind};
use crate::store::contract::samples::cipher;

fn sealed(n: u8) -> Sealed {
    Sealed(vec![n, 0, 255, n])
}

pub(super) async fn transient_cases(make: &impl AsyncFn() -> StatePorts) {
    for kind in TransientKind::ALL {
        a_value_is_put_loaded_and_taken_once(make().await, kind).await;
        what_was_taken_is_put_back_for_the_rest_of_its_life(make().await, kind).await;
        a_value_that_is_too_large_is_not_kept(make().await, kind).await;
        only_the_value_that_was_met_is_discarded(make().await, kind).await;
        a_value_takes_the_place_of_the_one_that_was_held(make().await, kind).await;
        a_race_has_one_winner(make().await, kind).await;
    }
    kinds_are_apart(make().await).await;
    what_is_meant_is_swept_step_by_step(make().await).await;
    what_a_later_version_wrote_is_left_alone(make().await).await;
    a_value_that_takes_the_place_of_another_lives_its_own_life(make().await).await;
    a_damaged_value_is_not_the_one_that_was_held(make().await).await;
}

async fn a_value_is_put_loaded_and_taken_once(p: StatePorts, kind: TransientKind) {
    let t = &p.transient;
    assert!(t.load(kind, "a").await.unwrap().is_none() && t.take(kind, "a").await.unwrap().is_none());
    t.put(kind, "a", &sealed(1), HOUR).await.unwrap();
    t.put(kind, "a", &sealed(2), HOUR).await.unwrap();
    assert!(t.load(kind, "a").await.unwrap() == Some(sealed(2)), "in place of the first");
    assert!(t.put_new(kind, "a", &sealed(3), HOUR).await.unwrap() == sealed(2), "the one that is there stays");
    assert!(t.load(kind, "b").await.unwrap().is_none());
    let taken = t.take(kind, "a").await.unwrap().unwrap();
    assert!(taken.value == sealed(2));
    let left = taken.ends_at.since(p.clock.now());
    assert!(left <= HOUR + Duration::from_secs(1) && left > HOUR - Duration::from_secs(60), "{left:?}");
    assert!(t.take(kind, "a").await.unwrap().is_none() && t.load(kind, "a").await.unwrap().is_none());
    t.put(kind, "short", &sealed(4), SHORT).await.unwrap();
    (p.pass)(LONGER).await;
    assert!(t.load(kind, "short").await.unwrap().is_none() && t.take(kind, "short").await.unwrap().is_none());
    assert!(t.put_new(kind, "short", &sealed(5), HOUR).await.unwrap() == sealed(5));
}

/// More than one step looks at, of three kinds.
async fn what_is_meant_is_swept_step_by_step(p: StatePorts) {
    const MANY: u64 = 150;
    let kinds = [TransientKind::ALL[0], TransientKind::Trace, TransientKind::Slip];
    for n in 0..MANY {
        for kind in kinds {
            p.transient.put(kind, &format!("a{n}"), &sealed(u8::from(n == 3)), HOUR).await.unwrap();
        }
        assert!(p.ledger.claim(&format!("of:{}:{n}", n % 2), HOUR).await.unwrap());
    }
    let meant = |entry: SweptEntry<'_>| match entry {
        SweptEntry::Value(TransientKind::Trace, ..) => false,
        SweptEntry::Value(_, name, value) => name.ends_with('7') || *value == sealed(1),
        SweptEntry::Mark(mark) => mark.contains(":1:"),
    };
    let sweep = async |is_meant: IsMeant<'_>| {
        let (mut removed, mut steps, mut from) = (0, 0_u64, None);
        loop {
            let step = p.sweep.step(from.as_deref(), is_meant).await.unwrap();
            (removed, steps, from) = (removed + step.removed, steps + 1, step.next);
            if from.is_none() {
                return (removed, steps);
            }
        }
    };
    let (removed, steps) = sweep(&meant).await;
    assert_eq!(removed, 2 * (MANY / 10 + 1) + MANY / 2);
    assert!(steps >= 2, "{steps}");
    for n in 0..MANY {
        for kind in kinds {
            let is_there = p.transient.load(kind, &format!("a{n}")).await.unwrap().is_some();
            assert_eq!(is_there, kind == TransientKind::Trace || (n % 10 != 7 && n != 3), "{kind:?} a{n}");
        }
        let is_free = p.ledger.claim(&format!("of:{}:{n}", n % 2), HOUR).await.unwrap();
        assert_eq!(is_free, n % 2 == 1, "mark {n}");
    }
    assert_eq!(sweep(&|_| false).await.0, 0);
    p.sweep.settle().await.unwrap();
}

async fn what_was_taken_is_put_back_for_the_rest_of_its_life(p: StatePorts, kind: TransientKind) {
    let t = &p.transient;
    for key in ["back", "occupied"] {
        t.put(kind, key, &sealed(1), SHORT).await.unwrap();
    }
    let (back, occupied) = (t.take(kind, "back").await.unwrap().unwrap(), t.take(kind, "occupied").await.unwrap());
    assert!(t.put_back(kind, "back", &back).await.unwrap());
    t.put(kind, "occupied", &sealed(2), HOUR).await.unwrap();
    assert!(!t.put_back(kind, "occupied", &occupied.unwrap()).await.unwrap());
    assert!(t.load(kind, "occupied").await.unwrap() == Some(sealed(2)), "another value is there by now");
    assert!(t.load(kind, "back").await.unwrap() == Some(sealed(1)));
    (p.pass)(LONGER).await;
    assert!(t.load(kind, "back").await.unwrap().is_none(), "it lives no longer than it would have");
    assert!(!t.put_back(kind, "back", &back).await.unwrap(), "its life is over");
    assert!(t.load(kind, "back").await.unwrap().is_none());
}

async fn a_value_that_is_too_large_is_not_kept(p: StatePorts, kind: TransientKind) {
    let large = Sealed(vec![7; kind.size_cap() + 1]);
    assert!(p.transient.put(kind, "a", &large, HOUR).await.is_err());
    assert!(p.transient.put_new(kind, "a", &large, HOUR).await.is_err());
    assert!(p.transient.load(kind, "a").await.unwrap().is_none());
}

async fn only_the_value_that_was_met_is_discarded(p: StatePorts, kind: TransientKind) {
    let why = StoreError::new("test", "it does not open");
    p.transient.put(kind, "a", &sealed(1), HOUR).await.unwrap();
    p.transient.discard(kind, "a", &sealed(2), &why).await.unwrap();
    assert!(p.transient.load(kind, "a").await.unwrap() == Some(sealed(1)));
    p.transient.discard(kind, "a", &sealed(1), &why).await.unwrap();
    assert!(p.transient.load(kind, "a").await.unwrap().is_none());
}

async fn a_value_takes_the_place_of_the_one_that_was_held(p: StatePorts, kind: TransientKind) {
    let t = &p.transient;
    let set = async |key, old, new, ttl| t.compare_and_set(kind, key, &sealed(old), &sealed(new), ttl).await.unwrap();
    assert!(!set("a", 1, 2, HOUR).await && t.load(kind, "a").await.unwrap().is_none(), "nothing is there");
    t.put(kind, "a", &sealed(1), HOUR).await.unwrap();
    t.put(kind, "b", &sealed(2), HOUR).await.unwrap();
    assert!(!set("a", 2, 3, HOUR).await, "another one is there");
    assert!(t.load(kind, "a").await.unwrap() == Some(sealed(1)));
    let large = Sealed(vec![7; kind.size_cap() + 1]);
    assert!(t.compare_and_set(kind, "a", &sealed(1), &large, HOUR).await.is_err());
    assert!(set("a", 1, 3, HOUR).await && !set("a", 1, 4, HOUR).await);
    assert!(t.load(kind, "a").await.unwrap() == Some(sealed(3)), "it is no more the one that was held");
    assert!(t.load(kind, "b").await.unwrap() == Some(sealed(2)));

    t.put(kind, "race", &sealed(255), HOUR).await.unwrap();
    let racers = (0..RACERS).map(|n| {
        let (p, own) = (p.clone(), sealed(u8::try_from(n).unwrap()));
        tokio::spawn(async move { p.transient.compare_and_set(kind, "race", &sealed(255), &own, HOUR).await.unwrap() })
    });
    assert_eq!(winners(racers.collect()).await, 1);
    // Each adds one to what it finds, and none is lost.
    t.put(kind, "count", &Sealed(vec![0]), HOUR).await.unwrap();
    let counters = (0..5).map(|_| {
        let p = p.clone();
        tokio::spawn(async move {
            loop {
                let held = p.transient.load(kind, "count").await.unwrap().unwrap();
                let next = Sealed(vec![held.0[0] + 1]);
                if p.transient.compare_and_set(kind, "count", &held, &next, HOUR).await.unwrap() {
                    return true;
                }
            }
        })
    });
    assert_eq!(winners(counters.collect()).await, 5);
    assert!(t.load(kind, "count").await.unwrap() == Some(Sealed(vec![5])));
}

async fn a_value_that_takes_the_place_of_another_lives_its_own_life(p: StatePorts) {
    let (t, kind) = (&p.transient, TransientKind::Recovery);
    let set = async |key, old, new, ttl| t.compare_and_set(kind, key, &sealed(old), &sealed(new), ttl).await.unwrap();
    t.put(kind, "shorter", &sealed(1), HOUR).await.unwrap();
    t.put(kind, "longer", &sealed(1), SHORT).await.unwrap();
    assert!(set("shorter", 1, 2, SHORT).await && set("longer", 1, 1, HOUR).await);
    (p.pass)(LONGER).await;
    assert!(!set("shorter", 2, 3, HOUR).await && t.load(kind, "shorter").await.unwrap().is_none());
    assert!(t.take(kind, "longer").await.unwrap().is_some_and(|taken| taken.value == sealed(1)));
}

/// It stays for the next reading, which reports it; one of a later version stays for those who know it.
async fn a_damaged_value_is_not_the_one_that_was_held(p: StatePorts) {
    let (key, one) = (ceremony_key(), ceremony("ann", p.clock.now()));
    let t = &p.transient;
    for later in [false, true] {
        p.ceremonies.put(&key, &one, HOUR).await.unwrap();
        let held = t.load(TransientKind::Ceremony, &key.encoded()).await.unwrap().unwrap();
        let text = crate::store::record_cipher::to_text(&held);
        let planted = if later { format!("17.{text}") } else { format!("{text}!") };
        (p.plant)(Damaged::Ceremony(key.encoded()), planted.into_bytes()).await;
        let kind = TransientKind::Ceremony;
        assert!(!t.compare_and_set(kind, &key.encoded(), &held, &sealed(1), HOUR).await.unwrap(), "later: {later}");
        assert!(t.load(kind, &key.encoded()).await.unwrap().is_none(), "later: {later}");
        assert_eq!(p.ceremonies.put(&key, &one, HOUR).await.is_err(), later, "one of a later version is still there");
    }
}

async fn a_race_has_one_winner(p: StatePorts, kind: TransientKind) {
    let keepers: Vec<_> = (0..RACERS)
        .map(|n| {
            let p = p.clone();
            let own = sealed(u8::try_from(n).unwrap());
            tokio::spawn(async move { p.transient.put_new(kind, "race", &own, HOUR).await.unwrap().0 })
        })
        .collect();
    let mut kept = HashSet::new();
    for keeper in keepers {
        kept.insert(keeper.await.unwrap());
    }
    assert_eq!(kept.len(), 1, "everybody is given the one value that is kept");
    let take = |p: StatePorts| async move { p.transient.take(kind, "race").await.unwrap() };
    let takers: Vec<_> = (0..RACERS)
        .map(|_| {
            tokio::spawn({
                let taken = take(p.clone());
                async move { taken.await.is_some() }
            })
        })
        .collect();
    assert_eq!(winners(takers).await, 1);
    p.transient.put(kind, "race", &sealed(9), HOUR).await.unwrap();
    let taken = take(p.clone()).await.unwrap();
    let back: Vec<_> = (0..RACERS)
        .map(|_| {
            let (p, taken) = (p.clone(), taken.clone());
            tokio::spawn(async move { p.transient.put_back(kind, "race", &taken).await.unwrap() })
        })
        .collect();
    assert!(winners(back).await >= 1);
    assert!(take(p.clone()).await.unwrap().value == sealed(9) && take(p).await.is_none(), "it is there once");
}

async fn kinds_are_apart(p: StatePorts) {
    let (one, other) = (TransientKind::Ceremony, TransientKind::Pending);
    p.transient.put(one, "same", &sealed(1), HOUR).await.unwrap();
    assert!(p.transient.take(other, "same").await.unwrap().is_none());
    p.transient.put(other, "same", &sealed(2), HOUR).await.unwrap();
    assert!(p.transient.take(one, "same").await.unwrap().unwrap().value == sealed(1));
    assert!(p.transient.take(other, "same").await.unwrap().unwrap().value == sealed(2));
}

/// As a node meets it that was not yet brought up to date: what it does not understand it neither permits nor rewrites.
async fn what_a_later_version_wrote_is_left_alone(p: StatePorts) {
    let (now, key, other) = (p.clock.now(), session_key(), session_key());
    let one = session("ann", now);
    for key in [&key, &other] {
        assert!(p.sessions.replace(None, key, &one, now.plus(HOUR)).await.unwrap());
    }
    let later = format!("3.{}", cipher().seal(&key.encoded(), &one).unwrap());
    (p.plant)(Damaged::Session(key.encoded()), later.clone().into_bytes()).await;
    let lies_there = async |text: &str| String::from_utf8_lossy(&(p.dump)().await).contains(text);
    // What the dump wants to find in every table.
    p.codes.put("dump", CodeDigest([1; 32]), 1, HOUR).await.unwrap();
    let charge = crate::auth::throttle::Charge {
        key: "dump".into(),
        limit: crate::auth::throttle::Limit { tries: 3, refill: HOUR },
    };
    assert!(p.throttle.charge(&[charge], now).await.unwrap().is_go());
    assert!(p.sessions.load(&key).await.unwrap().is_none());
    assert!(!p.sessions.replace(Some(&key), &session_key(), &one, now.plus(HOUR)).await.unwrap());
    p.sessions.touch(&key, now.plus(Duration::from_secs(60)), now.plus(HOUR)).await.unwrap();
    let listed = p.sessions.of_user(&one.identity.id).await.unwrap();
    let read = |k| listed.iter().find(|(key, _)| *key == k).map(|(_, session)| session.is_ok());
    assert_eq!((read(key), read(other)), (Some(false), Some(true)));

    let held = ceremony_key();
    let begun = transient_text(&ring_of(&[1], &[]), TransientKind::Ceremony, &held.encoded(), &ceremony("ann", now));
    let moved_on = format!("17.{begun}");
    (p.plant)(Damaged::Ceremony(held.encoded()), moved_on.clone().into_bytes()).await;
    assert!(p.ceremonies.load(&held).await.unwrap().is_none() && p.ceremonies.take(&held).await.unwrap().is_none());
    assert!(p.ceremonies.put(&held, &ceremony("ann", now), HOUR).await.is_err(), "nor written over");
    assert!(p.ceremonies.put_new(&held, &ceremony("ann", now), HOUR).await.is_err());
    assert!(lies_there(&later).await && lies_there(&moved_on).await);
    assert_eq!(p.sessions.revoke_all(&one.identity.id).await.unwrap(), 2, "it can be ended as any other");
}

pub(super) async fn code_cases(make: &impl AsyncFn() -> StatePorts) {
    let (right, wrong) = (CodeDigest([1; 32]), CodeDigest([2; 32]));
    let p = make().await;
    let c = &p.codes;
    assert_eq!(c.attempt("ann", right).await.unwrap(), Attempted::Absent);
    c.put("ann", right, 3, HOUR).await.unwrap();
    assert_eq!(c.attempt("bob", right).await.unwrap(), Attempted::Absent);
    assert_eq!(c.attempt("ann", wrong).await.unwrap(), Attempted::Wrong { left: 2 });
    c.put("ann", wrong, 3, HOUR).await.unwrap();
    assert_eq!(c.attempt("ann", right).await.unwrap(), Attempted::Wrong { left: 1 }, "a new code forgives no attempt");
    assert_eq!(c.attempt("ann", wrong).await.unwrap(), Attempted::Right);
    assert_eq!(c.attempt("ann", wrong).await.unwrap(), Attempted::Absent, "it is good once");
    assert!(c.put("ann", right, 1, SHORT).await.unwrap());
    assert!(c.good_for("ann").await.unwrap().is_some());
    assert_eq!(c.attempt("ann", wrong).await.unwrap(), Attempted::Wrong { left: 0 });
    assert_eq!(c.good_for("ann").await.unwrap(), None, "it is good for nothing");
    assert_eq!(c.attempt("ann", right).await.unwrap(), Attempted::Wrong { left: 0 }, "it is not looked at any more");
    assert!(!c.put("ann", right, 9, HOUR).await.unwrap(), "a new code would be of no use");
    assert_eq!(c.attempt("ann", right).await.unwrap(), Attempted::Wrong { left: 0 });
    c.put("short", right, 3, SHORT).await.unwrap();
    (p.pass)(LONGER).await;
    assert_eq!(c.attempt("short", right).await.unwrap(), Attempted::Absent);
    assert_eq!(c.attempt("ann", right).await.unwrap(), Attempted::Absent, "whoever asked again waits no longer");
    assert!(c.put("ann", right, 3, HOUR).await.unwrap());
    assert_eq!(c.attempt("ann", right).await.unwrap(), Attempted::Right);
    c.put("short", right, 3, HOUR).await.unwrap();
    assert_eq!(c.attempt("short", right).await.unwrap(), Attempted::Right);

    let p = make().await;
    p.codes.put("race", right, 200, HOUR).await.unwrap();
    p.codes.put("guess", right, 7, HOUR).await.unwrap();
    let racers: Vec<_> = (0..RACERS)
        .map(|_| {
            let p = p.clone();
            tokio::spawn(async move { p.codes.attempt("race", right).await.unwrap() == Attempted::Right })
        })
        .collect();
    assert_eq!(winners(racers).await, 1);
    let guessers: Vec<_> = (0..RACERS)
        .map(|_| {
            let p = p.clone();
            tokio::spawn(async move { p.codes.attempt("guess", wrong).await.unwrap() })
        })
        .collect();
    let mut left = Vec::new();
    for guesser in guessers {
        let Attempted::Wrong { left: still } = guesser.await.unwrap() else { panic!("a guess is no code") };
        left.push(still);
    }
    left.sort_unstable();
    assert_eq!(left[left.len() - 7..], [0, 1, 2, 3, 4, 5, 6], "each counts");
    assert_eq!(p.codes.attempt("guess", right).await.unwrap(), Attempted::Wrong { left: 0 });
}
