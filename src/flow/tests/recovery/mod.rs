//! Recovery: what it takes, what it yields, and what ends it.

mod disowned;
mod ending;
mod enumeration;
mod faults;
mod finishing;
mod floods;
mod issued;
mod races;
mod second_proof;
mod waiting;

use std::time::Duration;

use super::sent_codes::with_address;
use super::*;
use crate::auth::ceremony::Resets;
use crate::auth::event::Event;
use crate::auth::factor::authenticator::AddressKind;
use crate::auth::factor::backup_codes;
use crate::auth::recovery_token::RecoveryToken;
use crate::auth::secret::SecretBytes;
use crate::auth::user::UserId;
use crate::flow::ports::{Letter, LinkPurpose, Records};
use crate::flow::recovery::issue_recovery_code;
use crate::flow::reply::{RecoveryCode, RecoveryProof, RecoveryReply, Renewal, RenewalReply, Submission};
use crate::flow::settings::{FlowSettings, RecoverySettings, Spend};
use crate::flow::testing::{FAST, World, client, fast_settings};

pub(super) const NEW: &str = "a password for tests";

pub(super) struct Stage {
    pub(super) world: Arc<World>,
    pub(super) flows: Shared,
    pub(super) key: SecretBytes,
    pub(super) ann: UserId,
    pub(super) bob: UserId,
}

pub(super) fn recovering() -> FlowSettings {
    FlowSettings { recovery: Some(RecoverySettings::default()), mail: true, ..fast_settings() }
}

impl Stage {
    /// Ann has an app, a backup code and two addresses, bob a password and an address.
    pub(super) fn new() -> Self {
        let world = World::new();
        let ann = world.person("ann");
        let key = world.with_totp(&ann);
        let salt = backup_codes::set_salt(&[7; 16], FAST);
        let digest = backup_codes::code_digest(&secret("0123456789abc"), &salt).unwrap();
        world.look(|s| s.backup.insert(ann.clone(), (salt, [digest].into())));
        with_address(&world, &ann, AddressKind::Email, "ann@example.com");
        with_address(&world, &ann, AddressKind::Email, "zann@example.net");
        let bob = world.person("bob");
        with_address(&world, &bob, AddressKind::Email, "bob@example.com");
        let flows = Arc::new(Flows::new(world.ports(), recovering()));
        Self { world, flows, key, ann, bob }
    }

    /// Asks for a code and reads the letter.
    pub(super) async fn mailed(&self, name: &str) -> SecretText {
        assert!(self.flows.ask_recovery(name, &client()).await.unwrap().value.is_some());
        self.last_code()
    }

    pub(super) fn last_code(&self) -> SecretText {
        self.world.look(|s| {
            let code = |letter: &Letter| match letter {
                Letter::Link(link) if link.purpose == LinkPurpose::Recovery => link.code.clone(),
                _ => None,
            };
            s.letters.iter().rev().find_map(|(letter, _)| code(letter)).expect("a code was mailed")
        })
    }

    pub(super) async fn prove(&self, code: &SecretText, second: Option<Submission>) -> WithEvents<RecoveryReply> {
        let code = RecoveryCode::Mailed(code.clone());
        self.flows.verify_recovery(RecoveryProof { code, second, wait: true }, &client()).await.unwrap()
    }

    /// What may be set by a mailed code and this.
    pub(super) async fn granted(&self, name: &str, second: Option<Submission>) -> RecoveryToken {
        let code = self.mailed(name).await;
        granted(self.prove(&code, second).await)
    }

    pub(super) fn totp(&self, later: i64) -> Option<Submission> {
        Some(Submission::Code(Method::Totp, self.world.code(&self.key, later)))
    }

    pub(super) fn backup() -> Option<Submission> {
        Some(Submission::Code(Method::BackupCode, secret("0123-45678-9abc")))
    }

    pub(super) async fn finish(&self, token: &RecoveryToken, renewal: Renewal) -> WithEvents<RenewalReply> {
        self.flows.finish_recovery(token, renewal, &client()).await.unwrap()
    }

