//! What somebody proves to recover: that their mailbox was reached, and a second proof of another kind; or the word of an
//! administrator. The code is burnt before anything is granted.

use std::time::Duration;

use super::issued::IssuedProof;
use crate::auth::ceremony::{Ceremony, Complete, RecoverTerms, Recovered, Resets, Step, Verdict};
use crate::auth::event::{RejectReason, What};
use crate::auth::factor::authenticator::Enrolled;
use crate::auth::link_token::LinkToken;
use crate::auth::notice_kind::NoticeKind;
use crate::auth::proof::{Method, MethodSet};
use crate::auth::recovery_token::RecoveryToken;
use crate::auth::secret::SecretText;
use crate::auth::user::Username;
use crate::flow::Flows;
use crate::flow::attempt::Attempt;
use crate::flow::ceremony::stored::Slot;
use crate::flow::ports::{
    Account, Answer, GrantedRecovery, MailedCode, OpenRecovery, Quota, RecoveryRef, WaitingRecovery,
};
use crate::flow::reply::{
    Client, Locked, Outcome, RecoveryCode, RecoveryGrant, RecoveryProof, RecoveryReply, Rejection, Submission,
};
use crate::flow::settings::RecoverySettings;
use crate::flow::standing_person::StandingPerson;
use crate::flow::verify::Verification;

/// For how long at most nobody else is let in while a second proof is looked at.
const LOOKED_AT: Duration = Duration::from_secs(30);

/// Somebody whose mailbox was reached, as the stores have them now.
pub(super) struct Reached {
    pub(super) token: LinkToken,
    pub(super) account: Account,
    pub(super) enrolled: Enrolled,
    pub(super) settings: RecoverySettings,
}

/// What a mailed code leads to.
pub(super) enum Reach {
    Reached(Box<Reached>),
    Used,
    /// None waits, or its time is over, or it leads nowhere here.
    Nothing,
}

impl Flows {
    /// Takes what somebody proves to recover.
    ///
    /// # Errors
    /// A store did not answer; nothing is granted then.
    pub async fn verify_recovery(&self, given: RecoveryProof, client: &Client) -> Outcome<RecoveryReply> {
        match given.code {
            RecoveryCode::Issued { username, code } => {
                let mut attempt = self.begin_attempt(&username, None, client);
                let reply = self.by_issued_code(&mut attempt, &code).await;
                attempt.finish(reply)
            }
            RecoveryCode::Mailed(code) => {
                let mut attempt = self.begin_attempt("", None, client);
                let reply = self.by_mailed_code(&mut attempt, &code, given.second, given.wait).await;
                attempt.finish(reply)
            }
        }
    }

    async fn by_mailed_code(
        &self,
        attempt: &mut Attempt<'_>,
        code: &SecretText,
        second: Option<Submission>,
        wait: bool,
    ) -> Answer<RecoveryReply> {
        let method = Method::EmailCode;
        if let Some(wait) = self.charge(attempt, Method::RecoveryCode).await? {
            return Ok(RecoveryReply::Wait(wait));
        }
        let who = match self.reached(attempt, code).await? {
            Reach::Reached(who) => who,
            Reach::Used => return Ok(RecoveryReply::Done),
            Reach::Nothing => {
                attempt.record(What::ProofRejected { method, reason: RejectReason::NoCode });
                return Ok(RecoveryReply::Rejected(Rejection::NoCode));
            }
        };
        self.refund_correct(attempt).await?;
        self.name_attempt(attempt, &who.account);
        match second {
            Some(second) => self.with_second(attempt, &who, second, wait).await,
            None => self.lead_on(attempt, &who, None, wait).await,
        }
    }

    /// Looks at a second proof beside a code. One at a time for each code: of several at once, all would be spent and one would
    /// lead on.
    async fn with_second(
        &self,
        attempt: &mut Attempt<'_>,
        who: &Reached,
        second: Submission,
        wait: bool,
    ) -> Answer<RecoveryReply> {
        let (key, name) = (format!("recovery-code:{}", who.token.name()), self.ulid()?);
        let quota = [Quota { key: key.clone(), most: 1 }];
        if !self.ports.quotas.enter(&quota, &name, LOOKED_AT, attempt.now).await? {
            return Ok(RecoveryReply::Busy);
        }
        let reply = match self.ports.mailed_codes.load(&who.token).await {
            Ok(Some(MailedCode::Waits { .. })) => self.lead_on(attempt, who, Some(second), wait).await,
            // Another one has led on meanwhile.
            Ok(Some(MailedCode::Used) | None) => Ok(RecoveryReply::Done),
            Err(fault) => Err(fault),
        };
        match &reply {
            Ok(RecoveryReply::Granted(_)) => {}
            Ok(_) => self.ports.quotas.leave(&[key], &name).await?,
            // It ends by itself.
            Err(_) => drop(self.ports.quotas.leave(&[key], &name).await),
        }
        reply
    }

