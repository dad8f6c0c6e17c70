//! Who a person is: one canonical name used for lookup, throttling, policy and headers alike.

use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use crate::auth::text::invisible::is_invisible;

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

    /// The first character that nobody sees, or that turns the text around: with it, two accounts could look like
    /// one, so no new account may have it. Older ones keep their names.
    pub fn first_invisible(&self) -> Option<char> {
        self.0.chars().find(|c| is_invisible(*c))
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Characters that a new name must not have, from all over Unicode.
    fn hidden() -> impl Strategy<Value = char> {
        prop_oneof![
            prop::sample::select(
                "\u{ad}\u{34f}\u{61c}\u{180e}\u{200b}\u{200d}\u{200e}\u{2060}\u{feff}".chars().collect::<Vec<_>>()
            ),
            prop::char::range('\u{202a}', '\u{202e}'),
            prop::char::range('\u{2061}', '\u{2069}'),
            prop::char::range('\u{fe00}', '\u{fe0f}'),
            prop::char::range('\u{e0001}', '\u{e01ef}'),
        ]
    }

    proptest! {
        #[test]
        fn a_character_that_nobody_sees_is_found_wherever_it_stands(
            before in "[a-zà-ž0-9._@-]{1,8}",
            c in hidden(),
            after in "[a-zà-ž0-9._@-]{1,8}",
        ) {
            let name = Username::parse(&format!("{before}{c}{after}"));
            // What canonicalisation drops cannot make a second account.
            let told = name.as_ref().is_none_or(|name| name.first_invisible() == Some(c) || !name.as_str().contains(c));
            prop_assert!(told, "{:?}", name);
        }

        #[test]
        fn what_people_see_is_no_reason(name in "[a-z0-9._@\u{df}-\u{24f}\u{3b1}-\u{3c9}\u{430}-\u{44f}\u{5d0}-\u{5ea}\u{620}-\u{64a}\u{3042}-\u{3093}\u{4e00}-\u{4e80}+-]{1,20}") {
            if let Some(name) = Username::parse(&name) {
                prop_assert_eq!(name.first_invisible(), None, "{}", name);
            }
        }
    }

    #[test]
    fn only_the_first_hidden_character_is_told_and_every_range_is_one() {
        assert_eq!(Username::parse("a\u{202e}b\u{200b}").unwrap().first_invisible(), Some('\u{202e}'));
        // As UAX #44 lists them, edges included.
        for c in "\u{115f}\u{1160}\u{17b4}\u{17b5}\u{180b}\u{180f}\u{200f}\u{206f}\u{3164}\u{ffa0}\u{fff0}\u{1bca3}\u{1d17a}\u{e0fff}".chars() {
            assert!(is_invisible(c), "{c:?}");
        }
        for c in "a\u{e9}\u{5d0}\u{200a}\u{2010}\u{1f600}\u{fdf0}".chars() {
            assert!(!is_invisible(c), "{c:?}");
        }
    }
}
