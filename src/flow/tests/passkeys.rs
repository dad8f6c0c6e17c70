//! Passkeys: registered, as a second factor, as a step-up, alone; and what becomes of a challenge.

use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use futures_util::future::join_all;

use super::*;
use crate::auth::factor::passkey::testing::SoftKey;
use crate::auth::factor::passkey::{PasskeyRecord, Violation};
use crate::auth::user::UserId;
use crate::flow::reply::{AssertionAsked, CeremonyRef, CreationAsked, PasskeyAdded, Submission};
use crate::flow::settings::PasskeySettings;
use crate::flow::testing::{HOST, World, client, fast_settings};

/// Flows that offer passkeys.
pub(super) fn flows(world: &Arc<World>) -> Shared {
    let settings =
        crate::flow::settings::FlowSettings { passkeys: Some(PasskeySettings::default()), ..fast_settings() };
    Arc::new(Flows::new(world.ports(), settings))
}

pub(super) fn key(id: &str) -> SoftKey {
    SoftKey { backup_eligible: true, ..SoftKey::new(HOST, &format!("https://{HOST}"), id.as_bytes()) }
}

/// The challenge of options.
pub(super) fn challenge(options: &impl serde::Serialize) -> Vec<u8> {
    let options = serde_json::to_value(options).unwrap();
    BASE64URL_NOPAD.decode(options["challenge"].as_str().unwrap().as_bytes()).unwrap()
}

/// Somebody with a password and this passkey, bound without a ceremony.
pub(super) fn with_passkey(world: &World, flows: &Flows, name: &str, key: &mut SoftKey) -> UserId {
    let user = world.person(name);
    key.user_handle = Some(flows.user_handle(&user).to_vec());
    let record = PasskeyRecord {
        id: format!("P{name}"),
        name: "Key".to_owned(),
        rp_id: HOST.to_owned(),
        credential_id: key.id.clone(),
        public_key: key.public_key(),
        aaguid: Default::default(),
        attested: false,
        sign_count: key.sign_count,
        user_verified: key.user_verified,
        backup_eligible: key.backup_eligible,
        backup_state: false,
        transports: Vec::new(),
        created_at: flows.now(),
        used_at: None,
    };
    world.look(|s| s.passkeys.push((user.clone(), record)));
    user
}

pub(super) fn text(value: &serde_json::Value) -> SecretText {
    secret(&value.to_string())
}

pub(super) async fn asked_by(flows: &Flows, at: &CeremonyRef) -> Vec<u8> {
    match flows.ask_assertion(at, None, None, &client()).await.unwrap() {
        AssertionAsked::Asked(options) => challenge(options.as_ref()),
        AssertionAsked::NoPasskey => panic!("no passkey"),
        AssertionAsked::Gone => panic!("gone"),
    }
}

async fn proves(flows: &Flows, at: &CeremonyRef, answer: &serde_json::Value) -> WithEvents<LoginReply> {
    flows.submit(at, Submission::Assertion(text(answer)), &client()).await.unwrap()
}

/// Signs in by a passkey alone.
pub(super) async fn alone(flows: &Flows, key: &SoftKey) -> WithEvents<LoginReply> {
    let asked = flows.sign_in_challenge(None, &client()).unwrap().unwrap();
    let answer = key.sign(&challenge(&asked.options));
    flows.sign_in_by_passkey(&asked.state, &text(&answer), two_factors(), &client()).await.unwrap()
}

pub(super) const WRONG: Rejection = Rejection::WrongPasskey { unknown: false };