    async fn lead_on(
        &self,
        attempt: &mut Attempt<'_>,
        who: &Reached,
        second: Option<Submission>,
        wait: bool,
    ) -> Answer<RecoveryReply> {
        let method = Method::EmailCode;
        let user = &who.account.identity.id;
        let waiting = self.ports.recoveries.waiting(RecoveryRef::Of(user), attempt.now).await?;
        let waited = waiting.as_ref().is_some_and(|waiting| waiting.ready_at <= attempt.now);
        let terms = RecoverTerms { second: who.settings.second_proof, waited };
        let mut ceremony = self.recovery_of(attempt, &who.account, &who.enrolled, terms);
        if let Some(second) = second {
            ceremony = match self.second_proof(attempt, who, ceremony, second).await? {
                Ok(ceremony) => ceremony,
                Err(reply) => return Ok(reply),
            };
        }
        let offer = self.settings.offer_at(&attempt.client.host);
        match ceremony.advance(Verdict::Proved(method), offer, attempt.now) {
            Step::Complete(Complete::Reset(recovered)) => {
                if !self.use_mailed_code(&who.token).await? {
                    return Ok(RecoveryReply::Done);
                }
                let waited = waiting.filter(|_| !recovered.is_proved_twice()).map(|waiting| waiting.disown_key);
                self.grant_recovery(attempt, (&who.account, &who.enrolled), recovered, waited).await
            }
            step => self.second_or_wait(attempt, who, &step.ceremony(), waiting, wait).await,
        }
    }

    /// Uses a mailed code up, in its place: it is there for all who give it again. `true` for exactly one caller.
    async fn use_mailed_code(&self, token: &LinkToken) -> Answer<bool> {
        let codes = &self.ports.mailed_codes;
        let Some((MailedCode::Waits { .. }, held)) = codes.load_held(token).await? else { return Ok(false) };
        let used = codes.compare_and_set(token, &held, &MailedCode::Used, RecoverySettings::CODE_LIVES).await?;
        Ok(used.is_some())
    }

    /// Asks for a second proof, or waits.
    async fn second_or_wait(
        &self,
        attempt: &mut Attempt<'_>,
        who: &Reached,
        ceremony: &Ceremony,
        waiting: Option<WaitingRecovery>,
        wait: bool,
    ) -> Answer<RecoveryReply> {
        let methods = who.settings.second_proof.and(ceremony.enrolled);
        if let Some(WaitingRecovery { ready_at, .. }) = waiting {
            return Ok(RecoveryReply::Waiting { ready_at, methods });
        }
        if !Self::may_wait(who) || !(wait || methods.is_empty()) {
            return Ok(Self::ask_second(who, ceremony));
        }
        let ready_at = self.begin_waiting(attempt, who).await?;
        Ok(RecoveryReply::Waiting { ready_at, methods })
    }

    /// Whether the time that somebody waits leads to anything.
    fn may_wait(who: &Reached) -> bool {
        let mail = MethodSet::EMPTY.with(Method::EmailCode);
        !Resets::by(mail, true, who.account.password_hash.is_some()).is_nothing()
    }

    fn ask_second(who: &Reached, ceremony: &Ceremony) -> RecoveryReply {
        let methods = who.settings.second_proof.and(ceremony.enrolled);
        RecoveryReply::Ask { methods, wait: Self::may_wait(who).then_some(who.settings.wait) }
    }

    /// Whose mailbox a code reached.
    pub(super) async fn reached(&self, attempt: &Attempt<'_>, code: &SecretText) -> Answer<Reach> {
        let (Some(settings), Some(token)) = (self.settings.recovery, LinkToken::parse(code.expose().trim())) else {
            return Ok(Reach::Nothing);
        };
        let fresh = |sent_at| attempt.now.since(sent_at) < RecoverySettings::CODE_LIVES;
        let (user, credentials) = match self.ports.mailed_codes.load(&token).await? {
            Some(MailedCode::Used) => return Ok(Reach::Used),
            Some(MailedCode::Waits { user: Some(user), host, credentials, sent_at })
                if host == attempt.client.host && fresh(sent_at) =>
            {
                (user, credentials)
            }
            _ => return Ok(Reach::Nothing),
        };
        let Some(person) = self.unchanged_person(&user, &credentials).await? else { return Ok(Reach::Nothing) };
        let StandingPerson { account, enrolled, .. } = person;
        Ok(Reach::Reached(Box::new(Reached { token, account, enrolled, settings })))
    }

