//! Kinds of sign-ins, by which prompts are counted apart. None tells who somebody is, or from where.

use std::net::IpAddr;
use std::time::Duration;

use super::agent::DeviceClass;
use super::assessment::{Assessment, Signal};
use super::profile::Profile;
use super::signals::{Device, Signals};

/// Who was away for longer signs in rarely.
const RARELY: Duration = Duration::from_secs(30 * 86_400);

/// One kind; a sign-in may be of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cohort {
    Mobile,
    Ipv6,
    /// From where the person never signed in.
    NewCountry,
    NewNetwork,
    NewBrowser,
    /// Without a device cookie of the person.
    NoDevice,
    /// From an address on a list that counts against it.
    Listed,
    /// More than 30 days after the sign-in before.
    Rare,
}

impl Cohort {
    pub const ALL: [Self; 8] = [
        Self::Mobile,
        Self::Ipv6,
        Self::NewCountry,
        Self::NewNetwork,
        Self::NewBrowser,
        Self::NoDevice,
        Self::Listed,
        Self::Rare,
    ];

    /// The word in the audit trail and in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mobile => "mobile",
            Self::Ipv6 => "ipv6",
            Self::NewCountry => "new_country",
            Self::NewNetwork => "new_network",
            Self::NewBrowser => "new_browser",
            Self::NoDevice => "no_device",
            Self::Listed => "listed",
            Self::Rare => "rare",
        }
    }

    /// Those of an assessed sign-in.
    pub fn of(signals: &Signals, profile: &Profile, assessment: &Assessment) -> Vec<Self> {
        let is_new = |signal| assessment.terms.iter().any(|term| term.signal == signal && term.is_new);
        let listed = assessment.terms.iter().any(|term| term.signal == Signal::List && term.evidence > 0.0);
        let applies = |cohort: &Self| match cohort {
            Self::Mobile => signals.agent.class == DeviceClass::Mobile,
            Self::Ipv6 => matches!(signals.address.to_canonical(), IpAddr::V6(_)),
            Self::NewCountry => is_new(Signal::Country),
            Self::NewNetwork => is_new(Signal::Network),
            Self::NewBrowser => is_new(Signal::Browser),
            Self::NoDevice => signals.device != Device::Known,
            Self::Listed => listed,
            Self::Rare => profile.last.is_some_and(|last| signals.at.since(last) > RARELY),
        };
        Self::ALL.into_iter().filter(applies).collect()
    }
}
