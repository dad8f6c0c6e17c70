//! The state ports in memory.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use tokio::sync::broadcast;
use tokio::task::yield_now;

use super::{State, World, seal, unseal};
use crate::auth::ceremony::Ceremony;
use crate::auth::factor::authenticator::Sealed;
use crate::auth::session::{Session, SessionKey};
use crate::auth::throttle::{Charge, Charged, give_back, take_all};
use crate::auth::time::Timestamp;
use crate::auth::user::UserId;
use crate::flow::ports::{
    Answer, Attempted, Clock, CodeDigest, End, EndReason, Ended, Ledger, OneTimeCodes, Quota, Quotas, RECORD_VERSION,
    Sessions, StoreError, Taken, Throttle, Transient, TransientKind, Typed,
};

impl World {
    /// Tells of an end.
    pub(crate) fn tell(&self, key: &SessionKey, why: EndReason) {
        // Nobody need listen.
        let _ = self.endings.send(Ended::One { key: *key, session: None, why });
    }

    async fn give_turn(&self) {
        if self.gives_turns.load(Ordering::SeqCst) {
            yield_now().await;
        }
    }

    /// The clock as it was, with a state that was kept.
    pub(crate) fn turn_back(&self, kept: State, to: Timestamp) {
        self.now.store(to.as_millis(), Ordering::SeqCst);
        self.look(|s| *s = kept);
    }
}

impl State {
    /// Drops the values and codes whose time is over, as the stores do.
    fn forget_expired(&mut self, now: Timestamp) {
        self.transient.retain(|_, (_, ends)| *ends > now);
        self.codes.retain(|_, (_, _, ends)| *ends > now);
    }
}

#[async_trait]
impl Sessions for World {
    async fn load(&self, key: &SessionKey) -> Answer<Option<Arc<Session>>> {
        let found = self.call(|s| s.sessions.get(key).map(|(session, _)| session.clone()));
        self.give_turn().await;
        found
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
        let opened = self.call(|s| {
            if old.is_some_and(|old| s.sessions.remove(old).is_none()) {
                return false;
            }
            s.sessions.insert(*new, (Arc::new(session.clone()), ends_at));
            true
        })?;
        old.filter(|_| opened).into_iter().for_each(|old| self.tell(old, EndReason::Replaced { by: Some(*new) }));
        Ok(opened)
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

    fn ended(&self) -> BoxStream<'static, Ended> {
        let next = async |mut ends: broadcast::Receiver<Ended>| Some((ends.recv().await.ok()?, ends));
        futures_util::stream::unfold(self.endings.subscribe(), next).boxed()
    }

    async fn revoke(&self, key: &SessionKey) -> Answer<bool> {
        let ended = self.call(|s| s.sessions.remove(key).is_some());
        self.tell(key, EndReason::Revoked);
        ended
    }

    async fn supersede(&self, key: &SessionKey, by: &SessionKey) -> Answer<bool> {
        let ended = self.call(|s| s.sessions.remove(key).is_some());
        self.tell(key, EndReason::Replaced { by: Some(*by) });
        ended
    }

    async fn revoke_all(&self, user: &UserId) -> Answer<u64> {
        let ended = self.call(|s| {
            let before = s.sessions.len();
            s.sessions.retain(|_, (session, _)| session.identity.id != *user);
            (before - s.sessions.len()) as u64
        });
        let _ = self.endings.send(Ended::Lost);
        ended
    }

    async fn of_user(&self, user: &UserId) -> Answer<Vec<(SessionKey, Answer<Session>)>> {
        let found = self.call(|s| {
            let of = s.sessions.iter().filter(|(_, (session, _))| session.identity.id == *user);
            of.map(|(key, (session, _))| (*key, Ok(Session::clone(session)))).collect()
        });
        self.give_turn().await;
        found
    }
}

#[async_trait]
impl Transient for World {
    async fn put(&self, kind: TransientKind, key: &str, value: &Sealed, ttl: Duration) -> Answer<()> {
        let ends = Clock::now(self).plus(ttl);
        let value = kind.sized(value)?.clone();
        self.call(|s| s.transient.insert((kind, key.to_owned()), (value, ends)))?;
        Ok(())
    }

    async fn put_new(&self, kind: TransientKind, key: &str, value: &Sealed, ttl: Duration) -> Answer<Sealed> {
        let now = Clock::now(self);
        let value = kind.sized(value)?.clone();
        self.call(|s| {
            s.forget_expired(now);
            s.transient.entry((kind, key.to_owned())).or_insert_with(|| (value, now.plus(ttl))).0.clone()
        })
    }

    async fn load(&self, kind: TransientKind, key: &str) -> Answer<Option<Sealed>> {
        let now = Clock::now(self);
        let found = self.call(|s| {
            s.forget_expired(now);
            s.transient.get(&(kind, key.to_owned())).map(|(value, _)| value.clone())
        });
        // Others get their turn between a read and what is done with it.
        yield_now().await;
        found
    }

    async fn take(&self, kind: TransientKind, key: &str) -> Answer<Option<Taken>> {
        let now = Clock::now(self);
        let taken = self.call(|s| {
            s.forget_expired(now);
            s.transient.remove(&(kind, key.to_owned()))
        })?;
        Ok(taken.map(|(value, ends_at)| Taken { value, ends_at }))
    }

