//! Addresses: added and confirmed by a code, in a session that is fresh and as strong as the account can be. The one that
//! waits for its code is the challenge of an enrolment; no other account learns of it.

mod naming;
mod removal;

use serde::{Deserialize, Serialize};

use crate::auth::address::mail_address;
use crate::auth::address::phone_number::{NumberRefusal, PhoneNumber};
use crate::auth::ceremony::{Ceremony, CeremonyKey, Parent};
use crate::auth::event::{Deed, RejectReason, What};
use crate::auth::factor::authenticator::{AddressKind, AddressRecord, Enrolled};
use crate::auth::notice_kind::NoticeKind;
use crate::auth::proof::{Method, MethodSet, Strength};
use crate::auth::secret::{SecretBytes, SecretText};
use crate::auth::session::Session;
use crate::auth::user::UserId;
use crate::flow::Flows;
use crate::flow::attempt::Attempt;
use crate::flow::ceremony::stored::{Resumed, Slot};
use crate::flow::ports::{Account, Answer, StoreError};
use crate::flow::reply::OtherSessions;
use crate::flow::reply::{
    AddressAsked, AddressConfirmed, CeremonyRef, Client, CodeReply, Outcome, Rejection, WithEvents,
};
use crate::flow::sealing::challenge_context;
use crate::flow::sent_codes::{CodeOwner, CodePurpose, CodeSlot};

/// What is noted once an address was confirmed.
const FINISHED: &str = "address";

/// Whose addresses are looked after, as the stores have it now.
struct Owner {
    user: UserId,
    account: Account,
    ceremony: Ceremony,
    slot: Slot,
    enrolled: Enrolled,
    /// What must be proved first; empty: nothing.
    missing: MethodSet,
}

/// An address that waits for its code.
#[derive(Serialize, Deserialize)]
struct WaitingAddress {
    kind: AddressKind,
    value: String,
}

