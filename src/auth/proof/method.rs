//! The ways to prove who one is, and what each of them proves.

use serde::{Deserialize, Serialize};

/// A way to prove who one is. Closed: a new factor is a new variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// A memorised secret.
    Password,
    /// A time-based one-time code (RFC 6238).
    Totp,
    /// A WebAuthn passkey with user verification, which may be copied to other devices of its owner.
    Passkey,
    /// A passkey with user verification that stays on its device: it counts wherever a passkey does.
    BoundPasskey,
    /// A WebAuthn security key without user verification.
    SecurityKey,
    /// A single-use look-up secret (SP 800-63B §3.1.2).
    BackupCode,
    /// A code sent by mail.
    EmailCode,
    /// A code sent by text message.
    SmsCode,
    /// A code of the recovery flow.
    RecoveryCode,
}

/// The kind of thing that a method proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Factor {
    /// Something one knows.
    Knowledge,
    /// Something one has.
    Possession,
    /// Both at once: a passkey with user verification.
    Both,
    /// No authentication factor: an address was reached, by mail (SP 800-63B-4 §3.1.3.1) or by text message, which is a
    /// restricted one (§3.2.9).
    Reached,
    /// Nothing that counts: recovery.
    None,
}

impl Method {
    /// Every method, in the order in which pages offer them.
    pub const ALL: [Self; 9] = [
        Self::Password,
        Self::Passkey,
        Self::BoundPasskey,
        Self::SecurityKey,
        Self::Totp,
        Self::SmsCode,
        Self::EmailCode,
        Self::BackupCode,
        Self::RecoveryCode,
    ];

    /// The factor that this method proves.
    pub const fn factor(self) -> Factor {
        match self {
            Self::Password => Factor::Knowledge,
            Self::Totp | Self::SecurityKey | Self::BackupCode => Factor::Possession,
            Self::Passkey | Self::BoundPasskey => Factor::Both,
            Self::EmailCode | Self::SmsCode => Factor::Reached,
            Self::RecoveryCode => Factor::None,
        }
    }

    /// Whether a relay in the middle cannot use what the person sends (SP 800-63B §3.2.5).
    pub const fn resists_phishing(self) -> bool {
        matches!(self, Self::Passkey | Self::BoundPasskey | Self::SecurityKey)
    }

    /// The authentication method references of RFC 8176 §2 (`kba` and the like are not used).
    pub const fn amr(self) -> &'static [&'static str] {
        match self {
            Self::Password => &["pwd"],
            Self::Totp | Self::BackupCode | Self::EmailCode | Self::RecoveryCode => &["otp"],
            Self::Passkey => &["swk", "user"],
            Self::BoundPasskey => &["hwk", "user"],
            Self::SecurityKey => &["hwk"],
            Self::SmsCode => &["sms"],
        }
    }

    /// The name used in YAML, JSON, logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Totp => "totp",
            Self::Passkey => "passkey",
            Self::BoundPasskey => "bound_passkey",
            Self::SecurityKey => "security_key",
            Self::BackupCode => "backup_code",
            Self::EmailCode => "email_code",
            Self::SmsCode => "sms_code",
            Self::RecoveryCode => "recovery_code",
        }
    }

    /// The method of that name; the names of RFC 8176 are understood where they are unambiguous.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "pwd" => Some(Self::Password),
            "otp" => Some(Self::Totp),
            "sms" => Some(Self::SmsCode),
            "swk" => Some(Self::Passkey),
            "hwk" => Some(Self::SecurityKey),
            _ => Self::ALL.into_iter().find(|m| m.name() == name),
        }
    }

    const fn bit(self) -> u16 {
        1 << self as u8
    }
}

/// A set of methods, small enough to copy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Vec<Method>", into = "Vec<Method>")]
pub struct MethodSet(u16);

impl MethodSet {
    /// No method.
    pub const EMPTY: Self = Self(0);
    /// Every method.
    pub const ALL: Self = Self((1 << Method::ALL.len()) - 1);

    /// What an assertion may turn out to prove.
    pub const PASSKEYS: Self = Self::EMPTY.with(Method::Passkey).with(Method::BoundPasskey).with(Method::SecurityKey);

    /// The methods that somebody has who owns or proved these: a bound passkey is a passkey, never the other way round.
    #[must_use]
    pub const fn closed(self) -> Self {
        if self.contains(Method::BoundPasskey) { self.with(Method::Passkey) } else { self }
    }

    /// The methods by which these are asked for: where a passkey does, a bound one is not named beside it.
    #[must_use]
    pub const fn named(self) -> Self {
        let bound = Self::EMPTY.with(Method::BoundPasskey);
        if self.contains(Method::Passkey) { self.minus(bound) } else { self }
    }

    /// This set and `method`.
    #[must_use]
    pub const fn with(self, method: Method) -> Self {
        Self(self.0 | method.bit())
    }

    /// What is in both sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What is in either set.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in this set and not in `other`.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether `method` is in the set.
    pub const fn contains(self, method: Method) -> bool {
        self.0 & method.bit() != 0
    }

    /// Whether the set has no method.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The methods, in the order in which pages offer them.
    pub fn iter(self) -> impl Iterator<Item = Method> {
        Method::ALL.into_iter().filter(move |m| self.contains(*m))
    }
}

impl FromIterator<Method> for MethodSet {
    fn from_iter<I: IntoIterator<Item = Method>>(methods: I) -> Self {
        methods.into_iter().fold(Self::EMPTY, Self::with)
    }
}

impl From<Vec<Method>> for MethodSet {
    fn from(methods: Vec<Method>) -> Self {
        methods.into_iter().collect()
    }
}

impl From<MethodSet> for Vec<Method> {
    fn from(set: MethodSet) -> Self {
        set.iter().collect()
    }
}
