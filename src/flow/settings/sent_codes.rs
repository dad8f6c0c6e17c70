//! What an operator may set about codes that are sent.

use std::time::Duration;

use crate::auth::address::phone_number::Country;
use crate::auth::factor::authenticator::AddressKind;
use crate::auth::throttle::Limit;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Codes that are sent, and how many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentCodeSettings {
    pub email: CodeShape,
    pub sms: CodeShape,
    /// To whose numbers text messages go. Default: none.
    pub countries: Vec<Country>,
    /// Addresses of one kind that a person may have. Default: 5.
    pub most_addresses: u32,
    pub limits: SendLimits,
}

/// What a code looks like and how long it is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeShape {
    /// Digits: 6 or 8. Default: 6.
    pub digits: u8,
    /// At most 10 min (SP 800-63B-4 §3.1.3.2). Default: 5 min.
    pub lifetime: Duration,
}

/// How many codes are sent, each limit for each kind of address by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendLimits {
    /// To one address. Default: 3 in 10 min.
    pub address: Limit,
    /// To one address. Default: 10 in a day.
    pub address_day: Limit,
    /// For one account. Default: 10 in 10 min.
    pub account: Limit,
    /// For one client address (or /64); four times as many per /24 and /48, eight times per /16 and /32 of IPv6.
    /// Default: 30 in 10 min.
    pub network: Limit,
    /// Mails of the whole installation. Default: 1000 in an hour, 5000 in a day.
    pub email: Spend,
    /// Text messages of the whole installation. Default: 100 in an hour, 500 in a day.
    pub sms: Spend,
    /// Mails of the whole installation for who has proved nothing, each [`LetterBudget`] by itself. Default: half of `email`.
    pub letters: Spend,
    pub requested: RequestedLetters,
}

/// How many letters go to one address because anybody asked for them (a recovery, a link to sign in by), beside what goes to
/// any address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestedLetters {
    /// For one known browser of its owner. Default: 5 in a day.
    pub known_browser: Limit,
    /// For one network that others have left no letter for; twice as many per /16 and /48, four times per /32 of IPv6.
    /// Default: 2 in a day.
    pub new_network: Limit,
    /// The same for all networks together. Default: 20 in a day.
    pub new_networks: Limit,
}

/// What the whole installation sends at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spend {
    pub per_hour: Limit,
    pub per_day: Limit,
}

impl Spend {
    /// So many in any hour and in any day.
    pub fn of(hour: u32, day: u32) -> Self {
        Self { per_hour: Limit::at_most(hour, HOUR), per_day: Limit::at_most(day, DAY) }
    }
}

/// Who pays for a letter with a link or a code in it. What anybody can ask for has a budget by itself: it never uses up what
/// people sign in by, nor do strangers who sign up use up what people recover by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LetterBudget {
    /// Asked for by somebody who has proved who they are.
    Proved,
    SignInLink,
    SignUp,
    Recovery,
}

impl LetterBudget {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Proved => "sent",
            Self::SignInLink => "sign-in-link",
            Self::SignUp => "sign-up",
            Self::Recovery => "recovery",
        }
    }

    /// Who pays for what goes to nobody: it costs nothing, and is counted for itself.
    pub const fn nobody(self) -> &'static str {
        match self {
            Self::Proved => "nobody",
            Self::SignInLink => "sign-in-link-nobody",
            Self::SignUp => "sign-up-nobody",
            Self::Recovery => "recovery-nobody",
        }
    }
}

impl SentCodeSettings {
    pub const fn shape(&self, kind: AddressKind) -> CodeShape {
        match kind {
            AddressKind::Email => self.email,
            AddressKind::Sms => self.sms,
        }
    }
}

impl SendLimits {
    /// What the installation spends on letters of this budget.
    pub const fn letter_spend(&self, budget: LetterBudget) -> Spend {
        match budget {
            LetterBudget::Proved => self.email,
            LetterBudget::SignInLink | LetterBudget::SignUp | LetterBudget::Recovery => self.letters,
        }
    }

    pub const fn spend(&self, kind: AddressKind) -> Spend {
        match kind {
            AddressKind::Email => self.email,
            AddressKind::Sms => self.sms,
        }
    }
}

impl Default for CodeShape {
    fn default() -> Self {
        Self { digits: 6, lifetime: MINUTE * 5 }
    }
}

impl Default for SendLimits {
    fn default() -> Self {
        Self {
            address: Limit::at_most(3, MINUTE * 10),
            address_day: Limit::at_most(10, DAY),
            account: Limit::at_most(10, MINUTE * 10),
            network: Limit::at_most(30, MINUTE * 10),
            email: Spend::of(1000, 5000),
            sms: Spend::of(100, 500),
            letters: Spend::of(500, 2500),
            requested: RequestedLetters::default(),
        }
    }
}

impl Default for RequestedLetters {
    fn default() -> Self {
        Self {
            known_browser: Limit::at_most(5, DAY),
            new_network: Limit::at_most(2, DAY),
            new_networks: Limit::at_most(20, DAY),
        }
    }
}

impl Default for SentCodeSettings {
    fn default() -> Self {
        Self {
            email: CodeShape::default(),
            sms: CodeShape::default(),
            countries: Vec::new(),
            most_addresses: 5,
            limits: SendLimits::default(),
        }
    }
}
