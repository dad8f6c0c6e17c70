//! Profiles: what is usual for each person, kept under keyed hashes where state is kept.

use std::sync::Arc;
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;

use crate::auth::time::Timestamp;
use crate::auth::user::UserId;
use crate::flow::Flows;
use crate::flow::ports::{Answer, Ports};
use crate::flow::settings::RiskSettings;
use crate::risk::settings::IpStore;
use crate::risk::{HashKey, HashKeys, HeldField, PinReason, Profile, Signals};

/// What is known of a person, without anything that says where they were.
#[derive(Clone, Debug, PartialEq)]
pub struct ProfileSummary {
    /// How many sign-ins were learnt.
    pub sign_ins: u32,
    pub last: Option<Timestamp>,
    /// How many networks, places and browsers it holds, each as a keyed hash.
    pub fields: usize,
    /// Why the person counts as high risk until somebody clears it, in a word, and since when.
    pub pinned: Option<(&'static str, Timestamp)>,
    /// Bytes that are kept.
    pub bytes: usize,
    /// Every count of it.
    pub held: Vec<HeldField>,
}

impl ProfileSummary {
    fn of(profile: &Profile) -> Self {
        Self {
            sign_ins: profile.sign_ins,
            last: profile.last,
            fields: profile.len(),
            pinned: profile.pinned.map(|pin| (word(pin.why), pin.since)),
            bytes: profile.encode().len(),
            held: profile.held(),
        }
    }
}

/// The name under which the profile of a person is kept; whose it is cannot be read from it.
fn name(ports: &Ports, user: &UserId) -> String {
    BASE64URL_NOPAD.encode(&ports.vault.digest("risk profile", user.0.as_bytes()))
}

/// What is kept of a person; `None`: nothing.
///
/// # Errors
/// The store did not answer.
pub async fn profile_summary(ports: &Ports, user: &UserId) -> Answer<Option<ProfileSummary>> {
    Ok(ports.profiles.load(&name(ports, user)).await?.as_ref().map(ProfileSummary::of))
}

/// Forgets what is usual for a person, and what they were pinned for. Answers what was forgotten; `None`: nothing was kept.
///
/// # Errors
/// The store did not answer.
pub async fn erase_profile(ports: &Ports, user: &UserId) -> Answer<Option<ProfileSummary>> {
    Ok(ports.profiles.take(&name(ports, user)).await?.as_ref().map(ProfileSummary::of))
}

const fn word(why: PinReason) -> &'static str {
    match why {
        PinReason::Disowned => "disowned",
        PinReason::Reported => "reported",
        PinReason::BreachedPassword => "breached_password",
    }
}

impl Flows {
    /// The keys of fields at this moment.
    pub(super) fn hash_keys(&self, now: Timestamp) -> HashKeys {
        let epoch = now.as_secs() / self.key_lasts();
        let key = |epoch: u64| HashKey::new(self.ports.vault.digest("risk fields", &epoch.to_be_bytes()));
        HashKeys { current: key(epoch), previous: epoch.checked_sub(1).map(key) }
    }

    /// The profile of a person, empty if there is none.
    pub(super) async fn profile(&self, user: &UserId) -> Answer<Profile> {
        let profile = self.ports.profiles.load(&name(&self.ports, user)).await?.unwrap_or_default();
        self.risk.profiles.put(user.clone(), Arc::new(profile.clone()));
        Ok(profile)
    }

    /// Learns a sign-in that met its policy.
    pub(super) async fn learn(
        &self,
        settings: &RiskSettings,
        user: &UserId,
        signals: &Signals,
        weight: f64,
    ) -> Answer<()> {
        let mut profile = self.profile(user).await?;
        profile.learn(signals, &self.hash_keys(signals.at), settings.model.half_life, weight);
        self.keep_profile(user, &profile, settings.model.retention).await?;
        self.risk.count(&settings.model, signals, weight);
        Ok(())
    }

    pub(super) async fn keep_profile(&self, user: &UserId, profile: &Profile, ttl: Duration) -> Answer<()> {
        self.ports.profiles.put(&name(&self.ports, user), profile, ttl).await?;
        self.risk.profiles.put(user.clone(), Arc::new(profile.clone()));
        Ok(())
    }
}

impl Flows {
    /// For how many seconds the hashes of one key are written; those of the key before are read as well.
    pub(super) fn key_lasts(&self) -> u64 {
        let model = self.settings.risk.as_ref().map(|risk| risk.model.key_rotation).unwrap_or_default();
        model.as_secs().max(1)
    }

    /// How much of an address profiles count.
    pub(super) fn ip_store(&self) -> IpStore {
        self.settings.risk.as_ref().map(|risk| risk.model.ip_store).unwrap_or_default()
    }
}
