//! What becomes of a link in a letter that begins a sign-in.

use std::net::IpAddr;
use std::time::Duration;

use super::LoginReply;
use crate::auth::ceremony::CeremonyToken;
use crate::auth::secret::SecretText;
use crate::auth::time::Timestamp;

/// What becomes of the wish for a link. The same for everybody.
pub enum LinkAsked {
    /// It is on its way, if there is somebody to send it to.
    Sent {
        /// Names the browser that asked, for a cookie; `None`: a script did.
        browser: Option<CeremonyToken>,
        expires_in: Duration,
    },
    /// Links are not sent here.
    NotServed,
    /// It is no mail address.
    Malformed,
}

impl LinkAsked {
    /// How long a link is good.
    pub const LIVES: Duration = Duration::from_secs(600);
}

/// A link that waits, as its page needs it.
pub struct WaitingLink {
    /// Whether this is the browser that asked for it.
    pub here: bool,
    /// Whether a browser asked for it at all; a script takes the token itself.
    pub by_browser: bool,
    /// Where its person was going: the query of the pages of the sign-in.
    pub going: String,
    pub asked_at: Timestamp,
    pub client_ip: IpAddr,
}

/// What becomes of a link, or of the code that stands for it.
pub enum LinkFollowed {
    /// An address was reached: the sign-in goes on.
    On(LoginReply),
    /// This very link has led on a moment ago.
    AlreadyDone,
    /// It is none, or was used up otherwise, or is too old, or not for whoever presents it: told alike.
    Over,
}

/// The code that the page of a link shows in another browser.
pub struct ShownCode {
    pub code: SecretText,
    pub expires_in: Duration,
}
