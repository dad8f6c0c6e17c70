//! Codes that are sent: good once, for one sign-in or session, one purpose and one address; and asked for alike by
//! everybody.

use std::time::Duration;

use super::*;
use crate::auth::address::phone_number::Country;
use crate::auth::ceremony::CeremonyToken;
use crate::auth::event::ThrottleScope;
use crate::auth::factor::authenticator::{AddressKind, AddressRecord};
use crate::auth::proof::Offer;
use crate::auth::time::Timestamp;
use crate::auth::user::UserId;
use crate::flow::ports::Letter;
use crate::flow::reply::{CeremonyRef, CodeReply};
use crate::flow::settings::FlowSettings;
use crate::flow::testing::{START, World, client, client_at, sending};

pub(super) fn with_address(world: &World, user: &UserId, kind: AddressKind, value: &str) {
    let confirmed_at = Timestamp::from_secs(START);
    let address = AddressRecord { id: format!("A{value}"), kind, value: value.to_owned(), confirmed_at };
    world.look(|s| s.addresses.push((user.clone(), address)));
}

struct Stage {
    world: Arc<World>,
    flows: Flows,
}

impl Stage {
    /// Ann has a mail address and a number, bob a password alone.
    fn new() -> Self {
        Self::with(|_| ())
    }

    fn with(change: impl Fn(&mut FlowSettings)) -> Self {
        let world = World::new();
        let ann = world.person("ann");
        with_address(&world, &ann, AddressKind::Email, "ann@example.com");
        with_address(&world, &ann, AddressKind::Sms, "+16502530000");
        let bob = world.person("bob");
        world.with_totp(&bob);
        let mut settings = sending();
        change(&mut settings);
        let flows = Flows::new(world.ports(), settings);
        Self { world, flows }
    }

    async fn begun(&self, name: &str) -> CeremonyToken {
        let steps = Some(Requirement::of(Strength::TwoSteps));
        asked(self.flows.begin(given(name, PASSWORD), steps, Channel::Cookie, &client()).await.unwrap()).ceremony
    }

    async fn send(&self, token: &CeremonyToken, kind: AddressKind) -> WithEvents<CodeReply> {
        self.flows.send_code(&CeremonyRef::SignIn(token.clone()), kind, &client()).await.unwrap()
    }

    /// Sends a code and reads it.
    async fn code(&self, token: &CeremonyToken, kind: AddressKind) -> SecretText {
        let told = self.send(token, kind).await;
        assert!(matches!(told.value, CodeReply::Sent { .. }));
        self.last_code().unwrap()
    }

    fn last_code(&self) -> Option<SecretText> {
        self.world.look(|s| match s.letters.last() {
            Some((Letter::SignInCode(code) | Letter::AddressCode(code), _)) => Some(code.code.clone()),
            _ => None,
        })
    }

    async fn submit(&self, token: &CeremonyToken, method: Method, code: &SecretText) -> WithEvents<LoginReply> {
        self.flows.second_factor(token, method, code.clone(), &client()).await.unwrap()
    }
}

fn throttled(told: &WithEvents<CodeReply>) -> Option<ThrottleScope> {
    told.events.iter().find_map(|e| match e.what {
        What::Throttled { scope, .. } => Some(scope),
        _ => None,
    })
}

fn shown(told: &WithEvents<CodeReply>) -> (String, u64) {
    match &told.value {
        CodeReply::Sent { sent_to, expires_in } => (sent_to.clone(), expires_in.as_secs()),
        CodeReply::UsedUp { .. } => ("used up".to_owned(), 0),
        CodeReply::NotServed => ("not served".to_owned(), 0),
        CodeReply::Gone => ("gone".to_owned(), 0),
    }
}

fn other_than(code: &SecretText) -> SecretText {
    secret(if code.expose() == "000000" { "000001" } else { "000000" })
}

