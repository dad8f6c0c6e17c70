//! The first second factor of an account: a stolen password enrols no stranger's phone, nor does a stolen mailbox, nor an
//! unlocked machine whose session is older than five minutes.

use std::time::Duration;

use super::sent_codes::with_address;
use super::*;
use crate::auth::factor::authenticator::AddressKind;
use crate::auth::proof::Offer;
use crate::auth::time::Timestamp;
use crate::flow::ports::Letter;
use crate::flow::reply::{AddressAsked, CeremonyRef, CodeReply, ConfirmReply, CreationAsked, EnrollReply};
use crate::flow::settings::{EnrolmentProof, FlowSettings, PasskeySettings};
use crate::flow::testing::{Lockout, START, World, client, sending};

const MAIL: MethodSet = MethodSet::EMPTY.with(Method::EmailCode);
const INVITED: MethodSet = MethodSet::EMPTY.with(Method::RecoveryCode);
const PASSWORD_ALONE: MethodSet = MethodSet::EMPTY.with(Method::Password);

struct Stage {
    world: Arc<World>,
    flows: Flows,
}

impl Stage {
    /// Bob has a password, and a confirmed mail address; mail codes sign nobody in.
    fn new(enroll: EnrolmentProof) -> Self {
        let world = World::new();
        let bob = world.person("bob");
        with_address(&world, &bob, AddressKind::Email, "bob@example.com");
        let offer = Offer::BASIC.with(Method::SmsCode, false);
        let passkeys = Some(PasskeySettings::default());
        let settings = FlowSettings { mail: true, enroll, offer, passkeys, ..sending() };
        let flows = Flows::new(world.ports(), settings);
        Self { world, flows }
    }

    /// What whoever knows the password gets: a sign-in that may enrol, and a session.
    async fn password(&self) -> [CeremonyRef; 2] {
        let LoginReply::Enroll(next) = sign_in(&self.flows, "bob", &client()).await.value else { panic!("not stuck") };
        let one = Some(Requirement::of(Strength::OneFactor));
        let open = opened(self.flows.begin(given("bob", PASSWORD), one, Channel::Cookie, &client()).await.unwrap());
        [CeremonyRef::SignIn(next.ceremony), CeremonyRef::Session(open.token, open.session)]
    }

    /// What is asked before an app, a passkey, and in a session a number, may be set up; nothing is sent to the number.
    async fn asked(&self, at: &CeremonyRef) -> Vec<MethodSet> {
        let app = match self.flows.begin_totp(at, &client()).await.unwrap() {
            EnrollReply::ProveFirst(methods) => methods,
            EnrollReply::Pending(_) => MethodSet::EMPTY,
            EnrollReply::Gone => panic!("gone"),
        };
        let passkey = match self.flows.ask_passkey(at, &client()).await.unwrap() {
            CreationAsked::ProveFirst(methods) => methods,
            CreationAsked::Asked(_) => MethodSet::EMPTY,
            CreationAsked::NotOffered | CreationAsked::Gone => panic!("gone"),
        };
        let mut asked = vec![app, passkey];
        if matches!(at, CeremonyRef::Session(..)) {
            let number = self.flows.add_address(at, AddressKind::Sms, "+16502530000", &client()).await.unwrap().value;
            asked.push(match number {
                AddressAsked::ProveFirst(methods) => methods,
                AddressAsked::Sent { .. } => MethodSet::EMPTY,
                _ => panic!("not asked"),
            });
        }
        asked
    }

    async fn prove(&self, at: &CeremonyRef, method: Method, code: SecretText) -> Result<CeremonyRef, Rejection> {
        let submission = crate::flow::reply::Submission::of(method, code);
        match self.flows.submit(at, submission, &client()).await.unwrap().value {
            LoginReply::Enroll(next) => Ok(CeremonyRef::SignIn(next.ceremony)),
            LoginReply::Opened(open) => Ok(CeremonyRef::Session(open.token, open.session)),
            LoginReply::Rejected(why) => Err(why),
            other => panic!("{}", word(&other)),
        }
    }

    async fn mailed(&self, at: &CeremonyRef) -> SecretText {
        let told = self.flows.send_code(at, AddressKind::Email, &client()).await.unwrap().value;
        assert!(matches!(told, CodeReply::Sent { .. }));
        self.world.look(|s| match s.letters.last() {
            Some((Letter::SignInCode(code), _)) => code.code.clone(),
            _ => panic!("no code was sent"),
        })
    }
}

fn all_ask(asked: &[MethodSet], methods: MethodSet) -> bool {
    asked.iter().all(|one| *one == methods)
}

