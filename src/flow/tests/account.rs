//! What the owner of an account does with it: another password, its sessions, what is known of it.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::auth::factor::password::Unfit;
use crate::auth::session::{Channel, Session};
use crate::auth::user::UserId;
use crate::flow::reply::{
    CeremonyRef, OtherSessions, PasswordChanged, PasswordWish, ProfileChanged, ProofsAlong, Unproved,
};
use crate::flow::testing::{HOST, World, client, client_at};

const NEW: &str = "seven quiet otters swim";

fn at(opened: &Opened) -> CeremonyRef {
    CeremonyRef::Session(opened.token.clone(), opened.session.clone())
}

fn wish(along: ProofsAlong) -> PasswordWish {
    PasswordWish { password: secret(NEW), along, others: OtherSessions::End }
}

fn told(changed: &PasswordChanged) -> String {
    match changed {
        PasswordChanged::Changed(_) => "changed".to_owned(),
        PasswordChanged::Unfit(unfit) => format!("{unfit:?}"),
        PasswordChanged::ProveFirst(methods) => format!("{:?}", methods.iter().map(Method::name).collect::<Vec<_>>()),
        PasswordChanged::Unproved(Unproved::Rejected(why)) => format!("{why:?}"),
        PasswordChanged::Unproved(Unproved::Wait(_)) => "wait".to_owned(),
        PasswordChanged::Unproved(Unproved::Locked(_)) => "locked".to_owned(),
        PasswordChanged::Unproved(Unproved::Busy) | PasswordChanged::Busy => "busy".to_owned(),
        PasswordChanged::Gone => "gone".to_owned(),
    }
}

#[tokio::test]
async fn another_password_ends_what_was_granted_but_for_the_session_that_sets_it() {
    for keep_sessions in [false, true] {
        let world = World::new();
        let user = world.person("ann");
        let key = world.with_totp(&user);
        let flows = world.flows();
        let other = whole(&flows, "ann", &client_at("203.0.113.5"), world.code(&key, 0)).await;
        world.pass(Duration::from_secs(30));
        let own = whole(&flows, "ann", &client(), world.code(&key, 0)).await;
        let asked = PasswordWish { others: OtherSessions::kept(keep_sessions), ..wish(ProofsAlong::default()) };
        let row = world.look(|s| s.sessions[&other.token.key()].clone());
        let changed = flows.change_password(&at(&own), asked, &client()).await.unwrap();
        let PasswordChanged::Changed(opened) = changed.value else { panic!("{}", told(&changed.value)) };
        assert!(changed.events.iter().any(|event| event.what == What::PasswordSet));
        assert_eq!(changed.events.iter().any(|event| event.what == What::SessionsRevoked), !keep_sessions);
        // A state store that lost the end of one lets nobody in.
        world.look(|s| s.sessions.insert(other.token.key(), row));
        world.forget_checks();
        let lives = async |token| flows.session(token, Channel::Cookie, HOST, true).await.unwrap().is_some();
        assert!(lives(&opened.token).await && !lives(&own.token).await);
        assert_eq!(lives(&other.token).await, keep_sessions);
        // What the browser was known by is over, and so is the old password.
        let marked = Client { device: other.device.clone(), ..client_at("203.0.113.5") };
        let old = flows.begin(given("ann", PASSWORD), None, Channel::Cookie, &marked).await.unwrap();
        assert!(matches!(old.value, LoginReply::Rejected(Rejection::WrongCredentials)));
        assert!(old.events.iter().all(|event| event.browser.is_none()));
        let new = flows.begin(given("ann", NEW), None, Channel::Cookie, &client()).await.unwrap();
        assert!(matches!(new.value, LoginReply::Next(_)));
    }
}

#[tokio::test]
async fn a_password_is_changed_by_fresh_proofs_as_strong_as_the_account_alone() {
    let world = World::new();
    let user = world.person("ann");
    let key = world.with_totp(&user);
    let flows = world.flows();
    let own = whole(&flows, "ann", &client(), world.code(&key, 0)).await;
    world.pass(flows.settings.enroll_max_age + Duration::from_secs(1));
    let hash = || world.look(|s| s.accounts[&user].password_hash.clone().unwrap().expose().to_owned());
    let before = hash();
    let change = async |wish| {
        let told_now = flows.change_password(&at(&own), wish, &client()).await.unwrap();
        told(&told_now.value)
    };
    let (password, code) = (|text: &str| Some(secret(text)), |later| Some((Method::Totp, world.code(&key, later))));
    for (along, expected) in [
        (ProofsAlong::default(), "[\"password\", \"totp\"]"),
        (ProofsAlong { password: password(PASSWORD), code: None }, "[\"totp\"]"),
        (ProofsAlong { password: password("wrong"), code: code(0) }, "WrongCredentials"),
        (ProofsAlong { password: password(PASSWORD), code: Some((Method::Totp, secret("000000"))) }, "WrongCode"),
    ] {
        assert_eq!(change(wish(along)).await, expected);
        assert_eq!(hash(), before, "{expected}");
    }
    for (text, unfit) in [("short", Unfit::TooShort { least: 15, has: 5 }), ("qwertyuiopqwertyuiop", Unfit::Common)] {
        let spent = world.look(|s| s.spent.len());
        let along = ProofsAlong { password: password(PASSWORD), code: code(0) };
        let wish = PasswordWish { password: secret(text), along, others: OtherSessions::End };
        assert_eq!(change(wish).await, format!("{unfit:?}"));
        assert_eq!(world.look(|s| s.spent.len()), spent, "no code is spent on it");
    }
    assert_eq!(hash(), before);
    assert_eq!(change(wish(ProofsAlong { password: password(PASSWORD), code: code(0) })).await, "changed");
    assert_ne!(hash(), before);
    assert_eq!(change(wish(ProofsAlong::default())).await, "gone", "under the old token");
}

