//! Assertions about sessions for the apps, signed without I/O by keys that all nodes share.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use super::bounded_map::BoundedMap;
use super::key_rotation::renew;
use super::ports::{Answer, Ports, SealedAt, SigningKey, StoreError};
use super::sealing::signing_context;
use crate::auth::assertion::{self, MAX_LIFETIME, Signing, jwks};
use crate::auth::proof::RiskLevel;
use crate::auth::session::Session;
use crate::auth::time::Timestamp;

/// How long a key signs.
pub const ROTATE_AFTER: Duration = Duration::from_secs(30 * 24 * 3600);
/// How long before it signs a key is published, and how long after it stopped at least.
pub const PUBLISH_AROUND: Duration = Duration::from_secs(2 * 3600);
/// How much longer than planned a key stays published, should every node have been away at its rotation.
const KEEP_LONGER: Duration = Duration::from_secs(48 * 3600);
/// How often a node should call [`Signer::refresh`]: well within [`PUBLISH_AROUND`].
pub const REFRESH_EVERY: Duration = Duration::from_secs(300);

/// What one assertion was made for: whom, proved when, at which risk, and for whom to read.
type AssertionKey = (String, Timestamp, Option<RiskLevel>, String, String);

/// Signs assertions. One per process, shared.
pub struct Signer {
    ports: Ports,
    keys: RwLock<Arc<Snapshot>>,
    signed: BoundedMap<AssertionKey, Signed>,
}

#[derive(Clone)]
struct Signed {
    token: Arc<str>,
    kid: Arc<str>,
    until: Timestamp,
    lifetime: Duration,
}

/// The keys as this node knows them.
#[derive(Default)]
struct Snapshot {
    /// With the moment from which each signs, oldest first.
    keys: Vec<(Timestamp, Signing)>,
    published: String,
}

impl Signer {
    /// A signer without keys; [`Self::refresh`] brings them.
    pub fn new(ports: Ports) -> Self {
        Self { ports, keys: RwLock::new(Arc::new(Snapshot::default())), signed: BoundedMap::new(20_000) }
    }

    /// Reads the keys, makes one on first start, adds the next one before the newest grows old, and drops those
    /// long out of use. Call it before serving and every [`REFRESH_EVERY`].
    ///
    /// # Errors
    /// The store or the vault did not answer; the keys known so far stay in use.
    pub async fn refresh(&self, now: Timestamp) -> Answer<()> {
        let store = &self.ports.signing_keys;
        let mut all = published(store.all().await?, now);
        let newest = all.last();
        let due = newest.is_none_or(|key| key.signs_from.plus(ROTATE_AFTER) <= now.plus(PUBLISH_AROUND));
        if due {
            let after = newest.map(|key| key.kid.clone());
            let signs_from = if newest.is_some() { now.plus(PUBLISH_AROUND) } else { now };
            store.prune(now).await?;
            // Whether this node was first or another one was: the keys are read again.
            let _ = store.add(after.as_deref(), &self.make(signs_from)?).await?;
            all = published(store.all().await?, now);
        }
        let mut keys = Vec::new();
        for key in &all {
            let private = self.ports.vault.open(&signing_context(&key.kid), &key.private)?;
            keys.push((key.signs_from, Signing::new(&key.kid, &private).map_err(fault)?));
        }
        let published = jwks(&all.iter().map(|key| key.public_jwk.as_str()).collect::<Vec<_>>());
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Snapshot { keys, published });
        for key in &all {
            renew(&self.ports, SealedAt::Signing(key.kid.clone()), &key.private).await?;
        }
        Ok(())
    }

    /// The JWK set for the apps (RFC 7517 §5).
    pub fn jwks(&self) -> String {
        let snapshot = self.snapshot();
        if snapshot.published.is_empty() { jwks(&[]) } else { snapshot.published.clone() }
    }

    /// An assertion about a session for one audience. No I/O; one made a moment ago for the same is given again
    /// while half of its life is left. `lifetime` is cut to 60 s; `risk` is told where it is given.
    ///
    /// # Errors
    /// There is no key yet, or signing failed.
    pub fn assertion(
        &self,
        session: &Session,
        risk: Option<RiskLevel>,
        audience: &str,
        issuer: &str,
        lifetime: Duration,
        now: Timestamp,
    ) -> Answer<String> {
        let lifetime = lifetime.clamp(Duration::from_secs(1), MAX_LIFETIME);
        let snapshot = self.snapshot();
        let signing = snapshot.keys.iter().rev().find(|(from, _)| *from <= now).or_else(|| snapshot.keys.first());
        let Some((_, signing)) = signing else { return Err(StoreError::new("signer", "there is no key yet")) };
        let proved = session.proofs.latest().unwrap_or_default();
        let key = (session.id.clone(), proved, risk, audience.to_owned(), issuer.to_owned());
        if let Some(known) = self.signed.get(&key)
            && known.lifetime == lifetime
            && *known.kid == *signing.kid()
            && known.until > now.plus(lifetime / 2)
            && known.until <= now.plus(lifetime)
        {
            return Ok(known.token.to_string());
        }
        let until = now.plus(lifetime);
        let token = signing.sign(session, risk, audience, issuer, now, until).map_err(fault)?;
        let signed = Signed { token: token.as_str().into(), kid: signing.kid().into(), until, lifetime };
        self.signed.put(key, signed);
        Ok(token)
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn make(&self, signs_from: Timestamp) -> Answer<SigningKey> {
        let made = assertion::generate().map_err(fault)?;
        let private = self.ports.vault.seal(&signing_context(&made.kid), &made.private)?;
        let retired_at = Some(signs_from.plus(ROTATE_AFTER).plus(PUBLISH_AROUND).plus(KEEP_LONGER));
        Ok(SigningKey { kid: made.kid, private, public_jwk: made.public_jwk, signs_from, retired_at })
    }
}

/// The keys that are still to be seen, oldest first.
fn published(all: Vec<SigningKey>, now: Timestamp) -> Vec<SigningKey> {
    let mut all: Vec<SigningKey> = all.into_iter().filter(|k| k.retired_at.is_none_or(|at| at > now)).collect();
    all.sort_by_key(|key| key.signs_from);
    all
}

fn fault(cause: assertion::SignFault) -> StoreError {
    StoreError::new("signer", cause)
}

#[cfg(test)]
mod tests;
