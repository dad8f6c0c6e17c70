//! Letters to people, and how they are kept.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::notices::{LetterNotice, NoticeRecord};
use super::recipient::Recipient;
use super::{Answer, StoreError};
use crate::auth::secret::{SecretBytes, SecretText};

/// A letter: what its words are made from, and where it goes. It holds what must not be logged.
#[derive(Clone)]
pub enum Letter {
    /// The code of a sign-in or of a step-up.
    SignInCode(LetterCode),
    /// The code that confirms that an address is its owner's.
    AddressCode(LetterCode),
    /// A link that leads on, once.
    Link(LetterLink),
    /// Something that happened to an account.
    Notice(LetterNotice),
    /// Goes nowhere: written where nobody is to be reached, so that all requests cost the same.
    Nobody,
}

/// A code on its way to an address.
#[derive(Clone)]
pub struct LetterCode {
    pub to: Recipient,
    pub code: SecretText,
    /// The host at which it is to be entered.
    pub host: String,
    /// For how long it is good, from when it was made.
    pub valid: Duration,
}

/// A link on its way to an address. Following it changes nothing: it leads to a page with a button.
#[derive(Clone)]
pub struct LetterLink {
    pub to: Recipient,
    pub purpose: LinkPurpose,
    /// The whole address of the page, with its token.
    pub url: SecretText,
    /// What may be typed in the place of following the link.
    pub code: Option<SecretText>,
    /// The host that the page belongs to.
    pub host: String,
    /// For how long it is good, from when it was made.
    pub valid: Duration,
}

/// What following a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkPurpose {
    /// Confirms an address, which makes an account.
    SignUp,
    /// Somebody wants to make an account with an address that has one: the link leads to the sign-in.
    AddressTaken,
    /// An operator asks somebody in.
    Invitation,
    /// Begins a sign-in.
    SignIn,
    /// Begins what lets somebody sign in again who no longer can.
    Recovery,
    /// Ends the recovery of an account that waits.
    RecoveryWaits,
    /// Deletes an account.
    Deletion,
}

impl LinkPurpose {
    /// As it is sealed.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SignUp => "sign_up",
            Self::AddressTaken => "address_taken",
            Self::Invitation => "invitation",
            Self::SignIn => "sign_in",
            Self::Recovery => "recovery",
            Self::RecoveryWaits => "recovery_waits",
            Self::Deletion => "deletion",
        }
    }
}

/// The text that is sealed has a multiple of so many bytes: its length tells neither an address nor that there is none.
const BLOCK: usize = 512;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum LetterRecord {
    SignInCode(CodeRecord),
    AddressCode(CodeRecord),
    Link(LinkRecord),
    Notice(NoticeRecord),
    Nobody,
}

#[derive(Serialize, Deserialize)]
struct CodeRecord {
    to: Recipient,
    code: String,
    host: String,
    valid_secs: u64,
}

#[derive(Serialize, Deserialize)]
struct LinkRecord {
    to: Recipient,
    purpose: LinkPurpose,
    url: String,
    #[serde(default)]
    code: Option<String>,
    host: String,
    valid_secs: u64,
}

impl Letter {
    /// What is sealed.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn encode(&self) -> Answer<SecretBytes> {
        let record = match self {
            Self::SignInCode(code) => LetterRecord::SignInCode(code.into()),
            Self::AddressCode(code) => LetterRecord::AddressCode(code.into()),
            Self::Link(link) => LetterRecord::Link(link.into()),
            Self::Notice(notice) => LetterRecord::Notice(notice.into()),
            Self::Nobody => LetterRecord::Nobody,
        };
        let mut bytes = serde_json::to_vec(&record).map_err(|e| StoreError::new("database", e))?;
        let whole = bytes.len().next_multiple_of(BLOCK);
        bytes.resize(whole, b' ');
        Ok(SecretBytes::new(bytes))
    }

    /// Reads what was sealed.
    ///
    /// # Errors
    /// It is of another shape; the text repeats nothing of it.
    pub fn decode(plain: &SecretBytes) -> Answer<Self> {
        let record = serde_json::from_slice(plain.expose()).map_err(|e| {
            let text = format!("a letter cannot be read: {:?} error at column {}", e.classify(), e.column());
            StoreError::new("database", text)
        })?;
        Ok(match record {
            LetterRecord::SignInCode(code) => Self::SignInCode(code.into()),
            LetterRecord::AddressCode(code) => Self::AddressCode(code.into()),
            LetterRecord::Link(link) => Self::Link(link.into()),
            LetterRecord::Notice(notice) => Self::Notice(notice.into()),
            LetterRecord::Nobody => Self::Nobody,
        })
    }

    /// What it is, in one word.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::SignInCode(_) => "sign_in_code",
            Self::AddressCode(_) => "address_code",
            Self::Link(link) => link.purpose.name(),
            Self::Notice(notice) => notice.kind.name(),
            Self::Nobody => "nobody",
        }
    }

    /// Where it goes; `None` if nowhere.
    pub const fn recipient(&self) -> Option<&Recipient> {
        match self {
            Self::SignInCode(code) | Self::AddressCode(code) => Some(&code.to),
            Self::Link(link) => Some(&link.to),
            Self::Notice(notice) => Some(&notice.to),
            Self::Nobody => None,
        }
    }
}

impl From<&LetterCode> for CodeRecord {
    fn from(code: &LetterCode) -> Self {
        let LetterCode { to, code, host, valid } = code;
        Self { to: to.clone(), code: code.expose().to_owned(), host: host.clone(), valid_secs: valid.as_secs() }
    }
}

impl From<CodeRecord> for LetterCode {
    fn from(record: CodeRecord) -> Self {
        let CodeRecord { to, code, host, valid_secs } = record;
        Self { to, code: SecretText::new(code), host, valid: Duration::from_secs(valid_secs) }
    }
}

impl From<&LetterLink> for LinkRecord {
    fn from(link: &LetterLink) -> Self {
        let LetterLink { to, purpose, url, code, host, valid } = link;
        let code = code.as_ref().map(|code| code.expose().to_owned());
        let (to, url, host) = (to.clone(), url.expose().to_owned(), host.clone());
        Self { to, purpose: *purpose, url, code, host, valid_secs: valid.as_secs() }
    }
}

impl From<LinkRecord> for LetterLink {
    fn from(record: LinkRecord) -> Self {
        let LinkRecord { to, purpose, url, code, host, valid_secs } = record;
        let (url, code) = (SecretText::new(url), code.map(SecretText::new));
        Self { to, purpose, url, code, host, valid: Duration::from_secs(valid_secs) }
    }
}
