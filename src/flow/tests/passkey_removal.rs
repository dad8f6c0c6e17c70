//! Passkeys: removed, but never the last that is needed; and none where browsers know none.

use std::time::Duration;

use super::lockout::with_backup;
use super::passkeys::{alone, flows, key, with_passkey};
use super::*;
use crate::auth::factor::passkey::testing::SoftKey;
use crate::auth::policy::pattern::PathPattern;
use crate::auth::policy::rule::{Access, Audience, Rule};
use crate::auth::policy::{AppPolicy, Policy};
use crate::auth::resource::Tolerances;
use crate::flow::destination::Destinations;
use crate::flow::reply::{CeremonyRef, OtherSessions, PasskeyRemoved, Renamed, Submission};
use crate::flow::settings::PasskeySettings;
use crate::flow::testing::{HOST, World, client, fast_settings};

/// The same where the other sessions are kept: they go on, and marks of browsers end all the same.
#[tokio::test]
async fn who_removes_a_passkey_may_stay_signed_in_elsewhere() {
    let world = World::new();
    let flows = flows(&world);
    let key = {
        let mut key = key("one");
        with_passkey(&world, &flows, "ann", &mut key);
        key
    };
    let (open, elsewhere) = (opened(alone(&flows, &key).await), opened(alone(&flows, &key).await));
    let relaxed = Destinations::new(Arc::new(Policy::new([])));
    let kept = ("Pann", OtherSessions::Keep);
    let before = world.look(|s| s.accounts.values().next().unwrap().generation);
    let told = flows.remove_passkey(&open.token, &open.session, kept, &relaxed, &client()).await.unwrap();
    let PasskeyRemoved::Removed(after) = told.value else { panic!("not removed") };
    for (session, goes_on) in [(&after, true), (&open, false), (&elsewhere, true)] {
        world.forget_checks();
        let found = flows.session(&session.token, Channel::Cookie, HOST, false).await.unwrap();
        assert_eq!(found.is_some(), goes_on);
    }
    let now = world.look(|s| s.accounts.values().next().unwrap().generation);
    assert_eq!((now.credentials, now.sessions), (before.credentials + 1, before.sessions));
}

/// Who has lost a passkey is asked for a backup code beside it, and may give one instead; the password comes first.
#[tokio::test]
async fn a_lost_passkey_is_removed_by_a_backup_code() {
    let world = World::new();
    let flows = flows(&world);
    let mut lost = key("one");
    let ann = with_passkey(&world, &flows, "ann", &mut lost);
    let app = world.with_totp(&ann);
    with_backup(&world, &ann, "abcde-01234");
    let relaxed = Destinations::new(Arc::new(Policy::new([])));
    let open = whole(&flows, "ann", &client(), world.code(&app, 0)).await;
    let one = ("Pann", OtherSessions::End);
    let asked = async |open: &Opened| {
        let told = flows.remove_passkey(&open.token, &open.session, one, &relaxed, &client()).await.unwrap();
        let PasskeyRemoved::ProveFirst(methods) = told.value else { panic!("removed") };
        [Method::Password, Method::BackupCode, Method::Totp, Method::Passkey].map(|method| methods.contains(method))
    };
    assert_eq!(asked(&open).await, [false, true, false, true]);
    world.pass(Duration::from_secs(601));
    assert_eq!(asked(&open).await, [true, false, false, true], "a code would be used up for nothing");
    let mut open = open;
    for (method, proof) in [(Method::Password, secret(PASSWORD)), (Method::BackupCode, secret("abcde-01234"))] {
        let at = CeremonyRef::Session(open.token.clone(), open.session.clone());
        let told = flows.submit(&at, Submission::of(method, proof), &client()).await.unwrap();
        open = opened(told);
    }
    let told = flows.remove_passkey(&open.token, &open.session, one, &relaxed, &client()).await.unwrap();
    assert!(matches!(told.value, PasskeyRemoved::Removed(_)));
}

