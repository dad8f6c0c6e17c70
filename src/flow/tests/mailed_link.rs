//! A sign-in by a link in a letter: the link goes on in the browser that asked, once, and is followed by the password.

use std::time::Duration;

use super::sent_codes::with_address;
use super::*;
use crate::auth::ceremony::CeremonyToken;
use crate::auth::factor::authenticator::AddressKind;
use crate::auth::link_token::LinkToken;
use crate::auth::time::Timestamp;
use crate::auth::user::UserId;
use crate::flow::ports::{Letter, LinkPurpose};
use crate::flow::reply::{CeremonyRef, CodeReply, LinkAsked, LinkFollowed, Submission};
use crate::flow::settings::FlowSettings;
use crate::flow::testing::{START, World, client, client_at, sending};

const ANN: &str = "ann@example.com";

struct Stage {
    world: Arc<World>,
    flows: Flows,
    ann: UserId,
    code: SecretText,
}

impl Stage {
    fn new() -> Self {
        let world = World::new();
        let ann = world.person("ann");
        let code = world.code(&world.with_totp(&ann), 0);
        with_address(&world, &ann, AddressKind::Email, ANN);
        let flows = Flows::new(world.ports(), FlowSettings { email_link: true, ..sending() });
        Self { world, flows, ann, code }
    }

    async fn ask(&self, email: &str, client: &Client) -> (Option<CeremonyToken>, Vec<What>) {
        let told = self.flows.send_sign_in_link(email, "to=%2Fx", client).await.unwrap();
        let LinkAsked::Sent { browser, expires_in } = told.value else { panic!("not sent") };
        assert_eq!(expires_in, Duration::from_secs(600));
        (browser, told.events.into_iter().map(|event| event.what).collect())
    }

    /// The token of the last letter.
    fn token(&self) -> LinkToken {
        self.world.look(|s| match s.letters.last() {
            Some((Letter::Link(link), _)) if link.purpose == LinkPurpose::SignIn => {
                let (page, token) = link.url.expose().split_once("?token=").unwrap();
                assert_eq!(page, "https://erp.example.com/.stepgate/login-link");
                LinkToken::parse(token).unwrap()
            }
            _ => panic!("no link was sent"),
        })
    }

    /// A link for ann, and the browser that asked for it.
    async fn link(&self) -> (LinkToken, CeremonyToken) {
        let (browser, events) = self.ask(ANN, &client()).await;
        assert_eq!(events, [What::CodeSent { method: Method::EmailCode }]);
        (self.token(), browser.unwrap())
    }

    async fn follow(&self, token: &LinkToken, browser: Option<&CeremonyToken>) -> Option<Next> {
        followed(self.flows.follow_link(token, browser, None, &client()).await.unwrap())
    }

    async fn prove(&self, token: &CeremonyToken, method: Method, text: &str) -> WithEvents<LoginReply> {
        let given = Submission::of(method, secret(text));
        self.flows.submit(&CeremonyRef::SignIn(token.clone()), given, &client()).await.unwrap()
    }
}

fn followed(told: WithEvents<LinkFollowed>) -> Option<Next> {
    match told.value {
        LinkFollowed::On(LoginReply::Next(next)) => Some(next),
        LinkFollowed::On(other) => panic!("{}", word(&other)),
        LinkFollowed::AlreadyDone | LinkFollowed::Over => {
            assert!(told.events.iter().any(|e| matches!(e.what, What::ProofRejected { .. })));
            None
        }
    }
}

fn script() -> Client {
    Client { channel: Channel::Bearer, ..client() }
}

#[tokio::test]
async fn a_link_is_followed_by_the_password_and_by_what_the_account_can_prove() {
    let stage = Stage::new();
    let (token, browser) = stage.link().await;
    let next = stage.follow(&token, Some(&browser)).await.unwrap();
    let password = MethodSet::EMPTY.with(Method::Password);
    assert_eq!(next.methods, password);
    assert_ne!(next.ceremony.key(), browser.key(), "what waited is of no use any more");
    // What comes second is not looked at before the first, and spends nothing.
    let code = stage.code.expose().to_owned();
    for (method, text) in
        [(Method::Totp, code.as_str()), (Method::BackupCode, "04gs-h1qer-far2"), (Method::EmailCode, "123456")]
    {
        let told = stage.prove(&next.ceremony, method, text).await;
        assert!(told.events.is_empty(), "{:?}", told.events);
        assert_eq!(asked(told).methods, password, "{method:?}");
    }
    let at = CeremonyRef::SignIn(next.ceremony.clone());
    let sent = stage.flows.send_code(&at, AddressKind::Sms, &client()).await.unwrap();
    assert!(matches!(sent.value, CodeReply::NotServed), "nor is anything sent");
    let wrong = stage.prove(&next.ceremony, Method::Password, "a wrong password").await;
    assert!(is_rejected(&wrong, Rejection::WrongCredentials, RejectReason::Mismatch));
    let next = asked(stage.prove(&next.ceremony, Method::Password, PASSWORD).await);
    assert!(next.methods.contains(Method::Totp) && !next.methods.contains(Method::EmailCode));
    let open = opened(stage.prove(&next.ceremony, Method::Totp, &code).await);
    assert_eq!(Strength::of(open.session.proofs.methods()), Some(Strength::TwoFactor));
    let again = stage.world.look(|s| s.accounts[&stage.ann].last_login_at);
    assert_eq!(again, Some(Timestamp::from_secs(START)));
}

