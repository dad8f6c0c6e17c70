//! Enrolling TOTP: a privilege of who has just proved everything the account can prove.
//!
//! An enrolment is a ceremony in a sign-in or in a session. The key that it gave out is its challenge; the first code of
//! that key completes it.

use super::enrollee::Enrollee;
use crate::auth::ceremony::{Ceremony, Complete, Step, Verdict};
use crate::auth::event::{Deed, RejectReason, ThrottleScope, What};
use crate::auth::factor::authenticator::{Enrolled, Sealed};
use crate::auth::factor::totp::{self, KEY_BYTES, Matched};
use crate::auth::notice_kind::NoticeKind;
use crate::auth::proof::{Method, MethodSet};
use crate::auth::secret::{SecretBytes, SecretText};
use crate::flow::Flows;
use crate::flow::attempt::Attempt;
use crate::flow::enrol::backup_codes::NewCodes;
use crate::flow::ports::{Answer, StoreError};
use crate::flow::reply::OtherSessions;
use crate::flow::reply::{CeremonyRef, Client, ConfirmReply, EnrollReply, Outcome, PendingTotp, Rejection, WithEvents};
use crate::flow::sealing::challenge_context;
use crate::flow::verify::Mismatch;

/// Characters of a ULID: the authenticator's id, sealed with the key while it waits.
const ID_LENGTH: usize = 26;

/// What is noted once an authenticator app was confirmed.
const FINISHED: &str = "totp";

impl Flows {
    /// Begins (or goes on with) enrolling TOTP: the same secret until it is confirmed.
    ///
    /// # Errors
    /// A store did not answer.
    pub async fn begin_totp(&self, at: &CeremonyRef, client: &Client) -> Answer<EnrollReply> {
        let (attempt, enrollee) = self.enrollee(at, client).await?;
        let Some(who) = enrollee else { return Ok(EnrollReply::Gone) };
        if let Some(methods) = self.prove_first(&who, attempt.now) {
            return Ok(EnrollReply::ProveFirst(methods));
        }
        let mut plain = self.ulid()?.into_bytes();
        plain.extend_from_slice(self.random_secret(KEY_BYTES)?.expose());
        let context = challenge_context(&who.account.identity.id, &who.key);
        let challenge = self.ports.vault.seal(&context, &SecretBytes::new(plain))?;
        let enrolment = who.ceremony.clone().enrolment(who.parent.clone(), Some(challenge));
        let credentials = self.credentials(&who.account, &who.enrolled);
        let enrolment = Ceremony { started_at: attempt.now, credentials, ..enrolment };
        let mut kept = self.keep_enrolment(&who.key, &enrolment, attempt.now).await?;
        if !self.is_current(&who, &kept) {
            // Begun before their factors were changed.
            self.take_enrolment(&who.key).await?;
            kept = self.keep_enrolment(&who.key, &enrolment, attempt.now).await?;
        }
        let (_, key) = self.open_challenge(&who, kept.challenge.as_ref()).await?;
        Ok(EnrollReply::Pending(self.shown(&who.account.identity, &key)))
    }

    /// The secret of an enrolment that was begun and waits for its first code; never begins one.
    ///
    /// # Errors
    /// A store did not answer.
    pub async fn pending_totp(&self, at: &CeremonyRef, client: &Client) -> Answer<Option<PendingTotp>> {
        let (attempt, enrollee) = self.enrollee(at, client).await?;
        let Some(who) = enrollee else { return Ok(None) };
        let Some(kept) = self.stored_ceremony(&who.key, client, attempt.now).await? else { return Ok(None) };
        let (_, key) = self.open_challenge(&who, kept.challenge.as_ref()).await?;
        Ok(Some(self.shown(&who.account.identity, &key)))
    }

    /// Confirms the enrolment by its first code, which is spent by that.
    ///
    /// # Errors
    /// A store did not answer; whatever was bound until then, nobody is signed in.
    pub async fn confirm_totp(
        &self,
        at: &CeremonyRef,
        code: SecretText,
        others: OtherSessions,
        client: &Client,
    ) -> Outcome<ConfirmReply> {
        let (mut attempt, enrollee) = self.enrollee(at, client).await.map_err(WithEvents::none)?;
        let reply = match enrollee {
            Some(who) => self.confirm(&mut attempt, (at, who), code, others).await,
            None if self.is_finished(at, FINISHED, client).await.map_err(WithEvents::none)? => {
                Ok(ConfirmReply::AlreadyDone)
            }
            None => Ok(ConfirmReply::Rejected(Self::reject_ended(&mut attempt, Method::Totp, at.ended()))),
        };
        attempt.finish(reply)
    }

