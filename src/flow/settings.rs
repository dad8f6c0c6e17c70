//! What an operator may set about the flows, with the defaults.

mod enrolment;
mod recovery;
mod risk;
mod sent_codes;
mod sign_up;

use std::time::Duration;

use crate::auth::factor::passkey::ModelPolicy;
use crate::auth::factor::password::{HashParams, PasswordRule};
use crate::auth::factor::totp::TotpParams;
use crate::auth::proof::{Method, MethodSet, Offer};
use crate::auth::session::Lifetimes;
use crate::auth::throttle::Limit;

pub use enrolment::EnrolmentProof;
pub use recovery::RecoverySettings;
pub use risk::RiskSettings;
pub use sent_codes::{CodeShape, LetterBudget, SendLimits, SentCodeSettings, Spend};
pub use sign_up::SignUpPolicy;

#[derive(Clone, Debug)]
pub struct FlowSettings {
    /// The name people see in their authenticator app.
    pub issuer: String,
    /// Where people sign in once for many apps.
    pub portal_host: Option<String>,
    /// How long sessions live. Default: idle 1 h, absolute 12 h.
    pub session: Lifetimes,
    /// How long a sign-in may take. Default: 15 min.
    pub ceremony_ttl: Duration,
    /// How passwords are hashed.
    pub password: PasswordSettings,
    /// What new passwords must be. Default: 15 characters.
    pub new_passwords: PasswordRule,
    /// Who may make an account for themselves. Default: nobody.
    pub sign_up: SignUpPolicy,
    pub totp: TotpSettings,
    /// What people can prove, and set up, beside passkeys. Default: passwords, authenticator apps and backup codes.
    pub offer: Offer,
    /// Passkeys and security keys; `None`: there are none. Default: none, and the configuration switches them on.
    pub passkeys: Option<PasskeySettings>,
    /// How many backup codes are made. Default: 10.
    pub backup_codes: u8,
    /// Codes that are sent.
    pub codes: SentCodeSettings,
    /// Whether a sign-in may begin by a link in a letter. Default: no.
    pub email_link: bool,
    /// `None`: nobody recovers by themselves. Default: none.
    pub recovery: Option<RecoverySettings>,
    /// `None`: nothing is compared with what is usual. Default: none.
    pub risk: Option<RiskSettings>,
    /// Attempt limits.
    pub limits: LimitSettings,
    /// Whether there is mail.
    pub mail: bool,
    /// What the first second factor asks beside a fresh password. Default: a mailed code, where one can be sent.
    pub enroll: EnrolmentProof,
    /// How long ago a proof may be that lets somebody change what they sign in by. Default: 5 min.
    pub enroll_max_age: Duration,
    /// How long a known browser is remembered for throttling. Default: 365 d.
    pub device_ttl: Duration,
}

/// Passkeys and security keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PasskeySettings {
    /// The relying party ID of all hosts; `None`: each host is its own.
    pub rp_id: Option<String>,
    /// Hosts that keep their sign-in to themselves, where all others share one: theirs are their own.
    pub alone: Vec<String>,
    /// Hosts outside of `rp_id` whose origins it names as related (WebAuthn L3 §5.11).
    pub related: Vec<String>,
    pub models: ModelPolicy,
    /// Whether a browser may make one by itself after a sign-in by password. Default: no.
    pub upgrade: bool,
}

impl PasskeySettings {
    /// Whether browsers let a page of this host ask for them.
    fn serves(&self, host: &str) -> bool {
        // Browsers know no passkeys of addresses.
        let address = host.starts_with('[') || host.rsplit('.').next().is_some_and(|last| last.parse::<u8>().is_ok());
        let within = |rp_id: &str| host.strip_suffix(rp_id).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        let related = || self.related.iter().any(|known| known == host);
        !address && (self.rp_id.as_deref().is_none_or(within) || related())
    }
}

/// Password hashing: argon2id (OWASP parameters).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordSettings {
    /// KiB. Default: 19456.
    pub memory_kib: u32,
    /// Passes. Default: 2.
    pub iterations: u32,
    /// Lanes. Default: 1.
    pub parallelism: u32,
    /// Hashes at once; more wait, and after `queue` waiting the answer is "busy". Default: 2.
    pub concurrent: usize,
    /// Waiting hashes. Default: 64.
    pub queue: usize,
    /// Longest password looked at, in bytes. Default: 4096.
    pub max_bytes: usize,
}

/// TOTP (RFC 6238): SHA-1, 30 s, 6 digits, as every app understands them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TotpSettings {
    /// Digits. Default: 6.
    pub digits: u8,
    /// Seconds of a step. Default: 30.
    pub period: u64,
    /// Steps accepted on either side. Default: 1.
    pub skew: u8,
    /// Steps looked at on either side to tell the person that a clock is off. Default: 10.
    pub tell_skew: u8,
}

