//! What belongs to a person's authenticators, as kept in SQL. Secrets are sealed; codes are hashed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::passkey::PasskeyRecord;
use crate::auth::address::{mail_address, masked_mail, masked_phone};
use crate::auth::proof::{Method, MethodSet};
use crate::auth::time::Timestamp;
use crate::auth::user::Identity;

/// A secret sealed at rest by the vault. Opaque here.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed(pub Vec<u8>);

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealed(..)")
    }
}

/// An enrolled TOTP authenticator.
#[derive(Clone)]
pub struct TotpRecord {
    /// Its id (a ULID).
    pub id: String,
    /// The shared key, sealed for this user.
    pub secret: Sealed,
    /// Digits of a code: 6 or 8.
    pub digits: u8,
    /// Seconds of a time step.
    pub period: u64,
    /// The last time step spent; codes of it and of earlier ones are refused.
    pub last_step: Option<u64>,
    /// When it was enrolled.
    pub created_at: Timestamp,
    /// When it last proved anything.
    pub used_at: Option<Timestamp>,
}

/// The unused backup codes of a person.
#[derive(Clone)]
pub struct BackupSet {
    /// The salt all codes of the set are hashed with.
    pub salt: Vec<u8>,
    pub left: u32,
}

/// How an address is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AddressKind {
    /// By mail.
    Email,
    /// By text message.
    Sms,
}

impl AddressKind {
    /// Every kind, in the order in which pages list them.
    pub const ALL: [Self; 2] = [Self::Email, Self::Sms];

    /// Its name in YAML, JSON and the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Sms => "sms",
        }
    }

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The kind of the address that a code of this method is sent to.
    pub fn of(method: Method) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.method() == method)
    }

    /// The method that a code sent there proves.
    pub const fn method(self) -> Method {
        match self {
            Self::Email => Method::EmailCode,
            Self::Sms => Method::SmsCode,
        }
    }
}

/// An address that its owner has confirmed.
#[derive(Clone)]
pub struct AddressRecord {
    /// Its id (a ULID).
    pub id: String,
    pub kind: AddressKind,
    /// The mail address, or the number (E.164).
    pub value: String,
    pub confirmed_at: Timestamp,
}

impl AddressRecord {
    /// What two spellings of one address share.
    pub fn folded(&self) -> String {
        match self.kind {
            AddressKind::Email => mail_address::folded(&self.value),
            AddressKind::Sms => self.value.clone(),
        }
    }

    /// The address as people may see it who have not proved that it is theirs.
    pub fn masked(&self) -> String {
        match self.kind {
            AddressKind::Email => masked_mail(&self.value),
            AddressKind::Sms => masked_phone(&self.value),
        }
    }
}

/// Everything a person can prove with, beside the password.
#[derive(Clone, Default)]
pub struct Enrolled {
    /// The TOTP authenticator.
    pub totp: Option<TotpRecord>,
    /// The backup codes.
    pub backup: Option<BackupSet>,
    /// The passkeys and security keys, of every relying party ID.
    pub passkeys: Vec<PasskeyRecord>,
    /// The confirmed addresses, newest first.
    pub addresses: Vec<AddressRecord>,
    /// Methods that are switched off after too many wrong codes, and since when.
    pub locked: Vec<(Method, Timestamp)>,
    /// What the person calls an authenticator app or an address, by its id. A passkey has its name itself.
    pub names: BTreeMap<String, String>,
}

impl Enrolled {
    /// What is known of their owner, which a password must not be: the names for people, and every address.
    pub fn personal<'a>(&'a self, identity: &'a Identity) -> Vec<&'a str> {
        let addresses = self.addresses.iter().map(|address| address.value.as_str());
        identity.name.iter().chain(&identity.email).map(String::as_str).chain(addresses).collect()
    }

    /// The methods that are switched off.
    pub fn locked(&self) -> MethodSet {
        self.locked.iter().map(|(method, _)| *method).collect()
    }

    /// The methods that are there, also those switched off; a password is taken for granted only if `has_password`. With
    /// the relying party ID of a host, the passkeys of that one alone.
    pub fn methods(&self, has_password: bool, rp_id: Option<&str>) -> MethodSet {
        let mut set = MethodSet::EMPTY;
        if has_password {
            set = set.with(Method::Password);
        }
        if self.totp.is_some() {
            set = set.with(Method::Totp);
        }
        if self.backup.as_ref().is_some_and(|b| b.left > 0) {
            set = set.with(Method::BackupCode);
        }
        let at_hand = |passkey: &&PasskeyRecord| rp_id.is_none_or(|rp_id| passkey.rp_id == rp_id);
        let passkeys = self.passkeys.iter().filter(at_hand).map(PasskeyRecord::method);
        passkeys.chain(self.addresses.iter().map(|address| address.kind.method())).fold(set, MethodSet::with)
    }

    /// What the person calls their authenticator app.
    pub fn app_name(&self) -> Option<&str> {
        self.totp.as_ref().and_then(|app| self.name_of(&app.id))
    }

    /// What the person calls an authenticator app or an address of this id.
    pub fn name_of(&self, id: &str) -> Option<&str> {
        self.names.get(id).map(String::as_str)
    }

    /// The ids of all that is there beside the password and backup codes.
    pub fn ids(&self) -> Vec<&str> {
        let totp = self.totp.iter().map(|record| record.id.as_str());
        let passkeys = self.passkeys.iter().map(|passkey| passkey.id.as_str());
        totp.chain(passkeys).chain(self.addresses.iter().map(|address| address.id.as_str())).collect()
    }

    /// Names all that is there beside the password: another one for other authenticators and addresses. Without passkeys and
    /// addresses it is the text of the version before.
    pub fn fingerprint(&self) -> String {
        let totp = self.totp.as_ref().map_or("", |record| record.id.as_str());
        let mut others: Vec<&str> = self.passkeys.iter().map(|passkey| passkey.id.as_str()).collect();
        others.extend(self.addresses.iter().map(|address| address.id.as_str()));
        others.sort_unstable();
        others.into_iter().fold(totp.to_owned(), |text, id| text + "+" + id)
    }
}