#[tokio::test]
async fn a_link_and_a_password_are_two_steps_and_no_more() {
    let stage = Stage::new();
    stage.world.look(|s| s.totp.clear());
    for (strength, opens) in [(Strength::OneFactor, true), (Strength::TwoSteps, true), (Strength::TwoFactor, false)] {
        let (token, browser) = stage.link().await;
        let goal = Some(Requirement::of(strength));
        let told = stage.flows.follow_link(&token, Some(&browser), goal, &client()).await.unwrap();
        let next = followed(told).unwrap();
        match stage.prove(&next.ceremony, Method::Password, PASSWORD).await.value {
            LoginReply::Opened(open) => {
                assert!(opens, "{strength:?}");
                assert_eq!(Strength::of(open.session.proofs.methods()), Some(Strength::TwoSteps));
                assert!(!open.session.proofs.amr().contains(&"mfa"));
            }
            other => assert!(!opens, "{strength:?}: {}", word(&other)),
        }
    }
}

#[tokio::test]
async fn a_link_is_good_once_for_a_while_here_in_the_browser_that_asked() {
    let stage = Stage::new();
    let (token, browser) = stage.link().await;
    let (_, other) = stage.link().await;
    let elsewhere = Client { host: "other.example.com".to_owned(), ..client() };
    assert!(stage.follow(&token, None).await.is_none(), "another browser");
    assert!(stage.follow(&token, Some(&other)).await.is_none(), "one that asked for another link");
    let as_script = stage.flows.follow_link(&token, None, None, &script()).await.unwrap();
    assert!(followed(as_script).is_none(), "a script");
    let as_script = stage.flows.follow_link(&token, Some(&browser), None, &script()).await.unwrap();
    assert!(followed(as_script).is_none(), "a script with the cookie");
    let there = stage.flows.follow_link(&token, Some(&browser), None, &elsewhere).await.unwrap();
    assert!(followed(there).is_none(), "another host");
    // Whoever looks, and however often, the link goes on waiting.
    for _ in 0..3 {
        let link = stage.flows.waiting_link(&token, Some(&browser), &client()).await.unwrap().unwrap();
        assert!(link.here && link.by_browser && link.going == "to=%2Fx");
        assert!(!stage.flows.waiting_link(&token, None, &client()).await.unwrap().unwrap().here);
    }
    assert!(stage.follow(&token, Some(&browser)).await.is_some());
    assert!(stage.follow(&token, Some(&browser)).await.is_none(), "again");
    let (late, browser) = stage.link().await;
    stage.world.pass(Duration::from_secs(600));
    assert!(stage.follow(&late, Some(&browser)).await.is_none(), "too late");
}

#[tokio::test]
async fn in_another_browser_a_code_is_shown_that_is_good_where_the_link_was_asked_for_alone() {
    let stage = Stage::new();
    let (token, browser) = stage.link().await;
    let (_, stranger) = stage.link().await;
    let enter = async |browser: &CeremonyToken, code: &str| {
        followed(stage.flows.enter_link_code(browser, &secret(code), None, &client()).await.unwrap())
    };
    assert!(enter(&browser, "000000").await.is_none(), "none is shown yet");
    let there = client_at("198.51.100.9");
    let shown = stage.flows.show_link_code(&token, &there).await.unwrap().value.unwrap();
    let code = shown.code.expose().to_owned();
    assert!(stage.flows.show_link_code(&token, &there).await.unwrap().value.is_none(), "shown once");
    assert!(stage.follow(&token, Some(&browser)).await.is_none(), "the link is used up by that");
    assert!(enter(&stranger, &code).await.is_none(), "of no use elsewhere");
    assert!(enter(&browser, if code == "000000" { "000001" } else { "000000" }).await.is_none());
    let next = enter(&browser, &code).await.unwrap();
    assert_eq!(next.methods, MethodSet::EMPTY.with(Method::Password));
    assert!(enter(&browser, &code).await.is_none(), "once");
}