    /// The ceremony of a person, as the stores have them now.
    fn recovery_of(
        &self,
        attempt: &Attempt<'_>,
        account: &Account,
        enrolled: &Enrolled,
        terms: RecoverTerms,
    ) -> Ceremony {
        let host = attempt.client.host.clone();
        let owned = self.owned_at(account, enrolled, &host);
        let credentials = self.credentials(account, enrolled);
        let place = (host, attempt.client.channel);
        Ceremony::recovery(&account.identity, (owned, enrolled.locked()), credentials, terms, place, attempt.now)
    }

    /// Verifies a second proof; the ceremony with it, or what becomes of one that is none.
    async fn second_proof(
        &self,
        attempt: &mut Attempt<'_>,
        who: &Reached,
        ceremony: Ceremony,
        second: Submission,
    ) -> Answer<Result<Ceremony, RecoveryReply>> {
        let second = self.classify_code(second);
        let method = second.method();
        let accepted = who.settings.second_proof.contains(method);
        if !accepted || !matches!(second, Submission::Code(..) | Submission::Assertion(_)) {
            attempt.record(What::ProofRejected { method, reason: RejectReason::NotEnrolled });
            return Ok(Err(Self::ask_second(who, &ceremony)));
        }
        if let Some(wait) = self.charge(attempt, method).await? {
            return Ok(Err(RecoveryReply::Wait(wait)));
        }
        let slot = Slot::Recovery(who.token.name());
        Ok(match self.verify(attempt, &who.account, &who.enrolled, &slot, second).await? {
            Verification::Right(proved) => {
                let offer = self.settings.offer_at(&attempt.client.host);
                Ok(ceremony.advance(Verdict::Proved(proved), offer, attempt.now).ceremony())
            }
            Verification::Wrong(rejection) => Err(RecoveryReply::Rejected(rejection)),
            Verification::Locked => {
                let locked = ceremony.locked.with(method);
                let others = who.settings.second_proof.and(ceremony.enrolled).minus(locked);
                Err(RecoveryReply::Locked(Locked { methods: locked, others }))
            }
            Verification::Busy => Err(RecoveryReply::Busy),
        })
    }

    /// Takes the code of an administrator, who vouches for the person: nothing else is asked.
    async fn by_issued_code(&self, attempt: &mut Attempt<'_>, code: &SecretText) -> Answer<RecoveryReply> {
        let method = Method::RecoveryCode;
        if let Some(wait) = self.charge(attempt, method).await? {
            return Ok(RecoveryReply::Wait(wait));
        }
        let account = match self.spend_issued_code(attempt, code).await? {
            IssuedProof::Right(account) => account,
            IssuedProof::Used => return Ok(RecoveryReply::Done),
            IssuedProof::Wrong => return Ok(RecoveryReply::Rejected(Rejection::WrongCode)),
        };
        self.refund_correct(attempt).await?;
        self.name_attempt(attempt, &account);
        attempt.record(What::ProofAccepted { method });
        let enrolled = self.ports.authenticators.of(&account.identity.id).await?;
        let terms = RecoverTerms { second: MethodSet::EMPTY, waited: false };
        let ceremony = self.recovery_of(attempt, &account, &enrolled, terms);
        let offer = self.settings.offer_at(&attempt.client.host);
        match ceremony.advance(Verdict::Proved(method), offer, attempt.now) {
            Step::Complete(Complete::Reset(recovered)) => {
                self.grant_recovery(attempt, (&account, &enrolled), recovered, None).await
            }
            _ => Ok(RecoveryReply::Rejected(Rejection::WrongCode)),
        }
    }

    /// Hands out a recovery in which enough was proved.
    async fn grant_recovery(
        &self,
        attempt: &mut Attempt<'_>,
        (account, enrolled): (&Account, &Enrolled),
        recovered: Recovered,
        waited: Option<String>,
    ) -> Answer<RecoveryReply> {
        // Who waited was told when that began.
        if waited.is_none() {
            let begun = NoticeKind::RecoveryBegun { ready_at: attempt.now };
            self.notify_first(attempt, account, begun, enrolled).await?;
        }
        let token = RecoveryToken::mint(&self.random()?);
        let (can, expires_in) = (recovered.resets(), RecoverySettings::LASTS);
        let credentials = account.generation.credentials;
        let granted = GrantedRecovery::Open(OpenRecovery { recovered: Box::new(recovered), credentials, waited });
        self.ports.recoveries_granted.put(&token, &granted, expires_in).await?;
        attempt.record(What::RecoveryGranted);
        let username: Username = account.identity.username.clone();
        Ok(RecoveryReply::Granted(RecoveryGrant { token, username, can, expires_in }))
    }
}
