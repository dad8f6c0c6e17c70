//! Letters that tell people of what happened to their account, and what the link in one stands for.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::recipient::Recipient;
use super::transient::{JsonRecord, TransientKind};
use crate::auth::link_token::LinkToken;
use crate::auth::notice_kind::NoticeKind;
use crate::auth::secret::SecretText;
use crate::auth::time::Timestamp;
use crate::auth::user::{UserId, Username};

/// What happened, when and from where, on its way to an address.
#[derive(Clone)]
pub struct LetterNotice {
    pub to: Recipient,
    pub kind: NoticeKind,
    pub username: Username,
    pub at: Timestamp,
    /// `None`: an operator did it on the machine.
    pub origin: Option<NoticeOrigin>,
    /// The whole address of the page on which it can be said that it was somebody else, with its token.
    pub url: SecretText,
    /// The host that the page belongs to.
    pub host: String,
}

/// From where something was done, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeOrigin {
    pub ip: String,
    /// Two letters (ISO 3166-1).
    #[serde(default)]
    pub country: Option<String>,
    /// The organisation whose network it is.
    #[serde(default)]
    pub network_owner: Option<String>,
    /// The browser and its system, as the audit trail writes them.
    #[serde(default)]
    pub agent: Option<String>,
}

/// What is kept of such a letter.
#[derive(Serialize, Deserialize)]
pub(super) struct NoticeRecord {
    to: Recipient,
    kind: NoticeKind,
    username: Username,
    at: Timestamp,
    #[serde(default)]
    origin: Option<NoticeOrigin>,
    url: String,
    host: String,
}

impl From<&LetterNotice> for NoticeRecord {
    fn from(notice: &LetterNotice) -> Self {
        let LetterNotice { to, kind, username, at, origin, url, host } = notice.clone();
        Self { to, kind, username, at, origin, url: url.expose().to_owned(), host }
    }
}

impl From<NoticeRecord> for LetterNotice {
    fn from(record: NoticeRecord) -> Self {
        let NoticeRecord { to, kind, username, at, origin, url, host } = record;
        Self { to, kind, username, at, origin, url: SecretText::new(url), host }
    }
}

/// What the link in such a letter stands for, once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeLink {
    /// `None`: the account was deleted, and nothing tells whose it was.
    pub user: Option<UserId>,
    pub at: Timestamp,
}

impl JsonRecord for NoticeLink {
    const KIND: TransientKind = TransientKind::Notice;
    type Key = LinkToken;

    fn name(key: &LinkToken) -> Cow<'_, str> {
        key.name().into()
    }
}