#[tokio::test]
async fn a_first_passkey_is_registered_in_a_sign_in_and_brings_backup_codes() {
    let world = World::new();
    world.person("bob");
    let flows = flows(&world);
    let LoginReply::Enroll(Next { ceremony: token, .. }) = sign_in(&flows, "bob", &client()).await.value else {
        panic!("not stuck")
    };
    let at = CeremonyRef::SignIn(token);
    let CreationAsked::Asked(options) = flows.ask_passkey(&at, &client()).await.unwrap() else { panic!("not asked") };
    let key = key("one");
    let answer = text(&key.register(&challenge(options.as_ref())));
    let told = flows
        .add_passkey(
            &at,
            crate::flow::reply::NewPasskey {
                name: Some(" Laptop\u{202e}\n "),
                credential: &answer,
                others: Default::default(),
            },
            &client(),
        )
        .await
        .unwrap();
    let PasskeyAdded::Added { passkey, backup_codes, opened } = told.value else { panic!("not added") };
    assert_eq!((passkey.name.as_str(), passkey.rp_id.as_str(), backup_codes.len()), ("Laptop", HOST, 10));
    assert_eq!(opened.session.proofs.methods(), MethodSet::EMPTY.with(Method::Password).with(Method::Passkey));
    let what: Vec<What> = told.events.iter().map(|event| event.what).collect();
    let method = Method::Passkey;
    assert!(what.contains(&What::AuthenticatorAdded { method }) && what.contains(&What::BackupCodesMade), "{what:?}");
    // The same answer again: the sign-in is over, and so is the challenge.
    assert!(matches!(
        flows
            .add_passkey(
                &at,
                crate::flow::reply::NewPasskey { name: None, credential: &answer, others: Default::default() },
                &client()
            )
            .await
            .unwrap()
            .value,
        PasskeyAdded::AlreadyDone
    ));
    let at = CeremonyRef::Session(opened.token.clone(), opened.session.clone());
    let again = flows
        .add_passkey(
            &at,
            crate::flow::reply::NewPasskey { name: None, credential: &answer, others: Default::default() },
            &client(),
        )
        .await
        .unwrap();
    assert!(matches!(again.value, PasskeyAdded::Rejected(WRONG)));
    // A second one brings no codes; the first one's authenticator would be told to leave it.
    let CreationAsked::Asked(options) = flows.ask_passkey(&at, &client()).await.unwrap() else { panic!("not asked") };
    let asked = serde_json::to_value(options.as_ref()).unwrap();
    assert_eq!(asked["excludeCredentials"][0]["id"], BASE64URL_NOPAD.encode(b"one"));
    let another = self::key("two").register(&challenge(options.as_ref()));
    let told = flows
        .add_passkey(
            &at,
            crate::flow::reply::NewPasskey { name: None, credential: &text(&another), others: Default::default() },
            &client(),
        )
        .await
        .unwrap();
    let PasskeyAdded::Added { backup_codes, opened: risen, .. } = told.value else { panic!("not added") };
    assert!(backup_codes.is_empty() && risen.token.expose() != opened.token.expose());
    // Nobody else gets a credential that somebody has.
    world.person("eve");
    let LoginReply::Enroll(Next { ceremony: token, .. }) = sign_in(&flows, "eve", &client()).await.value else {
        panic!("not stuck")
    };
    let at = CeremonyRef::SignIn(token);
    let CreationAsked::Asked(options) = flows.ask_passkey(&at, &client()).await.unwrap() else { panic!("not asked") };
    let answer = text(&key.register(&challenge(options.as_ref())));
    let told = flows
        .add_passkey(
            &at,
            crate::flow::reply::NewPasskey { name: None, credential: &answer, others: Default::default() },
            &client(),
        )
        .await
        .unwrap();
    assert!(matches!(told.value, PasskeyAdded::Rejected(WRONG)));
    assert_eq!(world.look(|s| s.passkeys.len()), 2);
}

#[tokio::test]
async fn whoever_has_a_passkey_proves_it_before_another_is_registered() {
    let world = World::new();
    let flows = flows(&world);
    with_passkey(&world, &flows, "ann", &mut key("one"));
    let one = Some(Requirement::of(Strength::OneFactor));
    let low = opened(flows.begin(given("ann", PASSWORD), one, Channel::Cookie, &client()).await.unwrap());
    let at = CeremonyRef::Session(low.token.clone(), low.session.clone());
    let CreationAsked::ProveFirst(methods) = flows.ask_passkey(&at, &client()).await.unwrap() else { panic!("asked") };
    assert!(methods.contains(Method::Passkey));
    let answer = text(&key("two").register(&[0; 32]));
    let told = flows
        .add_passkey(
            &at,
            crate::flow::reply::NewPasskey { name: None, credential: &answer, others: Default::default() },
            &client(),
        )
        .await
        .unwrap();
    assert!(matches!(told.value, PasskeyAdded::ProveFirst(_)));
}

#[tokio::test]
async fn a_passkey_is_a_second_factor_and_a_step_up() {
    let world = World::new();
    let flows = flows(&world);
    let mut key = key("one");
    let ann = with_passkey(&world, &flows, "ann", &mut key);
    key.user_handle = None;
    let next = asked(sign_in(&flows, "ann", &client()).await);
    assert!(next.methods.contains(Method::Passkey));
    let at = CeremonyRef::SignIn(next.ceremony);
    let answer = key.sign(&asked_by(&flows, &at).await);
    let told = proves(&flows, &at, &answer).await;
    assert!(told.events.iter().any(|e| e.what == What::ProofAccepted { method: Method::Passkey }));
    let open = opened(told);
    assert_eq!(Strength::of(open.session.proofs.methods()), Some(Strength::PhishingResistant));
    assert!(world.look(|s| s.passkeys[0].1.used_at).is_some());
    // A step-up, by one that verifies nobody today: possession.
    key.user_verified = false;
    let at = CeremonyRef::Session(open.token.clone(), open.session.clone());
    let answer = key.sign(&asked_by(&flows, &at).await);
    let told = proves(&flows, &at, &answer).await;
    assert!(told.events.iter().any(|e| e.what == What::ProofAccepted { method: Method::SecurityKey }));
    assert!(opened(told).session.proofs.methods().contains(Method::SecurityKey));
    assert_eq!(world.look(|s| s.passkeys[0].0.clone()), ann);
}

