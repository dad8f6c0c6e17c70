//! A sign-in that waits for the link in a letter to be followed: single use, of one host and of the browser that asked.

use std::borrow::Cow;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::transient::{JsonRecord, TransientKind};
use crate::auth::ceremony::CeremonyKey;
use crate::auth::session::Channel;
use crate::auth::time::Timestamp;
use crate::auth::user::UserId;

/// What a link in a letter leads on with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInLink {
    /// Whose address it was sent to; `None`: nobody's, and it was not sent.
    pub user: Option<UserId>,
    /// Stands for what the account proved itself with when it was asked for.
    pub credentials: String,
    /// The address, in its folded spelling.
    pub folded: String,
    /// The host it was asked for on; of no use elsewhere.
    pub host: String,
    pub channel: Channel,
    /// Names the browser that asked; `None`: a script did.
    pub browser: Option<CeremonyKey>,
    /// Where its person was going: the query of the pages of the sign-in.
    pub going: String,
    pub asked_at: Timestamp,
    /// From where it was asked for.
    pub client_ip: IpAddr,
}

impl JsonRecord for SignInLink {
    const KIND: TransientKind = TransientKind::SignInLink;
    /// The digest of its token, while it waits and after it has led on, or the name of the browser in which its code is to be entered.
    type Key = str;

    fn name(key: &str) -> Cow<'_, str> {
        key.into()
    }
}
