//! Registering a passkey: the same privilege as enrolling any other authenticator.

use super::backup_codes::NewCodes;
use super::enrollee::Enrollee;
use crate::auth::ceremony::{Ceremony, Complete, Step, Verdict};
use crate::auth::event::{Deed, RejectReason, ThrottleScope, What};
use crate::auth::factor::authenticator::Enrolled;
use crate::auth::factor::passkey::{
    self, CreationOptions, Hint, NewCredential, PasskeyRecord, RegistrationResponse, UserVerification, Violation,
};
use crate::auth::notice_kind::NoticeKind;
use crate::auth::proof::{Method, MethodSet};
use crate::auth::secret::SecretText;
use crate::flow::Flows;
use crate::flow::attempt::Attempt;
use crate::flow::ceremony::stored::Slot;
use crate::flow::ports::{Answer, ChallengePurpose, StoreError};
use crate::flow::reply::{
    CeremonyRef, Client, CreationAsked, NewPasskey, Outcome, PasskeyAdded, PasskeyWish, Rejection, WithEvents,
};

/// The longest name of a passkey, in characters.
pub const NAME_CHARS: usize = 64;

impl Flows {
    /// Asks for a new passkey, in a sign-in that may enrol or in a session.
    ///
    /// # Errors
    /// A store did not answer.
    pub async fn ask_passkey(&self, at: &CeremonyRef, client: &Client) -> Answer<CreationAsked> {
        self.ask_wished_passkey(at, PasskeyWish::default(), client).await
    }

    /// As [`Self::ask_passkey`], for one of which something is known.
    ///
    /// # Errors
    /// A store did not answer.
    pub async fn ask_wished_passkey(
        &self,
        at: &CeremonyRef,
        wish: PasskeyWish<'_>,
        client: &Client,
    ) -> Answer<CreationAsked> {
        let Some(settings) = &self.settings.passkeys else { return Ok(CreationAsked::NotOffered) };
        if !self.settings.offer_at(&client.host).served.contains(Method::Passkey) {
            return Ok(CreationAsked::NotOffered);
        }
        let (attempt, enrollee) = self.enrollee(at, client).await?;
        let Some(who) = enrollee else { return Ok(CreationAsked::Gone) };
        if let Some(methods) = self.prove_first(&who, attempt.now) {
            return Ok(CreationAsked::ProveFirst(methods));
        }
        let Some(bond) = who.slot.bond() else { return Ok(CreationAsked::Gone) };
        let helpful = match who.slot {
            Slot::Session(..) => wish.wanted.unwrap_or(MethodSet::ALL),
            Slot::New | Slot::Stored(_) | Slot::Recovery(_) => who.ceremony.helpful(who.ceremony.started_at),
        };
        // Possession alone would not lead on.
        let possession = helpful.contains(Method::SecurityKey);
        let verification = if possession { UserVerification::Preferred } else { UserVerification::Required };
        let asked_of = self.credentials(&who.account, &who.enrolled);
        let purpose = ChallengePurpose::Register;
        let issued = self.issue_challenge((&bond, asked_of), purpose, verification, wish, None).await?;
        let owner = &who.account.identity;
        let user_handle = self.user_handle(&owner.id);
        let whom = NewCredential {
            rp_id: self.settings.rp_id(&client.host),
            rp_name: &self.settings.issuer,
            user_handle: &user_handle,
            username: owner.username.as_str(),
            display_name: owner.name.as_deref().unwrap_or(owner.username.as_str()),
        };
        let (passkeys, attestation) = (&who.enrolled.passkeys, settings.models.attestation);
        let options = CreationOptions::new(&whom, &issued.challenge, passkeys, verification, attestation);
        Ok(CreationAsked::Asked(Box::new(options.with_hints(Hint::of(helpful)))))
    }

