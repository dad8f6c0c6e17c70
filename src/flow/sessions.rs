//! Sessions: found by their token, noted as used, ended.

use std::sync::Arc;

use super::Flows;
use super::ports::{AccountChange, Answer, End, Ports};
use super::reply::{Client, Opened, Outcome, WithEvents};
use crate::auth::event::{Deed, What};
use crate::auth::proof::{MethodSet, Strength};
use crate::auth::session::{Channel, Session, SessionKey, SessionToken, Standing};
use crate::auth::time::Timestamp;
use crate::auth::user::UserId;

/// Ends every session of a person and says how many: those that are listed, and by the count in the database any other
/// whose record somebody has kept.
///
/// # Errors
/// A store did not answer; some sessions may still stand.
pub async fn end_sessions(ports: &Ports, user: &UserId) -> Answer<u64> {
    let counted = ports.accounts.change(user, AccountChange::SessionsEnded).await;
    let ended = ports.sessions.revoke_all(user).await?;
    counted.map(|_| ended)
}

impl Flows {
    /// The live session of a token on this host, if any; notes the use unless `quiet`. A token counts only by the way
    /// it was given out for: one that a browser holds is none of a script, nor the other way round.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn session(
        &self,
        token: &SessionToken,
        channel: Channel,
        host: &str,
        quiet: bool,
    ) -> Answer<Option<Arc<Session>>> {
        self.session_at(self.now(), token, channel, host, quiet).await
    }

    pub(super) async fn session_at(
        &self,
        now: Timestamp,
        token: &SessionToken,
        channel: Channel,
        host: &str,
        quiet: bool,
    ) -> Answer<Option<Arc<Session>>> {
        self.session_under(now, &token.key(), channel, host, quiet).await
    }

    /// The live session under a key.
    pub(super) async fn session_under(
        &self,
        now: Timestamp,
        key: &SessionKey,
        channel: Channel,
        host: &str,
        quiet: bool,
    ) -> Answer<Option<Arc<Session>>> {
        let here = |s: &Arc<Session>| s.host == host && s.channel == channel;
        let Some(mut session) = self.ports.sessions.load(key).await?.filter(here) else {
            return Ok(None);
        };
        if !self.is_valid(key, &session, now).await? {
            return Ok(None);
        }
        let lifetimes = &self.settings.session;
        let unnoted = |session: &Session| now.since(session.seen_at) >= lifetimes.touch_after();
        // A cached copy may not know yet of the use that this node noted.
        if unnoted(&session)
            && let Some(seen_at) = self.touched.get(key).filter(|at| *at > session.seen_at)
        {
            session = Arc::new(Session { seen_at, ..Session::clone(&session) });
        }
        if lifetimes.standing(&session, now) != Standing::Live {
            return Ok(None);
        }
        if !quiet && unnoted(&session) {
            let used = Session { seen_at: now, ..Session::clone(&session) };
            self.touched.put(*key, now);
            if let Err(fault) = self.ports.sessions.touch(key, now, lifetimes.ends_at(&used)).await {
                self.touched.forget(key);
                return Err(fault);
            }
            self.touch_head(now, &used).await?;
            session = Arc::new(used);
        }
        Ok(Some(session))
    }

    /// How the session of a token that is no longer live ended by itself: unused for too long, or too old. `None`: it was
    /// ended, or was never there, or that is too long ago to be known.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn ended(&self, token: &SessionToken) -> Answer<Option<Standing>> {
        let found = self.ports.sessions.end_of(&token.key()).await?;
        let Some(End { seen_at, ends_at }) = found.filter(|end| end.ends_at <= self.now()) else { return Ok(None) };
        // It would have lasted longer without use, had it not been too old.
        let idle = ends_at.since(seen_at) >= self.settings.session.idle;
        Ok(Some(if idle { Standing::Idle } else { Standing::Expired }))
    }

    /// Ends this session, on every host that shares it, or every session of its owner. Says how many ended.
    ///
    /// # Errors
    /// The store did not answer; some sessions may still stand.
    pub async fn logout(
        &self,
        token: &SessionToken,
        session: &Session,
        everywhere: bool,
        client: &Client,
    ) -> Outcome<u64> {
        let user = &session.identity.id;
        let mut attempt = self.begin_attempt(session.identity.username.as_str(), Some(user.clone()), client);
        attempt.session = Some(session.id.clone());
        attempt.intend(Deed::Ending, None);
        let (ended, what) = if everywhere {
            (end_sessions(&self.ports, user).await, What::SessionsRevoked)
        } else {
            (self.end_family(&token.key(), session).await, What::SessionRevoked)
        };
        if ended.is_ok() {
            attempt.record(what);
        }
        attempt.finish(ended)
    }

    /// Ends the session that a browser had on this host before it opened another: its token is forgotten by that,
    /// and nobody else may hold it.
    ///
    /// # Errors
    /// The store did not answer; the old session may still stand. The new one is ended, as its token reaches nobody.
    pub async fn supersede(&self, old: &SessionToken, opened: &Opened, client: &Client) -> Outcome<()> {
        let failed = match self.end_former(old, opened, client).await {
            Ok(told) => return Ok(told),
            Err(failed) => failed,
        };
        let who = &opened.session.identity;
        let mut attempt = self.begin_attempt(who.username.as_str(), Some(who.id.clone()), client);
        attempt.session = Some(opened.session.id.clone());
        let cause = self.revoke_undelivered(&mut attempt, &opened.token.key(), failed.value).await;
        let mut events = failed.events;
        attempt.finish(Err(cause)).map_err(|after| {
            events.extend(after.events);
            WithEvents { value: after.value, events }
        })
    }

    async fn end_former(&self, old: &SessionToken, opened: &Opened, client: &Client) -> Outcome<()> {
        let found = self.ports.sessions.load(&old.key()).await.map_err(WithEvents::none)?;
        let here = |s: &Arc<Session>| s.host == client.host && s.channel == Channel::Cookie;
        let Some(session) = found.filter(|s| here(s) && old.key() != opened.token.key()) else {
            return Ok(WithEvents::none(()));
        };
        let who = &session.identity;
        let mut attempt = self.begin_attempt(who.username.as_str(), Some(who.id.clone()), client);
        attempt.session = Some(session.id.clone());
        attempt.intend(Deed::Ending, None);
        let ended = match session.id == opened.session.id {
            true => self.ports.sessions.supersede(&old.key(), &opened.token.key()).await.map(u64::from),
            false => self.end_family(&old.key(), &session).await,
        };
        if matches!(ended, Ok(1..)) {
            attempt.record(What::SessionRevoked);
        }
        attempt.finish(ended.map(drop))
    }

    /// What the owner of a session has to prove with, also what is switched off; nothing if the account is gone or
    /// disabled.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn methods_of(&self, session: &Session) -> Answer<MethodSet> {
        self.factors_of(session).await.map(|(owned, _)| owned)
    }

    /// As [`Self::methods_of`], and which of these are switched off after too many wrong codes.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn factors_of(&self, session: &Session) -> Answer<(MethodSet, MethodSet)> {
        let user = &session.identity.id;
        let Ok(account) = self.standing_account(user).await? else { return Ok((MethodSet::EMPTY, MethodSet::EMPTY)) };
        let enrolled = self.ports.authenticators.of(user).await?;
        let owned = self.owned_at(&account, &enrolled, &session.host);
        Ok((owned, owned.and(enrolled.locked())))
    }

    /// The strongest requirement that the owner of a session could meet.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn strongest_of(&self, session: &Session) -> Answer<Option<Strength>> {
        Ok(Strength::of(self.methods_of(session).await?))
    }
}
