//! What flows answer: values, never errors, for everything a person can do; with the events to record.

mod account;
mod addresses;
mod changes;
mod deletion;
mod disabling;
mod mailed_link;
mod passkeys;
mod recovery;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::auth::ceremony::{Ceremony, CeremonyToken};
use crate::auth::event::Event;
use crate::auth::history::Notice;
use crate::auth::link_token::LinkToken;
use crate::auth::proof::{Method, MethodSet};
use crate::auth::secret::SecretText;
use crate::auth::session::{Channel, Session, SessionToken};
use crate::auth::slip_token::SlipToken;
use crate::auth::time::Timestamp;
use crate::auth::user::Username;
use crate::flow::agent_name::AgentName;
use crate::flow::ports::{LetterLink, LinkPurpose, Recipient, StoreError};

pub use account::*;
pub use addresses::*;
pub use changes::*;
pub use deletion::*;
pub use disabling::MfaDisabled;
pub use mailed_link::*;
pub use passkeys::*;
pub use recovery::*;

/// What a flow returns, and the events on the way to it. The edge records the events, once.
#[derive(Debug)]
pub struct WithEvents<T> {
    pub value: T,
    /// In order. After a fault, the last one may be what is unsettled.
    pub events: Vec<Event>,
}

impl<T> WithEvents<T> {
    /// Before anything happened.
    pub const fn none(value: T) -> Self {
        Self { value, events: Vec::new() }
    }
}

/// What a flow that changes something returns. Events before a fault did happen, and are recorded too.
pub type Outcome<T> = Result<WithEvents<T>, WithEvents<StoreError>>;

/// Who is at the other end, as far as the connection tells.
#[derive(Clone)]
pub struct Client {
    /// The address, after trusted proxies.
    pub ip: IpAddr,
    /// `User-Agent`, as received.
    pub user_agent: Option<String>,
    /// `Sec-CH-UA`, `Sec-CH-UA-Mobile`, `Sec-CH-UA-Platform`.
    pub hints: [Option<String>; 3],
    /// The mark of a known browser, if it sent one (not yet verified).
    pub device: Option<SecretText>,
    /// The canonical host it speaks to.
    pub host: String,
    /// The origin of a page that it has from us, as a browser writes it.
    pub origin: String,
    /// The origin for links in letters: with no port that the client alone names.
    pub letter_origin: String,
    /// How it keeps tokens: a browser's page by cookie, a script by itself.
    pub channel: Channel,
}

/// The longest part of a `User-Agent` that is kept, in bytes.
const USER_AGENT_BYTES: usize = 200;

impl Client {
    /// What it calls itself, by the names that people know.
    pub(super) fn agent_name(&self) -> AgentName {
        let [brands, mobile, platform] = self.hints.each_ref().map(Option::as_deref);
        AgentName::seen(self.user_agent.as_deref(), [brands, mobile, platform])
    }

    /// The address of a page that a link in a letter leads to.
    pub(super) fn letter_url(&self, page: &str, token: &LinkToken) -> SecretText {
        SecretText::new(format!("{}/.stepgate/{page}?token={}", self.letter_origin, token.expose()))
    }

    /// A letter to a mail address, with a link and no code.
    pub(super) fn letter_link(&self, to: &str, purpose: LinkPurpose, url: SecretText, valid: Duration) -> LetterLink {
        LetterLink { to: Recipient::Email(to.to_owned()), purpose, url, code: None, host: self.host.clone(), valid }
    }

    /// As much of `User-Agent` as is kept.
    pub(super) fn short_user_agent(&self) -> Option<String> {
        let text = self.user_agent.as_deref()?;
        let mut end = text.len().min(USER_AGENT_BYTES);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.get(..end).map(str::to_owned)
    }
}

/// What a person typed on the sign-in page, or a script sent.
pub struct Credentials {
    /// The name, as typed.
    pub username: String,
    /// The password, as typed.
    pub password: SecretText,
    /// A code sent along, as scripts do.
    pub otp: Option<SecretText>,
}

/// What a person hands in to prove who they are.
pub enum Submission {
    Password(SecretText),
    /// A code of an authenticator app, or a backup code.
    Code(Method, SecretText),
    /// A WebAuthn assertion, as `PublicKeyCredential.toJSON()` writes it. What it proves shows only once it is verified.
    Assertion(SecretText),
}

impl Submission {
    /// What was typed where a page or a script asked for `method`.
    pub fn of(method: Method, text: SecretText) -> Self {
        match method {
            Method::Password => Self::Password(text),
            Method::Passkey | Method::BoundPasskey | Method::SecurityKey => Self::Assertion(text),
            _ => Self::Code(method, text),
        }
    }

    /// The method that it is charged to.
    pub const fn method(&self) -> Method {
        match self {
            Self::Password(_) => Method::Password,
            Self::Code(method, _) => *method,
            Self::Assertion(_) => Method::Passkey,
        }
    }
}

/// Where a proof is handed in, or an authenticator enrolled.
#[derive(Clone)]
pub enum CeremonyRef {
    /// A sign-in under way.
    SignIn(CeremonyToken),
    /// Somebody signed in; the session gets a new token by it.
    Session(SessionToken, Arc<Session>),
}

/// What a factor has to say after a right proof.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Aftermath {
    /// Where a backup code was used.
    pub backup_codes_left: Option<u32>,
}

