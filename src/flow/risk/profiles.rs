//! Profiles: what is usual for each person, kept under keyed hashes where state is kept.

use std::sync::Arc;
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;

use crate::auth::time::Timestamp;
use crate::auth::user::UserId;
use crate::flow::Flows;
use crate::flow::ports::{Answer, Ports};
use crate::risk::settings::{IpStore, Settings};
use crate::risk::{HashKey, HashKeys, HeldField, Pin, PinReason, Profile};

/// The most keys that are read beside the one in force.
const MOST_KEYS: u64 = 8;
/// How long a profile is compared with that a node remembers.
const REMEMBERED: Duration = Duration::from_secs(300);

/// What is known of a person, without anything that says where they were.
#[derive(Clone, Debug, PartialEq)]
pub struct ProfileSummary {
    /// How many sign-ins were learnt.
    pub sign_ins: u32,
    pub last: Option<Timestamp>,
    /// How many networks, places and browsers it holds, each as a keyed hash.
    pub fields: usize,
    /// Why the person counts as high risk until somebody clears it.
    pub pinned: Option<Pin>,
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
            pinned: profile.pinned,
            bytes: profile.encode().len(),
            held: profile.held(),
        }
    }
}

/// The name under which something of a person is kept; whose it is cannot be read from it.
fn keyed_name(ports: &Ports, what: &str, user: &UserId) -> String {
    BASE64URL_NOPAD.encode(&ports.vault.digest(what, user.0.as_bytes()))
}

fn name(ports: &Ports, user: &UserId) -> String {
    keyed_name(ports, "risk profile", user)
}

/// The name under which the pin of a person is kept, beside their profile.
pub(super) fn pin_name(ports: &Ports, user: &UserId) -> String {
    keyed_name(ports, "risk pin", user)
}

/// The profile of a person, and whether they are pinned; `None`: nothing is kept.
async fn load(ports: &Ports, user: &UserId) -> Answer<Option<Profile>> {
    let (name, pin) = (name(ports, user), pin_name(ports, user));
    let (profile, pin) = tokio::join!(ports.profiles.load(&name), ports.profiles.load(&pin));
    let pinned = match pin {
        // Somebody pinned them, and nobody knows why by now.
        Err(fault) if fault.is_unreadable() => Some(Pin { why: PinReason::Reported, since: ports.clock.now() }),
        pin => pin?.and_then(|kept| kept.pinned),
    };
    let profile = match profile {
        Err(fault) if fault.is_unreadable() && pinned.is_some() => None,
        profile => profile?,
    };
    Ok((profile.is_some() || pinned.is_some()).then(|| profile.unwrap_or_default().with_pin(pinned)))
}

/// What is kept of a person; `None`: nothing.
///
/// # Errors
/// The store did not answer.
pub async fn profile_summary(ports: &Ports, user: &UserId) -> Answer<Option<ProfileSummary>> {
    Ok(load(ports, user).await?.as_ref().map(ProfileSummary::of))
}

/// Forgets what is usual for a person; a pin stays. Answers what was forgotten; `None`: nothing was kept.
///
/// # Errors
/// The store did not answer.
pub async fn erase_profile(ports: &Ports, user: &UserId) -> Answer<Option<ProfileSummary>> {
    Ok(ports.profiles.take(&name(ports, user)).await?.as_ref().map(ProfileSummary::of))
}

impl Flows {
    /// The keys of fields at this moment: that in force, and as many before it as a profile may be old.
    pub(super) fn hash_keys(&self, model: &Settings, now: Timestamp) -> HashKeys {
        let lasts = self.key_lasts();
        let epoch = now.as_secs() / lasts;
        let key = |epoch: u64| HashKey::new(self.ports.vault.digest("risk fields", &epoch.to_be_bytes()));
        let earlier = model.retention.as_secs().div_ceil(lasts).min(MOST_KEYS);
        let previous = (1..=earlier).map_while(|ago| epoch.checked_sub(ago)).map(key).collect();
        HashKeys { current: key(epoch), previous }
    }

    /// The profile of a person, empty if there is none.
    pub(super) async fn profile(&self, user: &UserId, now: Timestamp) -> Answer<Profile> {
        let profile = load(&self.ports, user).await?.unwrap_or_default();
        self.risk.profiles.put(user.clone(), (now, Arc::new(profile.clone())));
        Ok(profile)
    }

    /// The profile of a person as it was a few minutes ago at most.
    pub(super) async fn remembered_profile(&self, user: &UserId, now: Timestamp) -> Answer<Arc<Profile>> {
        match self.risk.profiles.get(user) {
            Some((read, profile)) if now.since(read) < REMEMBERED => Ok(profile),
            _ => self.profile(user, now).await.map(Arc::new),
        }
    }

    pub(super) async fn keep_profile(&self, user: &UserId, profile: &Profile, ttl: Duration) -> Answer<()> {
        let usual = profile.clone().with_pin(None);
        self.ports.profiles.put(&name(&self.ports, user), &usual, ttl).await?;
        self.risk.profiles.put(user.clone(), (self.now(), Arc::new(profile.clone())));
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