#[tokio::test]
async fn of_two_who_change_a_password_at_once_one_does() {
    let world = World::new();
    world.person("bob");
    let flows = world.flows();
    let open = async || opened(flows.begin(given("bob", PASSWORD), None, Channel::Cookie, &client()).await.unwrap());
    let (one, two) = (open().await, open().await);
    let set = async |who: &Opened, text: &str| {
        let wish = PasswordWish { password: secret(text), along: ProofsAlong::default(), others: OtherSessions::Keep };
        told(&flows.change_password(&at(who), wish, &client()).await.unwrap().value)
    };
    let (first, second) = tokio::join!(set(&one, NEW), set(&two, "nine loud herons fish"));
    let mut both = [first, second];
    both.sort();
    assert_eq!(both, ["changed", "gone"]);
}

#[tokio::test]
async fn a_name_for_people_takes_what_a_change_takes() {
    let world = World::new();
    let user = world.person("ann");
    let key = world.with_totp(&user);
    let flows = world.flows();
    let own = whole(&flows, "ann", &client(), world.code(&key, 0)).await;
    let name = Flows::person_name(" Ann\u{202e} Example\n");
    assert_eq!(name.as_deref(), Some("Ann Example"));
    assert!(Flows::person_name("\u{200b} ").is_none() && Flows::person_name(&"x".repeat(101)).is_none());
    let renamed = flows.rename_person(&at(&own), name, &client()).await.unwrap();
    assert!(matches!(renamed.value, ProfileChanged::Changed) && renamed.events[0].what == What::ProfileSet);
    let overview = flows.overview(&own.session).await.unwrap().unwrap();
    assert_eq!(overview.identity.name.as_deref(), Some("Ann Example"));
    assert!(overview.has_second_factor && overview.methods.contains(Method::Totp));
    world.pass(flows.settings.enroll_max_age + Duration::from_secs(1));
    let renamed = flows.rename_person(&at(&own), None, &client()).await.unwrap();
    assert!(matches!(renamed.value, ProfileChanged::ProveFirst(_)));
    world.pass(flows.settings.session.absolute);
    let renamed = flows.rename_person(&at(&own), None, &client()).await.unwrap();
    assert!(matches!(renamed.value, ProfileChanged::Gone));
}

#[tokio::test]
async fn the_hosts_of_one_sign_in_are_one_session() {
    let world = World::new();
    world.person("bob");
    let flows = world.flows();
    let own = opened(flows.begin(given("bob", PASSWORD), None, Channel::Cookie, &client()).await.unwrap());
    world.pass(Duration::from_secs(60));
    let far = Client { user_agent: Some("curl/8.5.0".to_owned()), ..client_at("203.0.113.5") };
    let script = opened(flows.begin(given("bob", PASSWORD), None, Channel::Bearer, &far).await.unwrap());
    let shared = Session { host: "crm.example.com".to_owned(), ..own.session.as_ref().clone() };
    let (key, ends) = (crate::auth::session::SessionToken::mint(&[7; 32]).key(), own.ends_at);
    world.look(|s| s.sessions.insert(key, (Arc::new(shared), ends)));
    let all = flows.sessions_of(&own.session).await.unwrap();
    assert_eq!(all.len(), 2);
    assert!(all[0].is_current && all[0].hosts == ["crm.example.com", HOST] && all[0].id == own.session.id);
    assert!(!all[1].is_current && all[1].agent.is_script && all[1].address == far.ip);
    assert!(flows.revoke_session(&script.session, &own.session.id, &far).await.unwrap().value, "on every host");
    assert_eq!(world.look(|s| s.sessions.len()), 1);
    assert!(!flows.revoke_session(&script.session, &own.session.id, &far).await.unwrap().value, "once");
    let again = opened(flows.begin(given("bob", PASSWORD), None, Channel::Cookie, &client()).await.unwrap());
    let ended = flows.revoke_others(&again.session, &client()).await.unwrap();
    assert_eq!((ended.value, ended.events[0].what), (1, What::SessionsRevoked));
    assert!(flows.revoke_others(&again.session, &client()).await.unwrap().events.is_empty(), "there is none");
}

