//! Step-up: one more proof in a session, which gets a new token for it.

use std::sync::Arc;

use crate::auth::event::{RejectReason, What};
use crate::auth::proof::{Method, MethodSet};
use crate::auth::secret::SecretText;
use crate::auth::session::{Session, SessionKey, SessionToken, Standing};
use crate::auth::time::Timestamp;
use crate::flow::Flows;
use crate::flow::attempt::Attempt;
use crate::flow::ceremony::open_session::Grant;
use crate::flow::ports::{Account, Answer};
use crate::flow::reply::{Client, Locked, LoginReply, Outcome};
use crate::flow::verify::Proof;

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
        let method = self.classify_code(method, &code);
        let mut attempt =
            self.begin_attempt(session.identity.username.as_str(), Some(session.identity.id.clone()), client);
        attempt.session = Some(session.id.clone());
        let reply = self.add_proof(&mut attempt, &token.key(), method, code).await;
        attempt.finish(reply)
    }

    async fn add_proof(
        &self,
        attempt: &mut Attempt<'_>,
        key: &SessionKey,
        method: Method,
        code: SecretText,
    ) -> Answer<LoginReply> {
        let gone = |attempt: &mut Attempt<'_>| {
            LoginReply::Rejected(Self::reject_ended(attempt, method, RejectReason::NoSession))
        };
        let Some(session) = self.live_session(key, attempt).await? else { return Ok(gone(attempt)) };
        if let Some(wait) = self.charge(attempt, method).await? {
            return Ok(LoginReply::Wait(wait));
        }
        let found = self.standing_account(&session.identity.id).await?;
        let Ok(account) = found.and_then(opened_under(&session)) else { return Ok(gone(attempt)) };
        if let Some(wait) = self.charge_unrecognised(attempt, Some(&account), method).await? {
            return Ok(LoginReply::Wait(wait));
        }
        let enrolled = self.ports.authenticators.of(&account.identity.id).await?;
        let backup_left = match self.prove(attempt, &account, &enrolled, method, code).await? {
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
            session: with_proof(&session, method, attempt.now),
            old: Some(key),
            proved: MethodSet::EMPTY.with(method),
            backup_left,
            what: What::SessionElevated,
            credentials: self.credentials(&account, &enrolled),
            generation: account.generation,
            locked: enrolled.locked(),
        };
        Ok(match self.grant(attempt, grant).await? {
            Some(opened) => LoginReply::Opened(Box::new(opened)),
            None => gone(attempt),
        })
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

/// Lets an account through if the session was opened under what it grants now.
pub(in crate::flow) fn opened_under(session: &Session) -> impl FnOnce(Account) -> Result<Account, RejectReason> + '_ {
    |account| if Flows::is_of(session, &account) { Ok(account) } else { Err(RejectReason::NoSession) }
}

/// The same session with one more proof.
pub(in crate::flow) fn with_proof(session: &Session, method: Method, now: Timestamp) -> Session {
    Session { proofs: session.proofs.clone().with(method, now), seen_at: now.max(session.seen_at), ..session.clone() }
}