    /// Registers a passkey, as `PublicKeyCredential.toJSON()` writes it.
    ///
    /// # Errors
    /// A store did not answer; whatever was bound until then, nobody is signed in.
    pub async fn add_passkey(&self, at: &CeremonyRef, made: NewPasskey<'_>, client: &Client) -> Outcome<PasskeyAdded> {
        let (mut attempt, enrollee) = self.enrollee(at, client).await.map_err(WithEvents::none)?;
        let reply = match enrollee {
            Some(who) => self.register(&mut attempt, (at, who), made).await,
            None if self.was_registered(at, made.credential, client).await.map_err(WithEvents::none)? => {
                Ok(PasskeyAdded::AlreadyDone)
            }
            None => Ok(PasskeyAdded::Rejected(Self::reject_ended(&mut attempt, Method::Passkey, at.ended()))),
        };
        attempt.finish(reply)
    }

    async fn register(
        &self,
        attempt: &mut Attempt<'_>,
        (at, who): (&CeremonyRef, Enrollee),
        NewPasskey { name, credential, others }: NewPasskey<'_>,
    ) -> Answer<PasskeyAdded> {
        if let Some(wait) = self.charge(attempt, Method::Passkey).await? {
            return Ok(PasskeyAdded::Wait(wait));
        }
        if let Some(methods) = self.prove_first(&who, attempt.now) {
            return Ok(PasskeyAdded::ProveFirst(methods));
        }
        let rejected = |attempt: &mut Attempt<'_>, reason, rejection| {
            attempt.record(What::ProofRejected { method: Method::Passkey, reason });
            Ok(PasskeyAdded::Rejected(rejection))
        };
        let wrong = Rejection::WrongPasskey { unknown: false };
        let Ok(response) = RegistrationResponse::parse(credential.expose()) else {
            return rejected(attempt, RejectReason::Malformed, wrong);
        };
        // Made before the challenge is taken, so that a full hasher costs the person nothing: the authenticator has made
        // its key already.
        let Some(made) = self.first_codes(attempt, &who.enrolled).await? else {
            self.refund(attempt).await?;
            attempt.record(What::Throttled { method: Method::Passkey, scope: ThrottleScope::Hashing });
            return Ok(PasskeyAdded::Busy);
        };
        let Some(passkey) = self.judged(attempt, &who, name, &response).await? else {
            if self.was_registered(at, credential, attempt.client).await? {
                return Ok(PasskeyAdded::AlreadyDone);
            }
            return rejected(attempt, RejectReason::AlreadySpent, wrong);
        };
        let passkey = match passkey {
            Ok(passkey) => passkey,
            Err(violation) => return rejected(attempt, RejectReason::Passkey(violation), wrong),
        };
        if !self.end_stored(&who.slot).await? {
            return rejected(attempt, RejectReason::NoCeremony, Rejection::CeremonyGone);
        }
        let owner = &who.account.identity.id;
        let method = passkey.method();
        attempt.record(What::ProofAccepted { method });
        self.refund_correct(attempt).await?;
        self.end_other_sessions(attempt, owner, who.slot.session(), others).await?;
        attempt.intend(Deed::Binding, Some(method));
        let records = self.notices(attempt, owner, NoticeKind::FactorAdded(method), &who.enrolled).await?;
        if !self.ports.passkeys.add(owner, &passkey, &records).await? {
            attempt.clear_intent();
            return rejected(attempt, RejectReason::Passkey(Violation::Owner), wrong);
        }
        attempt.record(What::AuthenticatorAdded { method });
        if !made.codes.is_empty() {
            self.put_codes(attempt, owner, &made, &who.enrolled).await?;
        }
        if let Some(challenge) = response.claimed_challenge() {
            self.note_finished(&who.parent, &finished(&challenge), &who.ceremony, attempt.now).await?;
        }
        self.end_other_sessions(attempt, owner, who.slot.session(), others).await?;
        self.open_enrolled(attempt, who, passkey, made).await
    }

    /// Whether the answer to this challenge was taken a moment ago.
    async fn was_registered(&self, at: &CeremonyRef, credential: &SecretText, client: &Client) -> Answer<bool> {
        let parsed = RegistrationResponse::parse(credential.expose()).ok();
        let Some(challenge) = parsed.and_then(|response| response.claimed_challenge()) else { return Ok(false) };
        self.is_finished(at, &finished(&challenge), client).await
    }

    /// Backup codes, where this is the first thing that they stand in for; otherwise none. `None`: hashing is full.
    async fn first_codes(&self, attempt: &Attempt<'_>, enrolled: &Enrolled) -> Answer<Option<NewCodes>> {
        if enrolled.backup.is_some() || self.settings.backup_codes == 0 {
            return Ok(Some(NewCodes::default()));
        }
        self.make_codes(attempt).await
    }

    /// Takes the challenge and judges the answer; `None`: it was not asked here, or is answered already.
    async fn judged(
        &self,
        attempt: &Attempt<'_>,
        who: &Enrollee,
        name: Option<&str>,
        response: &RegistrationResponse,
    ) -> Answer<Option<Result<PasskeyRecord, Violation>>> {
        let Some(bond) = who.slot.bond() else { return Ok(None) };
        let claimed = response.claimed_challenge();
        let credentials = self.credentials(&who.account, &who.enrolled);
        let Some(asked) = self.take_challenge((&bond, &credentials), ChallengePurpose::Register, claimed).await? else {
            return Ok(None);
        };
        let Some(settings) = &self.settings.passkeys else { return Ok(None) };
        let expected = self.expected(attempt.client, &asked.challenge, asked.user_verification);
        let made = match passkey::register(response, &expected, &settings.models, asked.mediation, attempt.now) {
            Ok(made) => made,
            Err(violation) => return Ok(Some(Err(violation))),
        };
        let named = name.map(tidy).or(asked.name).filter(|name| !name.is_empty());
        Ok(Some(Ok(PasskeyRecord {
            id: self.ulid()?,
            name: named.unwrap_or_else(|| passkey::default_name(&made).to_owned()),
            rp_id: expected.rp_id.to_owned(),
            credential_id: made.credential_id,
            public_key: made.public_key,
            aaguid: made.aaguid,
            attested: made.attested,
            sign_count: made.sign_count,
            user_verified: made.user_verified,
            backup_eligible: made.backup_eligible,
            backup_state: made.backup_state,
            transports: made.transports,
            created_at: attempt.now,
            used_at: None,
        })))
    }

    /// Opens the session of a sign-in, or gives the one that there is a new token: the new passkey was just used.
    async fn open_enrolled(
        &self,
        attempt: &mut Attempt<'_>,
        who: Enrollee,
        passkey: PasskeyRecord,
        made: NewCodes,
    ) -> Answer<PasskeyAdded> {
        let mut enrolled = who.enrolled;
        enrolled.passkeys.push(passkey.clone());
        let credentials = self.credentials(&who.account, &enrolled);
        let enrolment = Ceremony { credentials, ..who.ceremony }.enrolment(who.parent, None);
        let offer = self.settings.offer_at(&enrolment.host);
        let Step::Complete(Complete::Open(completed)) =
            enrolment.advance(Verdict::Proved(passkey.method()), offer, attempt.now)
        else {
            return Err(StoreError::invariant("an enrolment asked for more than its key"));
        };
        Ok(match self.open(attempt, &who.account, &completed, &who.slot).await? {
            Ok(opened) => PasskeyAdded::Added { passkey: Box::new(passkey), backup_codes: made.codes, opened },
            Err(rejection) => PasskeyAdded::Rejected(rejection),
        })
    }
}

/// What is noted once the answer to a challenge was taken.
fn finished(challenge: &[u8]) -> String {
    format!("passkey {}", passkey::challenge_name(challenge))
}

/// A name as it is kept: one line, not too long.
pub(in crate::flow) fn tidy(name: &str) -> String {
    let shown = name.trim().chars().filter(|c| !c.is_control() && !crate::auth::text::invisible::is_invisible(*c));
    shown.take(NAME_CHARS).collect::<String>().trim().to_owned()
}