/// A destination that asks its people for what no relay can pass on.
fn strict() -> Destinations {
    let requirement = Requirement::of(Strength::PhishingResistant);
    let access = Access::Guarded { audience: Audience::default(), requirement };
    let rules = vec![Arc::new(Rule::new("payroll", PathPattern::glob("/**").unwrap(), access))];
    let app = AppPolicy {
        host: HOST.to_owned(),
        tolerate: Tolerances::default(),
        offer: Default::default(),
        rules: rules.into_iter().collect(),
    };
    Destinations::new(Arc::new(Policy::new([app])))
}

#[tokio::test]
async fn a_passkey_is_removed_with_what_it_granted_but_never_the_last_that_is_needed() {
    let world = World::new();
    let flows = flows(&world);
    let mut key = key("one");
    let ann = with_passkey(&world, &flows, "ann", &mut key);
    let open = opened(alone(&flows, &key).await);
    let elsewhere = opened(alone(&flows, &key).await);
    let relaxed = Destinations::new(Arc::new(Policy::new([])));
    let needed = flows
        .remove_passkey(&open.token, &open.session, ("Pann", OtherSessions::End), &strict(), &client())
        .await
        .unwrap();
    assert!(matches!(needed.value, PasskeyRemoved::Needed { rule: Some(rule) } if rule == "payroll"));
    let none = flows
        .remove_passkey(&open.token, &open.session, ("Pbob", OtherSessions::End), &relaxed, &client())
        .await
        .unwrap();
    assert!(matches!(none.value, PasskeyRemoved::NotFound));
    let at = CeremonyRef::Session(open.token.clone(), open.session.clone());
    let renamed = async |id, name| flows.rename_passkey(&at, id, name, &client()).await.unwrap();
    assert!(matches!(renamed("Pann", "Work").await, Renamed::Renamed));
    assert!(matches!(renamed("Pann", " \u{200b} ").await, Renamed::NotFound));
    assert!(matches!(renamed("Pbob", "Mine").await, Renamed::NotFound));
    assert_eq!(flows.passkeys_of(&ann).await.unwrap()[0].name, "Work");
    let told = flows
        .remove_passkey(&open.token, &open.session, ("Pann", OtherSessions::End), &relaxed, &client())
        .await
        .unwrap();
    let PasskeyRemoved::Removed(after) = told.value else { panic!("not removed") };
    assert!(told.events.iter().any(|e| e.what == What::AuthenticatorRemoved { method: Method::Passkey }));
    let live = async |opened: &Opened| {
        world.forget_checks();
        flows.session(&opened.token, Channel::Cookie, HOST, false).await.unwrap().is_some()
    };
    assert!(live(&after).await && !live(&open).await && !live(&elsewhere).await);
    assert!(is_rejected(
        &alone(&flows, &key).await,
        Rejection::WrongPasskey { unknown: true },
        RejectReason::NotEnrolled
    ));
    // Too long ago.
    let mut second = SoftKey { sign_count: 0, ..self::key("two") };
    let open = {
        with_passkey(&world, &flows, "bob", &mut second);
        opened(alone(&flows, &second).await)
    };
    world.pass(Duration::from_secs(601));
    let told = flows
        .remove_passkey(&open.token, &open.session, ("Pbob", OtherSessions::End), &relaxed, &client())
        .await
        .unwrap();
    assert!(matches!(told.value, PasskeyRemoved::ProveFirst(methods) if methods.contains(Method::Passkey)));
}

#[tokio::test]
async fn two_removals_at_once_leave_what_a_rule_needs() {
    let world = World::new();
    let flows = flows(&world);
    let mut key = key("one");
    let ann = with_passkey(&world, &flows, "ann", &mut key);
    let another = |s: &mut crate::flow::testing::State| {
        let (_, mut passkey) = s.passkeys[0].clone();
        (passkey.id, passkey.credential_id) = ("Pother".to_owned(), b"other".to_vec());
        s.passkeys.push((ann.clone(), passkey));
    };
    world.look(another);
    let (one, other) = (opened(alone(&flows, &key).await), opened(alone(&flows, &key).await));
    let (rules, client) = (strict(), client());
    let (first, second) = tokio::join!(
        flows.remove_passkey(&one.token, &one.session, ("Pann", OtherSessions::End), &rules, &client),
        flows.remove_passkey(&other.token, &other.session, ("Pother", OtherSessions::End), &rules, &client),
    );
    let removed = |told: &PasskeyRemoved| matches!(told, PasskeyRemoved::Removed(_));
    let (first, second) = (first.unwrap(), second.unwrap());
    assert!(removed(&first.value) != removed(&second.value), "one of them");
    let refused = if removed(&first.value) { second } else { first };
    assert!(matches!(refused.value, PasskeyRemoved::Needed { rule: Some(rule) } if rule == "payroll"));
    assert!(refused.events.is_empty(), "nothing happened");
    assert_eq!(world.look(|s| s.passkeys.len()), 1);
}

