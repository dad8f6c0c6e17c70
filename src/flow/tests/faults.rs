//! The fault sweep: a store that fails at the nth call, before or after its effect, for every n.

use std::collections::HashSet;
use std::time::Duration;

use super::sent_codes::with_address;
use super::*;
use crate::auth::event::{Deed, Event};
use crate::auth::factor::authenticator::AddressKind;
use crate::auth::factor::backup_codes;
use crate::auth::factor::password::{self, HashParams};
use crate::auth::secret::SecretBytes;
use crate::flow::destination::Destinations;
use crate::flow::ports::Letter;
use crate::flow::reply::Outcome;
use crate::flow::reply::{CeremonyRef, ConfirmReply, EnrollReply};
use crate::flow::testing::{Blow, FAST, HOST, OLD_KEY, World, client, sending};

/// What a flow gave away.
pub(super) enum Given {
    Nothing,
    Session(Box<Opened>),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Flow {
    Password,
    Script,
    SecondFactor,
    Elevate,
    Backup,
    Enroll,
    Begin,
    Pending,
    View,
    Look,
    Methods,
    Logout,
    Out,
    Supersede,
    Renew,
    Replace,
    SendCode,
    SentCode,
    AddAddress,
    ConfirmAddress,
    RemoveAddress,
}

pub(super) const ALL: [Flow; 21] = [
    Flow::Password,
    Flow::Script,
    Flow::SecondFactor,
    Flow::Elevate,
    Flow::Backup,
    Flow::Enroll,
    Flow::Begin,
    Flow::Pending,
    Flow::View,
    Flow::Look,
    Flow::Methods,
    Flow::Logout,
    Flow::Out,
    Flow::Supersede,
    Flow::Renew,
    Flow::Replace,
    Flow::SendCode,
    Flow::SentCode,
    Flow::AddAddress,
    Flow::ConfirmAddress,
    Flow::RemoveAddress,
];

pub(super) struct Stage {
    pub(super) world: Arc<World>,
    flows: Shared,
    key: SecretBytes,
    ceremony: crate::auth::ceremony::CeremonyToken,
    low: Box<Opened>,
    who: CeremonyRef,
    pending: SecretBytes,
    /// Somebody with two factors, who is replacing the second and is signed in elsewhere too.
    again: CeremonyRef,
    other: SecretBytes,
    /// Somebody who signs in by a code that was sent, and the code.
    sent: (crate::auth::ceremony::CeremonyToken, SecretText),
    /// Somebody who confirms an address, and the code.
    confirming: (CeremonyRef, SecretText),
}

pub(super) async fn stage() -> Stage {
    let world = World::new();
    let ann = world.person("ann");
    let key = world.with_totp(&ann);
    let salt = backup_codes::set_salt(&[1; 16], FAST);
    let digest = backup_codes::code_digest(&backup_codes::mint(&[7; 13]), &salt).unwrap();
    // Sealed with an older master key, so that sealing it anew is swept as well.
    world.look(|s| s.totp.get_mut(&ann).unwrap().secret.0.splice(0..0, OLD_KEY.iter().copied()).count());
    world.look(|s| s.backup.insert(ann, (salt, HashSet::from([digest]))));
    world.person("bob");
    let eve = world.person("eve");
    let old = HashParams { memory_kib: 16, ..FAST };
    let hash = password::hash(&SecretText::new(PASSWORD.to_owned()), &[3; 16], old).unwrap();
    world.look(|s| s.accounts.get_mut(&eve).unwrap().password_hash = Some(hash));
    let dan = world.person("dan");
    let dans = world.with_totp(&dan);
    let flows = Arc::new(Flows::new(world.ports(), sending()));
    let kim = world.person("kim");
    with_address(&world, &kim, AddressKind::Email, "kim@example.com");
    world.person("lou");
    let ceremony = asked(sign_in(&flows, "ann", &client()).await).ceremony;
    let one = Some(Requirement::of(Strength::OneFactor));
    let low = opened(flows.begin(given("ann", PASSWORD), one, Channel::Cookie, &client()).await.unwrap());
    let LoginReply::Enroll(Next { ceremony: token, .. }) = sign_in(&flows, "bob", &client()).await.value else {
        panic!("not stuck")
    };
    let who = CeremonyRef::SignIn(token);
    let pending = begun(&flows, &who).await;
    let one = Some(Requirement::of(Strength::OneFactor));
    flows.begin(given("dan", PASSWORD), one, Channel::Cookie, &client()).await.unwrap();
    let dan = whole(&flows, "dan", &client(), world.code(&dans, 0)).await;
    let again = CeremonyRef::Session(dan.token, dan.session);
    let other = begun(&flows, &again).await;
    let (steps, least) = (Some(Requirement::of(Strength::TwoSteps)), Some(Requirement::of(Strength::OneFactor)));
    let kim = asked(flows.begin(given("kim", PASSWORD), steps, Channel::Cookie, &client()).await.unwrap()).ceremony;
    flows.send_code(&CeremonyRef::SignIn(kim.clone()), AddressKind::Email, &client()).await.unwrap();
    let sent = (kim, last_code(&world));
    let lou = opened(flows.begin(given("lou", PASSWORD), least, Channel::Cookie, &client()).await.unwrap());
    let lou = CeremonyRef::Session(lou.token, lou.session);
    flows.add_address(&lou, AddressKind::Email, "lou@example.com", &client()).await.unwrap();
    let confirming = (lou, last_code(&world));
    Stage { world, flows, key, ceremony, low, who, pending, again, other, sent, confirming }
}

fn last_code(world: &World) -> SecretText {
    world.look(|s| match s.letters.last() {
        Some((Letter::SignInCode(code) | Letter::AddressCode(code), _)) => code.code.clone(),
        _ => panic!("no code was sent"),
    })
}

async fn begun(flows: &Flows, who: &CeremonyRef) -> SecretBytes {
    let EnrollReply::Pending(pending) = flows.begin_totp(who, &client()).await.unwrap() else { panic!("not begun") };
    SecretBytes::new(data_encoding::BASE32_NOPAD.decode(pending.secret.expose().as_bytes()).unwrap())
}

/// Runs a flow with everything right; an `Err` is the fault. With what was told on the way.
pub(super) async fn run(stage: &Stage, flow: Flow) -> (Result<Given, ()>, Vec<Event>) {
    let Stage { world, flows, low, .. } = stage;
    let code = world.code(&stage.key, 0);
    let from = client();
    let quiet = |fault: bool| (if fault { Err(()) } else { Ok(Given::Nothing) }, Vec::new());
    let entered = |outcome: Outcome<LoginReply>| {
        heard(outcome, |reply| match reply {
            LoginReply::Opened(opened) => Given::Session(opened),
            _ => Given::Nothing,
        })
    };
    let enrolled = |outcome: Outcome<ConfirmReply>| {
        heard(outcome, |reply| match reply {
            ConfirmReply::Enrolled { opened, .. } => Given::Session(opened),
            _ => Given::Nothing,
        })
    };
    match flow {
        Flow::Password => entered(flows.begin(given("bob", PASSWORD), None, Channel::Cookie, &from).await),
        Flow::Renew => entered(flows.begin(given("eve", PASSWORD), None, Channel::Cookie, &from).await),
        Flow::Script => entered(flows.begin(with_otp("ann", &code), None, Channel::Bearer, &from).await),
        Flow::SecondFactor => entered(flows.second_factor(&stage.ceremony, Method::Totp, code, &from).await),
        Flow::Elevate => entered(flows.elevate(&low.token, &low.session, Method::Totp, code, &from).await),
        Flow::Backup => {
            let code = backup_codes::mint(&[7; 13]);
            entered(flows.second_factor(&stage.ceremony, Method::BackupCode, code, &from).await)
        }
        Flow::Enroll => {
            enrolled(flows.confirm_totp(&stage.who, world.code(&stage.pending, 0), Default::default(), &from).await)
        }
        Flow::Replace => {
            enrolled(flows.confirm_totp(&stage.again, world.code(&stage.other, 0), Default::default(), &from).await)
        }
        Flow::Logout => heard(flows.logout(&low.token, &low.session, true, &from).await, |_| Given::Nothing),
        Flow::Out => heard(flows.logout(&low.token, &low.session, false, &from).await, |_| Given::Nothing),
        Flow::Supersede => {
            let CeremonyRef::Session(old, _) = &stage.again else { panic!("no session") };
            heard(flows.supersede(old, low, &from).await, |()| Given::Nothing)
        }
        Flow::SendCode => {
            let at = CeremonyRef::SignIn(stage.sent.0.clone());
            heard(flows.send_code(&at, AddressKind::Email, &from).await, |_| Given::Nothing)
        }
        Flow::SentCode => {
            let (token, code) = &stage.sent;
            entered(flows.second_factor(token, Method::EmailCode, code.clone(), &from).await)
        }
        Flow::AddAddress => {
            let added = flows.add_address(&stage.confirming.0, AddressKind::Email, "lou@example.org", &from).await;
            heard(added, |_| Given::Nothing)
        }
        Flow::ConfirmAddress => {
            let (at, code) = &stage.confirming;
            heard(flows.confirm_address(at, code, Default::default(), &from).await, |_| Given::Nothing)
        }
        Flow::RemoveAddress => {
            let nowhere = Destinations::new(Arc::default());
            heard(flows.remove_address(&stage.confirming.0, "none", Default::default(), &nowhere, &from).await, |_| {
                Given::Nothing
            })
        }
        Flow::Pending => quiet(flows.pending_totp(&stage.who, &from).await.is_err()),
        Flow::Begin => quiet(flows.begin_totp(&stage.who, &from).await.is_err()),
        Flow::View => quiet(flows.view(&stage.ceremony, &from).await.is_err()),
        Flow::Methods => quiet(flows.methods_of(&low.session).await.is_err()),
        Flow::Look => {
            world.pass(Duration::from_secs(120));
            // By a node that has asked about nobody yet: one that has may go on for a while without the database.
            world.forget_checks();
            quiet(world.flows().session(&low.token, low.session.channel, HOST, false).await.is_err())
        }
    }
}

fn heard<T>(outcome: Outcome<T>, given: impl Fn(T) -> Given) -> (Result<Given, ()>, Vec<Event>) {
    match outcome {
        Ok(told) => (Ok(given(told.value)), told.events),
        Err(failed) => (Err(()), failed.events),
    }
}

#[tokio::test]
async fn a_fault_at_any_call_permits_nothing_and_spends_nothing_twice() {
    for flow in ALL {
        let mut unheld = 0;
        let whole = stage().await;
        whole.world.fail(0, Blow::Before);
        let (outcome, _) = run(&whole, flow).await;
        let gives = matches!(
            flow,
            Flow::Password
                | Flow::Renew
                | Flow::Script
                | Flow::SecondFactor
                | Flow::Elevate
                | Flow::Backup
                | Flow::Enroll
                | Flow::Replace
                | Flow::SentCode
        );
        assert_eq!(matches!(outcome, Ok(Given::Session(_))), gives, "{flow:?} works");
        assert!(outcome.is_ok(), "{flow:?} works");
        let calls = whole.world.calls();
        assert!(calls >= 1, "{flow:?}: {calls}");
        for nth in 1..=calls {
            for blow in [Blow::Before, Blow::After] {
                let at = stage().await;
                let before = at.world.look(|s| s.sessions.keys().copied().collect::<HashSet<_>>());
                at.world.fail(nth, blow);
                let (outcome, _) = run(&at, flow).await;
                assert!(outcome.is_err(), "{flow:?}, call {nth} {blow:?}: a fault was taken for an answer");
                at.world.fail(0, Blow::Before);
                // What was opened although the very answer to that was lost: at most one, and nobody holds its token.
                let orphans = at.world.look(|s| s.sessions.keys().filter(|k| !before.contains(*k)).count());
                assert!(orphans <= usize::from(blow == Blow::After), "{flow:?}, call {nth} {blow:?}");
                unheld += orphans;
                let mut sessions = usize::from(orphans == 1);
                // Attempt again with the same code gives at most one session in all, and spends it at most once.
                for _ in 0..2 {
                    if let (Ok(Given::Session(opened)), _) = run(&at, flow).await {
                        sessions += 1;
                        assert!(at.world.look(|s| s.sessions.contains_key(&opened.token.key())), "{flow:?}");
                    }
                }
                if !matches!(flow, Flow::Password | Flow::Renew) {
                    assert!(sessions <= 1, "{flow:?}, call {nth} {blow:?}: {sessions} sessions of one code");
                }
                let spent = at.world.look(|s| s.spent.clone());
                assert_eq!(spent.iter().collect::<HashSet<_>>().len(), spent.len(), "{flow:?}, {nth}: spent twice");
            }
        }
        assert_eq!(unheld, usize::from(gives), "{flow:?}: what fails after a session was opened ends it");
    }
}

#[tokio::test]
async fn a_session_whose_forerunner_could_not_be_ended_is_ended_itself() {
    // The look at the old session, and its end.
    for (nth, blow) in [(1, Blow::Before), (1, Blow::After), (2, Blow::Before), (2, Blow::After)] {
        let at = stage().await;
        at.world.fail(nth, blow);
        let (outcome, events) = run(&at, Flow::Supersede).await;
        assert!(outcome.is_err() && at.world.calls() == nth + 1, "{nth} {blow:?}");
        let (new, CeremonyRef::Session(_, old)) = (&at.low, &at.again) else { panic!("no session") };
        assert!(!at.world.look(|s| s.sessions.contains_key(&new.token.key())), "{nth} {blow:?}: nobody holds it");
        let told: Vec<_> = events.iter().map(|e| (e.what, e.session.as_deref())).collect();
        let unsettled = (What::Unsettled { deed: Deed::Ending, method: None }, Some(old.id.as_str()));
        let ended = (What::SessionRevoked, Some(new.session.id.as_str()));
        let expected = if nth == 1 { vec![ended] } else { vec![unsettled, ended] };
        assert_eq!(told, expected, "{nth} {blow:?}");
    }
}

#[tokio::test]
async fn the_sweep_would_see_a_code_spent_twice() {
    let at = stage().await;
    at.world.forget_spending();
    let mut sessions = 0;
    for _ in 0..2 {
        if let (Ok(Given::Session(_)), _) = run(&at, Flow::Script).await {
            sessions += 1;
        }
    }
    let spent = at.world.look(|s| s.spent.clone());
    assert!(sessions > 1 && spent.iter().collect::<HashSet<_>>().len() < spent.len());
}
