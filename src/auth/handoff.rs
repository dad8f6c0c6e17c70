//! A handoff: a browser is led from an app's host to the one where people sign in, and back by a ticket.
//!
//! The handoff travels in the address of our pages, sealed, so that a challenge to nobody is kept nowhere. It is good for one
//! ticket. The ticket is good once, on the host that the handoff came from, and in the browser that keeps the [`BindingToken`]
//! of that host: neither is of use to whoever else gets hold of it.

use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::proof::Slip;
use super::secret::SecretText;
use super::time::Timestamp;
use super::token::{self, TOKEN_BYTES};
use super::user::UserId;

/// How long a handoff is good for a ticket.
pub const HANDOFF_LASTS: Duration = Duration::from_secs(300);
/// How long a ticket may be on its way.
pub const TICKET_LASTS: Duration = Duration::from_secs(60);

const TICKET_PREFIX: &str = "sgt_";
const BINDING_PREFIX: &str = "sgh_";

/// Where a browser came from, and where it is to go once somebody has signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handoff {
    /// Names it where it is claimed. No secret.
    pub id: String,
    /// The app's host.
    pub host: String,
    /// What is to be opened there.
    pub to: String,
    /// Where to go instead: the page around it, where that is a frame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub around: Option<String>,
    /// The method of the request that was challenged.
    pub method: String,
    /// The form that waits on the app's host. Of no use without the cookie that the browser has there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<String>,
    /// The window of a script on the app's host that the browser came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub popup: Option<String>,
    /// How often the browser had been sent there when it was challenged.
    #[serde(default)]
    pub redirects: u8,
    /// The browser.
    pub binding: BindingKey,
    pub issued_at: Timestamp,
}

impl Handoff {
    /// How long it is good for a ticket yet; zero once it is not.
    pub fn time_left(&self, now: Timestamp) -> Duration {
        // Made by a node whose clock is ahead, it lasts no longer.
        HANDOFF_LASTS.saturating_sub(now.since(self.issued_at))
    }
}

/// What a browser keeps on an app's host while it is led away and back. Only its digest leaves that host.
#[derive(Clone)]
pub struct BindingToken(SecretText);

/// The digest of a [`BindingToken`].
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct BindingKey([u8; 32]);

impl BindingToken {
    /// Makes one of fresh random bytes.
    pub fn mint(random: &[u8; TOKEN_BYTES]) -> Self {
        Self(token::mint(BINDING_PREFIX, random))
    }

    /// Reads what a browser sent; `None` unless it has exactly the shape of one of ours.
    pub fn parse(text: &str) -> Option<Self> {
        token::parse(BINDING_PREFIX, text).map(Self)
    }

    /// The text for the cookie.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    pub fn key(&self) -> BindingKey {
        BindingKey(Sha256::digest(self.0.expose().as_bytes()).into())
    }
}

impl PartialEq for BindingKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for BindingKey {}

/// The bearer secret of a ticket: 256 bits. Never stored.
#[derive(Clone)]
pub struct TicketToken(SecretText);

impl TicketToken {
    /// Makes one of fresh random bytes.
    pub fn mint(random: &[u8; TOKEN_BYTES]) -> Self {
        Self(token::mint(TICKET_PREFIX, random))
    }

    /// Reads what a client sent; `None` unless it has exactly the shape of one of ours.
    pub fn parse(text: &str) -> Option<Self> {
        token::parse(TICKET_PREFIX, text).map(Self)
    }

    /// The text for the address.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// The digest under which the ticket is kept.
    pub fn name(&self) -> String {
        BASE64URL_NOPAD.encode(&Sha256::digest(self.0.expose().as_bytes()))
    }
}

/// What a ticket stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    pub handoff: Handoff,
    pub user: UserId,
    /// The id of the session, which all hosts of its family share.
    pub session: String,
    pub issued_at: Timestamp,
    /// What was proved for the one request that the browser came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slip: Option<Slip>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_have_shapes_of_their_own_and_no_other_is_read() {
        let (ticket, binding) = (TicketToken::mint(&[7; TOKEN_BYTES]), BindingToken::mint(&[7; TOKEN_BYTES]));
        assert!(TicketToken::parse(ticket.expose()).is_some_and(|read| read.name() == ticket.name()));
        assert!(BindingToken::parse(binding.expose()).is_some_and(|read| read.key() == binding.key()));
        assert!(binding.key() != BindingToken::mint(&[8; TOKEN_BYTES]).key());
        assert!(TicketToken::parse(binding.expose()).is_none() && BindingToken::parse(ticket.expose()).is_none());
        for text in [ticket.expose(), binding.expose()] {
            for bad in ["", &text[..4], &text[..text.len() - 1], &format!("{text}A"), &format!(" {text}")] {
                assert!(TicketToken::parse(bad).is_none() && BindingToken::parse(bad).is_none(), "{bad}");
            }
        }
    }

    #[test]
    fn a_handoff_lasts_no_longer_than_it_may_whatever_the_clocks_say() {
        let at = Timestamp::from_secs(1_000_000);
        let binding = BindingToken::mint(&[7; TOKEN_BYTES]).key();
        let (id, host, to) = ("1".to_owned(), "app.test".to_owned(), "/".to_owned());
        let handoff = Handoff {
            id,
            host,
            to,
            around: None,
            method: "GET".to_owned(),
            form: None,
            popup: None,
            redirects: 0,
            binding,
            issued_at: at,
        };
        assert_eq!(handoff.time_left(at), HANDOFF_LASTS);
        assert_eq!(handoff.time_left(at.minus(Duration::from_secs(60))), HANDOFF_LASTS);
        assert_eq!(handoff.time_left(at.plus(Duration::from_secs(299))), Duration::from_secs(1));
        assert_eq!(handoff.time_left(at.plus(HANDOFF_LASTS)), Duration::ZERO);
    }
}
