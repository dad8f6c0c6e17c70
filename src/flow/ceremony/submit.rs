//! The second factor of a sign-in under way.

use crate::auth::ceremony::{Ceremony, CeremonyKey, CeremonyToken, Step, Verdict};
use crate::auth::event::RejectReason;
use crate::auth::proof::{Method, MethodSet};
use crate::auth::secret::SecretText;
use crate::auth::time::Timestamp;
use crate::auth::user::UserId;
use crate::flow::Flows;
use crate::flow::attempt::Attempt;
use crate::flow::ports::Answer;
use crate::flow::reply::{CeremonyView, Client, Locked, LoginReply, Next, OutOfReach, Outcome, Rejection, WithEvents};
use crate::flow::verify::Proof;

impl Flows {
    /// The ceremony of a token on this host, for its page; `None` if it is over.
    ///
    /// # Errors
    /// A store did not answer.
    pub async fn ceremony(&self, token: &CeremonyToken, client: &Client) -> Answer<Option<CeremonyView>> {
        let now = self.now();
        let Some(mut ceremony) = self.ceremony_here(&token.key(), client, now).await? else { return Ok(None) };
        let mut digits = self.settings.totp.digits;
        if let Some(user) = &ceremony.user {
            // A factor may have been switched off, or on, since the ceremony began.
            let now = self.ports.authenticators.of(user).await?;
            digits = now.totp.as_ref().map_or(digits, |record| record.digits);
            ceremony.know(now.locked());
        }
        let (methods, locked) = (ceremony.would_help(now), ceremony.locked_that_would_help(now));
        Ok(Some(CeremonyView { ceremony, methods, locked, digits }))
    }

    /// How many digits the codes of a person have: those of their authenticator, whatever new ones get.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn digits_of(&self, user: &UserId) -> Answer<u8> {
        let totp = self.ports.authenticators.of(user).await?.totp;
        Ok(totp.map_or(self.settings.totp.digits, |record| record.digits))
    }

    /// How many backup codes a person has left; `None` if none were made.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn backup_codes_of(&self, user: &UserId) -> Answer<Option<u32>> {
        Ok(self.ports.authenticators.of(user).await?.backup.map(|set| set.left))
    }

    /// Second factor of a sign-in under way.
    ///
    /// # Errors
    /// A store did not answer; nobody is signed in then; whether a code was spent is told.
    pub async fn second_factor(
        &self,
        token: &CeremonyToken,
        method: Method,
        code: SecretText,
        client: &Client,
    ) -> Outcome<LoginReply> {
        let key = token.key();
        let found = self.ceremony_here(&key, client, self.now()).await.map_err(WithEvents::none)?;
        let Some(ceremony) = found else {
            let mut attempt = self.begin_attempt("", None, client);
            let reply = LoginReply::Rejected(Self::reject_ended(&mut attempt, method, RejectReason::NoCeremony));
            return attempt.finish(Ok(reply));
        };
        let method = self.classify_code(method, &code);
        let mut attempt = self.begin_attempt(ceremony.username.as_str(), ceremony.user.clone(), client);
        let reply = self.next_factor(&mut attempt, &key, token, ceremony, method, code).await;
        attempt.finish(reply)
    }

    async fn next_factor(
        &self,
        attempt: &mut Attempt<'_>,
        key: &CeremonyKey,
        token: &CeremonyToken,
        mut ceremony: Ceremony,
        method: Method,
        code: SecretText,
    ) -> Answer<LoginReply> {
        if let Some(wait) = self.charge(attempt, method).await? {
            return Ok(LoginReply::Wait(wait));
        }
        let account = match &ceremony.user {
            Some(user) => self.standing_account(user).await?,
            None => Err(RejectReason::UnknownUser),
        };
        let account = match account {
            Ok(account) => account,
            Err(reason) => return Ok(LoginReply::Rejected(Self::reject_ended(attempt, method, reason))),
        };
        if let Some(wait) = self.charge_unrecognised(attempt, Some(&account), method).await? {
            return Ok(LoginReply::Wait(wait));
        }
        let enrolled = self.ports.authenticators.of(&account.identity.id).await?;
        if ceremony.credentials != self.credentials(&account, &enrolled) {
            self.ports.ceremonies.take(key).await?;
            return Ok(LoginReply::Rejected(Self::reject_ended(attempt, method, RejectReason::NoCeremony)));
        }
        let backup_left = match self.prove(attempt, &account, &enrolled, method, code).await? {
            Proof::Right { backup_left } => backup_left,
            Proof::Wrong(told) => return Ok(LoginReply::Rejected(told)),
            Proof::Busy => return Ok(LoginReply::Busy),
            Proof::Locked => {
                ceremony.know(enrolled.locked().with(method));
                let (methods, others) = (ceremony.locked, ceremony.would_help(attempt.now));
                return Ok(LoginReply::Locked(Locked { methods, others }));
            }
        };
        ceremony.enrolled = enrolled.methods(account.password_hash.is_some());
        ceremony.know(enrolled.locked());
        match ceremony.advance(Verdict::Proved(method), attempt.now) {
            Step::Complete(ceremony) => {
                // The first taker signs in; the ceremony was good until this very moment.
                if self.ports.ceremonies.take(key).await?.is_none() {
                    return Ok(LoginReply::Rejected(Self::reject_ended(attempt, method, RejectReason::NoCeremony)));
                }
                self.open(attempt, &account, &ceremony, backup_left).await
            }
            Step::Ask(ceremony, methods) => {
                self.keep_on(key, &ceremony, attempt.now).await?;
                let locked = ceremony.locked_that_would_help(attempt.now);
                Ok(LoginReply::Next(Next { ceremony: token.clone(), methods, locked }))
            }
            Step::Stuck(ceremony) => {
                self.keep_on(key, &ceremony, attempt.now).await?;
                Ok(LoginReply::Enroll(token.clone()))
            }
            Step::Locked(ceremony) => {
                self.keep_on(key, &ceremony, attempt.now).await?;
                Ok(LoginReply::Locked(Locked { methods: ceremony.locked, others: MethodSet::EMPTY }))
            }
            Step::OutOfReach(ceremony) => {
                self.keep_on(key, &ceremony, attempt.now).await?;
                Ok(LoginReply::OutOfReach(OutOfReach { ceremony: token.clone(), owned: ceremony.enrolled }))
            }
            Step::Rejected(_) => Ok(LoginReply::Rejected(Rejection::CeremonyGone)),
        }
    }

    /// A ceremony that is not over, on its own host and by the way its session will be used: what was begun in a
    /// browser cannot end in a token for a script, nor the other way round.
    pub(in crate::flow) async fn ceremony_here(
        &self,
        key: &CeremonyKey,
        client: &Client,
        now: Timestamp,
    ) -> Answer<Option<Ceremony>> {
        let found = self.ports.ceremonies.load(key).await?;
        let here = |c: &Ceremony| c.host == client.host && c.channel == client.channel;
        Ok(found.filter(|c| here(c) && now.since(c.started_at) < self.settings.ceremony_ttl))
    }

    /// Keeps a ceremony that moved on, for the rest of its time.
    async fn keep_on(&self, key: &CeremonyKey, ceremony: &Ceremony, now: Timestamp) -> Answer<()> {
        let left = self.settings.ceremony_ttl.saturating_sub(now.since(ceremony.started_at));
        self.ports.ceremonies.put(key, ceremony, left).await
    }
}