/// Attempt limits, each charged before anything is evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitSettings {
    /// Passwords per account and client network (/24, /64) from unknown browsers. Default: 20, then one per 30 s.
    pub password: Limit,
    /// Wrong passwords per account from all unknown browsers together, and from each known one. Default: 100, then one
    /// per 10 min.
    pub password_lockout: Limit,
    /// Passwords per account and client network where others have used up `password_lockout`; twice as many per /16 and
    /// /48, four times per /32 of IPv6. Default: 5, then one per 8 h.
    pub new_network: Limit,
    /// The same for all networks of an account together. Default: 500, then one per 5 s.
    pub new_networks: Limit,
    /// Codes per account from all unknown browsers together. Default: 5, then one per 30 s.
    pub totp: Limit,
    /// Wrong codes in a row that switch a factor off, from all browsers together: 1 to 100 (SP 800-63B-4 §3.2.2).
    /// Default: 30.
    pub lockout: u32,
    /// Attempts per account from one known browser. Default: 10, then one per 30 s.
    pub known_browser: Limit,
    /// Wrong proofs per client address (or /64), for each factor; four times as many per /24 and /48, eight times per /16
    /// and /32 of IPv6. Default: 1000, then one per second.
    pub network: Limit,
}

/// Which counters an attempt by a method is charged to, beside those of its networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MethodBudget {
    /// Guessed by anybody: paced by account and network, and few failures in a row.
    Password { pace: Limit, failures: Limit },
    /// A code of somebody who knows the password: few by account.
    Code(Limit),
    /// A signature, which nobody guesses: by network alone, so that nobody is locked out by what others send.
    Signature,
}

impl LimitSettings {
    /// The budget of a method. Each method has counters of its own; codes share the setting.
    pub const fn budget(&self, method: Method) -> MethodBudget {
        match method {
            Method::Password => MethodBudget::Password { pace: self.password, failures: self.password_lockout },
            // A code of recovery has as much chance in it as a signature.
            Method::Passkey | Method::BoundPasskey | Method::SecurityKey | Method::RecoveryCode => {
                MethodBudget::Signature
            }
            Method::Totp | Method::BackupCode | Method::EmailCode | Method::SmsCode => MethodBudget::Code(self.totp),
        }
    }
}

impl FlowSettings {
    /// What people can prove at this host, and set up there.
    pub fn offer_at(&self, host: &str) -> Offer {
        if !self.passkeys.as_ref().is_some_and(|passkeys| passkeys.serves(self.signs_in_at(host))) {
            return self.offer;
        }
        let all = [Method::Passkey, Method::BoundPasskey, Method::SecurityKey];
        let offer = Offer { relying_party: self.rp_id(host) == host, ..self.offer };
        all.into_iter().fold(offer, |offer, method| offer.with(method, true))
    }

    /// What people can prove at some host.
    pub fn served(&self) -> MethodSet {
        let keys = [Method::Passkey, Method::BoundPasskey, Method::SecurityKey].into_iter().collect();
        if self.passkeys.is_some() { self.offer.served.or(keys) } else { self.offer.served }
    }

    /// The relying party ID of the passkeys of this host.
    pub fn rp_id<'a>(&'a self, host: &'a str) -> &'a str {
        let named = self.passkeys.as_ref().and_then(|passkeys| passkeys.rp_id.as_deref());
        named.unwrap_or_else(|| self.signs_in_at(host))
    }

    /// Where people sign in for this host.
    fn signs_in_at<'a>(&'a self, host: &'a str) -> &'a str {
        let alone = self.passkeys.as_ref().is_some_and(|passkeys| passkeys.alone.iter().any(|known| known == host));
        self.portal_host.as_deref().filter(|_| !alone).unwrap_or(host)
    }
}

impl Default for FlowSettings {
    fn default() -> Self {
        Self {
            issuer: "Stepgate".to_owned(),
            portal_host: None,
            session: Lifetimes { idle: Duration::from_secs(3600), absolute: Duration::from_secs(12 * 3600) },
            ceremony_ttl: Duration::from_secs(900),
            password: PasswordSettings::default(),
            new_passwords: PasswordRule::default(),
            sign_up: SignUpPolicy::Off,
            totp: TotpSettings::default(),
            offer: Offer::default(),
            passkeys: None,
            backup_codes: 10,
            codes: SentCodeSettings::default(),
            email_link: false,
            recovery: None,
            risk: None,
            limits: LimitSettings::default(),
            mail: false,
            enroll: EnrolmentProof::default(),
            enroll_max_age: Duration::from_secs(300),
            device_ttl: Duration::from_secs(365 * 24 * 3600),
        }
    }
}

impl Default for PasswordSettings {
    fn default() -> Self {
        Self { memory_kib: 19_456, iterations: 2, parallelism: 1, concurrent: 2, queue: 64, max_bytes: 4096 }
    }
}

impl PasswordSettings {
    /// What one hash costs.
    pub const fn params(&self) -> HashParams {
        HashParams { memory_kib: self.memory_kib, iterations: self.iterations, parallelism: self.parallelism }
    }
}

impl TotpSettings {
    /// The shape and the window of codes of a new authenticator.
    pub fn params(&self) -> TotpParams {
        TotpParams {
            digits: self.digits,
            period: self.period,
            skew: u64::from(self.skew),
            tell_skew: u64::from(self.tell_skew),
        }
    }
}

impl Default for TotpSettings {
    fn default() -> Self {
        Self { digits: 6, period: 30, skew: 1, tell_skew: 10 }
    }
}

impl Default for LimitSettings {
    fn default() -> Self {
        let every = |tries, seconds| Limit { tries, refill: Duration::from_secs(seconds) };
        Self {
            password: every(20, 30),
            password_lockout: every(100, 600),
            totp: every(5, 30),
            new_network: every(5, 8 * 3600),
            new_networks: every(500, 5),
            lockout: 30,
            known_browser: every(10, 30),
            network: every(1000, 1),
        }
    }
}
