//! Accounts that people make for themselves. Until an address is confirmed there is a value of a moment and no account, and
//! whoever asks learns nothing of who has one: the same writes, the same work, the same answer.
//!
//! A sign-up is kept under its address, and holds a claim of each who began it: the link or the code of a letter shows that the
//! address was reached, the password of a claim shows who reached it. So a stranger who begins with somebody's address gets
//! nothing when its owner confirms it, and neither does whoever reads the letter.

mod begin;
mod claims;
mod confirm;
mod invite;
mod open;

use std::time::Duration;

pub use confirm::Confirmation;
pub use invite::{InvitationMade, NewInvitation};

use crate::auth::factor::password::Unfit;
use crate::auth::handoff::BindingToken;
use crate::auth::link_token::LinkToken;
use crate::auth::secret::SecretText;
use crate::auth::user::Identity;
use crate::flow::reply::LoginReply;

/// How long a sign-up waits for its confirmation.
pub const SIGN_UP_LIVES: Duration = Duration::from_secs(30 * 60);
/// How long another user name can be given where the one that was asked for is taken. What waits lives as much longer than its letter,
/// so that nothing leads to what is over.
const ANOTHER_NAME_LIVES: Duration = Duration::from_secs(10 * 60);
/// How long an invitation is good.
pub const INVITATION_LIVES: Duration = Duration::from_secs(7 * 24 * 3600);

/// What somebody gives who wants an account.
pub struct SignUpForm<'a> {
    /// Without one, the address is the name.
    pub username: Option<&'a str>,
    pub email: &'a str,
    pub password: SecretText,
    /// Whether they want a second factor at once.
    pub enable_mfa: bool,
    /// The browser that begins it.
    pub browser: Option<&'a BindingToken>,
}

/// What becomes of that.
pub enum SignUpBegun {
    /// A letter is on its way there, whoever has the address.
    Sent {
        email: String,
        expires_in: Duration,
    },
    /// By what was given alone.
    Unusable(Vec<SignUpMistake>),
    Wait(Duration),
    Busy,
    /// Nobody makes accounts here.
    Off,
}

/// What is wrong with what was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignUpMistake {
    Email,
    /// The operator lets no address of this domain in.
    Domain,
    Username,
    Password(Unfit),
}

/// What shows that the address was reached.
pub enum ReachedBy<'a> {
    Link(&'a LinkToken),
    Code { email: &'a str, code: &'a SecretText },
}

/// What shows who reached it.
pub enum ClaimedBy {
    /// The password of the sign-up, or for an invitation the one that is to be set.
    Password(SecretText),
    /// The browser that began it.
    Browser(BindingToken),
}

/// What becomes of a confirmation.
pub enum SignUpConfirmed {
    /// There is an account, and its owner is signed in by what was proved, or asked to set up more.
    Made {
        who: Box<Identity>,
        reply: LoginReply,
    },
    /// The address is confirmed, the name is somebody's: the link confirms it again with another one.
    UsernameTaken(LinkToken),
    Unusable(SignUpMistake),
    /// It has made an account already.
    AlreadyDone,
    /// The code, or the password, is not right, or nothing waits there.
    Wrong,
    /// The link is none, or was used, or is too old.
    Over,
    Wait(Duration),
    Busy,
}

/// What a link leads to, for its page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WaitingSignUp {
    Claimed {
        email: String,
        /// Whether the browser asks that began it.
        is_own: bool,
    },
    Invited {
        email: String,
    },
}