    async fn confirm(
        &self,
        attempt: &mut Attempt<'_>,
        (at, who): (&CeremonyRef, Enrollee),
        code: SecretText,
        others: OtherSessions,
    ) -> Answer<ConfirmReply> {
        if let Some(wait) = self.charge(attempt, Method::Totp).await? {
            return Ok(ConfirmReply::Wait(wait));
        }
        if let Some(methods) = self.prove_first(&who, attempt.now) {
            return Ok(ConfirmReply::ProveFirst(methods));
        }
        let rejected = |attempt: &mut Attempt<'_>, reason, rejection| {
            attempt.record(What::ProofRejected { method: Method::Totp, reason });
            Ok(ConfirmReply::Rejected(rejection))
        };
        let owner = &who.account.identity;
        let enrolment = self.stored_ceremony(&who.key, attempt.client, attempt.now).await?;
        let Some(enrolment) = enrolment.filter(|enrolment| self.is_current(&who, enrolment)) else {
            if self.is_finished(at, FINISHED, attempt.client).await? {
                return Ok(ConfirmReply::AlreadyDone);
            }
            return rejected(attempt, RejectReason::NoCeremony, Rejection::CeremonyGone);
        };
        let (id, key) = self.open_challenge(&who, enrolment.challenge.as_ref()).await?;
        let params = self.settings.totp.params();
        let matched = totp::check(&key, code.expose(), params, None, attempt.now);
        // Made for a right code only, and before it is spent, so that a full hasher costs the person nothing.
        let made = match matched {
            Matched::Step(_) => self.make_codes(attempt).await?,
            _ => Some(NewCodes::default()),
        };
        let Some(made) = made else {
            self.refund(attempt).await?;
            attempt.record(What::Throttled { method: Method::Totp, scope: ThrottleScope::Hashing });
            return Ok(ConfirmReply::Busy);
        };
        let step = match self.claim_step(attempt, &owner.id, &id, matched, params).await? {
            Ok(step) => step,
            Err(Mismatch { reason, rejection }) => return rejected(attempt, reason, rejection),
        };
        // Two right codes of two windows: only the first taker binds.
        let taken = self.take_enrolment(&who.key).await?;
        if taken.is_none_or(|taken| taken.challenge != enrolment.challenge) {
            return rejected(attempt, RejectReason::AlreadySpent, Rejection::WrongCode);
        }
        if !self.end_stored(&who.slot).await? {
            return rejected(attempt, RejectReason::NoCeremony, Rejection::CeremonyGone);
        }
        let record = self.totp_record(owner, id, &key, Some(step))?;
        attempt.record(What::ProofAccepted { method: Method::Totp });
        self.refund_correct(attempt).await?;
        self.end_other_sessions(attempt, &owner.id, who.slot.session(), others).await?;
        attempt.intend(Deed::Binding, Some(Method::Totp));
        let added = NoticeKind::FactorAdded(Method::Totp);
        let records = self.notices(attempt, &owner.id, added, &who.enrolled).await?;
        self.ports.authenticators.put_totp(&owner.id, &record, others.end(), &records).await?;
        attempt.record(What::AuthenticatorAdded { method: Method::Totp });
        self.put_codes(attempt, &owner.id, &made, &who.enrolled).await?;
        self.note_finished(&who.parent, FINISHED, &who.ceremony, attempt.now).await?;
        self.end_other_sessions(attempt, &owner.id, who.slot.session(), others).await?;
        let mut account = who.account.clone();
        if who.enrolled.totp.is_some() {
            // What was granted before is over by that, but for what is granted here.
            match self.standing_account(&owner.id).await? {
                Ok(standing) => account = standing,
                Err(reason) => return rejected(attempt, reason, Rejection::SessionGone),
            }
        }
        let credentials = self.credentials(&account, &Enrolled { totp: Some(record), ..who.enrolled.clone() });
        // New authenticators, and none of them is switched off. What was proved is what the session says; whether that is
        // enough, the policy judges.
        let enrolment = Ceremony { credentials, locked: MethodSet::EMPTY, ..who.ceremony }
            .enrolment(who.parent, enrolment.challenge);
        let offer = self.settings.offer_at(&enrolment.host);
        let Step::Complete(Complete::Open(completed)) =
            enrolment.advance(Verdict::Proved(Method::Totp), offer, attempt.now)
        else {
            return Err(StoreError::invariant("an enrolment asked for more than its code"));
        };
        Ok(match self.open(attempt, &account, &completed, &who.slot).await? {
            Ok(opened) => ConfirmReply::Enrolled { backup_codes: made.codes, opened },
            Err(rejection) => ConfirmReply::Rejected(rejection),
        })
    }

    /// Whether a secret that waits was begun by what its person proves themselves with now.
    fn is_current(&self, who: &Enrollee, enrolment: &Ceremony) -> bool {
        // The version before noted nothing in sessions.
        enrolment.credentials.is_empty() || enrolment.credentials == self.credentials(&who.account, &who.enrolled)
    }

    /// The id and the key of an authenticator that waits for its first code. A challenge that does not open is dropped, so
    /// that the next try begins anew.
    async fn open_challenge(&self, who: &Enrollee, challenge: Option<&Sealed>) -> Answer<(String, SecretBytes)> {
        let context = challenge_context(&who.account.identity.id, &who.key);
        let opened = match challenge {
            Some(challenge) => self.ports.vault.open(&context, challenge).and_then(|plain| parted(&plain)),
            None => Err(StoreError::invariant("an enrolment has no challenge")),
        };
        if opened.is_err() {
            // The answer is that it does not open, whatever comes of this.
            let _ = self.take_enrolment(&who.key).await;
        }
        opened
    }
}

/// The authenticator's id and its key.
fn parted(plain: &SecretBytes) -> Answer<(String, SecretBytes)> {
    let (id, key) = plain
        .expose()
        .split_at_checked(ID_LENGTH)
        .ok_or_else(|| StoreError::invariant("a waiting key is cut short"))?;
    let id = std::str::from_utf8(id).map_err(|_| StoreError::invariant("a waiting key is damaged"))?;
    Ok((id.to_owned(), SecretBytes::new(key.to_vec())))
}
