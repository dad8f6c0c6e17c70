//! Ports that refuse everything: public rules need no store, and whatever else asks one must fail closed.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::auth::ceremony::{Ceremony, CeremonyKey};
use crate::auth::factor::authenticator::{Enrolled, Sealed, TotpRecord};
use crate::auth::history::{Failure, SignIn};
use crate::auth::proof::MethodSet;
use crate::auth::secret::SecretBytes;
use crate::auth::session::{Session, SessionKey};
use crate::auth::throttle::{Charge, Charged};
use crate::auth::time::Timestamp;
use crate::auth::user::{UserId, Username};
use crate::flow::ports::*;

/// Every port, refusing: public rules need no store.
pub(super) struct Nothing;

pub(super) fn down<T>() -> Answer<T> {
    Err(StoreError::new("test", "down"))
}

impl Clock for Nothing {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(1_800_000_000)
    }
}
impl Entropy for Nothing {
    fn fill(&self, buffer: &mut [u8]) -> Answer<()> {
        buffer.fill(7);
        Ok(())
    }
}
#[async_trait]
impl Sessions for Nothing {
    async fn load(&self, _: &SessionKey) -> Answer<Option<Arc<Session>>> {
        down()
    }
    async fn end_of(&self, _: &SessionKey) -> Answer<Option<End>> {
        down()
    }
    async fn replace(&self, _: Option<&SessionKey>, _: &SessionKey, _: &Session, _: Timestamp) -> Answer<bool> {
        down()
    }
    async fn touch(&self, _: &SessionKey, _: Timestamp, _: Timestamp) -> Answer<()> {
        down()
    }
    async fn revoke(&self, _: &SessionKey) -> Answer<bool> {
        down()
    }
    async fn revoke_all(&self, _: &UserId) -> Answer<u64> {
        down()
    }
    async fn of_user(&self, _: &UserId) -> Answer<Vec<(SessionKey, Answer<Session>)>> {
        down()
    }
}
#[async_trait]
impl Ceremonies for Nothing {
    async fn put(&self, _: &CeremonyKey, _: &Ceremony, _: Duration) -> Answer<()> {
        down()
    }
    async fn load(&self, _: &CeremonyKey) -> Answer<Option<Ceremony>> {
        down()
    }
    async fn take(&self, _: &CeremonyKey) -> Answer<Option<Ceremony>> {
        down()
    }
}
#[async_trait]
impl Pending for Nothing {
    async fn keep(&self, _: &str, _: &Sealed, _: Duration) -> Answer<Sealed> {
        down()
    }
    async fn load(&self, _: &str) -> Answer<Option<Sealed>> {
        down()
    }
    async fn take(&self, _: &str) -> Answer<Option<Sealed>> {
        down()
    }
}
#[async_trait]
impl Ledger for Nothing {
    async fn claim(&self, _: &str, _: Duration) -> Answer<bool> {
        down()
    }
}
#[async_trait]
impl Throttle for Nothing {
    async fn charge(&self, _: &[Charge], _: Timestamp) -> Answer<Charged> {
        down()
    }
    async fn give_back(&self, _: &[(Charge, Timestamp)], _: Timestamp) -> Answer<()> {
        down()
    }
    async fn forgive(&self, _: &[String]) -> Answer<()> {
        down()
    }
}
#[async_trait]
impl Lockouts for Nothing {
    async fn count(&self, _: &CodeAttempt<'_>) -> Answer<Counted> {
        down()
    }
    async fn take_back(&self, _: &CodeAttempt<'_>) -> Answer<()> {
        down()
    }
    async fn forgive(&self, _: &CodeAttempt<'_>) -> Answer<()> {
        down()
    }
    async fn unlock(&self, _: &UserId) -> Answer<MethodSet> {
        down()
    }
}
#[async_trait]
impl Accounts for Nothing {
    async fn find(&self, _: &Username) -> Answer<Option<Account>> {
        down()
    }
    async fn load(&self, _: &UserId) -> Answer<Option<Account>> {
        down()
    }
    async fn create(&self, _: &Account) -> Answer<bool> {
        down()
    }
    async fn change(&self, _: &UserId, _: AccountChange) -> Answer<bool> {
        down()
    }
    async fn delete(&self, _: &UserId) -> Answer<bool> {
        down()
    }
    async fn list(&self) -> Answer<Vec<Answer<Account>>> {
        down()
    }
}
#[async_trait]
impl Authenticators for Nothing {
    async fn of(&self, _: &UserId) -> Answer<Enrolled> {
        down()
    }
    async fn put_totp(&self, _: &UserId, _: &TotpRecord) -> Answer<()> {
        down()
    }
    async fn spend_step(&self, _: &UserId, _: &str, _: u64, _: Timestamp) -> Answer<bool> {
        down()
    }
    async fn put_backup(&self, _: &UserId, _: &[u8], _: &[Vec<u8>]) -> Answer<()> {
        down()
    }
    async fn spend_backup(&self, _: &UserId, _: &[u8]) -> Answer<bool> {
        down()
    }
    async fn remove_all(&self, _: &UserId) -> Answer<u64> {
        down()
    }
}
#[async_trait]
impl History for Nothing {
    async fn sign_ins(&self, _: &UserId, _: Timestamp, _: u32) -> Answer<Vec<SignIn>> {
        down()
    }
    async fn failures(&self, _: &UserId, _: Timestamp, _: u32) -> Answer<Vec<Failure>> {
        down()
    }
}
impl Vault for Nothing {
    fn seal(&self, _: &str, _: &SecretBytes) -> Answer<Sealed> {
        down()
    }
    fn open(&self, _: &str, _: &Sealed) -> Answer<SecretBytes> {
        down()
    }
    fn reseal(&self, _: &str, _: &Sealed) -> Answer<Option<Sealed>> {
        down()
    }
    fn digest(&self, _: &str, _: &[u8]) -> [u8; 32] {
        [0; 32]
    }
}
#[async_trait]
impl SealedRows for Nothing {
    async fn sealed(&self) -> Answer<Vec<(SealedAt, Sealed)>> {
        down()
    }
    async fn swap(&self, _: &SealedAt, _: &Sealed, _: &Sealed) -> Answer<bool> {
        down()
    }
}
#[async_trait]
impl SigningKeys for Nothing {
    async fn all(&self) -> Answer<Vec<SigningKey>> {
        down()
    }
    async fn add(&self, _: Option<&str>, _: &SigningKey) -> Answer<bool> {
        down()
    }
    async fn prune(&self, _: Timestamp) -> Answer<()> {
        down()
    }
}

pub(super) fn ports() -> Ports {
    let all = Arc::new(Nothing);
    Ports {
        clock: all.clone(),
        entropy: all.clone(),
        sessions: all.clone(),
        ceremonies: all.clone(),
        pending: all.clone(),
        ledger: all.clone(),
        throttle: all.clone(),
        accounts: all.clone(),
        authenticators: all.clone(),
        lockouts: all.clone(),
        history: all.clone(),
        vault: all.clone(),
        signing_keys: all.clone(),
        sealed_rows: all,
    }
}

#[async_trait]
impl crate::proxy::observe::store_metrics::StoreMetrics for Nothing {
    fn redis(&self) -> Option<crate::proxy::observe::store_metrics::RedisMetrics> {
        None
    }
    async fn sessions(&self) -> Answer<Vec<(&'static str, u64)>> {
        down()
    }
    async fn enrolled(&self) -> Answer<Vec<(&'static str, u64)>> {
        down()
    }
}
