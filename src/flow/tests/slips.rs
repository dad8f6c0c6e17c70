//! Slips over stores that fail at the nth call, for every n: nothing passes that was not proved, and nothing passes twice.

use super::*;
use crate::auth::policy::AppPolicy;
use crate::auth::policy::pattern::PathPattern;
use crate::auth::policy::rule::{Access, Audience, Rule};
use crate::auth::proof::decision::Decision;
use crate::auth::proof::evaluation::Circumstances;
use crate::auth::proof::{Binding, MethodSet, SlipOrder};
use crate::auth::resource::{Resource, Tolerances};
use crate::auth::slip_token::SlipToken;
use crate::flow::reply::{CeremonyRef, Submission};
use crate::flow::slips::{SlipAdmission, SlipUse};
use crate::flow::testing::{Blow, HOST, World, client};

fn app() -> AppPolicy {
    let requirement = Requirement { binding: Binding::Request, ..Requirement::of(Strength::OneFactor) };
    let access = Access::Guarded { audience: Audience::default(), requirement };
    let rules = vec![Arc::new(Rule::new("once", PathPattern::glob("/**").unwrap(), access))];
    AppPolicy { offer: Default::default(), host: HOST.to_owned(), tolerate: Tolerances::default(), rules: rules.into() }
}

fn order() -> SlipOrder {
    let (host, rules) = (HOST.to_owned(), vec!["once /** ".to_owned()]);
    SlipOrder { host, rules, methods: MethodSet::EMPTY.with(Method::Password), transaction: None }
}

async fn passes(flows: &Flows, open: &Opened, slip: &SlipToken) -> Option<bool> {
    let resource = Resource::parse(HOST, "GET", b"/a", Tolerances::default()).unwrap();
    let (around, presented) = (Circumstances::of(client().ip), Some((&open.token, open.session.channel)));
    let used = SlipUse { token: slip, body: None };
    match flows.admit_by_slip(&app(), &resource, &around, presented, used, &client()).await {
        Ok(SlipAdmission::Decided(decided)) => Some(matches!(decided.0.decision, Decision::Permit(_))),
        Ok(SlipAdmission::Nothing | SlipAdmission::BodyNeeded) => Some(false),
        Err(_) => None,
    }
}

async fn raise(flows: &Flows, open: &Opened) -> Result<Box<Opened>, ()> {
    let at = CeremonyRef::Session(open.token.clone(), open.session.clone());
    let proof = Submission::Password(secret(PASSWORD));
    match flows.submit_for(&at, Some(order()), proof, &client()).await {
        Ok(WithEvents { value: LoginReply::Opened(opened), .. }) => Ok(opened),
        Ok(other) => panic!("not opened: {}", word(&other.value)),
        Err(_) => Err(()),
    }
}

#[tokio::test]
async fn a_slip_passes_once_whatever_fails_and_when() {
    for blow in [Blow::Before, Blow::After] {
        let mut all = 0;
        for nth in 1.. {
            let world = World::new();
            world.person("bob");
            let flows = world.flows();
            let open = opened(flows.begin(given("bob", PASSWORD), None, Channel::Cookie, &client()).await.unwrap());
            let risen = raise(&flows, &open).await.unwrap();
            let slip = risen.slip.clone().unwrap();
            world.fail(nth, blow);
            let first = passes(&flows, &risen, &slip).await;
            let failed = world.calls() >= nth;
            world.fail(0, blow);
            assert_eq!(first, (!failed).then_some(true), "{nth} {blow:?}");
            let second = passes(&flows, &risen, &slip).await.unwrap();
            assert!(!second || first.is_none(), "{nth} {blow:?}");
            assert_eq!(passes(&flows, &risen, &slip).await, Some(false), "{nth} {blow:?}");
            if !failed {
                break;
            }
            all = nth;
        }
        assert!(all >= 2, "{all}");
    }
}

#[tokio::test]
async fn a_slip_is_given_with_the_session_or_not_at_all() {
    for blow in [Blow::Before, Blow::After] {
        for nth in 1.. {
            let world = World::new();
            world.person("bob");
            let flows = world.flows();
            let open = opened(flows.begin(given("bob", PASSWORD), None, Channel::Cookie, &client()).await.unwrap());
            world.fail(nth, blow);
            let risen = raise(&flows, &open).await;
            let failed = world.calls() >= nth;
            world.fail(0, blow);
            assert_eq!(risen.is_err(), failed, "{nth} {blow:?}");
            let Ok(risen) = risen else { continue };
            let slip = risen.slip.clone().unwrap();
            assert_eq!(passes(&flows, &open, &slip).await, Some(false), "the session has another token by now");
            assert_eq!(passes(&flows, &risen, &slip).await, Some(true));
            break;
        }
    }
}

#[tokio::test]
async fn a_slip_ends_with_its_session_and_comes_from_what_counts() {
    let world = World::new();
    world.person("bob");
    let flows = world.flows();
    let open = opened(flows.begin(given("bob", PASSWORD), None, Channel::Cookie, &client()).await.unwrap());
    let at = CeremonyRef::Session(open.token.clone(), open.session.clone());
    let other = SlipOrder { methods: MethodSet::EMPTY.with(Method::Totp), ..order() };
    let proof = Submission::Password(secret(PASSWORD));
    let risen = opened(flows.submit_for(&at, Some(other), proof, &client()).await.unwrap());
    assert!(risen.slip.is_none(), "a password is no second factor");
    let risen = raise(&flows, &risen).await.unwrap();
    let slip = risen.slip.clone().unwrap();
    flows.logout(&risen.token, &risen.session, false, &client()).await.unwrap();
    assert_eq!(passes(&flows, &risen, &slip).await, Some(false));
    let again = opened(flows.begin(given("bob", PASSWORD), None, Channel::Cookie, &client()).await.unwrap());
    assert_eq!(passes(&flows, &again, &slip).await, Some(false), "the same person, in another session");
}

/// A ticket takes it where it was given for, for who it was given to; and whatever else is tried spends it.
#[tokio::test]
async fn a_slip_is_carried_to_its_host_in_its_session() {
    let world = World::new();
    world.person("bob");
    let flows = world.flows();
    let mut open = opened(flows.begin(given("bob", PASSWORD), None, Channel::Cookie, &client()).await.unwrap());
    let other = opened(flows.begin(given("bob", PASSWORD), None, Channel::Cookie, &client()).await.unwrap());
    for (host, own, carried) in [(HOST, true, true), ("other.example", true, false), (HOST, false, false)] {
        open = raise(&flows, &open).await.unwrap();
        let (slip, session) = (open.slip.clone().unwrap(), if own { &open.session } else { &other.session });
        assert_eq!(flows.carry_slip(&slip, host, session).await.unwrap().is_some(), carried, "{host} {own}");
        assert!(flows.carry_slip(&slip, HOST, &open.session).await.unwrap().is_none(), "once");
    }
}