    pub(super) async fn issued(&self, user: &UserId) -> SecretText {
        let ports = self.world.ports();
        let expires_at = ports.clock.now().plus(RecoverySettings::ISSUED_CODE_LIVES);
        issue_recovery_code(&ports, user, expires_at, Records::NONE).await.unwrap()
    }

    pub(super) async fn prove_issued(&self, name: &str, code: &SecretText) -> WithEvents<RecoveryReply> {
        let code = RecoveryCode::Issued { username: name.to_owned(), code: code.clone() };
        self.flows.verify_recovery(RecoveryProof { code, second: None, wait: true }, &client()).await.unwrap()
    }
}

pub(super) fn granted(told: WithEvents<RecoveryReply>) -> RecoveryToken {
    match told.value {
        RecoveryReply::Granted(grant) => grant.token,
        other => panic!("not granted: {}", told_word(&other)),
    }
}

pub(super) fn told_word(reply: &RecoveryReply) -> String {
    match reply {
        RecoveryReply::Granted(grant) => format!("granted {:?}", grant.can),
        RecoveryReply::Ask { methods, wait, .. } => format!("ask {methods:?} {wait:?}"),
        RecoveryReply::Waiting { .. } => "waiting".to_owned(),
        RecoveryReply::Done => "done".to_owned(),
        RecoveryReply::Rejected(why) => format!("rejected {why:?}"),
        RecoveryReply::Locked(_) => "locked".to_owned(),
        RecoveryReply::Wait(_) => "wait".to_owned(),
        RecoveryReply::Busy => "busy".to_owned(),
    }
}

pub(super) fn is_set(told: &WithEvents<RenewalReply>) -> bool {
    matches!(told.value, RenewalReply::Set { .. })
}

pub(super) fn password() -> Renewal {
    Renewal { password: Some(secret(NEW)), ..Renewal::default() }
}

pub(super) fn happened(events: &[Event], what: What) -> bool {
    events.iter().any(|event| event.what == what)
}

fn can(told: &WithEvents<RecoveryReply>) -> Resets {
    match &told.value {
        RecoveryReply::Granted(grant) => grant.can,
        other => panic!("not granted: {}", told_word(other)),
    }
}

const PASSWORD_ALONE: Resets = Resets { password: true, factors: false };

#[tokio::test]
async fn a_mailbox_and_an_app_set_a_password_and_leave_the_app() {
    let stage = Stage::new();
    let open = whole(&stage.flows, "ann", &client(), stage.world.code(&stage.key, -1)).await;
    let code = stage.mailed("ann").await;
    let told = stage.prove(&code, stage.totp(0)).await;
    assert_eq!(can(&told), PASSWORD_ALONE);
    let token = granted(told);
    for more in [
        Renewal { backup_codes: true, ..password() },
        Renewal { totp_code: Some(secret("123456")), ..password() },
        Renewal { backup_codes: true, ..Renewal::default() },
    ] {
        assert!(matches!(stage.finish(&token, more).await.value, RenewalReply::Forbidden));
    }
    assert!(matches!(stage.finish(&token, Renewal::default()).await.value, RenewalReply::Nothing));
    let id = |s: &mut crate::flow::testing::State| s.totp[&stage.ann].id.clone();
    let (backup, totp) = stage.world.look(|s| (s.backup.clone(), id(s)));
    let told = stage.finish(&token, password()).await;
    assert!(
        is_set(&told) && happened(&told.events, What::RecoveryFinished) && happened(&told.events, What::PasswordSet)
    );
    assert!(matches!(stage.finish(&token, password()).await.value, RenewalReply::Done), "a repeated end");
    stage.world.look(|s| {
        assert!(s.backup == backup && id(s) == totp, "they stay");
        assert!(s.sessions.is_empty(), "all sessions end, and none is opened");
    });
    assert!(stage.flows.session(&open.token, Channel::Cookie, &open.session.host, true).await.unwrap().is_none());
    assert!(is_rejected(
        &sign_in(&stage.flows, "ann", &client()).await,
        Rejection::WrongCredentials,
        RejectReason::Mismatch
    ));
    let told = stage.flows.begin(given("ann", NEW), two_factors(), Channel::Cookie, &client()).await.unwrap();
    assert!(asked(told).methods.contains(Method::Totp), "the second factor is asked for as before");
}

