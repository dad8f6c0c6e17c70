//! Who a person is: one canonical name used for lookup, throttling, policy and headers alike.

use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

/// The longest user name accepted, in bytes after canonicalisation.
pub const MAX_USERNAME_BYTES: usize = 256;

/// A user name in its one canonical form: trimmed, NFKC, lower case, no control characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Username(String);

impl Username {
    /// Canonicalises what a person typed; `None` if nothing usable remains.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_USERNAME_BYTES * 4 {
            return None;
        }
        let folded: String = text.trim().nfkc().flat_map(char::to_lowercase).nfkc().collect();
        let name = folded.trim();
        let usable = !name.is_empty()
            && name.len() <= MAX_USERNAME_BYTES
            && !name.chars().any(|c| c.is_control() || c.is_whitespace() || c == ',');
        usable.then(|| Self(name.to_owned()))
    }

    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Username {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not a usable user name"))
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The stable id of an account (a ULID); survives renames and is never reused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserId(pub String);

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a group, as the operator wrote it; compared exactly.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Group(pub String);

/// Who somebody is, as told to the policy and to the apps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The account's id.
    pub id: UserId,
    /// The canonical user name.
    pub username: Username,
    /// A name for people, if known.
    pub name: Option<String>,
    /// A mail address, if known.
    pub email: Option<String>,
    /// The groups, sorted.
    pub groups: Vec<Group>,
}