#[tokio::test]
async fn a_stolen_password_enrols_nothing() {
    let wanted = [(EnrolmentProof::MailedCode, MAIL), (EnrolmentProof::Invitation, INVITED)];
    for (enroll, methods) in wanted.into_iter().chain([(EnrolmentProof::Password, MethodSet::EMPTY)]) {
        let stage = Stage::new(enroll);
        for at in stage.password().await {
            let asked = stage.asked(&at).await;
            assert!(all_ask(&asked, methods), "{enroll:?}: {asked:?}");
            let told = stage.flows.confirm_totp(&at, secret("000000"), Default::default(), &client()).await.unwrap();
            let refused = matches!(told.value, ConfirmReply::ProveFirst(asked) if asked == methods);
            assert_eq!(refused, !methods.is_empty(), "{enroll:?}");
            let sent =
                stage.world.look(|s| s.letters.iter().any(|(letter, _)| matches!(letter, Letter::AddressCode(_))));
            assert!(methods.is_empty() || !sent, "no code goes to a stranger's number");
        }
        assert!(stage.world.look(|s| s.totp.is_empty() && s.passkeys.is_empty() && s.addresses.len() == 1));
    }
}

#[tokio::test]
async fn a_mailed_code_beside_the_password_enrols_and_a_mailbox_alone_does_not() {
    for nth in 0..2 {
        let stage = Stage::new(EnrolmentProof::MailedCode);
        let at = stage.password().await.into_iter().nth(nth).unwrap();
        let code = stage.mailed(&at).await;
        let at = stage.prove(&at, Method::EmailCode, code.clone()).await.unwrap();
        assert!(all_ask(&stage.asked(&at).await, MethodSet::EMPTY));
        assert!(stage.prove(&at, Method::EmailCode, code).await.is_err(), "once");
        // An unlocked machine a while later, by whoever reads the mail: the password is asked again.
        stage.world.pass(Duration::from_secs(301));
        assert!(all_ask(&stage.asked(&at).await, PASSWORD_ALONE));
        let code = stage.mailed(&at).await;
        let at = stage.prove(&at, Method::EmailCode, code).await.unwrap();
        assert!(all_ask(&stage.asked(&at).await, PASSWORD_ALONE), "a mailbox alone");
        let at = stage.prove(&at, Method::Password, secret(PASSWORD)).await.unwrap();
        assert!(all_ask(&stage.asked(&at).await, MethodSet::EMPTY));
    }
}

#[tokio::test]
async fn a_code_of_an_operator_enrols_once() {
    let stage = Stage::new(EnrolmentProof::Invitation);
    let bob = stage.world.look(|s| s.accounts.keys().next().unwrap().clone());
    let earlier = stage.flows.issue_enrolment_code(&bob).await.unwrap().unwrap();
    let code = stage.flows.issue_enrolment_code(&bob).await.unwrap().unwrap();
    let eve = stage.world.person("eve");
    let foreign = stage.flows.issue_enrolment_code(&eve).await.unwrap().unwrap();
    let [at, session] = stage.password().await;
    for wrong in [earlier, foreign, secret("0000-00000-0000"), secret("no code")] {
        stage.world.pass(Duration::from_secs(30));
        assert!(stage.prove(&at, Method::RecoveryCode, wrong).await.is_err());
    }
    let at = stage.prove(&at, Method::RecoveryCode, code.clone()).await.unwrap();
    assert!(all_ask(&stage.asked(&at).await, MethodSet::EMPTY));
    assert!(stage.prove(&session, Method::RecoveryCode, code).await.is_err(), "it is spent");
    assert!(all_ask(&stage.asked(&session).await, INVITED));
    // Once anything else is theirs to prove, it is void.
    let code = stage.flows.issue_enrolment_code(&bob).await.unwrap().unwrap();
    with_address(&stage.world, &bob, AddressKind::Email, "bob@example.org");
    assert!(stage.prove(&session, Method::RecoveryCode, code).await.is_err());
    stage.world.disable(&bob, true);
    assert!(stage.flows.issue_enrolment_code(&bob).await.unwrap().is_none());
    // And where nothing asks for one, none counts.
    let elsewhere = Stage::new(EnrolmentProof::Password);
    let bob = elsewhere.world.look(|s| s.accounts.keys().next().unwrap().clone());
    let code = elsewhere.flows.issue_enrolment_code(&bob).await.unwrap().unwrap();
    let [at, _] = elsewhere.password().await;
    assert!(elsewhere.prove(&at, Method::RecoveryCode, code).await.is_err());
}

#[tokio::test]
async fn without_an_address_the_password_is_enough_and_guessing_codes_takes_none_away() {
    let stage = Stage::new(EnrolmentProof::MailedCode);
    let bob = stage.world.look(|s| s.accounts.keys().next().unwrap().clone());
    // Whoever knows the password has guessed codes until they were switched off: nothing less is asked.
    let off = Lockout { locked_at: Some(Timestamp::from_secs(START)), ..Lockout::default() };
    stage.world.look(|s| s.lockouts.insert((bob, Method::EmailCode), off));
    for at in stage.password().await {
        assert!(all_ask(&stage.asked(&at).await, MAIL));
    }
    stage.world.look(|s| s.addresses.clear());
    let [at, session] = stage.password().await;
    assert!(all_ask(&stage.asked(&at).await, MethodSet::EMPTY));
    assert!(all_ask(&stage.asked(&session).await, MethodSet::EMPTY));
    stage.world.pass(Duration::from_secs(301));
    assert!(all_ask(&stage.asked(&session).await, PASSWORD_ALONE));
    let told = stage.flows.send_code(&at, AddressKind::Email, &client()).await.unwrap().value;
    assert!(matches!(told, CodeReply::NotServed), "no code signs in here");
}
