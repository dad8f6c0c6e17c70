//! Codes that are sent to an address of a person. Whoever asks for one is answered alike, whether or not there is somebody
//! to send it to, and whether or not too many were asked for: the same writes, the same words.

mod limits;

use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;

use super::Flows;
use super::attempt::Attempt;
use super::ceremony::stored::{Resumed, Slot};
use super::ports::{Account, Answer, CodeDigest, Letter, LetterCode, Recipient, StoreError};
use super::reply::{CeremonyRef, Client, CodeReply, Outcome, WithEvents};
use crate::auth::address::phone_number::PhoneNumber;
use crate::auth::event::{Deed, What};
use crate::auth::factor::authenticator::{AddressKind, AddressRecord, Enrolled};
use crate::auth::factor::sent_code;
use crate::auth::secret::SecretText;
use crate::auth::user::UserId;

/// How often a code is drawn before that counts as a fault of the randomness.
const DRAWS: usize = 4;

/// What a code is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum CodePurpose {
    /// To prove who one is.
    Proof,
    /// To confirm that an address is one's own.
    Confirmation,
}

/// The one code that waits in a sign-in or a session, for one purpose.
pub(super) struct CodeSlot {
    pub(super) kind: AddressKind,
    purpose: CodePurpose,
    bond: String,
}

/// Whose a code is.
pub(super) struct CodeOwner {
    user: UserId,
    /// What they prove themselves with, in a session: the code is void once that is another. A sign-in under way ends by itself.
    credentials: Option<String>,
}

impl CodeSlot {
    /// `None`: in a sign-in that has just begun, nothing was sent.
    pub(super) fn of(slot: &Slot, kind: AddressKind, purpose: CodePurpose) -> Option<Self> {
        slot.bond().map(|bond| Self { kind, purpose, bond })
    }

    /// Its name among codes: a new one takes the place of the one before, whose attempts count on.
    pub(super) fn name(&self) -> String {
        format!("{}:{}:{}", self.kind.name(), self.purpose(), self.bond)
    }

    const fn purpose(&self) -> &'static str {
        match self.purpose {
            CodePurpose::Proof => "proof",
            CodePurpose::Confirmation => "confirmation",
        }
    }
}

impl Flows {
    /// Sends a code to the address of who signs in or is signed in.
    ///
    /// # Errors
    /// A store did not answer; a code may be on its way that opens nothing.
    pub async fn send_code(&self, at: &CeremonyRef, kind: AddressKind, client: &Client) -> Outcome<CodeReply> {
        let (mut attempt, resumed) = self.resume(at, client).await.map_err(WithEvents::none)?;
        let reply = match resumed {
            Some(resumed) => self.send_in(&mut attempt, &resumed, kind).await,
            None => {
                let _ = Self::reject_ended(&mut attempt, kind.method(), at.ended());
                Ok(CodeReply::Gone)
            }
        };
        attempt.finish(reply)
    }

    async fn send_in(
        &self,
        attempt: &mut Attempt<'_>,
        Resumed { ceremony, slot }: &Resumed,
        kind: AddressKind,
    ) -> Answer<CodeReply> {
        let host = &attempt.client.host;
        let served = self.settings.offer_at(host).served.contains(kind.method());
        // Where no code signs in, one may still be asked for before somebody sets up what does.
        let first = kind == AddressKind::Email && self.settings.mail;
        let possible = (served || first) && !ceremony.is_unproved();
        let Some(code) = CodeSlot::of(slot, kind, CodePurpose::Proof).filter(|_| possible) else {
            return Ok(CodeReply::NotServed);
        };
        let room = self.charge_asker(attempt, kind).await?;
        let account = match self.account_of(ceremony, slot).await? {
            Ok(account) => Some(account),
            Err(_) if matches!(slot, Slot::Session(..)) => return Ok(CodeReply::Gone),
            Err(_) => None,
        };
        let enrolled = match &account {
            Some(account) => self.ports.authenticators.of(&account.identity.id).await?,
            None => Enrolled::default(),
        };
        if !served && !account.as_ref().is_some_and(|account| self.mails_for_first(account, &enrolled)) {
            return Ok(CodeReply::NotServed);
        }
        let off = enrolled.locked().contains(kind.method());
        let address = self.address_for_codes(&enrolled, kind).filter(|_| !off);
        let owner = account.as_ref().map(|account| self.code_owner(account, &enrolled, slot));
        self.send(attempt, &code, owner.as_ref(), address, room).await
    }

