//! Wrong codes in memory.

use async_trait::async_trait;

use super::World;
use crate::auth::proof::{Method, MethodSet};
use crate::auth::user::UserId;
use crate::flow::ports::{Answer, CodeAttempt, Counted, Lockouts};

#[async_trait]
impl Lockouts for World {
    async fn count(&self, attempt: &CodeAttempt<'_>) -> Answer<Counted> {
        self.call(|s| {
            let before = s.lockouts.clone();
            let lockout = s.lockouts.entry((attempt.user.clone(), attempt.method)).or_default();
            if lockout.locked_at.is_some() {
                return Counted::Locked;
            }
            lockout.places.retain(|_, (_, at)| *at >= attempt.forget_before);
            let (count, at) = lockout.places.entry(attempt.place.to_owned()).or_insert((0, attempt.now));
            (*count, *at) = (*count + 1, attempt.now);
            let last = lockout.sum() >= attempt.tries;
            if last && attempt.records.is_none() {
                s.lockouts = before;
                return Counted::Last;
            }
            lockout.locked_at = last.then_some(attempt.now);
            if let Some(records) = attempt.records.filter(|_| last) {
                s.keep(records);
            }
            Counted::Go { last }
        })
    }

    async fn take_back(&self, attempt: &CodeAttempt<'_>) -> Answer<()> {
        self.call(|s| {
            s.withdraw(attempt);
            let Some(lockout) = s.lockouts.get_mut(&(attempt.user.clone(), attempt.method)) else { return };
            if let Some((count, _)) = lockout.places.get_mut(attempt.place) {
                // Another attempt may have cleared the place meanwhile, as SQL has it.
                *count = count.saturating_sub(1);
            }
            if lockout.sum() < attempt.tries {
                lockout.locked_at = None;
            }
        })
    }

    async fn forgive(&self, attempt: &CodeAttempt<'_>) -> Answer<()> {
        self.call(|s| {
            s.withdraw(attempt);
            let Some(lockout) = s.lockouts.get_mut(&(attempt.user.clone(), attempt.method)) else { return };
            lockout.places.remove(attempt.place);
            if lockout.sum() < attempt.tries {
                lockout.locked_at = None;
            }
        })
    }

    async fn unlock(&self, user: &UserId) -> Answer<MethodSet> {
        self.call(|s| {
            let locked = s.lockouts.iter().filter(|((of, _), lockout)| of == user && lockout.locked_at.is_some());
            let locked: MethodSet = locked.map(|((_, method), _)| *method).collect();
            s.lockouts.retain(|(of, _), _| of != user);
            locked
        })
    }

    async fn remembered(&self, user: &UserId) -> Answer<Vec<(Method, u32)>> {
        self.call(|s| {
            let of = s.lockouts.iter().filter(|((of, _), _)| of == user);
            of.map(|((_, method), lockout)| (*method, lockout.sum())).collect()
        })
    }
}
