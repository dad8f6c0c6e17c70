//! Step-up: one more proof in a session, which gets a new token for it.

use std::sync::Arc;

use super::Flows;
use super::attempt::Trying;
use super::opening::Grant;
use super::ports::{Account, Answer};
use super::proving::Proof;
use super::reply::{Client, Locked, LoginReply, Outcome};
use crate::auth::event::{RejectReason, What};
use crate::auth::proof::{Method, MethodSet};
use crate::auth::secret::SecretText;
use crate::auth::session::{Session, SessionKey, SessionToken, Standing};
use crate::auth::time::Timestamp;

impl Flows {
    /// Step-up: one more proof in a session; the token is consumed and a new one given.
    ///
    /// # Errors
    /// A store did not answer; the session stands where it stood, or is gone.
    pub async fn elevate(
        &self,
        token: &SessionToken,
        session: &Arc<Session>,
        method: Method,
        code: SecretText,
        client: &Client,
    ) -> Outcome<LoginReply> {
        let method = self.meant(method, &code);
        let mut trying = self.trying(session.identity.username.as_str(), Some(session.identity.id.clone()), client);
        trying.session = Some(session.id.clone());
        let reply = self.rise(&mut trying, &token.key(), method, code).await;
        trying.told(reply)
    }

    async fn rise(
        &self,
        trying: &mut Trying<'_>,
        key: &SessionKey,
        method: Method,
        code: SecretText,
    ) -> Answer<LoginReply> {
        let gone = |trying: &mut Trying<'_>| LoginReply::Rejected(Self::gone(trying, method, RejectReason::NoSession));
        let Some(session) = self.live_session(key, trying).await? else { return Ok(gone(trying)) };
        if let Some(wait) = self.charge(trying, method).await? {
            return Ok(LoginReply::Wait(wait));
        }
        let found = self.standing_account(&session.identity.id).await?;
        let Ok(account) = found.and_then(of_now(&session)) else { return Ok(gone(trying)) };
        if let Some(wait) = self.charge_unless_known(trying, Some(&account), method).await? {
            return Ok(LoginReply::Wait(wait));
        }
        let enrolled = self.ports.authenticators.of(&account.identity.id).await?;
        let backup_left = match self.prove(trying, &account, &enrolled, method, code).await? {
            Proof::Right { backup_left } => backup_left,
            Proof::Wrong(told) => return Ok(LoginReply::Rejected(told)),
            Proof::Busy => return Ok(LoginReply::Busy),
            Proof::Locked => {
                let methods = enrolled.locked().with(method);
                let others = enrolled.usable(account.password_hash.is_some()).minus(methods);
                return Ok(LoginReply::Locked(Locked { methods, others }));
            }
        };
        let grant = Grant {
            session: risen(&session, method, trying.now),
            old: Some(key),
            proved: MethodSet::EMPTY.with(method),
            backup_left,
            what: What::SessionElevated,
            credentials: self.credentials(&account, &enrolled),
            generation: account.generation,
            locked: enrolled.locked(),
        };
        Ok(match self.grant(trying, grant).await? {
            Some(opened) => LoginReply::Opened(Box::new(opened)),
            None => gone(trying),
        })
    }

    /// The session of the one who is trying, as the store has it now: live, theirs, and on this host.
    pub(super) async fn live_session(&self, key: &SessionKey, trying: &Trying<'_>) -> Answer<Option<Arc<Session>>> {
        let found = self.ports.sessions.load(key).await?;
        Ok(found.filter(|s| {
            s.host == trying.client.host
                && Some(&s.identity.id) == trying.user.as_ref()
                && self.settings.session.standing(s, trying.now) == Standing::Live
        }))
    }
}

/// Lets an account through if the session was opened under what it grants now.
pub(super) fn of_now(session: &Session) -> impl FnOnce(Account) -> Result<Account, RejectReason> + '_ {
    |account| if Flows::is_of(session, &account) { Ok(account) } else { Err(RejectReason::NoSession) }
}

/// The same session with one more proof.
pub(super) fn risen(session: &Session, method: Method, now: Timestamp) -> Session {
    Session { proofs: session.proofs.clone().with(method, now), seen_at: now.max(session.seen_at), ..session.clone() }
}
