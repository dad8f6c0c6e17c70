//! Values for the suites.

use std::any::Any;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::auth::ceremony::{Ceremony, CeremonyKey, CeremonyToken, Purpose, Who};
use crate::auth::factor::authenticator::Sealed;
use crate::auth::proof::{Method, MethodSet, Proofs, Requirement, Strength};
use crate::auth::secret::{SecretBytes, SecretText};
use crate::auth::session::{Channel, Session, SessionKey, SessionToken};
use crate::auth::time::Timestamp;
use crate::auth::user::{Group, Identity, UserId, Username};
use crate::flow::ports::{
    Account, Accounts, Addresses, Authenticators, Clock, Generation, Ledger, Lockouts, OneTimeCodes, Outbox, Passkeys,
    Quotas, RECORD_VERSION, Recoveries, Sessions, SignUps, SigningKeys, Sweep, Throttle, Transient, TransientKind,
    Vault as _, View,
};
use crate::store::record_cipher::RecordCipher;
use crate::store::system::OsEntropy;
use crate::store::vault::{KeyRing, MasterKeys};

/// Seals as every store of a test does.
pub(crate) fn cipher() -> RecordCipher {
    cipher_of(&[1], &[])
}

/// Seals with these master keys, newest first, and opens with those to come as well.
pub(crate) fn cipher_of(used: &[u8], next: &[u8]) -> RecordCipher {
    RecordCipher::new(ring_of(used, next))
}

/// These master keys.
pub(crate) fn ring_of(used: &[u8], next: &[u8]) -> Arc<KeyRing> {
    let keys = |all: &[u8]| all.iter().map(|n| SecretBytes::new(vec![*n; 32])).collect();
    let keys = MasterKeys { used: keys(used), next: keys(next) };
    Arc::new(KeyRing::new(&keys, Arc::new(OsEntropy)).unwrap())
}

/// What a record of a moment was sealed as, in the text of a store.
pub(crate) fn transient_text(ring: &KeyRing, kind: TransientKind, name: &str, value: &impl serde::Serialize) -> String {
    let plain = SecretBytes::new(serde_json::to_vec(value).unwrap());
    let sealed = ring.seal(&format!("state:{}:{RECORD_VERSION}:{name}", kind.name()), &plain).unwrap();
    data_encoding::BASE64URL_NOPAD.encode(&sealed.0)
}

/// Different bytes at each call.
pub(crate) fn fresh() -> [u8; 32] {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    let mut bytes = [0x5a; 32];
    bytes[..8].copy_from_slice(&n.to_be_bytes());
    bytes
}

/// A key that no other call answers.
pub(crate) fn session_key() -> SessionKey {
    SessionToken::mint(&fresh()).key()
}

/// A key that no other call answers.
pub(crate) fn ceremony_key() -> CeremonyKey {
    CeremonyToken::mint(&fresh()).key()
}

/// A person of that name; the id is made of the name.
pub(crate) fn identity(name: &str) -> Identity {
    Identity {
        id: UserId(format!("id-{name}")),
        username: Username::parse(name).unwrap(),
        name: Some(format!("{name} Ö. \"quoted\" \u{1f600}")),
        email: Some(format!("{name}@example.test")),
        groups: vec![Group("admins".into()), Group("staff, with comma".into())],
    }
}

/// A session of that person, opened at `now`.
pub(crate) fn session(name: &str, now: Timestamp) -> Session {
    Session {
        id: format!("sid-{}", session_key().encoded()),
        identity: identity(name),
        proofs: Proofs::none().with(Method::Password, now).with(Method::Totp, now),
        host: "app.example.test".into(),
        channel: Channel::Cookie,
        created_at: now,
        seen_at: now,
        generation: 0,
        checked: Default::default(),
        pinned: None,
        previous_login: Some(now.minus(Duration::from_secs(9))),
        client_ip: IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9)),
        user_agent: Some("Browser/1 'x' %s {}".into()),
    }
}

/// A ceremony begun at `now`.
pub(crate) fn ceremony(name: &str, now: Timestamp) -> Ceremony {
    Ceremony {
        purpose: Purpose::SignIn,
        who: Who::Known { user: UserId(format!("id-{name}")), username: Username::parse(name).unwrap() },
        requirement: Some(Requirement {
            max_age: Some(Duration::from_millis(90_500)),
            methods: MethodSet::EMPTY.with(Method::Totp),
            ..Requirement::of(Strength::TwoFactor)
        }),
        proofs: Proofs::none().with(Method::Password, now),
        enrolled: MethodSet::EMPTY.with(Method::Password).with(Method::Totp),
        locked: MethodSet::EMPTY.with(Method::BackupCode),
        host: "app.example.test".into(),
        channel: Channel::Bearer,
        started_at: now,
        credentials: "digest".into(),
        previous_login: Some(now.minus(Duration::from_secs(7))),
        challenge: None,
        assessed: Default::default(),
        slip: None,
    }
}

