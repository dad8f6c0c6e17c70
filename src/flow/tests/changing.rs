//! What changes under a sign-in: the password, the factors, the way in, the session it replaces.

use super::*;
use crate::auth::ceremony::{Complete, Step, Verdict};
use crate::auth::proof::{MethodSet, Offer};
use crate::auth::session::Session;
use crate::auth::user::UserId;
use crate::flow::ceremony::stored::Slot;
use crate::flow::ports::{EndReason, Ended};
use crate::flow::reply::{CeremonyRef, EnrollReply};
use crate::flow::testing::{FAST, HOST, World, client};

fn set_password(world: &World, user: &UserId, password: &str) {
    let hash = crate::auth::factor::password::hash(&secret(password), &[3; 16], FAST).unwrap();
    world.look(|s| s.accounts.get_mut(user).unwrap().password_hash = Some(hash));
}

type Change = fn(&World, &UserId);

const CHANGES: [(&str, Change); 4] = [
    ("another password", |w, u| set_password(w, u, "another password")),
    ("the same password, set anew", |w, u| set_password(w, u, PASSWORD)),
    ("factors removed", |w, u| w.look(|s| drop((s.totp.remove(u), s.backup.remove(u))))),
    ("another authenticator", |w, u| w.look(|s| s.totp.get_mut(u).unwrap().id.push('2'))),
];

