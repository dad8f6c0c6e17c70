//! The next proof of a ceremony under way: the second factor of a sign-in, or a step-up.

use crate::auth::ceremony::{Ceremony, Complete, Step, Verdict};
use crate::auth::event::{RejectReason, What};
use crate::auth::factor::authenticator::Enrolled;
use crate::auth::proof::{Method, MethodSet, RiskAction, SlipOrder};
use crate::auth::secret::SecretText;
use crate::flow::Flows;
use crate::flow::attempt::Attempt;
use crate::flow::ceremony::stored::{Resumed, Slot};
use crate::flow::ports::{Account, Answer, StoreError};
use crate::flow::reply::{
    CeremonyRef, Client, Locked, LoginReply, Next, OutOfReach, Outcome, Rejection, Submission, WithEvents,
};
use crate::flow::risk::SignInGoal;
use crate::flow::verify::Verification;

impl Flows {
    /// Submits one more proof. A step-up consumes the session's token and gives a new one.
    ///
    /// # Errors
    /// A store did not answer; nobody is signed in then, and a session stands where it stood or is gone. Whether a code was
    /// spent is in the events.
    pub async fn submit(&self, at: &CeremonyRef, submission: Submission, client: &Client) -> Outcome<LoginReply> {
        self.submit_for(at, None, submission, client).await
    }

    /// The same; in a session, it also gives a proof for one request, if it is one that counts there.
    ///
    /// # Errors
    /// As [`Self::submit`].
    pub async fn submit_for(
        &self,
        at: &CeremonyRef,
        slip: Option<SlipOrder>,
        submission: Submission,
        client: &Client,
    ) -> Outcome<LoginReply> {
        let (attempt, resumed) = self.resume(at, client).await.map_err(WithEvents::none)?;
        self.submit_in(attempt, resumed, at.ended(), slip, submission).await
    }

    /// The same on the way to a destination: the first factor of a sign-in that a link began settles what it must reach.
    ///
    /// # Errors
    /// As [`Self::submit`].
    pub async fn submit_toward(
        &self,
        at: &CeremonyRef,
        goal: SignInGoal,
        submission: Submission,
        client: &Client,
    ) -> Outcome<LoginReply> {
        let (mut attempt, resumed) = self.resume(at, client).await.map_err(WithEvents::none)?;
        attempt.goal = Some(goal);
        self.submit_in(attempt, resumed, at.ended(), None, submission).await
    }

    async fn submit_in(
        &self,
        mut attempt: Attempt<'_>,
        resumed: Option<Resumed>,
        ended: RejectReason,
        slip: Option<SlipOrder>,
        submission: Submission,
    ) -> Outcome<LoginReply> {
        let submission = self.classify_code(submission);
        let reply = match resumed {
            Some(mut resumed) => {
                attempt.approves = slip.as_ref().and_then(|slip| slip.transaction);
                resumed.ceremony.slip = slip;
                self.next_factor(&mut attempt, resumed, submission).await
            }
            None => Ok(LoginReply::Rejected(Self::reject_ended(&mut attempt, submission.method(), ended))),
        };
        attempt.finish(reply)
    }

    async fn next_factor(
        &self,
        attempt: &mut Attempt<'_>,
        Resumed { mut ceremony, slot }: Resumed,
        submission: Submission,
    ) -> Answer<LoginReply> {
        let method = submission.method();
        if !ceremony.takes(method) {
            return self.proceed_unproved(attempt, ceremony, &slot).await;
        }
        if let Some(wait) = self.charge(attempt, method).await? {
            return Ok(LoginReply::Wait(wait));
        }
        let account = match self.account_of(&ceremony, &slot).await? {
            Ok(account) => account,
            Err(reason) => return Ok(LoginReply::Rejected(Self::reject_ended(attempt, method, reason))),
        };
        if let Some(wait) = self.charge_unrecognised(attempt, Some(&account), method).await? {
            return Ok(LoginReply::Wait(wait));
        }
        let enrolled = self.ports.authenticators.of(&account.identity.id).await?;
        let credentials = self.credentials(&account, &enrolled);
        if matches!(slot, Slot::Stored(_)) && ceremony.credentials != credentials {
            self.end_stored(&slot).await?;
            return Ok(LoginReply::Rejected(Self::reject_ended(attempt, method, RejectReason::NoCeremony)));
        }
        ceremony.credentials = credentials;
        ceremony.set_methods(self.owned_at(&account, &enrolled, &ceremony.host), enrolled.locked());
        self.prove(attempt, &account, &enrolled, ceremony, &slot, submission).await
    }

    /// The account of a ceremony, if it may go on.
    pub(in crate::flow) async fn account_of(
        &self,
        ceremony: &Ceremony,
        slot: &Slot,
    ) -> Answer<Result<Account, RejectReason>> {
        let Some(user) = ceremony.who.user() else { return Ok(Err(RejectReason::UnknownUser)) };
        let found = self.standing_account(user).await?;
        Ok(match slot {
            Slot::Session(_, session) => {
                found.ok().filter(|account| Self::is_of(session, account)).ok_or(RejectReason::NoSession)
            }
            Slot::New | Slot::Stored(_) | Slot::Recovery(_) => found,
        })
    }