    /// The address that codes of this kind go to: the newest, if it is of a country that is served.
    pub(super) fn address_for_codes<'a>(&self, enrolled: &'a Enrolled, kind: AddressKind) -> Option<&'a AddressRecord> {
        let countries = &self.settings.codes.countries;
        enrolled.addresses.iter().find(|address| address.kind == kind).filter(|address| match kind {
            AddressKind::Email => true,
            AddressKind::Sms => PhoneNumber::parse(&address.value).and_then(|number| number.of(countries)).is_ok(),
        })
    }

    /// Sends a code there, or to nobody; `room`: whether whoever asks may have another one.
    pub(super) async fn send(
        &self,
        attempt: &mut Attempt<'_>,
        code: &CodeSlot,
        owner: Option<&CodeOwner>,
        address: Option<&AddressRecord>,
        room: bool,
    ) -> Answer<CodeReply> {
        let (kind, lifetime) = (code.kind, self.settings.codes.shape(code.kind).lifetime);
        let sent_to = match address {
            Some(address) => address.masked(),
            None => self.mask_of_nobody(attempt, kind),
        };
        let expires_in = lifetime;
        if !room || !self.charge_address(attempt, code, address).await? {
            return Ok(CodeReply::Sent { sent_to, expires_in });
        }
        let secret = self.draw_code(self.settings.codes.shape(kind).digits)?;
        let folded = address.map_or_else(String::new, AddressRecord::folded);
        let nobody = CodeOwner { user: UserId(String::new()), credentials: None };
        let digest = self.code_digest(code, owner.unwrap_or(&nobody), &folded, &secret);
        attempt.intend(Deed::Sending, Some(kind.method()));
        let kept = self.ports.codes.put(&code.name(), digest, sent_code::ATTEMPTS, lifetime).await?;
        // A code that was not kept opens nothing: it goes to nobody.
        let address = address.filter(|_| kept);
        let letter = address.map_or(Letter::Nobody, |address| letter(code, address, secret, attempt, lifetime));
        self.ports.outbox.put(&letter, attempt.now, attempt.now.plus(lifetime)).await?;
        match address {
            Some(_) => attempt.record(What::CodeSent { method: kind.method() }),
            None => attempt.clear_intent(),
        }
        Ok(if kept { CodeReply::Sent { sent_to, expires_in } } else { CodeReply::UsedUp { sent_to, expires_in } })
    }

    /// Whose a code is that is sent, or given, there.
    pub(super) fn code_owner(&self, account: &Account, enrolled: &Enrolled, slot: &Slot) -> CodeOwner {
        let credentials = slot.session().map(|_| self.credentials(account, enrolled));
        CodeOwner { user: account.identity.id.clone(), credentials }
    }

    /// What is kept of a code: a keyed digest, for one slot, one person and one address.
    pub(super) fn code_digest(
        &self,
        code: &CodeSlot,
        owner: &CodeOwner,
        folded: &str,
        secret: &SecretText,
    ) -> CodeDigest {
        let CodeOwner { user, credentials } = owner;
        let data = match credentials {
            None => serde_json::json!([code.name(), user.0, folded, secret.expose()]),
            Some(credentials) => serde_json::json!([code.name(), user.0, folded, secret.expose(), credentials]),
        };
        let data = data.to_string();
        CodeDigest(self.ports.vault.digest("sent-code", data.as_bytes()))
    }

    pub(super) fn draw_code(&self, digits: u8) -> Answer<SecretText> {
        for _ in 0..DRAWS {
            if let Some(code) = sent_code::mint(&self.random()?, digits) {
                return Ok(code);
            }
        }
        Err(StoreError::new("system", "the randomness is none"))
    }

    /// What a page shows where there is no address: the same for a name at any time, and like any other.
    fn mask_of_nobody(&self, attempt: &Attempt<'_>, kind: AddressKind) -> String {
        let digest = self.ports.vault.digest("mask", attempt.account.as_bytes());
        let pick = |at: usize, among: &[u8]| {
            let byte = digest.get(at).copied().unwrap_or_default();
            among.get(usize::from(byte) % among.len().max(1)).map_or_else(String::new, |b| char::from(*b).to_string())
        };
        const LETTERS: &[u8] = b"abcdefghijklmnoprstuvw";
        const DIGITS: &[u8] = b"0123456789";
        let value = match kind {
            AddressKind::Email => format!("{}x@{}x.com", pick(0, LETTERS), pick(1, LETTERS)),
            AddressKind::Sms => format!("+{}{}", pick(0, DIGITS), pick(1, DIGITS)),
        };
        AddressRecord { id: String::new(), kind, value, confirmed_at: attempt.now }.masked()
    }

    /// Names an address among counters, without telling it. Nobody's is that of the name that was given. Strangers may ask to
    /// confirm an address as theirs: that must not use up what its owner signs in by.
    pub(super) fn address_tag(
        &self,
        attempt: &Attempt<'_>,
        code: &CodeSlot,
        address: Option<&AddressRecord>,
    ) -> String {
        let name = address.map_or_else(|| format!("nobody {}", attempt.account), AddressRecord::folded);
        self.counter_tag(code.purpose(), &name)
    }

    /// Names what is sent somewhere among counters.
    pub(super) fn counter_tag(&self, purpose: &str, name: &str) -> String {
        let name = format!("{purpose} {name}");
        let digest = self.ports.vault.digest("address-counter", name.as_bytes());
        BASE64URL_NOPAD.encode(digest.get(..16).unwrap_or_default())
    }
}

fn letter(
    code: &CodeSlot,
    address: &AddressRecord,
    secret: SecretText,
    attempt: &Attempt<'_>,
    valid: Duration,
) -> Letter {
    let value = address.value.clone();
    let to = match address.kind {
        AddressKind::Email => Recipient::Email(value),
        AddressKind::Sms => Recipient::Phone(value),
    };
    let code_letter = LetterCode { to, code: secret, host: attempt.client.host.clone(), valid };
    match code.purpose {
        CodePurpose::Proof => Letter::SignInCode(code_letter),
        CodePurpose::Confirmation => Letter::AddressCode(code_letter),
    }
}