#[tokio::test]
async fn a_mailbox_and_a_backup_code_set_everything() {
    let stage = Stage::new();
    let code = stage.mailed("ANN@example.com").await;
    let told = stage.prove(&code, Stage::backup()).await;
    assert_eq!(can(&told), Resets::ALL);
    let token = granted(told);
    let shown = || async {
        match stage.flows.recovery_totp(&token, &client()).await.unwrap() {
            crate::flow::reply::RecoveredTotp::Pending(pending) => pending.secret.expose().to_owned(),
            _ => panic!("no secret is shown"),
        }
    };
    let key = shown().await;
    assert_eq!(key, shown().await, "the same until it counts");
    let key = SecretBytes::new(data_encoding::BASE32_NOPAD.decode(key.as_bytes()).unwrap());
    let renewal = |code| Renewal { totp_code: Some(code), backup_codes: true, ..password() };
    let told = stage.finish(&token, renewal(stage.world.code(&stage.key, 0))).await;
    assert!(matches!(told.value, RenewalReply::Rejected(Rejection::WrongCode)), "a code of the old app");
    let told = stage.finish(&token, renewal(stage.world.code(&key, 0))).await;
    let RenewalReply::Set { backup_codes, .. } = &told.value else { panic!("not set") };
    assert_eq!(backup_codes.len(), 10);
    for what in [What::BackupCodesMade, What::AuthenticatorAdded { method: Method::Totp }, What::SessionsRevoked] {
        assert!(happened(&told.events, what), "{what:?}");
    }
    // The code that confirmed it is spent; the next signs in.
    let next = asked(stage.flows.begin(given("ann", NEW), two_factors(), Channel::Cookie, &client()).await.unwrap());
    let again = stage.flows.second_factor(&next.ceremony, Method::Totp, stage.world.code(&key, 0), &client()).await;
    assert!(matches!(again.unwrap().value, LoginReply::Rejected(_)));
    opened(
        stage.flows.second_factor(&next.ceremony, Method::Totp, stage.world.code(&key, 1), &client()).await.unwrap(),
    );
}

#[tokio::test]
async fn the_word_of_an_administrator_sets_everything_once() {
    let stage = Stage::new();
    let code = stage.issued(&stage.ann).await;
    assert!(matches!(stage.prove_issued("bob", &code).await.value, RecoveryReply::Rejected(Rejection::WrongCode)));
    assert!(matches!(stage.prove_issued("nobody", &code).await.value, RecoveryReply::Rejected(Rejection::WrongCode)));
    let another = stage.issued(&stage.ann).await;
    assert!(matches!(stage.prove_issued("ann", &code).await.value, RecoveryReply::Rejected(_)), "it was replaced");
    let told = stage.prove_issued("ann", &another).await;
    assert_eq!(can(&told), Resets::ALL);
    assert!(matches!(stage.prove_issued("ann", &another).await.value, RecoveryReply::Done), "it is spent");
    let late = stage.issued(&stage.bob).await;
    stage.world.pass(RecoverySettings::ISSUED_CODE_LIVES);
    assert!(matches!(stage.prove_issued("bob", &late).await.value, RecoveryReply::Rejected(_)), "it is too old");
}

