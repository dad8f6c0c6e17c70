//! The mark of a known browser: it only ever changes which counters an attempt is charged to.

use data_encoding::BASE64URL_NOPAD;
use subtle::ConstantTimeEq;

use super::Flows;
use super::ports::Answer;
use crate::auth::proof::{Factor, Method};
use crate::auth::requirement::Strength;
use crate::auth::secret::SecretText;
use crate::auth::time::Timestamp;

const PREFIX: &str = "sgd_";
const PURPOSE: &str = "device";
const ID_BYTES: usize = 12;

/// A verified mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Device {
    id: String,
    /// How strongly its owner had signed in: 1 or 2 factors.
    level: u8,
}

impl Device {
    /// The id, for the keys of its counters; `None` if the mark does not speak for `method`: who had only
    /// proved a password is not known to the counters of second factors.
    pub(super) fn known_for(&self, method: Method) -> Option<&str> {
        (self.level >= 2 || matches!(method.factor(), Factor::Knowledge)).then_some(self.id.as_str())
    }
}

impl Flows {
    /// The device that a mark stands for, if it was made for this account and is not too old.
    ///
    /// Bound to the throttle's name of the account, because attempts are charged before accounts are looked up.
    pub(super) fn known_device(&self, mark: Option<&SecretText>, account: &str, now: Timestamp) -> Option<Device> {
        let body = mark?.expose().strip_prefix(PREFIX)?;
        let (signed, mac) = body.rsplit_once('.')?;
        let expected = BASE64URL_NOPAD.encode(&self.ports.vault.digest(PURPOSE, bound(signed, account).as_bytes()));
        if !bool::from(expected.as_bytes().ct_eq(mac.as_bytes())) {
            return None;
        }
        let mut parts = signed.split('.');
        let (id, level, issued) = (parts.next()?, parts.next()?, parts.next()?);
        let issued = Timestamp::from_secs(issued.parse().ok()?);
        let alive = now.since(issued) < self.settings.device_ttl;
        (alive && parts.next().is_none()).then(|| Device { id: id.to_owned(), level: level.parse().unwrap_or(0) })
    }

    /// Stands for a browser in what is remembered of it; the mark itself cannot be made from it.
    pub(super) fn browser_tag(&self, device: &Device) -> String {
        let digest = self.ports.vault.digest("browser", device.id.as_bytes());
        BASE64URL_NOPAD.encode(digest.get(..9).unwrap_or_default())
    }

    /// A mark for this browser, renewed if it has one for this account; and what it stands for.
    pub(super) fn mark_device(
        &self,
        known: Option<&Device>,
        account: &str,
        strength: Option<Strength>,
        now: Timestamp,
    ) -> Answer<(SecretText, Device)> {
        let id = match known {
            Some(device) => device.id.clone(),
            None => BASE64URL_NOPAD.encode(&self.random::<ID_BYTES>()?),
        };
        let proved = if strength >= Some(Strength::TwoFactor) { 2 } else { 1 };
        let level = known.map_or(proved, |device| device.level.max(proved));
        let signed = format!("{id}.{level}.{}", now.as_secs());
        let mac = self.ports.vault.digest(PURPOSE, bound(&signed, account).as_bytes());
        let mark = SecretText::new(format!("{PREFIX}{signed}.{}", BASE64URL_NOPAD.encode(&mac)));
        Ok((mark, Device { id, level }))
    }
}

fn bound(signed: &str, account: &str) -> String {
    format!("{account}|{signed}")
}