#[tokio::test]
async fn a_code_of_a_link_is_not_guessed() {
    let stage = Stage::new();
    let (token, browser) = stage.link().await;
    let shown = stage.flows.show_link_code(&token, &client()).await.unwrap().value.unwrap();
    let right: u32 = shown.code.expose().parse().unwrap();
    for guess in 1..=5 {
        let code = secret(&format!("{:06}", (right + guess) % 1_000_000));
        let told = stage.flows.enter_link_code(&browser, &code, None, &client()).await.unwrap();
        assert!(followed(told).is_none());
    }
    let told = stage.flows.enter_link_code(&browser, &shown.code, None, &client()).await.unwrap();
    assert!(followed(told).is_none(), "after five wrong ones the right one opens nothing");
}

#[tokio::test]
async fn a_script_takes_the_token_of_its_own_link_and_no_code_is_shown_for_it() {
    let stage = Stage::new();
    let (browser, _) = stage.ask(ANN, &script()).await;
    assert!(browser.is_none());
    let token = stage.token();
    assert!(stage.flows.show_link_code(&token, &client()).await.unwrap().value.is_none());
    assert!(stage.follow(&token, None).await.is_none(), "no browser goes on with it");
    let told = stage.flows.follow_link(&token, None, None, &script()).await.unwrap();
    let next = followed(told).unwrap();
    assert_eq!(next.methods, MethodSet::EMPTY.with(Method::Password));
    let at = CeremonyRef::SignIn(next.ceremony);
    let given = || Submission::Password(secret(PASSWORD));
    let in_browser = stage.flows.submit(&at, given(), &client()).await.unwrap();
    assert!(is_rejected(&in_browser, Rejection::CeremonyGone, RejectReason::NoCeremony));
    assert!(matches!(stage.flows.submit(&at, given(), &script()).await.unwrap().value, LoginReply::Next(_)));
}

#[tokio::test]
async fn who_has_no_such_address_is_answered_alike_at_the_same_cost() {
    let stage = Stage::new();
    let dis = stage.world.person("dis");
    with_address(&stage.world, &dis, AddressKind::Email, "dis@example.com");
    stage.world.disable(&dis, true);
    let off = stage.world.person("off");
    with_address(&stage.world, &off, AddressKind::Email, "off@example.com");
    stage.world.look(|s| {
        s.lockouts.entry((off.clone(), Method::EmailCode)).or_default().locked_at = Some(Timestamp::from_secs(START))
    });
    let pat = stage.world.person("pat");
    with_address(&stage.world, &pat, AddressKind::Email, "pat@example.com");
    stage.world.look(|s| s.accounts.get_mut(&pat).unwrap().password_hash = None);
    let cost = async |email: &str| {
        stage.world.fail(0, crate::flow::testing::Blow::Before);
        let kept = |s: &mut crate::flow::testing::State| (s.transient.len(), s.letters.len(), s.counters.len());
        let before = stage.world.look(kept);
        stage.ask(email, &client()).await;
        let after = stage.world.look(kept);
        (stage.world.calls(), after.0 - before.0, after.1 - before.1)
    };
    let known = cost(ANN).await;
    assert_eq!((known.1, known.2), (1, 1));
    for email in ["nobody@example.com", "dis@example.com", "off@example.com", "pat@example.com"] {
        assert_eq!(cost(email).await, known, "{email}");
        assert!(stage.world.look(|s| matches!(s.letters.last(), Some((Letter::Nobody, _)))), "{email}");
    }
    for _ in 0..6 {
        stage.ask(ANN, &client()).await;
    }
    assert_eq!(cost(ANN).await.0, known.0, "whose letters are used up");
    let told = stage.flows.send_sign_in_link("no address", "", &client()).await.unwrap();
    assert!(matches!(told.value, LinkAsked::Malformed));
}

#[tokio::test]
async fn too_many_links_are_answered_like_the_first_and_none_is_sent() {
    let stage = Stage::new();
    for asked in 1..=7_usize {
        let (browser, _) = stage.ask(ANN, &client()).await;
        assert!(browser.is_some());
        let sent = |s: &mut crate::flow::testing::State| {
            s.letters.iter().filter(|(letter, _)| !matches!(letter, Letter::Nobody)).count()
        };
        assert_eq!(
            stage.world.look(sent),
            asked.min(5),
            "three in ten minutes, and two that this network has for itself"
        );
    }
    // Somebody else's wishes do not take away the code that ann signs in by.
    let steps = Some(Requirement::of(Strength::TwoSteps));
    let next = asked(stage.flows.begin(given("ann", PASSWORD), steps, Channel::Cookie, &client()).await.unwrap());
    let at = CeremonyRef::SignIn(next.ceremony);
    stage.flows.send_code(&at, AddressKind::Email, &client()).await.unwrap();
    assert!(stage.world.look(|s| matches!(s.letters.last(), Some((Letter::SignInCode(_), _)))));
}

