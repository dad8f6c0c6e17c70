//! Keys, and what is sealed, in memory.

use async_trait::async_trait;

use super::World;
use crate::auth::factor::authenticator::Sealed;
use crate::auth::time::Timestamp;
use crate::flow::ports::{Answer, SealedAt, SealedRows, SigningKey, SigningKeys};

#[async_trait]
impl SigningKeys for World {
    async fn all(&self) -> Answer<Vec<SigningKey>> {
        self.call(|s| s.signing.clone())
    }

    async fn add(&self, after: Option<&str>, key: &SigningKey) -> Answer<bool> {
        self.call(|s| {
            let first = s.signing.last().map(|k| k.kid.as_str()) == after;
            if first {
                s.signing.push(key.clone());
            }
            first
        })
    }

    async fn prune(&self, now: Timestamp) -> Answer<()> {
        self.call(|s| s.signing.retain(|k| k.retired_at.is_none_or(|at| at >= now)))
    }
}

#[async_trait]
impl SealedRows for World {
    async fn sealed(&self) -> Answer<Vec<(SealedAt, Sealed)>> {
        self.call(|s| {
            let totp = s.totp.iter().map(|(user, record)| (SealedAt::Totp(user.clone()), record.secret.clone()));
            let signing = s.signing.iter().map(|key| (SealedAt::Signing(key.kid.clone()), key.private.clone()));
            totp.chain(signing).collect()
        })
    }

    async fn swap(&self, at: &SealedAt, from: &Sealed, to: &Sealed) -> Answer<bool> {
        self.call(|s| {
            let place = match at {
                SealedAt::Totp(user) => s.totp.get_mut(user).map(|record| &mut record.secret),
                SealedAt::Letter(_) => None,
                SealedAt::Signing(kid) => s.signing.iter_mut().find(|key| key.kid == *kid).map(|key| &mut key.private),
            };
            let Some(place) = place.filter(|sealed| *sealed == from) else { return false };
            *place = to.clone();
            true
        })
    }
}