/// A recovery proved under credentials that are no more sets nothing.
#[tokio::test]
async fn a_recovery_ends_where_what_its_person_signs_in_by_changes() {
    let stage = Stage::new();
    let first = stage.granted("ann", stage.totp(0)).await;
    let second = stage.granted("ann", stage.totp(1)).await;
    assert!(is_set(&stage.finish(&first, password()).await));
    assert!(matches!(stage.finish(&second, password()).await.value, RenewalReply::Rejected(Rejection::CeremonyGone)));
    stage.world.pass(Duration::from_secs(3600));
    let third = stage.granted("ann", stage.totp(0)).await;
    stage.world.disable(&stage.ann, true);
    assert!(matches!(stage.finish(&third, password()).await.value, RenewalReply::Rejected(Rejection::CeremonyGone)));
    stage.world.disable(&stage.ann, false);
    stage.world.pass(RecoverySettings::LASTS);
    assert!(matches!(stage.finish(&third, password()).await.value, RenewalReply::Rejected(Rejection::CeremonyGone)));
}

#[tokio::test]
async fn a_wrong_second_proof_costs_its_factor_and_leaves_the_code() {
    let stage = Stage::new();
    let code = stage.mailed("ann").await;
    let wrong = || Some(Submission::Code(Method::Totp, secret("000000")));
    let told = stage.prove(&code, wrong()).await;
    assert!(matches!(told.value, RecoveryReply::Rejected(Rejection::WrongCode)), "{}", told_word(&told.value));
    assert!(stage.world.look(|s| s.lockouts.contains_key(&(stage.ann.clone(), Method::Totp))), "it counts");
    for other in [Method::EmailCode, Method::SmsCode, Method::RecoveryCode] {
        let told = stage.prove(&code, Some(Submission::Code(other, secret("123456")))).await;
        let named = MethodSet::EMPTY.with(Method::Totp).with(Method::BackupCode);
        assert!(matches!(told.value, RecoveryReply::Ask { methods, .. } if methods == named), "{other:?}");
    }
    let told = stage.prove(&code, Some(Submission::Password(secret(PASSWORD)))).await;
    assert!(matches!(told.value, RecoveryReply::Ask { .. }), "a password is no second proof");
    granted(stage.prove(&code, stage.totp(0)).await);
    assert!(matches!(stage.prove(&code, stage.totp(1)).await.value, RecoveryReply::Done), "a code leads on once");
}

#[tokio::test]
async fn a_code_is_good_for_ten_minutes_and_on_its_host() {
    let stage = Stage::new();
    let code = stage.mailed("ann").await;
    let elsewhere = Client { host: "other.example.com".to_owned(), ..client() };
    let proof = |code: &SecretText| RecoveryProof {
        code: RecoveryCode::Mailed(code.clone()),
        second: stage.totp(0),
        wait: false,
    };
    let told = stage.flows.verify_recovery(proof(&code), &elsewhere).await.unwrap();
    assert!(matches!(told.value, RecoveryReply::Rejected(Rejection::NoCode)));
    stage.world.pass(RecoverySettings::CODE_LIVES + Duration::from_secs(1));
    assert!(matches!(stage.prove(&code, stage.totp(0)).await.value, RecoveryReply::Rejected(Rejection::NoCode)));
    for none in ["", "x", "sgl_", "sgc_kJ0Zr1y0Qm0n3hD3V1xw0p8S7n2C5q4Lr9T6u1E8aXo"] {
        assert!(matches!(stage.prove(&secret(none), None).await.value, RecoveryReply::Rejected(Rejection::NoCode)));
    }
}

#[tokio::test]
async fn where_it_is_off_only_an_administrator_helps() {
    let stage = Stage::new();
    let code = stage.mailed("ann").await;
    let off = stage.flows.with_settings(fast_settings());
    assert!(off.ask_recovery("ann", &client()).await.unwrap().value.is_none());
    let proof = RecoveryProof { code: RecoveryCode::Mailed(code), second: stage.totp(0), wait: true };
    let told = off.verify_recovery(proof, &client()).await.unwrap();
    assert!(matches!(told.value, RecoveryReply::Rejected(Rejection::NoCode)), "{}", told_word(&told.value));
    let code = stage.issued(&stage.ann).await;
    let code = RecoveryCode::Issued { username: "ann".to_owned(), code };
    let told = off.verify_recovery(RecoveryProof { code, second: None, wait: true }, &client()).await.unwrap();
    assert_eq!(can(&told), Resets::ALL);
}
