//! The fault sweep over passkeys: a store that fails at the nth call, before or after its effect, for every n.

use std::collections::HashSet;

use super::passkeys::{asked_by, challenge, flows, key, text, with_passkey};
use super::*;
use crate::auth::factor::passkey::testing::SoftKey;
use crate::auth::policy::Policy;
use crate::flow::destination::Destinations;
use crate::flow::reply::{
    CeremonyRef, CreationAsked, OtherSessions, Outcome, PasskeyAdded, PasskeyRemoved, SignInChallenge, Submission,
};
use crate::flow::testing::{Blow, World, client};

#[derive(Clone, Copy, Debug)]
enum Flow {
    Alone,
    SecondFactor,
    StepUp,
    Enroll,
    Add,
    Remove,
    Ask,
    AskNew,
    Rename,
}

const ALL: [Flow; 9] = [
    Flow::Alone,
    Flow::SecondFactor,
    Flow::StepUp,
    Flow::Enroll,
    Flow::Add,
    Flow::Remove,
    Flow::Ask,
    Flow::AskNew,
    Flow::Rename,
];

struct Stage {
    world: Arc<World>,
    flows: Shared,
    alone: (SignInChallenge, SecretText),
    second: (CeremonyRef, SecretText),
    session: (CeremonyRef, SecretText),
    first: (CeremonyRef, SecretText),
    more: SecretText,
}

async fn registration(flows: &Flows, at: &CeremonyRef, id: &str) -> SecretText {
    match flows.ask_passkey(at, &client()).await.unwrap() {
        CreationAsked::Asked(options) => text(&key(id).register(&challenge(options.as_ref()))),
        _ => panic!("not asked"),
    }
}

async fn stage() -> Stage {
    let world = World::new();
    let flows = flows(&world);
    let mut key = SoftKey { sign_count: 0, ..key("one") };
    with_passkey(&world, &flows, "ann", &mut key);
    key.sign_count = 1;
    let asked_alone = flows.sign_in_challenge(None, &client()).unwrap().unwrap();
    let answer = text(&key.sign(&challenge(&asked_alone.options)));
    let open = opened(flows.sign_in_by_passkey(&asked_alone.state, &answer, None, &client()).await.unwrap());
    let session = CeremonyRef::Session(open.token, open.session);
    key.sign_count = 2;
    let asked_alone = flows.sign_in_challenge(None, &client()).unwrap().unwrap();
    let answer = text(&key.sign(&challenge(&asked_alone.options)));
    let second = CeremonyRef::SignIn(asked(sign_in(&flows, "ann", &client()).await).ceremony);
    let second_answer = text(&key.sign(&asked_by(&flows, &second).await));
    let session_answer = text(&key.sign(&asked_by(&flows, &session).await));
    let more = registration(&flows, &session, "more").await;
    world.person("bob");
    let LoginReply::Enroll(Next { ceremony: token, .. }) = sign_in(&flows, "bob", &client()).await.value else {
        panic!("not stuck")
    };
    let first = CeremonyRef::SignIn(token);
    let first_answer = registration(&flows, &first, "first").await;
    Stage {
        world,
        flows,
        alone: (asked_alone, answer),
        second: (second, second_answer),
        session: (session, session_answer),
        first: (first, first_answer),
        more,
    }
}