#[tokio::test]
async fn a_sent_code_meets_two_steps_and_never_two_factors() {
    for (kind, method) in [(AddressKind::Email, Method::EmailCode), (AddressKind::Sms, Method::SmsCode)] {
        let stage = Stage::new();
        let token = stage.begun("ann").await;
        let code = stage.code(&token, kind).await;
        let open = opened(stage.submit(&token, method, &code).await);
        assert_eq!(Strength::of(open.session.proofs.methods()), Some(Strength::TwoSteps), "{method:?}");
        let strict = Requirement::of(Strength::TwoFactor);
        let now = Timestamp::from_secs(START);
        assert!(strict.shortfall(&open.session.proofs, now).is_some(), "{method:?} is no second factor");
        let told = stage.flows.begin(given("ann", PASSWORD), Some(strict), Channel::Cookie, &client()).await.unwrap();
        assert!(!matches!(told.value, LoginReply::Next(_) | LoginReply::Opened(_)), "{}", word(&told.value));
        let trail: Vec<&str> = open.session.proofs.amr();
        assert!(!trail.contains(&"mfa"), "{trail:?}");
    }
}

#[tokio::test]
async fn a_code_is_good_once_in_its_own_sign_in_by_its_own_way() {
    let stage = Stage::new();
    let (one, other) = (stage.begun("ann").await, stage.begun("ann").await);
    let code = stage.code(&one, AddressKind::Email).await;
    let elsewhere = stage.submit(&other, Method::EmailCode, &code).await;
    assert!(is_rejected(&elsewhere, Rejection::NoCode, RejectReason::NoCode), "another sign-in");
    let told = stage.submit(&one, Method::SmsCode, &code).await;
    assert!(is_rejected(&told, Rejection::NoCode, RejectReason::NoCode), "another way");
    opened(stage.submit(&one, Method::EmailCode, &code).await);
    // The same code once more, in a sign-in of the same bond: it is over. In the store there is none left either.
    assert!(stage.world.look(|s| s.codes.is_empty()));
}

#[tokio::test]
async fn a_new_code_takes_the_place_of_the_one_before_and_resets_no_counter() {
    let often = crate::auth::throttle::Limit::at_most(9, Duration::from_secs(600));
    let stage = Stage::with(|settings| settings.codes.limits.address = often);
    let token = stage.begun("ann").await;
    let first = stage.code(&token, AddressKind::Email).await;
    for _ in 0..3 {
        let told = stage.submit(&token, Method::EmailCode, &other_than(&first)).await;
        assert!(is_rejected(&told, Rejection::WrongCode, RejectReason::Mismatch));
    }
    let second = stage.code(&token, AddressKind::Email).await;
    assert_ne!(first.expose(), second.expose());
    // The fourth miss, and the fifth: the first code no longer counts, and nor does the second.
    let told = stage.submit(&token, Method::EmailCode, &first).await;
    assert!(is_rejected(&told, Rejection::WrongCode, RejectReason::Mismatch));
    let told = stage.submit(&token, Method::EmailCode, &other_than(&second)).await;
    assert!(is_rejected(&told, Rejection::CodeUsedUp, RejectReason::Mismatch), "{}", word(&told.value));
    stage.world.pass(Duration::from_secs(60));
    let told = stage.submit(&token, Method::EmailCode, &second).await;
    assert!(is_rejected(&told, Rejection::CodeUsedUp, RejectReason::Mismatch), "five misses ended it");
    let told = stage.send(&token, AddressKind::Email).await;
    assert!(matches!(told.value, CodeReply::UsedUp { .. }), "nor does a new one begin a new count");
    assert!(told.events.is_empty() && stage.last_code().is_none(), "what would be of no use is not sent");
    // Whoever asked again waits no longer for that.
    stage.world.pass(Duration::from_secs(241));
    let fourth = stage.code(&token, AddressKind::Email).await;
    opened(stage.submit(&token, Method::EmailCode, &fourth).await);
}

#[tokio::test]
async fn whoever_has_no_address_guesses_as_often_as_everybody_and_for_nothing() {
    let stage = Stage::new();
    for name in ["ann", "bob"] {
        let token = stage.begun(name).await;
        stage.send(&token, AddressKind::Email).await;
        let sent = stage.last_code().unwrap_or_else(|| secret("000001"));
        let mut told = Vec::new();
        for _ in 0..6 {
            stage.world.pass(Duration::from_secs(30));
            told.push(word(&stage.submit(&token, Method::EmailCode, &other_than(&sent)).await.value));
        }
        let wrong = word(&LoginReply::Rejected(Rejection::WrongCode));
        assert_eq!(told[..4], [&wrong[..]; 4], "{name}");
        let used_up = word(&LoginReply::Rejected(Rejection::CodeUsedUp));
        assert_eq!(told[4..], [&used_up[..]; 2], "{name}");
        let again = stage.send(&token, AddressKind::Email).await;
        assert!(matches!(again.value, CodeReply::UsedUp { .. }), "{name}");
        assert!(matches!(stage.world.look(|s| s.letters.last().unwrap().0.clone()), Letter::Nobody), "{name}");
    }
}

