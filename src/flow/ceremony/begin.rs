//! Signing in: the first factor, and a code that came along with it.

use crate::auth::ceremony::{Ceremony, CeremonyToken, Step, Verdict};
use crate::auth::event::{RejectReason, ThrottleScope, What};
use crate::auth::factor::authenticator::Enrolled;
use crate::auth::proof::{Method, MethodSet, Proofs, Requirement, Strength};
use crate::auth::secret::SecretText;
use crate::auth::session::Channel;
use crate::auth::user::Username;
use crate::flow::Flows;
use crate::flow::attempt::Attempt;
use crate::flow::ports::{Account, Answer};
use crate::flow::reply::{Client, Credentials, Locked, LoginReply, Next, OutOfReach, Outcome, Rejection};
use crate::flow::verify::Proof;

impl Flows {
    /// First factor. Throttle, lookup, hash (always), then the ceremony goes on.
    /// `goal`: what the destination needs; `None`: the most the account can prove.
    ///
    /// # Errors
    /// A store did not answer; nobody is signed in then, and what happened until then is told.
    pub async fn login(
        &self,
        given: Credentials,
        goal: Option<Requirement>,
        channel: Channel,
        client: &Client,
    ) -> Outcome<LoginReply> {
        let mut attempt = self.begin_attempt(&given.username, None, client);
        let reply = self.first_factor(&mut attempt, given, goal, channel).await;
        attempt.finish(reply)
    }

    async fn first_factor(
        &self,
        attempt: &mut Attempt<'_>,
        given: Credentials,
        goal: Option<Requirement>,
        channel: Channel,
    ) -> Answer<LoginReply> {
        if let Some(wait) = self.charge(attempt, Method::Password).await? {
            return Ok(LoginReply::Wait(wait));
        }
        let name = Username::parse(&given.username);
        let found = match &name {
            Some(name) => self.ports.accounts.find(name).await?,
            None => None,
        };
        if let Some(wait) = self.charge_unrecognised(attempt, found.as_ref(), Method::Password).await? {
            return Ok(LoginReply::Wait(wait));
        }
        let Some(right) = self.hashing.verify(&attempt.lane(), given.password.clone(), found.as_ref()).await? else {
            self.refund(attempt).await?;
            attempt.record(What::Throttled { method: Method::Password, scope: ThrottleScope::Hashing });
            return Ok(LoginReply::Busy);
        };
        let rejected = match &found {
            None => Some(RejectReason::UnknownUser),
            Some(account) if account.disabled => Some(RejectReason::Disabled),
            Some(account) if account.password_hash.is_none() => Some(RejectReason::NotEnrolled),
            Some(_) if !right => Some(RejectReason::Mismatch),
            Some(_) => None,
        };
        attempt.user = found.as_ref().map(|account| account.identity.id.clone());
        let mut account = match (found, rejected) {
            (Some(account), None) => account,
            (_, reason) => {
                let reason = reason.unwrap_or(RejectReason::UnknownUser);
                attempt.record(What::ProofRejected { method: Method::Password, reason });
                return Ok(LoginReply::Rejected(Rejection::WrongCredentials));
            }
        };
        attempt.record(What::ProofAccepted { method: Method::Password });
        self.refund_correct(attempt).await?;
        if !self.renew_hash(attempt, &mut account, given.password).await? {
            return Ok(LoginReply::Rejected(Rejection::WrongCredentials));
        }
        let enrolled = self.ports.authenticators.of(&account.identity.id).await?;
        let methods = enrolled.methods(true);
        let most = Requirement::of(Strength::of(methods).unwrap_or(Strength::OneFactor));
        let ceremony = Ceremony {
            username: account.identity.username.clone(),
            user: Some(account.identity.id.clone()),
            goal: goal.unwrap_or(most),
            proofs: Proofs::none(),
            enrolled: enrolled.usable(true),
            locked: enrolled.locked().and(methods),
            host: attempt.client.host.clone(),
            channel,
            started_at: attempt.now,
            credentials: self.credentials(&account, &enrolled),
            previous_login: account.last_login_at,
        };
        let step = ceremony.advance(Verdict::Proved(Method::Password), attempt.now);
        match given.otp.and_then(|otp| self.code_along(otp, &enrolled)) {
            Some((method, code)) => self.with_code(attempt, &account, &enrolled, step, method, code).await,
            None => self.proceed(attempt, &account, step, None).await,
        }
    }

    /// What a code sent along with the password is meant to prove; `None` if the account has nothing of the kind.
    fn code_along(&self, otp: SecretText, enrolled: &Enrolled) -> Option<(Method, SecretText)> {
        enrolled.totp.as_ref()?;
        Some((self.classify_code(Method::Totp, &otp), otp))
    }

    /// Evaluates a code sent along; wrong, it rejects the whole attempt.
    async fn with_code(
        &self,
        attempt: &mut Attempt<'_>,
        account: &Account,
        enrolled: &Enrolled,
        step: Step,
        method: Method,
        code: SecretText,
    ) -> Answer<LoginReply> {
        if let Some(wait) = self.charge(attempt, method).await? {
            return Ok(LoginReply::Wait(wait));
        }
        match self.prove(attempt, account, enrolled, method, code).await? {
            Proof::Busy => Ok(LoginReply::Busy),
            Proof::Locked => {
                let ceremony = step.ceremony();
                let methods = ceremony.locked.with(method);
                let others = ceremony.would_help(attempt.now).minus(methods);
                Ok(LoginReply::Locked(Locked { methods, others }))
            }
            Proof::Wrong(told) => Ok(LoginReply::Rejected(told)),
            Proof::Right { backup_left } => {
                let step = step.ceremony().advance(Verdict::Proved(method), attempt.now);
                self.proceed(attempt, account, step, backup_left).await
            }
        }
    }

    /// Goes on from a step of a ceremony that is not kept yet.
    async fn proceed(
        &self,
        attempt: &mut Attempt<'_>,
        account: &Account,
        step: Step,
        backup_left: Option<u32>,
    ) -> Answer<LoginReply> {
        match step {
            Step::Rejected(_) => Ok(LoginReply::Rejected(Rejection::WrongCredentials)),
            Step::Complete(ceremony) => self.open(attempt, account, &ceremony, backup_left).await,
            Step::Ask(ceremony, methods) => {
                let token = self.keep(&ceremony).await?;
                Ok(LoginReply::Next(Next {
                    ceremony: token,
                    methods,
                    locked: ceremony.locked_that_would_help(attempt.now),
                }))
            }
            Step::Stuck(ceremony) => Ok(LoginReply::Enroll(self.keep(&ceremony).await?)),
            Step::Locked(ceremony) => {
                Ok(LoginReply::Locked(Locked { methods: ceremony.locked, others: MethodSet::EMPTY }))
            }
            Step::OutOfReach(ceremony) => {
                let token = self.keep(&ceremony).await?;
                Ok(LoginReply::OutOfReach(OutOfReach { ceremony: token, owned: ceremony.enrolled }))
            }
        }
    }

    async fn keep(&self, ceremony: &Ceremony) -> Answer<CeremonyToken> {
        let token = CeremonyToken::mint(&self.random()?);
        self.ports.ceremonies.put(&token.key(), ceremony, self.settings.ceremony_ttl).await?;
        Ok(token)
    }
}
