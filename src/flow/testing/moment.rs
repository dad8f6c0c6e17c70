//! The state ports in memory.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use tokio::task::yield_now;

use super::World;
use crate::auth::ceremony::{Ceremony, CeremonyKey};
use crate::auth::factor::authenticator::Sealed;
use crate::auth::session::{Session, SessionKey};
use crate::auth::throttle::{Charge, Charged, give_back, take_all};
use crate::auth::time::Timestamp;
use crate::auth::user::UserId;
use crate::flow::ports::{Answer, Ceremonies, Clock, End, Ledger, Pending, Sessions, Throttle};

#[async_trait]
impl Sessions for World {
    async fn load(&self, key: &SessionKey) -> Answer<Option<Arc<Session>>> {
        self.call(|s| s.sessions.get(key).map(|(session, _)| session.clone()))
    }

    async fn end_of(&self, key: &SessionKey) -> Answer<Option<End>> {
        let end = |(session, ends_at): &(Arc<Session>, Timestamp)| End { seen_at: session.seen_at, ends_at: *ends_at };
        self.call(|s| s.sessions.get(key).map(end))
    }

    async fn replace(
        &self,
        old: Option<&SessionKey>,
        new: &SessionKey,
        session: &Session,
        ends_at: Timestamp,
    ) -> Answer<bool> {
        self.call(|s| {
            if old.is_some_and(|old| s.sessions.remove(old).is_none()) {
                return false;
            }
            s.sessions.insert(*new, (Arc::new(session.clone()), ends_at));
            true
        })
    }

    async fn touch(&self, key: &SessionKey, seen_at: Timestamp, ends_at: Timestamp) -> Answer<()> {
        self.call(|s| {
            s.touches += 1;
            if let Some((session, ends)) = s.sessions.get_mut(key) {
                *session = Arc::new(Session { seen_at, ..Session::clone(session) });
                *ends = ends_at;
            }
        })
    }

    async fn revoke(&self, key: &SessionKey) -> Answer<bool> {
        self.call(|s| s.sessions.remove(key).is_some())
    }

    async fn revoke_all(&self, user: &UserId) -> Answer<u64> {
        self.call(|s| {
            let before = s.sessions.len();
            s.sessions.retain(|_, (session, _)| session.identity.id != *user);
            (before - s.sessions.len()) as u64
        })
    }

    async fn of_user(&self, user: &UserId) -> Answer<Vec<(SessionKey, Answer<Session>)>> {
        self.call(|s| {
            let of = s.sessions.iter().filter(|(_, (session, _))| session.identity.id == *user);
            of.map(|(key, (session, _))| (*key, Ok(Session::clone(session)))).collect()
        })
    }
}

#[async_trait]
impl Ceremonies for World {
    async fn put(&self, key: &CeremonyKey, ceremony: &Ceremony, ttl: Duration) -> Answer<()> {
        let ends = Clock::now(self).plus(ttl);
        self.call(|s| s.ceremonies.insert(key.encoded(), (ceremony.clone(), ends)))?;
        Ok(())
    }

    /// Expired ones are given as well: the flows must not rely on the store's clock.
    async fn load(&self, key: &CeremonyKey) -> Answer<Option<Ceremony>> {
        let found = self.call(|s| s.ceremonies.get(&key.encoded()).map(|(ceremony, _)| ceremony.clone()));
        yield_now().await;
        found
    }

    async fn take(&self, key: &CeremonyKey) -> Answer<Option<Ceremony>> {
        self.call(|s| s.ceremonies.remove(&key.encoded()).map(|(ceremony, _)| ceremony))
    }
}

#[async_trait]
impl Pending for World {
    async fn keep(&self, key: &str, value: &Sealed, ttl: Duration) -> Answer<Sealed> {
        let now = Clock::now(self);
        self.call(|s| {
            s.pending.retain(|_, (_, ends)| *ends > now);
            s.pending.entry(key.to_owned()).or_insert_with(|| (value.clone(), now.plus(ttl))).0.clone()
        })
    }

    async fn load(&self, key: &str) -> Answer<Option<Sealed>> {
        let found = self.call(|s| s.pending.get(key).map(|(value, _)| value.clone()));
        // Others get their turn between a read and what is done with it.
        yield_now().await;
        found
    }

    async fn take(&self, key: &str) -> Answer<Option<Sealed>> {
        self.call(|s| s.pending.remove(key).map(|(value, _)| value))
    }
}

#[async_trait]
impl Ledger for World {
    async fn claim(&self, mark: &str, ttl: Duration) -> Answer<bool> {
        let now = Clock::now(self);
        let forgetful = self.ledger_forgets.load(Ordering::SeqCst);
        self.call(|s| {
            s.marks.retain(|_, ends| *ends > now);
            s.marks.insert(mark.to_owned(), now.plus(ttl)).is_none() || forgetful
        })
    }
}

#[async_trait]
impl Throttle for World {
    async fn charge(&self, charges: &[Charge], now: Timestamp) -> Answer<Charged> {
        self.call(|s| {
            let states = charges.iter().map(|charge| s.counters.get(&charge.key).copied());
            match take_all(states, charges, now) {
                Ok(states) => {
                    s.counters.extend(charges.iter().map(|charge| charge.key.clone()).zip(states.iter().copied()));
                    Charged::Go(states)
                }
                Err((index, retry_after)) => Charged::Wait { index, retry_after },
            }
        })
    }

    async fn give_back(&self, charged: &[(Charge, Timestamp)], now: Timestamp) -> Answer<()> {
        self.call(|s| {
            for (charge, until) in charged {
                let Some(held) = s.counters.remove(&charge.key) else { continue };
                let left = give_back(held, *until, charge.limit, now);
                s.counters.extend(left.map(|left| (charge.key.clone(), left)));
            }
        })
    }

    async fn forgive(&self, keys: &[String]) -> Answer<()> {
        self.call(|s| s.counters.retain(|key, _| !keys.contains(key)))
    }
}
