//! Where ceremonies are kept between two requests. No other file asks their port.

use std::sync::Arc;
use std::time::Duration;

use crate::auth::ceremony::{Ceremony, CeremonyKey, CeremonyToken, Parent};
use crate::auth::event::RejectReason;
use crate::auth::session::{Session, SessionKey, Standing};
use crate::auth::time::Timestamp;
use crate::flow::Flows;
use crate::flow::attempt::Attempt;
use crate::flow::ports::{Answer, StoreError};
use crate::flow::reply::{CeremonyRef, Client};

/// Where a ceremony is kept.
pub(in crate::flow) enum Slot {
    /// Nowhere yet: a sign-in that has just begun.
    New,
    /// Under a token.
    Stored(CeremonyToken),
    /// Nowhere: a step-up or an enrolment begins anew from its session each time.
    Session(SessionKey, Arc<Session>),
    /// Nowhere: a recovery begins anew from its mailed code, of this name, each time.
    Recovery(String),
}

/// A ceremony to go on with.
pub(in crate::flow) struct Resumed {
    pub(in crate::flow) ceremony: Ceremony,
    pub(in crate::flow) slot: Slot,
}

impl CeremonyRef {
    /// Why nothing is accepted once it is over.
    pub(in crate::flow) const fn ended(&self) -> RejectReason {
        match self {
            Self::SignIn(_) => RejectReason::NoCeremony,
            Self::Session(..) => RejectReason::NoSession,
        }
    }
}

impl Slot {
    /// What a challenge or a code that is sent is bound to, so that it answers here and nowhere else; `None` for a sign-in
    /// that has just begun, in which nothing was given out.
    pub(in crate::flow) fn bond(&self) -> Option<String> {
        match self {
            Self::New => None,
            Self::Stored(token) => Some(format!("c:{}", token.key().encoded())),
            Self::Session(_, session) => Some(format!("s:{}", session.id)),
            Self::Recovery(code) => Some(format!("r:{code}")),
        }
    }

    /// The session that it happens in.
    pub(in crate::flow) fn session(&self) -> Option<&Session> {
        match self {
            Self::New | Self::Stored(_) | Self::Recovery(_) => None,
            Self::Session(_, session) => Some(session),
        }
    }

    /// The parent of an enrolment that begins here; a sign-in that has just begun is none.
    pub(in crate::flow) fn parent(&self) -> Option<Parent> {
        match self {
            Self::New | Self::Recovery(_) => None,
            Self::Stored(token) => Some(Parent::SignIn(token.key())),
            Self::Session(_, session) => Some(Parent::Session(session.id.clone())),
        }
    }
}

impl Flows {
    /// The attempt of whoever refers to a ceremony, and the ceremony unless it is over.
    pub(in crate::flow) async fn resume<'a>(
        &self,
        at: &CeremonyRef,
        client: &'a Client,
    ) -> Answer<(Attempt<'a>, Option<Resumed>)> {
        match at {
            CeremonyRef::SignIn(token) => {
                let Some(ceremony) = self.stored_ceremony(&token.key(), client, self.now()).await? else {
                    return Ok((self.begin_attempt("", None, client), None));
                };
                let name = ceremony.who.username().map_or("", |name| name.as_str());
                let attempt = self.begin_attempt(name, ceremony.who.user().cloned(), client);
                Ok((attempt, Some(Resumed { ceremony, slot: Slot::Stored(token.clone()) })))
            }
            CeremonyRef::Session(token, session) => {
                let (who, key) = (&session.identity, token.key());
                let mut attempt = self.begin_attempt(who.username.as_str(), Some(who.id.clone()), client);
                attempt.session = Some(session.id.clone());
                let live = self.live_session(&key, &attempt).await?;
                let resumed = live.map(|session| Resumed {
                    ceremony: Ceremony::step_up(&session, attempt.now),
                    slot: Slot::Session(key, session),
                });
                Ok((attempt, resumed))
            }
        }
    }

    /// A stored ceremony that is not over, on its own host and by the way its session will be used: what was begun in a
    /// browser cannot end in a token for a script, nor the other way round.
    pub(in crate::flow) async fn stored_ceremony(
        &self,
        key: &CeremonyKey,
        client: &Client,
        now: Timestamp,
    ) -> Answer<Option<Ceremony>> {
        let found = self.ports.ceremonies.load(key).await?;
        let here = |c: &Ceremony| c.host == client.host && c.channel == client.channel;
        Ok(found.filter(|c| here(c) && !self.time_left(c, now).is_zero()))
    }

    /// Keeps a ceremony that has just begun or moved on, for the rest of its time; its token.
    pub(super) async fn keep(&self, ceremony: &Ceremony, slot: &Slot, now: Timestamp) -> Answer<CeremonyToken> {
        let token = match slot {
            Slot::New => CeremonyToken::mint(&self.random()?),
            Slot::Stored(token) => token.clone(),
            Slot::Session(..) | Slot::Recovery(_) => {
                return Err(StoreError::invariant("a ceremony in a session has no token"));
            }
        };
        self.ports.ceremonies.put(&token.key(), ceremony, self.time_left(ceremony, now)).await?;
        Ok(token)
    }

    /// Ends a ceremony that is stored. `false`: somebody else was first. It was good until this very moment.
    pub(in crate::flow) async fn end_stored(&self, slot: &Slot) -> Answer<bool> {
        match slot {
            Slot::Stored(token) => Ok(self.ports.ceremonies.take(&token.key()).await?.is_some()),
            Slot::New | Slot::Session(..) | Slot::Recovery(_) => Ok(true),
        }
    }

    /// Keeps an enrolment unless one is under way there; the one that is kept now.
    pub(in crate::flow) async fn keep_enrolment(
        &self,
        key: &CeremonyKey,
        enrolment: &Ceremony,
        now: Timestamp,
    ) -> Answer<Ceremony> {
        self.ports.ceremonies.put_new(key, enrolment, self.time_left(enrolment, now)).await
    }

    /// Keeps an enrolment in the place of one that is under way there.
    pub(in crate::flow) async fn replace_enrolment(
        &self,
        key: &CeremonyKey,
        enrolment: &Ceremony,
        now: Timestamp,
    ) -> Answer<()> {
        self.ports.ceremonies.put(key, enrolment, self.time_left(enrolment, now)).await
    }

    /// Ends an enrolment; only the first caller gets it.
    pub(in crate::flow) async fn take_enrolment(&self, key: &CeremonyKey) -> Answer<Option<Ceremony>> {
        self.ports.ceremonies.take(key).await
    }

    fn time_left(&self, ceremony: &Ceremony, now: Timestamp) -> Duration {
        self.settings.ceremony_ttl.saturating_sub(now.since(ceremony.started_at))
    }

    /// The session of the person, as the store has it now: live, theirs, and on this host.
    pub(in crate::flow) async fn live_session(
        &self,
        key: &SessionKey,
        attempt: &Attempt<'_>,
    ) -> Answer<Option<Arc<Session>>> {
        let found = self.ports.sessions.load(key).await?;
        Ok(found.filter(|s| {
            s.host == attempt.client.host
                && Some(&s.identity.id) == attempt.user.as_ref()
                && self.settings.session.standing(s, attempt.now) == Standing::Live
        }))
    }
}