/// A clock that the test moves.
pub(crate) struct ManualClock(AtomicU64);

impl ManualClock {
    /// Stands at `at`.
    pub(crate) fn at(at: Timestamp) -> Self {
        Self(AtomicU64::new(at.as_millis()))
    }

    /// Moves on.
    pub(crate) fn pass(&self, by: Duration) {
        self.0.fetch_add(u64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// How many tasks race for one thing.
pub(super) const RACERS: usize = 50;
/// A life long enough for everything a case does before time passes.
pub(super) const SHORT: Duration = Duration::from_millis(1500);
/// More than [`SHORT`].
pub(super) const LONGER: Duration = Duration::from_millis(1700);
/// A life that no case outlives.
pub(super) const HOUR: Duration = Duration::from_secs(3600);

/// Lets time pass.
pub(crate) type Pass = Arc<dyn Fn(Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// One empty state store and a way to let time pass for it.
#[derive(Clone)]
pub(crate) struct StatePorts {
    /// The time this store lives in.
    pub(crate) clock: Arc<dyn Clock>,
    /// Lets time pass: moves the manual clock, or really waits where the server has its own clock.
    pub(crate) pass: Pass,
    /// Under test.
    pub(crate) sessions: Arc<dyn Sessions>,
    /// Under test.
    pub(crate) transient: Arc<dyn Transient>,
    /// Under test.
    pub(crate) sweep: Arc<dyn Sweep>,
    /// Over it.
    pub(crate) ceremonies: View<Ceremony>,
    /// Over it.
    pub(crate) pending: View<Sealed>,
    /// Under test.
    pub(crate) codes: Arc<dyn OneTimeCodes>,
    /// Under test.
    pub(crate) ledger: Arc<dyn Ledger>,
    /// Under test.
    pub(crate) throttle: Arc<dyn Throttle>,
    /// Under test.
    pub(crate) quotas: Arc<dyn Quotas>,
    /// Puts something there that this program has not written.
    pub(crate) plant: Plant,
    /// Everything that lies there, keys and values, but the marks of the ledger.
    pub(crate) dump: Dump,
    /// Whatever must live as long: a directory, a server.
    #[expect(dead_code, reason = "held for what its end does")]
    pub(crate) guard: Arc<dyn Any + Send + Sync>,
}

/// What a test damages, by its name in the store.
#[derive(Clone, Debug)]
pub(crate) enum Damaged {
    /// The record of a session that is there.
    Session(String),
    /// A ceremony.
    Ceremony(String),
    /// A counter.
    Counter(String),
}

/// Puts bytes in the place of a value; of a counter, whatever comes nearest.
pub(crate) type Plant = Arc<dyn Fn(Damaged, Vec<u8>) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// Reads the whole store.
pub(crate) type Dump = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Vec<u8>> + Send>> + Send + Sync>;

/// How many of the racers won.
pub(super) async fn winners(racers: Vec<tokio::task::JoinHandle<bool>>) -> usize {
    let mut won = 0;
    for racer in racers {
        won += usize::from(racer.await.unwrap());
    }
    won
}

pub(super) const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_123);

/// One empty database.
#[derive(Clone)]
pub(crate) struct AccountPorts {
    /// Under test.
    pub(crate) accounts: Arc<dyn Accounts>,
    /// Under test.
    pub(crate) authenticators: Arc<dyn Authenticators>,
    /// Under test.
    pub(crate) addresses: Arc<dyn Addresses>,
    pub(crate) passkeys: Arc<dyn Passkeys>,
    /// Under test.
    pub(crate) lockouts: Arc<dyn Lockouts>,
    /// Under test.
    pub(crate) signing_keys: Arc<dyn SigningKeys>,
    pub(crate) recoveries: Arc<dyn Recoveries>,
    pub(crate) sign_ups: Arc<dyn SignUps>,
    pub(crate) outbox: Arc<dyn Outbox>,
    /// Whatever must live as long: a directory, a server.
    #[expect(dead_code, reason = "held for what its end does")]
    pub(crate) guard: Arc<dyn Any + Send + Sync>,
}

/// An account of that name.
/// Stores with the accounts of ann and bob.
pub(super) async fn with_people(make: &impl AsyncFn() -> AccountPorts) -> AccountPorts {
    let p = make().await;
    for name in ["ann", "bob"] {
        assert!(p.accounts.create(&account(name)).await.unwrap());
    }
    p
}

/// The identifier of their account.
pub(super) fn id(name: &str) -> UserId {
    account(name).identity.id
}

pub(crate) fn account(name: &str) -> Account {
    Account {
        identity: identity(name),
        password_hash: Some(SecretText::new("$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA".into())),
        disabled: false,
        created_at: NOW,
        last_login_at: None,
        generation: Generation::default(),
    }
}
