//! Turning off two-step sign-in: by the password and a current factor, and never what a rule needs.

use std::time::Duration;

use super::sent_codes::with_address;
use super::*;
use crate::auth::factor::authenticator::AddressKind;
use crate::auth::factor::passkey::PasskeyRecord;
use crate::auth::notice_kind::NoticeKind;
use crate::auth::policy::pattern::PathPattern;
use crate::auth::policy::rule::{Access, Audience, Rule};
use crate::auth::policy::{AppPolicy, Policy};
use crate::auth::proof::Proofs;
use crate::auth::secret::SecretBytes;
use crate::auth::session::Session;
use crate::auth::time::Timestamp;
use crate::flow::destination::Destinations;
use crate::flow::ports::{DisabledFactors, Letter};
use crate::flow::reply::OtherSessions;
use crate::flow::reply::{CeremonyRef, DisableWish, MfaDisabled, ProofsAlong, Unproved};
use crate::flow::settings::{FlowSettings, PasskeySettings};
use crate::flow::testing::{Blow, HOST, START, World, client, sending};

struct Stage {
    world: Arc<World>,
    flows: Shared,
    key: SecretBytes,
}

/// What comes along, and how the answer is told.
type Given<'a> = (Option<&'a str>, Option<SecretText>);

impl Stage {
    fn new() -> Self {
        let world = World::new();
        let ann = world.person("ann");
        let key = world.with_totp(&ann);
        with_address(&world, &ann, AddressKind::Email, "ann@example.com");
        let passkeys = Some(PasskeySettings::default());
        let flows = Arc::new(Flows::new(world.ports(), FlowSettings { mail: true, passkeys, ..sending() }));
        Self { world, flows, key }
    }

    async fn session(&self) -> Box<Opened> {
        self.world.pass(Duration::from_secs(60));
        whole(&self.flows, "ann", &client(), self.world.code(&self.key, 0)).await
    }

