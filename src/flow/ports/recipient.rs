//! Where letters go.

use serde::{Deserialize, Serialize};

use crate::auth::address::mail_address;

/// Where a letter goes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recipient {
    /// A mail address.
    Email(String),
    /// A telephone number (E.164, with `+`).
    Phone(String),
}

impl Recipient {
    /// Whether it is one of these, in whatever spelling.
    pub fn is_among(&self, others: &[Self]) -> bool {
        let folded = |of: &Self| match of {
            Self::Email(address) => mail_address::folded(address),
            Self::Phone(number) => number.clone(),
        };
        others.iter().any(|other| folded(other) == folded(self))
    }
}
