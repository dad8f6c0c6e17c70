//! Which master key seals how much: what an operator asks before a key is dropped.

use crate::flow::ports::{Answer, SealedAt};
use crate::store::Stores;
use crate::store::vault::{Role, key_id};

/// A master key and the rows sealed with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyUsage {
    /// The key's name; `None`: rows that no known version of the vault has sealed.
    pub key: Option<String>,
    /// What the key is there for; `None`: it is not in the key file.
    pub role: Option<Role>,
    /// TOTP authenticators.
    pub totp: u64,
    pub signing_keys: u64,
    /// Letters that wait to be sent.
    pub letters: u64,
}

impl KeyUsage {
    /// What is wrong, in words, where there are rows that no key of the ring opens.
    pub fn missing_key(&self) -> Option<String> {
        if self.role.is_some() {
            return None;
        }
        let rows = format!(
            "sealed rows (TOTP: {}, signing keys: {}, letters: {})",
            self.totp, self.signing_keys, self.letters
        );
        Some(match &self.key {
            Some(key) => format!("{rows} need the master key {key}, which is not in the key file; put its line back"),
            None => format!("{rows} are damaged: no vault of this version has sealed them"),
        })
    }
}

impl Stores {
    /// Every key of the ring, and every other one that sealed something, with what it sealed.
    ///
    /// # Errors
    /// The database does not answer, or a row is broken.
    pub async fn key_usage(&self) -> Answer<Vec<KeyUsage>> {
        let known = |(id, role)| KeyUsage { key: Some(id), role: Some(role), totp: 0, signing_keys: 0, letters: 0 };
        let mut uses: Vec<KeyUsage> = self.ring.keys().map(known).collect();
        for (at, sealed) in self.ports.sealed_rows.sealed().await? {
            let key = key_id(&sealed);
            let (totp, signing_keys, letters) = match at {
                SealedAt::Totp(_) => (1, 0, 0),
                SealedAt::Signing(_) => (0, 1, 0),
                SealedAt::Letter(_) => (0, 0, 1),
            };
            match uses.iter_mut().find(|known| known.key == key) {
                Some(known) => {
                    known.totp += totp;
                    known.signing_keys += signing_keys;
                    known.letters += letters;
                }
                None => uses.push(KeyUsage { key, role: None, totp, signing_keys, letters }),
            }
        }
        Ok(uses)
    }
}
