//! A passkey as it is kept.

use std::fmt;

use super::method;
use super::response::Transport;
use crate::auth::proof::Method;
use crate::auth::time::Timestamp;

/// The model of an authenticator (§6.5.1.1), a UUID.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Aaguid(pub [u8; 16]);

impl Aaguid {
    /// Reads it as it is written: `ee882879-721c-4913-9775-3dfcce97072a`.
    pub fn parse(text: &str) -> Option<Self> {
        let dashes = [8, 13, 18, 23];
        let shaped = text.len() == 36 && text.bytes().enumerate().all(|(at, b)| dashes.contains(&at) == (b == b'-'));
        let digits: String = text.chars().filter(|c| *c != '-').collect();
        let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).ok().filter(|_| shaped)?;
        bytes.try_into().ok().map(Self)
    }

    /// Whether the authenticator says nothing of its model.
    pub fn is_zero(self) -> bool {
        self == Self::default()
    }
}

impl fmt::Display for Aaguid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            let dash = if matches!(at, 4 | 6 | 8 | 10) { "-" } else { "" };
            write!(f, "{dash}{byte:02x}")?;
        }
        Ok(())
    }
}

/// A passkey or a security key of a person. It holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasskeyRecord {
    /// A ULID.
    pub id: String,
    /// What its person calls it.
    pub name: String,
    pub rp_id: String,
    pub credential_id: Vec<u8>,
    /// A COSE key (RFC 9052 §7).
    pub public_key: Vec<u8>,
    pub aaguid: Aaguid,
    /// Whether the model is attested; otherwise it is only claimed.
    pub attested: bool,
    /// The counter that it signed last.
    pub sign_count: u32,
    /// Whether its person was verified when it was registered: only then does verification ever count.
    pub user_verified: bool,
    /// Whether it may be copied to other devices; this never changes.
    pub backup_eligible: bool,
    /// Whether it is copied by now.
    pub backup_state: bool,
    pub transports: Vec<Transport>,
    pub created_at: Timestamp,
    pub used_at: Option<Timestamp>,
}

impl PasskeyRecord {
    /// The most that it can prove.
    pub const fn method(&self) -> Method {
        method(self.user_verified, self.backup_eligible)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_read_as_they_are_written() {
        let text = "ee882879-721c-4913-9775-3dfcce97072a";
        assert_eq!(Aaguid::parse(text).unwrap().to_string(), text);
        assert_eq!(Aaguid::parse(&text.to_uppercase()), Aaguid::parse(text));
        for bad in [
            "",
            "ee882879721c491397753dfcce97072a",
            "ee882879-721c-4913-9775-3dfcce97072",
            "ee882879-721c-4913-97753-dfcce97072a",
            "ze882879-721c-4913-9775-3dfcce97072a",
        ] {
            assert!(Aaguid::parse(bad).is_none(), "{bad}");
        }
        assert!(Aaguid::default().is_zero());
    }
}