    async fn put_back(&self, kind: TransientKind, key: &str, taken: &Taken) -> Answer<bool> {
        let now = Clock::now(self);
        self.call(|s| {
            s.forget_expired(now);
            let name = (kind, key.to_owned());
            let free = !s.transient.contains_key(&name);
            if free {
                s.transient.insert(name, (taken.value.clone(), taken.ends_at));
            }
            free
        })
    }

    async fn compare_and_set(
        &self,
        kind: TransientKind,
        key: &str,
        old: &Sealed,
        new: &Sealed,
        ttl: Duration,
    ) -> Answer<bool> {
        let now = Clock::now(self);
        let new = kind.sized(new)?.clone();
        self.call(|s| {
            let kept = s.transient.get_mut(&(kind, key.to_owned()));
            let Some(kept) = kept.filter(|(value, ends)| value == old && *ends > now) else { return false };
            *kept = (new, now.plus(ttl));
            true
        })
    }

    async fn discard(&self, kind: TransientKind, key: &str, value: &Sealed, _: &StoreError) -> Answer<()> {
        self.call(|s| s.transient.retain(|(of, name), (held, _)| *of != kind || name != key || held != value))
    }

    fn report(&self, _: TransientKind, _: &str, _: &StoreError) {}
}

#[async_trait]
impl OneTimeCodes for World {
    async fn put(&self, key: &str, code: CodeDigest, attempts: u32, ttl: Duration) -> Answer<bool> {
        let now = Clock::now(self);
        self.call(|s| {
            s.forget_expired(now);
            let left = s.codes.get(key).map_or(attempts, |(_, left, _)| attempts.min(*left));
            if left > 0 {
                s.codes.insert(key.to_owned(), (code, left, now.plus(ttl)));
            }
            left > 0
        })
    }

    async fn attempt(&self, key: &str, code: CodeDigest) -> Answer<Attempted> {
        let now = Clock::now(self);
        self.call(|s| {
            s.forget_expired(now);
            let Some((held, left, _)) = s.codes.get_mut(key) else { return Attempted::Absent };
            let Some(after) = left.checked_sub(1) else { return Attempted::Wrong { left: 0 } };
            *left = after;
            if *held != code {
                return Attempted::Wrong { left: after };
            }
            s.codes.remove(key);
            Attempted::Right
        })
    }

    async fn good_for(&self, key: &str) -> Answer<Option<Duration>> {
        let now = Clock::now(self);
        self.call(|s| {
            let kept = s.codes.get(key).filter(|(_, left, ends)| *left > 0 && *ends > now);
            kept.map(|(.., ends)| ends.since(now))
        })
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

#[async_trait]
impl Quotas for World {
    async fn enter(&self, quotas: &[Quota], name: &str, ttl: Duration, now: Timestamp) -> Answer<bool> {
        self.call(|s| {
            let full = quotas.iter().any(|quota| {
                let entries = s.quotas.entry(quota.key.clone()).or_default();
                entries.retain(|_, ends| *ends > now);
                !entries.contains_key(name) && entries.len() >= quota.most as usize
            });
            for quota in quotas.iter().filter(|_| !full) {
                s.quotas.entry(quota.key.clone()).or_default().insert(name.to_owned(), now.plus(ttl));
            }
            !full
        })
    }

    async fn leave(&self, keys: &[String], name: &str) -> Answer<()> {
        self.call(|s| {
            for key in keys {
                s.quotas.entry(key.clone()).or_default().remove(name);
            }
        })
    }
}

impl State {
    /// The sign-ins under way, by their names.
    pub(crate) fn ceremonies(&self) -> HashMap<String, Ceremony> {
        self.values()
    }

    /// The enrolments that wait for their first code.
    pub(crate) fn pending(&self) -> HashMap<String, Ceremony> {
        let mut all = self.ceremonies();
        all.retain(|_, ceremony| ceremony.challenge.is_some());
        all
    }

    /// Puts other bytes in the place of every waiting secret, or takes all of them away.
    pub(crate) fn replace_pending(&mut self, bytes: Option<&[u8]>) {
        for (name, ceremony) in self.pending() {
            let key = (TransientKind::Ceremony, name.clone());
            let Some(bytes) = bytes else {
                self.transient.remove(&key);
                continue;
            };
            let changed = Ceremony { challenge: Some(Sealed(bytes.to_vec())), ..ceremony };
            let context = format!("state:ceremony:{RECORD_VERSION}:{name}");
            self.transient.get_mut(&key).unwrap().0 = seal(&context, &changed.encode().unwrap());
        }
    }

    fn values<T: Typed>(&self) -> HashMap<String, T> {
        let of_kind = self.transient.iter().filter(|((kind, _), _)| *kind == T::KIND);
        let opened = of_kind.map(|((kind, name), (sealed, _))| {
            let plain = unseal(&format!("state:{}:{RECORD_VERSION}:{name}", kind.name()), sealed).unwrap();
            (name.clone(), T::decode(&plain).unwrap())
        });
        opened.collect()
    }
}