#[tokio::test]
async fn what_is_kept_of_a_code_tells_neither_it_nor_the_address() {
    let stage = Stage::new();
    let token = stage.begun("ann").await;
    let code = stage.code(&token, AddressKind::Sms).await;
    let (kept, counters) = stage.world.look(|s| {
        let kept: Vec<String> = s.codes.iter().map(|(name, (digest, ..))| format!("{name}{:?}", digest.0)).collect();
        (kept.concat(), s.counters.keys().cloned().collect::<String>())
    });
    for clear in [code.expose(), "6502530000", "ann@example.com"] {
        assert!(!kept.contains(clear) && !counters.contains(clear), "{kept} {counters}");
    }
    let ends: Vec<u64> = stage.world.look(|s| s.codes.values().map(|(_, _, ends)| ends.as_secs()).collect());
    assert_eq!(ends, [START + 300]);
    assert_eq!(stage.world.look(|s| s.letters[0].1), Timestamp::from_secs(START + 300), "nor is it sent later");
}

#[tokio::test]
async fn whoever_has_no_address_is_answered_alike_at_the_same_cost() {
    let stage = Stage::new();
    let with = stage.begun("ann").await;
    // Bob has an authenticator app: his sign-in goes on, and he asks for a code that nobody could get.
    let without = stage.begun("bob").await;
    let mut counts = Vec::new();
    let mut answers = Vec::new();
    for token in [&with, &without] {
        stage.world.fail(0, crate::flow::testing::Blow::Before);
        let told = stage.send(token, AddressKind::Email).await;
        counts.push((stage.world.calls(), stage.world.look(|s| (s.codes.len(), s.letters.len()))));
        answers.push(shown(&told));
    }
    assert_eq!((counts[0].0, counts[0].1.0, counts[0].1.1), (counts[1].0, counts[1].1.0 - 1, counts[1].1.1 - 1));
    assert_eq!(answers[0].1, answers[1].1);
    for (mask, _) in &answers {
        assert!(mask.chars().count() == "a•••@e•••.com".chars().count() && mask.ends_with("•••.com"), "{mask}");
    }
    assert_eq!(shown(&stage.send(&without, AddressKind::Email).await), answers[1], "and the same each time");
    assert!(matches!(stage.world.look(|s| s.letters.last().unwrap().0.clone()), Letter::Nobody));
    // Whatever is typed proves nothing.
    let told = stage.submit(&without, Method::EmailCode, &secret("123456")).await;
    assert!(is_rejected(&told, Rejection::WrongCode, RejectReason::NotEnrolled));
}

#[tokio::test]
async fn full_limits_are_answered_alike_and_told_to_the_log() {
    let stage = Stage::new();
    let token = stage.begun("ann").await;
    let first = shown(&stage.send(&token, AddressKind::Email).await);
    for _ in 0..2 {
        assert_eq!(throttled(&stage.send(&token, AddressKind::Email).await), None);
    }
    let code = stage.last_code().unwrap();
    let told = stage.send(&token, AddressKind::Email).await;
    assert_eq!((throttled(&told), shown(&told)), (Some(ThrottleScope::Address), first), "3 in 10 min to one address");
    assert_eq!(stage.world.look(|s| s.letters.len()), 3);
    // Other sign-ins of that account, from elsewhere, share the counter; so does another spelling.
    let again = stage.begun("ann").await;
    let far = client_at("198.51.100.9");
    let at = CeremonyRef::SignIn(again);
    let told = stage.flows.send_code(&at, AddressKind::Email, &far).await.unwrap();
    assert_eq!(throttled(&told), Some(ThrottleScope::Address));
    // The last code that went out is as good as before.
    opened(stage.submit(&token, Method::EmailCode, &code).await);
    stage.world.pass(Duration::from_secs(601));
    let token = stage.begun("ann").await;
    assert_eq!(throttled(&stage.send(&token, AddressKind::Email).await), None);
}