    async fn disable(&self, open: &Opened, (password, code): Given<'_>, rules: &Destinations) -> &'static str {
        let code = code.map(|code| (Method::Totp, code));
        let along = ProofsAlong { password: password.map(secret), code };
        let wish = DisableWish { factors: DisabledFactors::All, along, others: OtherSessions::End };
        let at = CeremonyRef::Session(open.token.clone(), open.session.clone());
        match self.flows.disable_mfa(&at, wish, rules, &client()).await.map(|told| told.value) {
            Ok(MfaDisabled::Disabled) => "disabled",
            Ok(MfaDisabled::AlreadyDisabled) => "already",
            Ok(MfaDisabled::Needed { .. }) => "needed",
            Ok(MfaDisabled::ProveFirst(_)) => "prove first",
            Ok(MfaDisabled::Unproved(Unproved::Rejected(Rejection::WrongCredentials))) => "wrong password",
            Ok(MfaDisabled::Unproved(Unproved::Rejected(Rejection::WrongCode))) => "wrong code",
            Ok(MfaDisabled::Unproved(_)) => "unproved",
            Ok(MfaDisabled::Gone) => "gone",
            Err(_) => "fault",
        }
    }

    fn code(&self) -> Option<SecretText> {
        self.world.pass(Duration::from_secs(30));
        Some(self.world.code(&self.key, 0))
    }

    async fn is_live(&self, open: &Opened) -> bool {
        self.world.forget_checks();
        self.flows.session(&open.token, Channel::Cookie, HOST, true).await.unwrap().is_some()
    }
}

/// Everybody, or nobody but `eve`, needs so much everywhere.
fn rules(strength: Strength, everybody: bool) -> Destinations {
    let users = if everybody { Vec::new() } else { vec![crate::auth::user::Username::parse("eve").unwrap()] };
    let access =
        Access::Guarded { audience: Audience { users, ..Audience::default() }, requirement: Requirement::of(strength) };
    let rule = Rule::new("payroll", PathPattern::glob("/**").unwrap(), access);
    Destinations::new(Arc::new(Policy::new([AppPolicy {
        offer: sending().offer,
        host: HOST.to_owned(),
        tolerate: Default::default(),
        rules: vec![Arc::new(rule)].into(),
    }])))
}

#[tokio::test]
async fn it_takes_the_password_and_a_current_factor() {
    let stage = Stage::new();
    let relaxed = rules(Strength::OneFactor, true);
    let (open, other) = (stage.session().await, stage.session().await);
    stage.world.pass(Duration::from_secs(301));
    // An unlocked machine, a stolen password, an app alone.
    assert_eq!(stage.disable(&open, (None, None), &relaxed).await, "prove first");
    assert_eq!(stage.disable(&open, (Some(PASSWORD), None), &relaxed).await, "prove first");
    assert_eq!(stage.disable(&open, (None, stage.code()), &relaxed).await, "prove first");
    assert_eq!(stage.disable(&open, (Some("no"), stage.code()), &relaxed).await, "wrong password");
    assert_eq!(stage.disable(&open, (Some(PASSWORD), Some(secret("000000"))), &relaxed).await, "wrong code");
    assert!(stage.world.look(|s| s.totp.len()) == 1 && stage.is_live(&other).await, "nothing happened");
    assert_eq!(stage.disable(&open, (Some(PASSWORD), stage.code()), &relaxed).await, "disabled");
    assert!(stage.world.look(|s| s.totp.is_empty() && s.addresses.len() == 1), "addresses stay");
    assert!(stage.is_live(&open).await && !stage.is_live(&other).await);
    assert_eq!(stage.disable(&open, (Some("no"), None), &relaxed).await, "wrong password");
    assert_eq!(stage.disable(&open, (Some(PASSWORD), None), &relaxed).await, "already");
}

/// Whoever finds a device with its passkey knows no password.
#[tokio::test]
async fn a_passkey_alone_turns_nothing_off() {
    let stage = Stage::new();
    let (relaxed, open) = (rules(Strength::OneFactor, true), stage.session().await);
    let passkey = PasskeyRecord {
        id: "P".to_owned(),
        name: "Key".to_owned(),
        rp_id: HOST.to_owned(),
        credential_id: b"key".to_vec(),
        public_key: Vec::new(),
        aaguid: Default::default(),
        attested: false,
        sign_count: 0,
        user_verified: true,
        backup_eligible: true,
        backup_state: false,
        transports: Vec::new(),
        created_at: Timestamp::from_secs(START),
        used_at: None,
    };
    let user = open.session.identity.id.clone();
    stage.world.look(|s| s.passkeys.push((user, passkey)));
    stage.world.pass(Duration::from_secs(301));
    let proofs = Proofs::default().with(Method::Passkey, stage.flows.ports.clock.now());
    stage.world.look(|s| {
        let (session, _) = s.sessions.get_mut(&open.token.key()).unwrap();
        *session = Arc::new(Session { proofs, ..session.as_ref().clone() });
    });
    stage.world.forget_checks();
    let open = Opened { session: stage.world.look(|s| s.sessions[&open.token.key()].0.clone()), ..*open };
    assert_eq!(stage.disable(&open, (None, None), &relaxed).await, "prove first");
    assert_eq!(stage.disable(&open, (Some(PASSWORD), None), &relaxed).await, "disabled");
}

#[tokio::test]
async fn each_factor_that_goes_is_told_of() {
    let stage = Stage::new();
    let (open, relaxed) = (stage.session().await, rules(Strength::OneFactor, true));
    stage.world.look(|s| s.letters.clear());
    assert_eq!(stage.disable(&open, (Some(PASSWORD), stage.code()), &relaxed).await, "disabled");
    let told: Vec<_> = stage.world.look(|s| {
        let kind = |letter: &Letter| match letter {
            Letter::Notice(notice) => Some(notice.kind.clone()),
            _ => None,
        };
        s.letters.iter().filter_map(|(letter, _)| kind(letter)).collect()
    });
    assert_eq!(told, [NoticeKind::FactorRemoved(Method::Totp)]);
}

#[tokio::test]
async fn what_a_rule_needs_that_admits_the_person_stays() {
    let stage = Stage::new();
    let open = stage.session().await;
    let needs = rules(Strength::TwoFactor, true);
    assert_eq!(stage.disable(&open, (Some(PASSWORD), Some(secret("000000"))), &needs).await, "wrong code");
    assert_eq!(stage.disable(&open, (Some(PASSWORD), stage.code()), &needs).await, "needed");
    assert_eq!(stage.world.look(|s| s.totp.len()), 1);
    assert_eq!(
        stage.disable(&open, (Some(PASSWORD), stage.code()), &rules(Strength::TwoFactor, false)).await,
        "disabled"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_at_once_one_turns_it_off() {
    let stage = Stage::new();
    let open = stage.session().await;
    let relaxed = rules(Strength::OneFactor, true);
    stage.world.pass(Duration::from_secs(60));
    let (flows, key) = (&stage.flows, &stage.key);
    let wishes = (-1..=1).map(|later| {
        let along =
            ProofsAlong { password: Some(secret(PASSWORD)), code: Some((Method::Totp, stage.world.code(key, later))) };
        let wish = DisableWish { factors: DisabledFactors::All, along, others: OtherSessions::End };
        let at = CeremonyRef::Session(open.token.clone(), open.session.clone());
        let (flows, relaxed) = (flows.clone(), relaxed.clone());
        tokio::spawn(async move { flows.disable_mfa(&at, wish, &relaxed, &client()).await.unwrap() })
    });
    let mut removed = 0;
    for told in futures_util::future::join_all(wishes).await {
        let told = told.unwrap();
        removed += told.events.iter().filter(|e| matches!(e.what, What::AuthenticatorRemoved { .. })).count();
    }
    assert_eq!(removed, 1);
}

#[tokio::test]
async fn a_fault_leaves_nobody_with_more_than_before() {
    let relaxed = rules(Strength::OneFactor, true);
    for blow in [Blow::Before, Blow::After] {
        for nth in 1.. {
            let stage = Stage::new();
            let (open, other) = (stage.session().await, stage.session().await);
            let code = stage.code();
            stage.world.fail(nth, blow);
            let told = stage.disable(&open, (Some(PASSWORD), code), &relaxed).await;
            let reached = stage.world.calls() >= nth;
            stage.world.fail(0, blow);
            let off = stage.world.look(|s| s.totp.is_empty());
            // Where it is off, the other session is over, or the answer is a fault and its owner tries again.
            assert!(!off || !stage.is_live(&other).await || told == "fault", "{blow:?} {nth}: {told}");
            assert!(told != "disabled" || off, "{blow:?} {nth}");
            if !reached {
                assert_eq!(told, "disabled");
                break;
            }
        }
    }
}