/// What came of a flow: a session, nothing, or the fault.
async fn run(at: &Stage, flow: Flow) -> Result<Option<Box<Opened>>, ()> {
    let (flows, from) = (&at.flows, client());
    fn entered(outcome: Outcome<LoginReply>) -> Result<Option<Box<Opened>>, ()> {
        match outcome.map_err(|_| ())?.value {
            LoginReply::Opened(opened) => Ok(Some(opened)),
            _ => Ok(None),
        }
    }
    fn added(outcome: Outcome<PasskeyAdded>) -> Result<Option<Box<Opened>>, ()> {
        match outcome.map_err(|_| ())?.value {
            PasskeyAdded::Added { opened, .. } => Ok(Some(opened)),
            _ => Ok(None),
        }
    }
    let submitted = |text: &SecretText| Submission::Assertion(text.clone());
    match flow {
        Flow::Alone => entered(flows.sign_in_by_passkey(&at.alone.0.state, &at.alone.1, None, &from).await),
        Flow::SecondFactor => entered(flows.submit(&at.second.0, submitted(&at.second.1), &from).await),
        Flow::StepUp => entered(flows.submit(&at.session.0, submitted(&at.session.1), &from).await),
        Flow::Enroll => added(
            flows
                .add_passkey(
                    &at.first.0,
                    crate::flow::reply::NewPasskey { name: None, credential: &at.first.1, others: Default::default() },
                    &from,
                )
                .await,
        ),
        Flow::Add => added(
            flows
                .add_passkey(
                    &at.session.0,
                    crate::flow::reply::NewPasskey { name: None, credential: &at.more, others: Default::default() },
                    &from,
                )
                .await,
        ),
        Flow::Remove => {
            let CeremonyRef::Session(token, session) = &at.session.0 else { panic!("no session") };
            let none = Destinations::new(Arc::new(Policy::new([])));
            match flows
                .remove_passkey(token, session, ("Pann", OtherSessions::End), &none, &from)
                .await
                .map_err(|_| ())?
                .value
            {
                PasskeyRemoved::Removed(opened) => Ok(Some(opened)),
                _ => Ok(None),
            }
        }
        Flow::Ask => flows.ask_assertion(&at.second.0, None, None, &from).await.map(|_| None).map_err(|_| ()),
        Flow::AskNew => flows.ask_passkey(&at.first.0, &from).await.map(|_| None).map_err(|_| ()),
        Flow::Rename => flows.rename_passkey(&at.session.0, "Pann", "Other", &from).await.map(|_| None).map_err(|_| ()),
    }
}

#[tokio::test]
async fn a_fault_at_any_call_opens_nothing_and_spends_no_challenge_twice() {
    for flow in ALL {
        let whole = stage().await;
        whole.world.fail(0, Blow::Before);
        let gives = !matches!(flow, Flow::Ask | Flow::AskNew | Flow::Rename);
        assert_eq!(run(&whole, flow).await.unwrap().is_some(), gives, "{flow:?} works");
        let calls = whole.world.calls();
        for nth in 1..=calls {
            for blow in [Blow::Before, Blow::After] {
                let at = stage().await;
                let before = at.world.look(|s| s.sessions.keys().copied().collect::<HashSet<_>>());
                at.world.fail(nth, blow);
                let outcome = run(&at, flow).await;
                // A state that does not open was not asked here: that is no fault, and nobody is signed in.
                assert!(!matches!(outcome, Ok(Some(_))), "{flow:?}, call {nth} {blow:?}: opened by a fault");
                assert!(outcome.is_err() || matches!(flow, Flow::Alone), "{flow:?}, call {nth} {blow:?}");
                at.world.fail(0, Blow::Before);
                let orphans = at.world.look(|s| s.sessions.keys().filter(|k| !before.contains(*k)).count());
                assert!(orphans <= usize::from(blow == Blow::After), "{flow:?}, call {nth} {blow:?}");
                let mut sessions = orphans;
                for _ in 0..2 {
                    sessions += usize::from(matches!(run(&at, flow).await, Ok(Some(_))));
                }
                assert!(sessions <= 1, "{flow:?}, call {nth} {blow:?}: {sessions} sessions of one answer");
                let spent = at.world.look(|s| s.spent.clone());
                assert_eq!(spent.iter().collect::<HashSet<_>>().len(), spent.len(), "{flow:?}, {nth}: spent twice");
                let ids =
                    at.world.look(|s| s.passkeys.iter().map(|(_, p)| p.credential_id.clone()).collect::<Vec<_>>());
                assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len(), "{flow:?}, {nth}: bound twice");
            }
        }
    }
}