/// What becomes of a sign-in or a step-up.
pub enum LoginReply {
    /// Another factor is needed.
    Next(Next),
    /// The account owns no method that would do; after this much proof it may enrol one.
    Enroll(Next),
    /// Nothing that the account owns or could set up would do; told only after this much proof.
    OutOfReach(OutOfReach),
    /// What would do is switched off after too many wrong codes; told only after this much proof.
    Locked(Locked),
    /// Signed in, or risen.
    Opened(Box<Opened>),
    /// A wrong proof, told coarsely.
    Rejected(Rejection),
    /// Too many attempts; the next is evaluated after this long.
    Wait(Duration),
    /// Too many people are signing in at this moment (password hashing is full).
    Busy,
}

/// Another factor is needed.
pub struct Next {
    /// The ceremony to go on with.
    pub ceremony: CeremonyToken,
    /// Any of these.
    pub methods: MethodSet,
    /// These would do too, but are switched off after too many wrong codes.
    pub locked: MethodSet,
}

/// A factor is switched off after too many wrong codes, until its owner proves another one or an operator switches it on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Locked {
    /// What is switched off.
    pub methods: MethodSet,
    /// What would do in its place, and switches it on again; empty: only an operator can.
    pub others: MethodSet,
}

/// Nothing that is there or could be set up would do.
pub struct OutOfReach {
    /// Enough for the destination itself, but the person is not recognised.
    pub unrecognised: bool,
    /// The ceremony; whoever wants to set up what there is all the same goes on with it.
    pub ceremony: CeremonyToken,
    /// What the account has.
    pub owned: MethodSet,
}

/// What the person is told about a wrong proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// The name or the password is not correct (or no such account, or disabled: told alike).
    WrongCredentials,
    /// The code is not correct (or used before, or no such factor: told alike).
    WrongCode,
    /// The code would have been right at another time: the clock of the authenticator is off.
    ClockOff {
        /// By about this many seconds; positive: the authenticator is ahead.
        seconds: i64,
    },
    /// No code waits: none was sent, or it was used, or its time is over. Another one can be asked for.
    NoCode,
    /// The code was guessed at too often: neither it nor another one is looked at in this sign-in or session for a while.
    CodeUsedUp,
    /// The passkey proves nothing here.
    WrongPasskey {
        /// Nobody has this credential: its browser may forget it.
        unknown: bool,
    },
    /// The sign-in took too long or is over; start again.
    CeremonyGone,
    /// The session ended meanwhile; sign in again.
    SessionGone,
}

/// A session just opened or risen.
pub struct Opened {
    /// Its new token.
    pub token: SessionToken,
    pub session: Arc<Session>,
    /// When it ends if not used.
    pub ends_at: Timestamp,
    /// A new mark for this browser, to be kept as a cookie.
    pub device: Option<SecretText>,
    /// A proof for the one request that it was given for.
    pub slip: Option<SlipToken>,
    /// What the factor that was just proved has to say.
    pub aftermath: Aftermath,
    /// Factors of the account that are switched off after too many wrong codes.
    pub locked: MethodSet,
    /// Factors that this sign-in has switched on again.
    pub unlocked: MethodSet,
    /// What happened around the account since its owner was here, where it is worth a word.
    pub notice: Option<Notice>,
}

/// A ceremony as its page needs it.
pub struct CeremonyView {
    pub username: Username,
    pub ceremony: Ceremony,
    /// The methods that would bring it on and are at hand, or else those that are asked for before something is set up in it;
    /// empty, with nothing locked: stuck, enrolment is next.
    pub methods: MethodSet,
    /// Whether they are asked for before something is set up.
    pub enrols: bool,
    /// The methods that would bring it on and are switched off.
    pub locked: MethodSet,
    /// Digits of the codes of their authenticator.
    pub digits: u8,
}

/// A TOTP secret to be confirmed by its first code.
pub struct PendingTotp {
    /// The key, base32 without padding.
    pub secret: SecretText,
    /// The `otpauth://` URI.
    pub uri: SecretText,
}

/// What becomes of the wish to enrol.
pub enum EnrollReply {
    /// Here is the secret; the same one until it is confirmed or given up.
    Pending(PendingTotp),
    /// Something must be proved first: the methods, any of which would help.
    ProveFirst(MethodSet),
    /// The ceremony or the session is over.
    Gone,
}

/// What becomes of the confirming code.
pub enum ConfirmReply {
    /// Enrolled; the session is open (or risen), the backup codes are shown this once.
    Enrolled {
        /// Ten codes, grouped for reading.
        backup_codes: Vec<SecretText>,
        /// The session.
        opened: Box<Opened>,
    },
    /// A wrong code.
    Rejected(Rejection),
    /// Too many attempts.
    Wait(Duration),
    /// Too many people are signing in at this moment (hashing is full); the code is as good as before.
    Busy,
    /// Something must be proved first.
    ProveFirst(MethodSet),
    /// It was confirmed a moment ago.
    AlreadyDone,
}

/// What stands between somebody and new backup codes.
pub enum CodesAsked {
    /// Nothing.
    Ready {
        /// How many are left of those that the new ones replace.
        left: u32,
        /// Names the set that they replace.
        set: String,
    },
    /// One of these must be proved first.
    ProveFirst(MethodSet),
    /// There is no second factor that backup codes could stand for.
    NoFactor,
    /// The session is over.
    Gone,
}

/// What becomes of the wish for new backup codes.
pub enum CodesRenewed {
    /// The codes, grouped for reading, to be shown this once.
    Made(Vec<SecretText>),
    /// The set that they were to replace is replaced already.
    Over,
    /// Too many people are signing in at this moment (hashing is full).
    Busy,
    /// Something stands before them.
    Asked(CodesAsked),
}