    /// Verifies a proof and brings the ceremony on by it.
    pub(super) async fn prove(
        &self,
        attempt: &mut Attempt<'_>,
        account: &Account,
        enrolled: &Enrolled,
        mut ceremony: Ceremony,
        slot: &Slot,
        submission: Submission,
    ) -> Answer<LoginReply> {
        let method = submission.method();
        let password = match &submission {
            Submission::Password(password) if ceremony.is_unproved() => Some(password.clone()),
            _ => None,
        };
        match self.verify(attempt, account, enrolled, slot, submission).await? {
            Verification::Right(proved) => {
                if ceremony.is_unproved() {
                    ceremony = self.assess_first(attempt, account, ceremony, password).await?;
                }
                let offer = self.settings.offer_at(&ceremony.host);
                let step = ceremony.advance(Verdict::Proved(proved), offer, attempt.now);
                self.proceed(attempt, account, step, slot).await
            }
            Verification::Wrong(rejection) => Ok(LoginReply::Rejected(rejection)),
            Verification::Locked => {
                ceremony.set_locked(ceremony.locked.with(method));
                let others = ceremony.available(attempt.now);
                Ok(LoginReply::Locked(Locked { methods: ceremony.locked, others }))
            }
            Verification::Busy => Ok(LoginReply::Busy),
        }
    }

    /// Answers what was given before its turn, and is not looked at: the first factor comes first.
    async fn proceed_unproved(&self, attempt: &Attempt<'_>, ceremony: Ceremony, slot: &Slot) -> Answer<LoginReply> {
        let methods = ceremony.first_factors().named();
        let ceremony = self.keep(&ceremony, slot, attempt.now).await?;
        Ok(LoginReply::Next(Next { ceremony, methods, locked: MethodSet::EMPTY }))
    }

    /// Assesses a sign-in that a link began, at its first factor, as one that begins by it.
    async fn assess_first(
        &self,
        attempt: &mut Attempt<'_>,
        account: &Account,
        ceremony: Ceremony,
        password: Option<SecretText>,
    ) -> Answer<Ceremony> {
        if let Some(password) = password {
            self.note_breached(attempt, &password).await;
        }
        let goal = attempt.goal.take().unwrap_or_else(|| SignInGoal::from(ceremony.requirement));
        let requirement = goal.requirement.or(ceremony.requirement);
        self.assess(attempt, account, Ceremony { requirement, ..ceremony }, &goal).await
    }

    /// Answers a step: keeps the ceremony, or ends it and opens its session.
    pub(in crate::flow) async fn proceed(
        &self,
        attempt: &mut Attempt<'_>,
        account: &Account,
        step: Step,
        slot: &Slot,
    ) -> Answer<LoginReply> {
        let now = attempt.now;
        Ok(match step {
            // Who recovers or deletes is led another way, and no session is opened for them.
            Step::Complete(Complete::Reset(_) | Complete::Erase(_)) => {
                return Err(StoreError::invariant("it ends in no session"));
            }
            Step::Complete(Complete::Open(completed)) => {
                // The first taker signs in.
                if !self.end_stored(slot).await? {
                    let reason = RejectReason::NoCeremony;
                    return Ok(LoginReply::Rejected(Self::reject_ended(attempt, completed.method(), reason)));
                }
                match self.open(attempt, account, &completed, slot).await? {
                    Ok(opened) => LoginReply::Opened(opened),
                    Err(rejection) => LoginReply::Rejected(rejection),
                }
            }
            Step::Ask(ceremony, methods) => {
                let locked = ceremony.locked_that_would_help(now);
                LoginReply::Next(Next { ceremony: self.keep(&ceremony, slot, now).await?, methods, locked })
            }
            Step::Stuck(ceremony) => {
                let methods = ceremony.enrollable(self.settings.offer_at(&ceremony.host));
                let token = self.keep(&ceremony, slot, now).await?;
                LoginReply::Enroll(Next { ceremony: token, methods, locked: MethodSet::EMPTY })
            }
            Step::Locked(ceremony) => {
                if matches!(slot, Slot::Stored(_)) {
                    self.keep(&ceremony, slot, now).await?;
                }
                LoginReply::Locked(Locked { methods: ceremony.locked, others: MethodSet::EMPTY })
            }
            Step::OutOfReach(ceremony) => {
                let token = self.keep(&ceremony, slot, now).await?;
                LoginReply::OutOfReach(OutOfReach {
                    unrecognised: ceremony.assessed.action == RiskAction::StepUp,
                    ceremony: token,
                    owned: ceremony.enrolled,
                })
            }
            Step::Rejected(_) => LoginReply::Rejected(match slot {
                Slot::New => Rejection::WrongCredentials,
                Slot::Stored(_) | Slot::Session(..) | Slot::Recovery(_) => Rejection::CeremonyGone,
            }),
        })
    }

    /// Records that a sign-in or session is over.
    pub(in crate::flow) fn reject_ended(attempt: &mut Attempt<'_>, method: Method, reason: RejectReason) -> Rejection {
        attempt.record(What::ProofRejected { method, reason });
        if reason == RejectReason::NoSession { Rejection::SessionGone } else { Rejection::CeremonyGone }
    }
}
