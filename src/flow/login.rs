//! (interface first; bodies follow)

use std::sync::Arc;

use super::Flows;
use super::ports::{Answer, StoreError};
use super::reply::{CeremonyView, Client, ConfirmReply, Credentials, EnrollReply, Enrolling, LoginReply, Told};
use crate::auth::ceremony::CeremonyToken;
use crate::auth::proof::{Method, MethodSet};
use crate::auth::requirement::{Requirement, Strength};
use crate::auth::secret::SecretText;
use crate::auth::session::{Channel, Session, SessionToken};

fn unfinished<T>() -> Answer<T> {
    Err(StoreError::new("flow", "unfinished"))
}

impl Flows {
    /// First factor. Throttle, lookup, hash (always), then the ceremony goes on.
    /// `goal`: what the destination needs; `None`: the most the account can prove.
    pub async fn login(
        &self,
        given: Credentials,
        goal: Option<Requirement>,
        channel: Channel,
        client: &Client,
    ) -> Answer<Told<LoginReply>> {
        let _ = (given, goal, channel, client);
        unfinished()
    }

    /// The ceremony of a token on this host, for its page; `None` if it is over.
    pub async fn ceremony(&self, token: &CeremonyToken, client: &Client) -> Answer<Option<CeremonyView>> {
        let _ = (token, client);
        unfinished()
    }

    /// Second factor of a sign-in under way.
    pub async fn second_factor(
        &self,
        token: &CeremonyToken,
        method: Method,
        code: SecretText,
        client: &Client,
    ) -> Answer<Told<LoginReply>> {
        let _ = (token, method, code, client);
        unfinished()
    }

    /// Step-up: one more proof in a session; the token is consumed and a new one given.
    pub async fn elevate(
        &self,
        token: &SessionToken,
        session: &Arc<Session>,
        method: Method,
        code: SecretText,
        client: &Client,
    ) -> Answer<Told<LoginReply>> {
        let _ = (token, session, method, code, client);
        unfinished()
    }

    /// What the owner of a session can prove with.
    pub async fn methods_of(&self, session: &Session) -> Answer<MethodSet> {
        let _ = session;
        unfinished()
    }

    /// The strongest requirement that the owner of a session could meet.
    pub async fn strongest_of(&self, session: &Session) -> Answer<Option<Strength>> {
        Ok(Strength::of(self.methods_of(session).await?))
    }

    /// Begins (or goes on with) enrolling TOTP: the same secret until it is confirmed.
    pub async fn begin_totp(&self, who: &Enrolling, client: &Client) -> Answer<EnrollReply> {
        let _ = (who, client);
        unfinished()
    }

    /// Confirms the enrolment by its first code, which is spent by that.
    pub async fn confirm_totp(&self, who: &Enrolling, code: SecretText, client: &Client) -> Answer<Told<ConfirmReply>> {
        let _ = (who, code, client);
        unfinished()
    }

    /// The live session of a token on this host, if any; notes the use unless `quiet`.
    pub async fn session(&self, token: &SessionToken, host: &str, quiet: bool) -> Answer<Option<Arc<Session>>> {
        let _ = (token, host, quiet);
        unfinished()
    }

    /// Ends this session, or every session of its owner. Says how many ended.
    pub async fn logout(
        &self,
        token: &SessionToken,
        session: &Session,
        everywhere: bool,
        client: &Client,
    ) -> Answer<Told<u64>> {
        let _ = (token, session, everywhere, client);
        unfinished()
    }
}