#[tokio::test]
async fn a_challenge_answers_once_and_where_it_was_asked() {
    let world = World::new();
    let flows = flows(&world);
    let mut key = key("one");
    with_passkey(&world, &flows, "ann", &mut key);
    let sign_in_of = async || CeremonyRef::SignIn(asked(sign_in(&flows, "ann", &client()).await).ceremony);
    let (here, there) = (sign_in_of().await, sign_in_of().await);
    let answer = key.sign(&asked_by(&flows, &here).await);
    // In another sign-in of the same person; and it is still good where it was asked.
    assert!(is_rejected(&proves(&flows, &there, &answer).await, WRONG, RejectReason::AlreadySpent));
    // One that nobody asked for.
    assert!(is_rejected(&proves(&flows, &here, &key.sign(&[7; 32])).await, WRONG, RejectReason::AlreadySpent));
    // One that was asked for something else.
    let one = Some(Requirement::of(Strength::OneFactor));
    let low = opened(flows.begin(given("ann", PASSWORD), one, Channel::Cookie, &client()).await.unwrap());
    let session = CeremonyRef::Session(low.token, low.session);
    assert!(is_rejected(&proves(&flows, &session, &answer).await, WRONG, RejectReason::AlreadySpent));
    // A wrong signature spends it, too.
    let mut forged = answer.clone();
    forged["response"]["signature"] = key.sign(&[1; 32])["response"]["signature"].clone();
    let told = proves(&flows, &here, &forged).await;
    assert!(is_rejected(&told, WRONG, RejectReason::Passkey(Violation::Signature)));
    assert!(is_rejected(&proves(&flows, &here, &answer).await, WRONG, RejectReason::AlreadySpent));
    // Too late.
    let answer = key.sign(&asked_by(&flows, &here).await);
    world.pass(Duration::from_secs(301));
    assert!(is_rejected(&proves(&flows, &here, &answer).await, WRONG, RejectReason::AlreadySpent));
    // In time.
    let answer = key.sign(&asked_by(&flows, &here).await);
    opened(proves(&flows, &here, &answer).await);
}

#[tokio::test]
async fn a_raced_challenge_opens_one_session() {
    let world = World::new();
    let flows = flows(&world);
    let mut key = key("one");
    with_passkey(&world, &flows, "ann", &mut key);
    for _ in 0..10 {
        let at = CeremonyRef::SignIn(asked(sign_in(&flows, "ann", &client()).await).ceremony);
        let answer = key.sign(&asked_by(&flows, &at).await);
        let all = join_all((0..50).map(|_| proves(&flows, &at, &answer))).await;
        assert_eq!(all.iter().filter(|told| matches!(told.value, LoginReply::Opened(_))).count(), 1);
        let asked = flows.sign_in_challenge(None, &client()).unwrap().unwrap();
        let (answer, client) = (text(&key.sign(&challenge(&asked.options))), client());
        let one = || flows.sign_in_by_passkey(&asked.state, &answer, None, &client);
        let all = join_all((0..50).map(|_| one())).await;
        let opened = all.iter().filter(|told| matches!(told.as_ref().unwrap().value, LoginReply::Opened(_)));
        assert_eq!(opened.count(), 1);
    }
}

#[tokio::test]
async fn a_passkey_signs_in_alone() {
    let world = World::new();
    let flows = flows(&world);
    let mut key = key("one");
    with_passkey(&world, &flows, "ann", &mut key);
    let open = opened(alone(&flows, &key).await);
    assert_eq!(open.session.identity.username.as_str(), "ann");
    assert_eq!(open.session.proofs.methods(), MethodSet::EMPTY.with(Method::Passkey));
    assert_eq!(Strength::of(open.session.proofs.methods()), Some(Strength::PhishingResistant));
    // Verified, or not at all.
    key.user_verified = false;
    let told = alone(&flows, &key).await;
    assert!(is_rejected(&told, WRONG, RejectReason::Passkey(Violation::UserVerification)));
    key.user_verified = true;
    key.user_handle = None;
    let told = alone(&flows, &key).await;
    assert!(is_rejected(&told, WRONG, RejectReason::Passkey(Violation::UserHandle)));
    let bob = world.person("bob");
    key.user_handle = Some(flows.user_handle(&bob).to_vec());
    let told = alone(&flows, &key).await;
    assert!(is_rejected(&told, WRONG, RejectReason::Passkey(Violation::UserHandle)));
    key.user_handle =
        world.look(|s| Some(s.accounts.keys().next().cloned())).flatten().map(|ann| flows.user_handle(&ann).to_vec());
    opened(alone(&flows, &key).await);
    world.look(|s| s.accounts.values_mut().for_each(|account| account.disabled = true));
    assert!(is_rejected(&alone(&flows, &key).await, WRONG, RejectReason::Disabled));
}