#[tokio::test]
async fn the_last_thing_to_sign_in_with_stays() {
    let world = World::new();
    let flows = flows(&world);
    let mut key = key("one");
    let ann = with_passkey(&world, &flows, "ann", &mut key);
    world.look(|s| s.accounts.get_mut(&ann).unwrap().password_hash = None);
    let open = opened(alone(&flows, &key).await);
    let relaxed = Destinations::new(Arc::new(Policy::new([])));
    let told = flows
        .remove_passkey(&open.token, &open.session, ("Pann", OtherSessions::End), &relaxed, &client())
        .await
        .unwrap();
    assert!(matches!(told.value, PasskeyRemoved::Needed { rule: None }));
}

#[tokio::test]
async fn there_are_no_passkeys_where_browsers_know_none() {
    let world = World::new();
    let flows = flows(&world);
    for (host, some) in [(HOST, true), ("localhost", true), ("10.0.0.1", false), ("[::1]", false)] {
        let from = Client { host: host.to_owned(), ..client() };
        assert_eq!(flows.sign_in_challenge(None, &from).unwrap().is_some(), some, "{host}");
    }
    assert!(world.flows().sign_in_challenge(None, &client()).unwrap().is_none(), "off");
    let passkeys = Some(PasskeySettings { rp_id: Some("example.com".to_owned()), ..PasskeySettings::default() });
    let settings = crate::flow::settings::FlowSettings { passkeys, ..fast_settings() };
    for (host, some) in
        [("example.com", true), (HOST, true), ("example.net", false), ("badexample.com", false), ("example.org", false)]
    {
        let offered = settings.offer_at(host).served.contains(Method::BoundPasskey);
        assert_eq!(offered, some, "{host}");
    }
}

#[tokio::test]
async fn a_related_host_uses_the_passkeys_of_the_domain_by_its_own_origin_alone() {
    let world = World::new();
    let related = vec!["example.net".to_owned()];
    let passkeys =
        Some(PasskeySettings { rp_id: Some("example.com".to_owned()), related, ..PasskeySettings::default() });
    let settings = crate::flow::settings::FlowSettings { passkeys, ..fast_settings() };
    let flows = Arc::new(Flows::new(world.ports(), settings));
    let mut key = SoftKey { rp_id: "example.com".to_owned(), origin: "https://example.net".to_owned(), ..key("one") };
    with_passkey(&world, &flows, "ann", &mut key);
    world.look(|s| s.passkeys[0].1.rp_id = "example.com".to_owned());
    let there = Client { host: "example.net".to_owned(), origin: "https://example.net".to_owned(), ..client() };
    let signs_in = async |key: &SoftKey| {
        let asked = flows.sign_in_challenge(None, &there).unwrap().unwrap();
        assert_eq!(serde_json::to_value(&asked.options).unwrap()["rpId"], "example.com");
        let answer = key.sign(&passkeys::challenge(&asked.options));
        let answer = passkeys::text(&answer);
        flows.sign_in_by_passkey(&asked.state, &answer, two_factors(), &there).await.unwrap()
    };
    let open = opened(signs_in(&key).await);
    assert_eq!(open.session.host, "example.net");
    for origin in ["https://example.com", "https://example.net:8443", "https://shop.example.net", "http://example.net"]
    {
        key.origin = origin.to_owned();
        let told = signs_in(&key).await;
        let reason = RejectReason::Passkey(crate::auth::factor::passkey::Violation::Origin);
        assert!(is_rejected(&told, Rejection::WrongPasskey { unknown: false }, reason), "{origin}");
    }
}