#[tokio::test]
async fn a_sign_in_under_way_ends_with_what_it_was_proved_with() {
    for (what, change) in CHANGES {
        let world = World::new();
        let user = world.person("ann");
        let key = world.with_totp(&user);
        let flows = world.flows();
        let next = asked(sign_in(&flows, "ann", &client()).await);
        change(&world, &user);
        for code in [world.code(&key, 0), world.code(&key, 1)] {
            let told = flows.second_factor(&next.ceremony, Method::Totp, code, &client()).await.unwrap();
            assert!(is_rejected(&told, Rejection::CeremonyGone, RejectReason::NoCeremony), "{what}");
        }
        assert!(world.look(|s| s.sessions.is_empty()), "{what}");
    }
    let world = World::new();
    let user = world.person("bob");
    let flows = world.flows();
    let LoginReply::Enroll(Next { ceremony: token, .. }) = sign_in(&flows, "bob", &client()).await.value else {
        panic!("not stuck")
    };
    let who = CeremonyRef::SignIn(token);
    assert!(matches!(flows.begin_totp(&who, &client()).await.unwrap(), EnrollReply::Pending(_)));
    set_password(&world, &user, "another password");
    assert!(matches!(flows.begin_totp(&who, &client()).await.unwrap(), EnrollReply::Gone));
    assert!(flows.pending_totp(&who, &client()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_change_between_the_proof_and_the_session_leaves_no_session() {
    for (what, change) in CHANGES {
        let world = World::new();
        let user = world.person("ann");
        world.with_totp(&user);
        let flows = world.flows();
        let next = asked(sign_in(&flows, "ann", &client()).await);
        let ceremony = flows.view(&next.ceremony, &client()).await.unwrap().unwrap().ceremony;
        let account = world.look(|s| s.accounts[&user].clone());
        change(&world, &user);
        let from = client();
        let mut attempt = flows.begin_attempt("ann", Some(user.clone()), &from);
        let step = ceremony.advance(Verdict::Proved(Method::Totp), Offer::BASIC, attempt.now);
        let Step::Complete(Complete::Open(completed)) = step else { panic!("not complete") };
        let reply = flows.open(&mut attempt, &account, &completed, &Slot::New).await.unwrap();
        assert_eq!(reply.err(), Some(Rejection::WrongCredentials), "{what}");
        assert_eq!(world.look(|s| s.sessions.len()), 0, "{what}");
    }
}

#[tokio::test]
async fn a_hash_renewed_at_sign_in_never_brings_an_old_password_back() {
    let world = World::new();
    let user = world.person("ann");
    let flows = world.flows();
    let from = client();
    let mut stale = world.look(|s| s.accounts[&user].clone());
    let old = crate::auth::factor::password::HashParams { memory_kib: 16, ..FAST };
    let hash = crate::auth::factor::password::hash(&secret(PASSWORD), &[4; 16], old).unwrap();
    stale.password_hash = Some(hash.clone());
    let renew = async |account: &crate::flow::ports::Account| {
        let (mut attempt, mut account) = (flows.begin_attempt("ann", Some(user.clone()), &from), account.clone());
        flows.renew_hash(&mut attempt, &mut account, secret(PASSWORD)).await.unwrap()
    };
    set_password(&world, &user, "another password");
    let after = world.look(|s| s.accounts[&user].password_hash.clone()).unwrap();
    assert!(!renew(&stale).await, "the old password counts no more");
    assert_eq!(world.look(|s| s.accounts[&user].password_hash.clone()).unwrap().expose(), after.expose());
    // Another sign-in renewed the same password first: both count.
    set_password(&world, &user, PASSWORD);
    assert!(renew(&stale).await);
    world.look(|s| s.accounts.get_mut(&user).unwrap().password_hash = Some(hash));
    assert!(renew(&stale).await);
}

#[tokio::test]
async fn what_begins_in_a_browser_does_not_end_in_a_script_nor_the_other_way_round() {
    for (channel, other) in [(Channel::Cookie, Channel::Bearer), (Channel::Bearer, Channel::Cookie)] {
        let world = World::new();
        let key = world.with_totp(&world.person("ann"));
        world.person("bob");
        let flows = world.flows();
        let (here, there) = (Client { channel, ..client() }, Client { channel: other, ..client() });
        let next = asked(flows.begin(given("ann", PASSWORD), two_factors(), channel, &here).await.unwrap());
        assert!(flows.view(&next.ceremony, &there).await.unwrap().is_none());
        let told = flows.second_factor(&next.ceremony, Method::Totp, world.code(&key, 0), &there).await.unwrap();
        assert!(is_rejected(&told, Rejection::CeremonyGone, RejectReason::NoCeremony));
        let told = flows.begin(given("bob", PASSWORD), two_factors(), channel, &here).await.unwrap();
        let LoginReply::Enroll(Next { ceremony: token, .. }) = told.value else { panic!("not stuck") };
        assert!(matches!(flows.begin_totp(&CeremonyRef::SignIn(token), &there).await.unwrap(), EnrollReply::Gone));
        let told = flows.second_factor(&next.ceremony, Method::Totp, world.code(&key, 0), &here).await.unwrap();
        let open = opened(told);
        assert_eq!((open.session.channel, world.look(|s| s.sessions.len())), (channel, 1));
    }
}

#[tokio::test]
async fn signing_in_over_a_session_ends_that_session_and_no_other() {
    let world = World::new();
    for name in ["ann", "bob"] {
        world.person(name);
    }
    let flows = world.flows();
    let enter =
        async |name| opened(flows.begin(given(name, PASSWORD), None, Channel::Cookie, &client()).await.unwrap());
    let (old, elsewhere, new) = (enter("ann").await, enter("ann").await, enter("bob").await);
    let abroad = Client { host: "other.example.com".to_owned(), ..client() };
    assert!(flows.supersede(&old.token, &new, &abroad).await.unwrap().events.is_empty());
    let events = flows.supersede(&old.token, &new, &client()).await.unwrap().events;
    let noted: Vec<_> = events.iter().map(|e| (e.what, e.username.as_ref().unwrap().as_str())).collect();
    assert_eq!(noted, [(What::SessionRevoked, "ann")]);
    let lives = async |opened: &Opened| {
        flows.session(&opened.token, opened.session.channel, HOST, true).await.unwrap().is_some()
    };
    assert_eq!((lives(&old).await, lives(&elsewhere).await, lives(&new).await), (false, true, true));
    assert!(flows.supersede(&old.token, &new, &client()).await.unwrap().events.is_empty(), "nothing is left to end");
    assert!(flows.supersede(&new.token, &new, &client()).await.unwrap().events.is_empty(), "never itself");
    assert!(lives(&new).await);
}

/// Whoever keeps what lasts of a session is told that it goes on.
#[tokio::test]
async fn a_row_that_another_one_of_its_session_supersedes_is_told_as_replaced() {
    let world = World::new();
    world.person("ann");
    let flows = world.flows();
    let enter = async || opened(flows.begin(given("ann", PASSWORD), None, Channel::Cookie, &client()).await.unwrap());
    for same in [true, false] {
        let (old, new) = (enter().await, enter().await);
        let id = if same { old.session.id.clone() } else { new.session.id.clone() };
        let new = Opened { session: Arc::new(Session { id, ..Session::clone(&new.session) }), ..*new };
        let mut ends = world.endings.subscribe();
        flows.supersede(&old.token, &new, &client()).await.unwrap();
        let why = if same { EndReason::Replaced { by: Some(new.token.key()) } } else { EndReason::Revoked };
        assert_eq!(ends.recv().await, Ok(Ended::One { key: old.token.key(), session: None, why }));
    }
}

#[tokio::test]
async fn a_goal_beyond_everything_enrolled_asks_for_no_code() {
    let world = World::new();
    world.with_totp(&world.person("ann"));
    let flows = world.flows();
    let only_keys =
        Requirement { methods: MethodSet::EMPTY.with(Method::Passkey), ..Requirement::of(Strength::TwoFactor) };
    for goal in [Requirement::of(Strength::PhishingResistant), only_keys] {
        let told = flows.begin(given("ann", PASSWORD), Some(goal), Channel::Bearer, &client()).await.unwrap();
        assert_eq!(word(&told.value), "out of reach", "{goal:?}");
    }
}