#[tokio::test]
async fn an_account_a_network_and_the_installation_have_limits_of_their_own() {
    let stage = Stage::with(|settings| {
        settings.codes.limits.account = crate::auth::throttle::Limit::at_most(2, Duration::from_secs(600))
    });
    let token = stage.begun("bob").await;
    let scopes = [
        stage.send(&token, AddressKind::Sms).await,
        stage.send(&token, AddressKind::Sms).await,
        stage.send(&token, AddressKind::Sms).await,
    ];
    assert_eq!(scopes.each_ref().map(throttled), [None, None, Some(ThrottleScope::Account)], "also for nobody");
    let stage = Stage::with(|settings| {
        settings.codes.limits.network = crate::auth::throttle::Limit::at_most(1, Duration::from_secs(600))
    });
    let (one, other) = (stage.begun("ann").await, stage.begun("bob").await);
    assert_eq!(throttled(&stage.send(&one, AddressKind::Sms).await), None);
    assert_eq!(throttled(&stage.send(&other, AddressKind::Sms).await), Some(ThrottleScope::Network));
    let stage = Stage::with(|settings| settings.codes.limits.sms = crate::flow::settings::Spend::of(1, 100));
    let (one, other) = (stage.begun("ann").await, stage.begun("bob").await);
    assert_eq!(throttled(&stage.send(&other, AddressKind::Sms).await), None, "what goes to nobody spends nothing");
    assert_eq!(throttled(&stage.send(&one, AddressKind::Sms).await), None);
    let told = stage.send(&one, AddressKind::Sms).await;
    assert_eq!(throttled(&told), Some(ThrottleScope::Installation));
    assert_eq!(throttled(&stage.send(&one, AddressKind::Email).await), None, "each way has its own");
}

#[tokio::test]
async fn text_messages_go_to_the_countries_that_are_named() {
    let stage = Stage::with(|settings| settings.codes.countries = vec![Country::parse("DE").unwrap()]);
    let token = stage.begun("ann").await;
    stage.send(&token, AddressKind::Sms).await;
    assert!(matches!(stage.world.look(|s| s.letters.last().unwrap().0.clone()), Letter::Nobody));
    let stage = Stage::with(|settings| settings.offer = Offer::BASIC.with(Method::EmailCode, false));
    let token = stage.begun("ann").await;
    assert_eq!(shown(&stage.send(&token, AddressKind::Sms).await).0, "not served");
}

#[tokio::test]
async fn a_code_that_is_guessed_at_switches_the_way_off_and_none_is_sent_then() {
    let stage = Stage::with(|settings| settings.limits.lockout = 4);
    let token = stage.begun("ann").await;
    let code = stage.code(&token, AddressKind::Email).await;
    let mut last = String::new();
    for _ in 0..4 {
        stage.world.pass(Duration::from_secs(30));
        last = word(&stage.submit(&token, Method::EmailCode, &other_than(&code)).await.value);
    }
    assert!(last.starts_with("locked email_code"), "{last}");
    let again = stage.begun("ann").await;
    stage.send(&again, AddressKind::Email).await;
    assert!(matches!(stage.world.look(|s| s.letters.last().unwrap().0.clone()), Letter::Nobody));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_code_submitted_200_times_at_once_opens_one_session() {
    let stage = Stage::with(|settings| settings.limits.totp.tries = 1000);
    for _ in 0..10 {
        stage.world.pass(Duration::from_secs(6 * 3600));
        let token = stage.begun("ann").await;
        let code = stage.code(&token, AddressKind::Email).await;
        let from = client();
        let tries = (0..200).map(|_| stage.flows.second_factor(&token, Method::EmailCode, code.clone(), &from));
        let told = futures_util::future::join_all(tries).await;
        let won = told.into_iter().filter(|told| matches!(told.as_ref().unwrap().value, LoginReply::Opened(_))).count();
        assert_eq!(won, 1);
    }
}
