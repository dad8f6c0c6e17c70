//! Values for the suites.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::auth::ceremony::{Ceremony, CeremonyKey, CeremonyToken};
use crate::auth::proof::{Method, MethodSet, Proofs, Requirement, Strength};
use crate::auth::secret::SecretBytes;
use crate::auth::session::{Channel, Session, SessionKey, SessionToken};
use crate::auth::time::Timestamp;
use crate::auth::user::{Group, Identity, UserId, Username};
use crate::flow::ports::Clock;
use crate::store::records::Records;
use crate::store::system::OsEntropy;
use crate::store::vault::{MasterKeys, Ring};

/// Seals as every store of a test does.
pub(crate) fn records() -> Records {
    records_of(&[1], &[])
}

/// Seals with these master keys, newest first, and opens with those to come as well.
pub(crate) fn records_of(used: &[u8], next: &[u8]) -> Records {
    let keys = |all: &[u8]| all.iter().map(|n| SecretBytes::new(vec![*n; 32])).collect();
    let keys = MasterKeys { used: keys(used), next: keys(next) };
    Records::new(Arc::new(Ring::new(&keys, Arc::new(OsEntropy)).unwrap()))
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
        previous_login: Some(now.minus(Duration::from_secs(9))),
        client_ip: IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9)),
        user_agent: Some("Browser/1 'x' %s {}".into()),
    }
}

/// A ceremony begun at `now`.
pub(crate) fn ceremony(name: &str, now: Timestamp) -> Ceremony {
    Ceremony {
        username: Username::parse(name).unwrap(),
        user: Some(UserId(format!("id-{name}"))),
        goal: Requirement {
            strength: Strength::TwoFactor,
            max_age: Some(Duration::from_millis(90_500)),
            methods: MethodSet::EMPTY.with(Method::Totp),
        },
        proofs: Proofs::none().with(Method::Password, now),
        enrolled: MethodSet::EMPTY.with(Method::Password).with(Method::Totp),
        locked: MethodSet::EMPTY.with(Method::BackupCode),
        host: "app.example.test".into(),
        channel: Channel::Bearer,
        started_at: now,
        credentials: "digest".into(),
        previous_login: Some(now.minus(Duration::from_secs(7))),
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
