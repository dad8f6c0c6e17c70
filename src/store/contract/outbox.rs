//! The contract of the outbox, as two nodes of one database see it: a letter is with one of them at a time, and none that
//! could still be sent is lost.

use std::sync::Arc;
use std::time::Duration;

use super::samples::{HOUR, NOW, RACERS};
use crate::auth::secret::SecretText;
use crate::flow::ports::{Fate, LeasedLetter, Letter, LetterCode, Outbox, Recipient, SealedRows};

const MINUTE: Duration = Duration::from_secs(60);

/// Two nodes of one empty database, and a look at what lies there.
pub(crate) struct OutboxNodes {
    pub(crate) one: Arc<dyn Outbox>,
    pub(crate) other: Arc<dyn Outbox>,
    pub(crate) rows: Arc<dyn SealedRows>,
    pub(crate) guard: Arc<dyn std::any::Any + Send + Sync>,
}

/// Runs every case, each on an empty database of its own.
pub(crate) async fn outbox_contract(make: impl AsyncFn() -> OutboxNodes) {
    a_letter_comes_out_as_it_was_put(make().await).await;
    a_lease_keeps_others_away_until_it_ends(make().await).await;
    a_letter_that_bounced_comes_again(make().await).await;
    what_expired_is_dropped(make().await).await;
    raced_leases_share_no_letter(make().await).await;
    lengths_tell_nothing(make().await).await;
}

fn code(to: Recipient) -> Letter {
    let code = SecretText::new("012345".to_owned());
    Letter::SignInCode(LetterCode { to, code, host: "erp.example.com".to_owned(), valid: MINUTE * 5 })
}

fn mail(to: &str) -> Letter {
    code(Recipient::Email(to.to_owned()))
}

fn to(leased: &LeasedLetter) -> Option<Recipient> {
    leased.letter.as_ref().ok().and_then(|letter| letter.recipient().cloned())
}

async fn a_letter_comes_out_as_it_was_put(nodes: OutboxNodes) {
    let phone = Recipient::Phone("+15550100".to_owned());
    let confirm = match code(phone.clone()) {
        Letter::SignInCode(code) => Letter::AddressCode(code),
        other => other,
    };
    for letter in [mail("ann@example.test"), confirm, Letter::Nobody] {
        nodes.one.put(&letter, NOW, NOW.plus(HOUR)).await.unwrap();
        tokio::time::timeout(MINUTE / 2, nodes.one.wake()).await.expect("this node was woken");
        let [leased] = &nodes.other.lease(NOW, NOW.plus(MINUTE), 9).await.unwrap()[..] else { panic!("one letter") };
        assert_eq!((leased.attempts, leased.expires_at), (1, NOW.plus(HOUR)));
        match (leased.letter.as_ref().unwrap(), &letter) {
            (Letter::SignInCode(out), Letter::SignInCode(put))
            | (Letter::AddressCode(out), Letter::AddressCode(put)) => {
                assert!(out.to == put.to && out.code.expose() == put.code.expose());
                assert_eq!((&out.host, out.valid), (&put.host, put.valid));
            }
            (Letter::Nobody, Letter::Nobody) => {}
            _ => panic!("another letter"),
        }
        nodes.other.done(leased, Fate::Gone).await.unwrap();
    }
    assert_eq!(nodes.one.waiting().await.unwrap(), (0, None));
}

async fn a_lease_keeps_others_away_until_it_ends(nodes: OutboxNodes) {
    for n in 0..3 {
        nodes.one.put(&mail(&format!("{n}@example.test")), NOW.plus(MINUTE * n), NOW.plus(HOUR)).await.unwrap();
    }
    let later = NOW.plus(MINUTE * 2);
    let first = nodes.one.lease(later, later.plus(MINUTE), 2).await.unwrap();
    let mut names: Vec<_> = first.iter().filter_map(to).collect();
    names.sort_by_key(|to| matches!(to, Recipient::Email(name) if name.starts_with('1')));
    let longest = ["0@example.test", "1@example.test"].map(|name| Recipient::Email(name.to_owned()));
    assert!(names == longest, "those that waited longest");
    let kinds = async |to: &[Recipient]| nodes.other.kinds_for(to).await.unwrap();
    assert_eq!(kinds(&longest).await, ["sign_in_code"; 2], "leased or not");
    assert!(kinds(&[Recipient::Email("9@example.test".to_owned())]).await.is_empty() && kinds(&[]).await.is_empty());
    assert_eq!(nodes.other.lease(later, later.plus(MINUTE), 9).await.unwrap().len(), 1, "what was left");
    assert!(nodes.other.lease(later, later.plus(MINUTE), 9).await.unwrap().is_empty());
    assert_eq!(nodes.one.waiting().await.unwrap(), (3, Some(later.plus(MINUTE))));
    // The node that had them is gone.
    let end = later.plus(MINUTE);
    let again = nodes.other.lease(end, end.plus(MINUTE), 9).await.unwrap();
    assert_eq!(again.iter().map(|leased| leased.attempts).collect::<Vec<_>>(), [2; 3]);
    // It comes back, too late to say anything but that it sent one.
    nodes.one.done(&first[0], Fate::Again(NOW)).await.unwrap();
    nodes.one.done(&first[1], Fate::Gone).await.unwrap();
    assert!(nodes.one.lease(end, end.plus(MINUTE), 9).await.unwrap().is_empty());
    assert_eq!(nodes.one.waiting().await.unwrap().0, 2);
}