impl Flows {
    /// The confirmed addresses of a person, newest first.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn addresses_of(&self, session: &Session) -> Answer<Vec<AddressRecord>> {
        Ok(self.ports.authenticators.of(&session.identity.id).await?.addresses)
    }

    /// All that a person has enrolled, with its names.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn enrolled_of(&self, session: &Session) -> Answer<Enrolled> {
        self.ports.authenticators.of(&session.identity.id).await
    }

    /// What must be proved before somebody may change their addresses; `None`: their session is over.
    ///
    /// # Errors
    /// A store did not answer.
    pub async fn before_addresses(&self, at: &CeremonyRef, client: &Client) -> Answer<Option<MethodSet>> {
        let (_, owner) = self.owner(at, client).await?;
        Ok(owner.map(|owner| owner.missing))
    }

    /// Sends a code to an address that somebody gives as theirs.
    ///
    /// # Errors
    /// A store did not answer; nothing is confirmed.
    pub async fn add_address(
        &self,
        at: &CeremonyRef,
        kind: AddressKind,
        typed: &str,
        client: &Client,
    ) -> Outcome<AddressAsked> {
        let (mut attempt, owner) = self.owner(at, client).await.map_err(WithEvents::none)?;
        let reply = match owner {
            Some(owner) if owner.missing.is_empty() => self.ask_to_confirm(&mut attempt, &owner, kind, typed).await,
            Some(owner) => Ok(AddressAsked::ProveFirst(owner.missing)),
            None => Ok(AddressAsked::Gone),
        };
        attempt.finish(reply)
    }

    async fn ask_to_confirm(
        &self,
        attempt: &mut Attempt<'_>,
        owner: &Owner,
        kind: AddressKind,
        typed: &str,
    ) -> Answer<AddressAsked> {
        if !self.settings.offer_at(&attempt.client.host).served.contains(kind.method()) {
            return Ok(AddressAsked::NotServed);
        }
        let value = match self.read_address(kind, typed) {
            Ok(value) => value,
            Err(why) => return Ok(AddressAsked::Unusable(why)),
        };
        let address = AddressRecord { id: String::new(), kind, value, confirmed_at: attempt.now };
        let of_kind = owner.enrolled.addresses.iter().filter(|other| other.kind == kind);
        if of_kind.clone().any(|other| other.folded() == address.folded()) {
            return Ok(AddressAsked::Known);
        }
        if of_kind.count() >= usize::try_from(self.settings.codes.most_addresses).unwrap_or(usize::MAX) {
            return Ok(AddressAsked::TooMany);
        }
        let Some(code) = CodeSlot::of(&owner.slot, kind, CodePurpose::Confirmation) else {
            return Ok(AddressAsked::Gone);
        };
        let room = self.charge_asker(attempt, kind).await?;
        let (key, parent) = waiting_at(&owner.slot)?;
        let waiting = WaitingAddress { kind, value: address.value.clone() };
        let plain = serde_json::to_vec(&waiting).map_err(|e| StoreError::new("flow", e))?;
        let challenge = self.ports.vault.seal(&challenge_context(&owner.user, &key), &SecretBytes::new(plain))?;
        let enrolment = owner.ceremony.clone().enrolment(parent, Some(challenge));
        self.replace_enrolment(&key, &enrolment, attempt.now).await?;
        match self.send(attempt, &code, Some(&self.owner_of_code(owner)), Some(&address), room).await? {
            CodeReply::Sent { expires_in, .. } => Ok(AddressAsked::Sent { to: address.value, expires_in }),
            CodeReply::UsedUp { .. } => Ok(AddressAsked::UsedUp),
            CodeReply::Gone | CodeReply::NotServed => Ok(AddressAsked::Gone),
        }
    }

    /// Confirms the address that waits, by its code, which is spent by that.
    ///
    /// # Errors
    /// A store did not answer; the address counts only if the last write did.
    pub async fn confirm_address(
        &self,
        at: &CeremonyRef,
        code: &SecretText,
        others: OtherSessions,
        client: &Client,
    ) -> Outcome<AddressConfirmed> {
        let (mut attempt, owner) = self.owner(at, client).await.map_err(WithEvents::none)?;
        let reply = match owner {
            Some(owner) if owner.missing.is_empty() => {
                self.confirm_waiting(&mut attempt, (at, &owner), code, others).await
            }
            // It was confirmed, and the account owns more since.
            Some(_) if self.is_finished(at, FINISHED, client).await.map_err(WithEvents::none)? => {
                Ok(AddressConfirmed::AlreadyDone)
            }
            Some(owner) => Ok(AddressConfirmed::ProveFirst(owner.missing)),
            None => Ok(AddressConfirmed::Gone),
        };
        attempt.finish(reply)
    }

    async fn confirm_waiting(
        &self,
        attempt: &mut Attempt<'_>,
        (at, owner): (&CeremonyRef, &Owner),
        typed: &SecretText,
        others: OtherSessions,
    ) -> Answer<AddressConfirmed> {
        let (key, parent) = waiting_at(&owner.slot)?;
        let Some(WaitingAddress { kind, value }) = self.waiting_address(attempt, owner, &key).await? else {
            let finished = self.is_finished(at, FINISHED, attempt.client).await?;
            return Ok(if finished {
                AddressConfirmed::AlreadyDone
            } else {
                AddressConfirmed::Rejected(Rejection::NoCode)
            });
        };
        let method = kind.method();
        if let Some(wait) = self.charge(attempt, method).await? {
            return Ok(AddressConfirmed::Wait(wait));
        }
        let address = AddressRecord { id: self.ulid()?, kind, value, confirmed_at: attempt.now };
        let Some(code) = CodeSlot::of(&owner.slot, kind, CodePurpose::Confirmation) else {
            return Ok(AddressConfirmed::Gone);
        };
        let spent = self.spend_sent_code(attempt, &code, &self.owner_of_code(owner), &address.folded(), typed).await?;
        if let Err(mismatch) = spent {
            attempt.record(What::ProofRejected { method, reason: mismatch.reason });
            return Ok(AddressConfirmed::Rejected(mismatch.rejection));
        }
        self.take_enrolment(&key).await?;
        self.refund_correct(attempt).await?;
        self.end_other_sessions(attempt, &owner.user, owner.slot.session(), others).await?;
        attempt.intend(Deed::Binding, Some(method));
        let most = self.settings.codes.most_addresses;
        let mut told = owner.enrolled.clone();
        told.addresses.push(address.clone());
        let added = NoticeKind::AddressAdded(address.masked());
        let records = self.notices(attempt, &owner.user, added, &told).await?;
        if !self.ports.addresses.add(&owner.user, &address, most, &records).await? {
            // Told to nobody who does not read what is sent there.
            attempt.record(What::ProofRejected { method, reason: RejectReason::Taken });
            return Ok(AddressConfirmed::Taken);
        }
        attempt.record(What::AuthenticatorAdded { method });
        self.end_other_sessions(attempt, &owner.user, owner.slot.session(), others).await?;
        self.note_finished(&parent, FINISHED, &owner.ceremony, attempt.now).await?;
        Ok(AddressConfirmed::Added(address))
    }

    /// The address that waits for its code in this session, as its owner sees it.
    ///
    /// # Errors
    /// A store did not answer.
    pub async fn address_to_confirm(&self, at: &CeremonyRef, client: &Client) -> Answer<Option<(AddressKind, String)>> {
        let (attempt, owner) = self.owner(at, client).await?;
        let Some(owner) = owner else { return Ok(None) };
        let (key, _) = waiting_at(&owner.slot)?;
        let waiting = self.waiting_address(&attempt, &owner, &key).await?;
        Ok(waiting.map(|waiting| (waiting.kind, waiting.value)))
    }

    async fn waiting_address(
        &self,
        attempt: &Attempt<'_>,
        owner: &Owner,
        key: &CeremonyKey,
    ) -> Answer<Option<WaitingAddress>> {
        let kept = self.stored_ceremony(key, attempt.client, attempt.now).await?;
        let Some(challenge) = kept.and_then(|kept| kept.challenge) else { return Ok(None) };
        let plain = self.ports.vault.open(&challenge_context(&owner.user, key), &challenge)?;
        Ok(serde_json::from_slice(plain.expose()).ok())
    }

    /// The person of a live session, and what they must prove before they may change where codes go.
    async fn owner<'a>(&self, at: &CeremonyRef, client: &'a Client) -> Answer<(Attempt<'a>, Option<Owner>)> {
        let (attempt, resumed) = self.resume(at, client).await?;
        let Some(Resumed { ceremony, slot }) = resumed else { return Ok((attempt, None)) };
        if !matches!(slot, Slot::Session(..)) {
            return Ok((attempt, None));
        }
        let Ok(account) = self.account_of(&ceremony, &slot).await? else { return Ok((attempt, None)) };
        let user = account.identity.id.clone();
        let enrolled = self.ports.authenticators.of(&user).await?;
        let has_password = account.password_hash.is_some();
        let owned = enrolled.methods(has_password, None).closed().and(self.settings.served());
        let fresh = ceremony.proofs.fresh(self.settings.enroll_max_age, attempt.now);
        let first = self.missing_for_first(&account, &enrolled, fresh);
        let missing = if first.is_empty() { still_to_prove(owned, fresh) } else { first };
        Ok((attempt, Some(Owner { user, account, ceremony, slot, enrolled, missing })))
    }

    fn owner_of_code(&self, owner: &Owner) -> CodeOwner {
        self.code_owner(&owner.account, &owner.enrolled, &owner.slot)
    }

    /// The address in what somebody typed.
    fn read_address(&self, kind: AddressKind, typed: &str) -> Result<String, NumberRefusal> {
        match kind {
            AddressKind::Email => mail_address::parse(typed).ok_or(NumberRefusal::Malformed),
            AddressKind::Sms => {
                let number = PhoneNumber::parse(typed)?.of(&self.settings.codes.countries)?;
                Ok(number.e164)
            }
        }
    }
}

/// The methods that do not run out: a rule must not be left to backup codes alone.
pub(in crate::flow) fn lasting(methods: MethodSet) -> MethodSet {
    methods.minus(MethodSet::EMPTY.with(Method::BackupCode))
}

/// What brings somebody who has proved `fresh` lately as far as their account can go; empty: they are there.
pub(super) fn still_to_prove(owned: MethodSet, fresh: MethodSet) -> MethodSet {
    let (reached, most) = (Strength::of(fresh), Strength::of(owned));
    if reached.is_some() && reached >= most {
        return MethodSet::EMPTY;
    }
    let nearer = owned.minus(fresh);
    // What raises the strength at once comes first; where nothing does alone, everything is named.
    let raises: MethodSet = nearer.iter().filter(|m| Strength::of(fresh.with(*m)) >= most).collect();
    if raises.is_empty() { nearer } else { raises }
}

/// Where the address that waits in this session is kept.
fn waiting_at(slot: &Slot) -> Answer<(CeremonyKey, Parent)> {
    let parent = slot.parent().ok_or_else(|| StoreError::invariant("addresses are changed in sessions alone"))?;
    Ok((parent.address_key(), parent))
}