#[tokio::test]
async fn nothing_is_stored_for_who_looks_at_the_sign_in_page() {
    let world = World::new();
    let flows = flows(&world);
    let stored = |world: &World| world.look(|s| (s.transient.len(), s.marks.len(), s.counters.len(), s.sessions.len()));
    let before = stored(&world);
    let states: Vec<_> = (0..100).map(|_| flows.sign_in_challenge(None, &client()).unwrap().unwrap()).collect();
    assert_eq!(stored(&world), before);
    let mut texts: Vec<&str> = states.iter().map(|s| s.state.expose()).collect();
    texts.sort_unstable();
    texts.dedup();
    assert_eq!(texts.len(), 100);
    // A name is told nothing of.
    let shape = |name| {
        let options = flows.sign_in_challenge(name, &client()).unwrap().unwrap().options;
        let mut options = serde_json::to_value(options).unwrap();
        options["challenge"] = "".into();
        options
    };
    with_passkey(&world, &flows, "ann", &mut key("one"));
    assert_eq!(shape(Some("ann")), shape(Some("nobody")));
    assert_eq!(shape(Some("ann")), shape(None));
}

#[tokio::test]
async fn a_sign_in_challenge_is_of_its_host_its_way_its_time_and_its_name() {
    let world = World::new();
    let flows = flows(&world);
    let mut key = key("one");
    with_passkey(&world, &flows, "ann", &mut key);
    let over = Rejection::CeremonyGone;
    let gone = RejectReason::NoCeremony;
    let present = async |state: &SecretText, answer: &serde_json::Value, from: &Client| {
        flows.sign_in_by_passkey(state, &text(answer), two_factors(), from).await.unwrap()
    };
    let asked = flows.sign_in_challenge(None, &client()).unwrap().unwrap();
    let answer = key.sign(&challenge(&asked.options));
    let abroad = Client { host: "other.example.com".to_owned(), ..client() };
    assert!(is_rejected(&present(&asked.state, &answer, &abroad).await, over, gone));
    let script = Client { channel: Channel::Bearer, ..client() };
    assert!(is_rejected(&present(&asked.state, &answer, &script).await, over, gone));
    let mut bent = asked.state.expose().to_owned();
    bent.replace_range(40..41, if bent.as_bytes()[40] == b'A' { "B" } else { "A" });
    for state in ["", "x", &bent] {
        assert!(is_rejected(&present(&secret(state), &answer, &client()).await, over, gone), "{state}");
    }
    let told = present(&asked.state, &answer, &client()).await;
    opened(told);
    let spent = present(&asked.state, &answer, &client()).await;
    assert!(is_rejected(&spent, over, RejectReason::AlreadySpent));
    let asked = flows.sign_in_challenge(None, &client()).unwrap().unwrap();
    let answer = key.sign(&challenge(&asked.options));
    world.pass(Duration::from_secs(601));
    assert!(is_rejected(&present(&asked.state, &answer, &client()).await, over, gone));
    let asked = flows.sign_in_challenge(Some("bob"), &client()).unwrap().unwrap();
    let answer = key.sign(&challenge(&asked.options));
    let told = present(&asked.state, &answer, &client()).await;
    assert!(is_rejected(&told, WRONG, RejectReason::Passkey(Violation::Owner)));
}

#[tokio::test]
async fn a_credential_that_nobody_has_costs_the_same() {
    let world = World::new();
    let flows = flows(&world);
    let (mut known, unknown) = (key("one"), SoftKey { user_handle: Some(vec![5; 32]), ..key("two") });
    with_passkey(&world, &flows, "ann", &mut known);
    let calls = async |key: &SoftKey| {
        let asked = flows.sign_in_challenge(None, &client()).unwrap().unwrap();
        let mut answer = key.sign(&challenge(&asked.options));
        answer["response"]["signature"] = key.sign(&[1; 32])["response"]["signature"].clone();
        world.fail(0, crate::flow::testing::Blow::Before);
        let told = flows.sign_in_by_passkey(&asked.state, &text(&answer), None, &client()).await.unwrap();
        (world.calls(), told)
    };
    let (of_known, wrong) = calls(&known).await;
    let (of_unknown, told) = calls(&unknown).await;
    assert_eq!(of_known, of_unknown);
    assert!(is_rejected(&wrong, WRONG, RejectReason::Passkey(Violation::Signature)));
    assert!(is_rejected(&told, Rejection::WrongPasskey { unknown: true }, RejectReason::NotEnrolled));
}