async fn a_letter_that_bounced_comes_again(nodes: OutboxNodes) {
    nodes.one.put(&mail("ann@example.test"), NOW, NOW.plus(HOUR)).await.unwrap();
    let leased = nodes.one.lease(NOW, NOW.plus(MINUTE), 1).await.unwrap().remove(0);
    let at = NOW.plus(Duration::from_secs(2));
    nodes.one.done(&leased, Fate::Again(at)).await.unwrap();
    assert!(nodes.other.lease(at.minus(Duration::from_millis(1)), at, 9).await.unwrap().is_empty());
    assert_eq!(nodes.other.lease(at, at.plus(MINUTE), 9).await.unwrap().len(), 1);
}

async fn what_expired_is_dropped(nodes: OutboxNodes) {
    nodes.one.put(&mail("ann@example.test"), NOW, NOW.plus(MINUTE)).await.unwrap();
    nodes.one.put(&mail("bob@example.test"), NOW, NOW.plus(MINUTE * 2)).await.unwrap();
    let end = NOW.plus(MINUTE);
    let leased = nodes.other.lease(end, end.plus(MINUTE), 9).await.unwrap();
    assert!(leased.len() == 1 && to(&leased[0]) == Some(Recipient::Email("bob@example.test".to_owned())));
    assert_eq!(nodes.other.drop_expired(end).await.unwrap(), 1);
    assert_eq!(nodes.other.drop_expired(end.plus(HOUR)).await.unwrap(), 1, "leased or not");
    assert_eq!(nodes.one.waiting().await.unwrap().0, 0);
}

async fn raced_leases_share_no_letter(nodes: OutboxNodes) {
    const LETTERS: usize = 40;
    for n in 0..LETTERS {
        nodes.one.put(&mail(&format!("{n}@example.test")), NOW, NOW.plus(HOUR)).await.unwrap();
    }
    let racers: Vec<_> = (0..RACERS)
        .map(|n| {
            let node = if n % 2 == 0 { nodes.one.clone() } else { nodes.other.clone() };
            tokio::spawn(async move { node.lease(NOW, NOW.plus(MINUTE), 3).await.unwrap() })
        })
        .collect();
    let mut held = Vec::new();
    for racer in racers {
        held.extend(racer.await.unwrap().into_iter().map(|leased| leased.id));
    }
    // Who came second to a letter got fewer, or none; whoever asks next gets what is left.
    held.extend(nodes.one.lease(NOW, NOW.plus(MINUTE), 99).await.unwrap().into_iter().map(|leased| leased.id));
    assert_eq!(held.len(), LETTERS, "none twice");
    held.sort();
    held.dedup();
    assert_eq!(held.len(), LETTERS, "and all of them");
}

async fn lengths_tell_nothing(nodes: OutboxNodes) {
    for letter in [mail("a@b.test"), mail(&format!("{}@example.test", "long".repeat(16))), Letter::Nobody] {
        nodes.one.put(&letter, NOW, NOW.plus(HOUR)).await.unwrap();
    }
    let lying = nodes.rows.sealed().await.unwrap();
    let lengths: Vec<_> = lying.iter().map(|(_, sealed)| sealed.0.len()).collect();
    assert!(lengths.len() == 3 && lengths.iter().all(|length| *length == lengths[0]), "{lengths:?}");
    assert!(lying.iter().all(|(_, sealed)| !String::from_utf8_lossy(&sealed.0).contains("example.test")));
    drop(nodes.guard);
}
