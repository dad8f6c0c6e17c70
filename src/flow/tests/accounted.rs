//! Whatever was spent or changed is told, also when a store fails in the middle of it.

use std::collections::{BTreeMap, BTreeSet};

use super::faults::{ALL, Flow, run, stage};
use super::*;
use crate::auth::event::{Deed, Event};
use crate::flow::testing::{Blow, State};

/// What the stores hold that somebody may have to account for.
#[derive(PartialEq, Eq)]
struct Held {
    sessions: BTreeSet<[u8; 32]>,
    /// Codes that count no more.
    spent: BTreeSet<String>,
    hashes: BTreeMap<String, Option<String>>,
    seen: BTreeMap<String, Option<u64>>,
    bound: BTreeMap<String, String>,
    backup: BTreeMap<String, Vec<u8>>,
}

fn held(s: &mut State) -> Held {
    let name = |id: &crate::auth::user::UserId| id.0.clone();
    let hash = |a: &crate::flow::ports::Account| a.password_hash.as_ref().map(|h| h.expose().to_owned());
    Held {
        sessions: s.sessions.keys().map(|key| *key.as_bytes()).collect(),
        spent: s.marks.keys().chain(&s.spent).cloned().collect(),
        hashes: s.accounts.iter().map(|(id, a)| (name(id), hash(a))).collect(),
        seen: s.accounts.iter().map(|(id, a)| (name(id), a.last_login_at.map(|t| t.as_millis()))).collect(),
        bound: s.totp.iter().map(|(id, totp)| (name(id), totp.id.clone())).collect(),
        backup: s.backup.iter().map(|(id, (salt, _))| (name(id), salt.clone())).collect(),
    }
}

/// What changed and is not told.
fn untold(before: &Held, after: &Held, events: &[Event]) -> Vec<&'static str> {
    let told = |f: &dyn Fn(What) -> bool| events.iter().any(|event| f(event.what));
    let unsettled = |deed: Deed| told(&|w| matches!(w, What::Unsettled { deed: d, .. } if d == deed));
    let opened = told(&|w| matches!(w, What::SessionOpened { .. } | What::SessionElevated)) || unsettled(Deed::Opening);
    let ended = told(&|w| matches!(w, What::SessionRevoked | What::SessionsRevoked)) || unsettled(Deed::Ending);
    let one_time = |w: What| matches!(w, What::ProofAccepted { method } | What::ProofRejected { method, .. } if method != Method::Password);
    let spent = told(&one_time) || unsettled(Deed::Spending);
    let added = told(&|w| matches!(w, What::AuthenticatorAdded { .. })) || unsettled(Deed::Binding);
    let rehashed = told(&|w| w == What::PasswordRehashed) || unsettled(Deed::Rehash);
    let coded = told(&|w| w == What::BackupCodesMade) || unsettled(Deed::BackupCodes);
    let changes = [
        ("a session was opened", !after.sessions.is_subset(&before.sessions), opened),
        ("a session was ended", !before.sessions.is_subset(&after.sessions), ended || opened),
        ("a code was spent", before.spent != after.spent, spent),
        ("a hash was renewed", before.hashes != after.hashes, rehashed),
        ("a login was noted", before.seen != after.seen, told(&|w| matches!(w, What::SessionOpened { .. }))),
        ("an authenticator was bound", before.bound != after.bound, added),
        ("backup codes were made", before.backup != after.backup, coded),
    ];
    changes.into_iter().filter(|(_, changed, told)| *changed && !told).map(|(what, ..)| what).collect()
}

#[tokio::test]
async fn what_was_spent_or_changed_is_told_whatever_store_call_fails() {
    let mut unsettled = 0;
    for flow in ALL {
        let whole = stage().await;
        let before = whole.world.look(held);
        whole.world.fail(0, Blow::Before);
        let (outcome, all) = run(&whole, flow).await;
        assert!(outcome.is_ok(), "{flow:?} works");
        assert!(untold(&before, &whole.world.look(held), &all).is_empty(), "{flow:?} tells all");
        assert!(!all.iter().any(|e| matches!(e.what, What::Unsettled { .. })), "{flow:?}: {all:?}");
        for nth in 1..=whole.world.calls() {
            for blow in [Blow::Before, Blow::After] {
                let at = stage().await;
                let before = at.world.look(held);
                at.world.fail(nth, blow);
                let (outcome, events) = run(&at, flow).await;
                assert!(outcome.is_err(), "{flow:?}, call {nth} {blow:?}: a fault was taken for an answer");
                let missing = untold(&before, &at.world.look(held), &events);
                assert!(missing.is_empty(), "{flow:?}, call {nth} {blow:?}: {missing:?} of {events:?}");
                // What is told is what the whole flow tells, up to here; and at most the last of it is in doubt.
                let mut sure: Vec<What> =
                    events.iter().map(|e| e.what).filter(|w| !matches!(w, What::Unsettled { .. })).collect();
                let doubted = events.len() - sure.len();
                // A session whose token reaches nobody is ended again.
                let opening = [What::SessionOpened { level: None }, What::SessionElevated];
                sure.pop_if(|last| *last == What::SessionRevoked && all.iter().any(|e| opening.contains(&e.what)));
                let of_all: Vec<What> = all.iter().map(|e| e.what).take(sure.len()).collect();
                assert_eq!(sure, of_all, "{flow:?}, call {nth} {blow:?}");
                assert!(doubted <= 1, "{flow:?}, call {nth} {blow:?}: {events:?}");
                unsettled += doubted;
                // A password that was right is told, though nothing was changed by it.
                let password = matches!(flow, Flow::Password | Flow::Renew | Flow::Script);
                if password && nth > 2 {
                    assert_eq!(sure.first(), Some(&What::ProofAccepted { method: Method::Password }), "{flow:?} {nth}");
                }
            }
        }
    }
    assert!(unsettled > 10, "{unsettled}: the sweep would see what is in doubt");
}