#[tokio::test]
async fn a_stranger_uses_up_nobody_elses_links() {
    let stage = Stage::new();
    let mark = whole(&stage.flows, "ann", &client(), stage.code.clone()).await.device;
    let sent = |events: &[What]| events.contains(&What::CodeSent { method: Method::EmailCode });
    for _ in 0..12 {
        for host in [5, 99].repeat(10) {
            stage.ask(ANN, &client_at(&format!("192.0.2.{host}"))).await;
        }
        stage.world.pass(Duration::from_secs(3600));
    }
    let asked_from = async |ip: &str| sent(&stage.ask(ANN, &client_at(ip)).await.1);
    assert!(!asked_from("192.0.2.5").await, "nothing is left for them");
    assert!(asked_from("198.51.100.9").await && asked_from("198.51.100.9").await, "the owner, from elsewhere");
    assert!(!asked_from("198.51.100.9").await);
    // From a browser that she has signed in with, whatever others did.
    let known = Client { device: mark, ..client_at("192.0.2.5") };
    for asked in 1..=6 {
        assert_eq!(sent(&stage.ask(ANN, &known).await.1), asked <= 5, "{asked}");
    }
}

#[tokio::test]
async fn what_changes_meanwhile_ends_a_link() {
    type Change = fn(&Stage);
    let changes: [(&str, Change); 4] = [
        ("disabled", |stage| stage.world.disable(&stage.ann, true)),
        ("another password", |stage| {
            stage.world.look(|s| s.accounts.get_mut(&stage.ann).unwrap().password_hash = Some(secret("$another")))
        }),
        ("no authenticator", |stage| stage.world.look(|s| s.totp.clear())),
        ("the address given up", |stage| stage.world.look(|s| s.addresses.clear())),
    ];
    for (what, change) in changes {
        let stage = Stage::new();
        let (token, browser) = stage.link().await;
        change(&stage);
        assert!(stage.follow(&token, Some(&browser)).await.is_none(), "{what}");
        let stage = Stage::new();
        let (token, browser) = stage.link().await;
        let next = stage.follow(&token, Some(&browser)).await.unwrap();
        change(&stage);
        let told = stage.prove(&next.ceremony, Method::Password, PASSWORD).await;
        assert!(matches!(told.value, LoginReply::Rejected(Rejection::CeremonyGone)), "{what}, after the link");
    }
}

#[tokio::test]
async fn of_two_hundred_who_follow_a_link_or_enter_its_code_one_goes_on() {
    let stage = Stage::new();
    let (token, browser) = stage.link().await;
    let all = futures_util::future::join_all((0..200).map(|_| stage.follow(&token, Some(&browser)))).await;
    assert_eq!(all.into_iter().flatten().count(), 1);
    let (token, browser) = stage.link().await;
    let here = client();
    let shown = futures_util::future::join_all((0..200).map(|_| stage.flows.show_link_code(&token, &here))).await;
    let shown: Vec<_> = shown.into_iter().filter_map(|told| told.unwrap().value).collect();
    assert_eq!(shown.len(), 1);
    let entering = (0..200).map(|_| stage.flows.enter_link_code(&browser, &shown[0].code, None, &here));
    let all = futures_util::future::join_all(entering).await;
    assert_eq!(all.into_iter().filter_map(|told| followed(told.unwrap())).count(), 1);
}

#[tokio::test]
async fn links_that_are_not_sent_are_not_sent() {
    let stage = Stage::new();
    let flows = Flows::new(stage.world.ports(), sending());
    let told = flows.send_sign_in_link(ANN, "", &client()).await.unwrap();
    assert!(matches!(told.value, LinkAsked::NotServed));
    assert_eq!(stage.world.calls(), 0, "and nothing is asked");
}

#[tokio::test]
async fn a_store_that_fails_signs_nobody_in_and_spends_a_link_at_most_once() {
    for blow in [crate::flow::testing::Blow::Before, crate::flow::testing::Blow::After] {
        for nth in 1..40 {
            let stage = Stage::new();
            let (token, browser) = stage.link().await;
            stage.world.fail(nth, blow);
            let told = stage.flows.follow_link(&token, Some(&browser), None, &client()).await;
            let went_on = told.is_ok_and(|told| matches!(told.value, LinkFollowed::On(_)));
            let reached = stage.world.calls() >= nth;
            stage.world.fail(0, blow);
            let again = stage.follow(&token, Some(&browser)).await.is_some();
            assert!(!(went_on && again), "{nth} {blow:?}");
            assert!(stage.world.look(|s| s.sessions.is_empty()));
            if !reached {
                assert!(went_on, "{nth} {blow:?}");
                break;
            }
        }
    }
}
