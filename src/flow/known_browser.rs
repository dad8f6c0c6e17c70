//! The marks of a known browser: they only ever change which counters an attempt is charged to.
//!
//! People share browsers, so a browser keeps the marks of the last few who signed in there, the latest first. A
//! mark says to nobody but us whose it is: it holds a random id and a MAC, and nothing that two marks of one
//! person have in common.

use data_encoding::BASE64URL_NOPAD;
use subtle::ConstantTimeEq;

use super::Flows;
use super::ports::{Answer, Generation};
use super::reply::Client;
use crate::auth::proof::{Factor, Method, Strength};
use crate::auth::secret::SecretText;
use crate::auth::time::Timestamp;
use crate::auth::user::UserId;

const PREFIX: &str = "sgd_";
const PURPOSE: &str = "device";
const ID_BYTES: usize = 12;
const STAMP_BYTES: usize = 9;
/// What a strange mark has beside its level; of two factors always, as which a node of an earlier version reads it.
const STRANGE: u8 = 4;
/// Between two marks.
const BETWEEN: char = '~';
/// How many marks a browser keeps.
const KEPT: usize = 4;
/// The longest text that may be a mark.
const MARK_BYTES: usize = 120;

/// A mark that we made for an account of that name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KnownBrowser {
    id: String,
    /// How strongly its owner had signed in: 1 or 2 factors.
    level: u8,
    /// It was given where nobody knew the person, and has not been used since where somebody does.
    is_strange: bool,
    /// Stands for the account and its credentials as they were.
    stamp: String,
}

/// What its owner proved in a browser, and where.
#[derive(Clone, Copy)]
pub(super) struct BrowserProof {
    pub(super) strength: Option<Strength>,
    /// Nobody knew the person there.
    pub(super) is_strange: bool,
}

impl KnownBrowser {
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Whether a person is known by it.
    pub(super) const fn is_familiar(&self) -> bool {
        !self.is_strange
    }

    /// The id, for the keys of its counters; `None` if the mark does not speak for `method`: who had only
    /// proved a password is not known to the counters of second factors.
    pub(super) fn known_for(&self, method: Method) -> Option<&str> {
        (self.level >= 2 || matches!(method.factor(), Factor::Knowledge)).then_some(self.id.as_str())
    }
}

impl Flows {
    /// The device that one of a browser's marks stands for, if it was made for this account and is not too old.
    ///
    /// Bound to the throttle's name of the account, because attempts are charged before accounts are looked up. Whether
    /// it still holds for the account, [`Self::charge_unless_known`] finds out.
    pub(super) fn known_device(
        &self,
        marks: Option<&SecretText>,
        account: &str,
        now: Timestamp,
    ) -> Option<KnownBrowser> {
        split(marks).find_map(|mark| self.verified(mark, account, now))
    }

    fn verified(&self, mark: &str, account: &str, now: Timestamp) -> Option<KnownBrowser> {
        let body = mark.strip_prefix(PREFIX)?;
        let (signed, mac) = body.rsplit_once('.')?;
        let expected = BASE64URL_NOPAD.encode(&self.ports.vault.digest(PURPOSE, bound(signed, account).as_bytes()));
        if !bool::from(expected.as_bytes().ct_eq(mac.as_bytes())) {
            return None;
        }
        let mut parts = signed.split('.');
        let (id, level, issued, stamp) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let alive = parts.next().is_none() && self.is_alive(issued, now);
        let number: u8 = level.parse().unwrap_or(0);
        let (level, is_strange) = (number % STRANGE, number >= STRANGE);
        alive.then(|| KnownBrowser { id: id.to_owned(), level, is_strange, stamp: stamp.to_owned() })
    }

    /// Whether a mark was made under the credentials that the account has now.
    pub(super) fn holds(&self, device: &KnownBrowser, user: &UserId, generation: Generation) -> bool {
        self.stamp(&device.id, user, generation).as_bytes().ct_eq(device.stamp.as_bytes()).into()
    }

    /// Keyed, and of this mark alone: neither the account nor how often its credentials changed can be read from it.
    fn stamp(&self, id: &str, user: &UserId, generation: Generation) -> String {
        let data = format!("{user}|{}|{id}", generation.credentials);
        let digest = self.ports.vault.digest("device stamp", data.as_bytes());
        BASE64URL_NOPAD.encode(digest.get(..STAMP_BYTES).unwrap_or_default())
    }

    /// Stands for a browser in what is remembered of it; the mark itself cannot be made from it.
    pub(super) fn browser_tag(&self, device: &KnownBrowser) -> String {
        let digest = self.ports.vault.digest("browser", device.id.as_bytes());
        BASE64URL_NOPAD.encode(digest.get(..9).unwrap_or_default())
    }

    fn is_alive(&self, issued: &str, now: Timestamp) -> bool {
        issued.parse().is_ok_and(|secs| now.since(Timestamp::from_secs(secs)) < self.settings.device_ttl)
    }

    /// The marks for this browser from now on: one for this account, renewed if it has one, before those of others;
    /// and what the one stands for. `user`: the owner, and the generation under which it was proved.
    pub(super) fn mark_device(
        &self,
        client: &Client,
        account: &str,
        known: Option<&KnownBrowser>,
        proved: BrowserProof,
        (user, generation): (&UserId, Generation),
    ) -> Answer<(SecretText, KnownBrowser)> {
        let now = self.now();
        // Whose the others are cannot be known, so of those only the shape and the age are judged.
        let others = split(client.device.as_ref()).filter(|mark| {
            mark.split('.').nth(2).is_some_and(|issued| self.is_alive(issued, now))
                && self.verified(mark, account, now).is_none()
        });
        let others: Vec<&str> = others.take(KEPT - 1).collect();
        let id = match known {
            Some(device) => device.id.clone(),
            None => BASE64URL_NOPAD.encode(&self.random::<ID_BYTES>()?),
        };
        let factors = if proved.strength >= Some(Strength::TwoFactor) { 2 } else { 1 };
        let level = known.map_or(factors, |device| device.level.max(factors));
        let is_strange = proved.is_strange && known.is_none_or(|device| device.is_strange);
        let stamp = self.stamp(&id, user, generation);
        let number = level + if is_strange { STRANGE } else { 0 };
        let signed = format!("{id}.{number}.{}.{stamp}", now.as_secs());
        let mac = self.ports.vault.digest(PURPOSE, bound(&signed, account).as_bytes());
        let mut marks = format!("{PREFIX}{signed}.{}", BASE64URL_NOPAD.encode(&mac));
        for other in others {
            marks.push(BETWEEN);
            marks.push_str(other);
        }
        Ok((SecretText::new(marks), KnownBrowser { id, level, is_strange, stamp }))
    }
}

/// What may be marks in what a browser sent.
fn split(marks: Option<&SecretText>) -> impl Iterator<Item = &str> {
    let text = marks.map_or("", SecretText::expose);
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let is_mark = move |mark: &&str| mark.starts_with(PREFIX) && mark.len() <= MARK_BYTES && mark.chars().all(plain);
    text.split(BETWEEN).take(KEPT).filter(is_mark)
}

fn bound(signed: &str, account: &str) -> String {
    format!("{account}|{signed}")
}
