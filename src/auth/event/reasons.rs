//! Why something was refused, exactly.

use crate::auth::factor::passkey::Violation;

/// Why a proof was rejected, exactly. The person is told less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RejectReason {
    /// No account of that name.
    UnknownUser,
    /// The account is disabled.
    Disabled,
    /// The account has no such authenticator.
    NotEnrolled,
    /// The factor is switched off; the code was not looked at.
    Locked,
    /// The secret does not match.
    Mismatch,
    /// The code was right and had been used before.
    AlreadySpent,
    /// The code belongs to a time outside the window.
    ClockSkew,
    /// The text has not the shape of such a code.
    Malformed,
    /// No code waits that was sent, or its time is over.
    NoCode,
    /// The address is of another account.
    Taken,
    /// The ceremony is over, expired or somebody else's.
    NoCeremony,
    /// The session ended meanwhile.
    NoSession,
    /// A check of an authenticator's answer failed.
    Passkey(Violation),
}

impl RejectReason {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::UnknownUser => "unknown_user",
            Self::Disabled => "disabled",
            Self::NotEnrolled => "not_enrolled",
            Self::Locked => "locked",
            Self::Mismatch => "mismatch",
            Self::AlreadySpent => "already_spent",
            Self::ClockSkew => "clock_skew",
            Self::Malformed => "malformed",
            Self::NoCode => "no_code",
            Self::Taken => "taken",
            Self::NoCeremony => "no_ceremony",
            Self::NoSession => "no_session",
            Self::Passkey(violation) => violation.name(),
        }
    }
}

/// Why a ticket was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TicketFault {
    /// There is none: it was used, it is too old, or it never was one.
    Absent,
    /// It is for another host.
    OtherHost,
    /// It is for another browser, or for one that keeps no cookie.
    OtherBrowser,
    /// The session that it was made for has ended.
    NoSession,
}

impl TicketFault {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::OtherHost => "other_host",
            Self::OtherBrowser => "other_browser",
            Self::NoSession => "no_session",
        }
    }
}

/// Which counter was full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ThrottleScope {
    /// The known browser's, for one account.
    Browser,
    /// The account's, for the client's network.
    AccountNetwork,
    /// The account's, for the passwords of all unknown browsers.
    Account,
    /// The account's, for the codes of all unknown browsers.
    Factor,
    /// The client network's.
    Network,
    /// The address that codes go to.
    Address,
    /// All codes of a kind that this installation sends.
    Installation,
    /// This machine's: as many passwords were being hashed as it can hash at once.
    Hashing,
}

impl ThrottleScope {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Browser => "browser",
            Self::AccountNetwork => "account_network",
            Self::Account => "account",
            Self::Factor => "factor",
            Self::Network => "network",
            Self::Address => "address",
            Self::Installation => "installation",
            Self::Hashing => "hashing",
        }
    }
}