#[tokio::test]
async fn a_session_whose_time_is_over_is_neither_listed_nor_ended() {
    let world = World::new();
    world.person("bob");
    let flows = world.flows();
    let old = opened(flows.begin(given("bob", PASSWORD), None, Channel::Cookie, &client()).await.unwrap());
    world.pass(flows.settings.session.idle);
    let own = opened(flows.begin(given("bob", PASSWORD), None, Channel::Cookie, &client()).await.unwrap());
    assert_eq!(flows.sessions_of(&own.session).await.unwrap().len(), 1);
    assert!(!flows.revoke_session(&own.session, &old.session.id, &client()).await.unwrap().value);
    flows.forget_browsers(&own.session, &client()).await.unwrap();
    assert!(flows.session(&own.token, Channel::Cookie, HOST, true).await.unwrap().is_some(), "no session ends by it");
}

/// What somebody asks for, by the place of the session that asks and of the one that is meant.
#[derive(Clone, Debug)]
enum Ask {
    End(usize, usize),
    EndOthers(usize),
    Forget(usize),
    List(usize),
}

fn ask() -> impl Strategy<Value = Ask> {
    prop_oneof![
        4 => (0usize..6, 0usize..8).prop_map(|(who, whose)| Ask::End(who, whose)),
        1 => (0usize..6).prop_map(Ask::EndOthers),
        1 => (0usize..6).prop_map(Ask::Forget),
        1 => (0usize..6).prop_map(Ask::List),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    /// Whoever asks for whatever: nobody's session but their own ends, and nobody sees another's.
    #[test]
    fn nobody_sees_or_ends_the_session_of_another(asks in prop::collection::vec(ask(), 1..14)) {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
            let world = World::new();
            let flows = world.flows();
            let mut open = Vec::new();
            for name in ["ann", "bob", "eve"] {
                let user = world.person(name);
                for _ in 0..2 {
                    let account = world.look(|s| s.accounts[&user].clone());
                    open.push((user.clone(), planted(&world, &account.identity, open.len())));
                }
            }
            for ask in asks {
                let before = owners(&world);
                let (asking, own) = match &ask {
                    Ask::End(who, _) | Ask::EndOthers(who) | Ask::Forget(who) | Ask::List(who) => open[*who].clone(),
                };
                match ask {
                    Ask::End(_, whose) => {
                        let id = open.get(whose).map_or_else(|| format!("none-{whose}"), |(_, meant)| meant.id.clone());
                        let ended = flows.revoke_session(&own, &id, &client()).await.unwrap();
                        let mine = before.get(&id) == Some(&asking);
                        assert_eq!(ended.value, mine, "{id}");
                        assert!(mine || ended.events.is_empty());
                    }
                    Ask::EndOthers(_) => drop(flows.revoke_others(&own, &client()).await.unwrap()),
                    Ask::Forget(_) => drop(flows.forget_browsers(&own, &client()).await.unwrap()),
                    Ask::List(_) => {
                        let seen = flows.sessions_of(&own).await.unwrap();
                        assert!(seen.iter().all(|session| before.get(&session.id) == Some(&asking)));
                    }
                }
                let after = owners(&world);
                assert!(before.iter().all(|(id, owner)| *owner == asking || after.contains_key(id)));
            }
        });
    }
}

/// A session of a person, as it would be opened.
fn planted(world: &World, who: &crate::auth::user::Identity, nth: usize) -> Arc<Session> {
    let now = crate::flow::ports::Clock::now(world);
    let session = Arc::new(Session {
        id: format!("s{nth}"),
        identity: who.clone(),
        proofs: crate::auth::proof::Proofs::none().with(Method::Password, now),
        host: HOST.to_owned(),
        channel: Channel::Cookie,
        created_at: now,
        seen_at: now,
        previous_login: None,
        client_ip: client().ip,
        user_agent: None,
        generation: 0,
        pinned: None,
        checked: Default::default(),
    });
    let key = crate::auth::session::SessionToken::mint(&[u8::try_from(nth).unwrap(); 32]).key();
    world.look(|s| s.sessions.insert(key, (session.clone(), now.plus(Duration::from_secs(3600)))));
    session
}

/// Whose each session is, by its id.
fn owners(world: &World) -> BTreeMap<String, UserId> {
    world.look(|s| s.sessions.values().map(|(one, _)| (one.id.clone(), one.identity.id.clone())).collect())
}
