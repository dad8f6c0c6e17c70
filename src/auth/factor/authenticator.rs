//! What belongs to a person's authenticators, as kept in SQL. Secrets are sealed; codes are hashed.

use serde::{Deserialize, Serialize};

use crate::auth::proof::{Method, MethodSet};
use crate::auth::time::Timestamp;

/// A secret sealed at rest by the vault. Opaque here.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed(pub Vec<u8>);

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealed(..)")
    }
}

/// An enrolled TOTP authenticator.
#[derive(Clone)]
pub struct TotpRecord {
    /// Its id (a ULID).
    pub id: String,
    /// The shared key, sealed for this user.
    pub secret: Sealed,
    /// Digits of a code: 6 or 8.
    pub digits: u8,
    /// Seconds of a time step.
    pub period: u64,
    /// The last time step spent; codes of it and of earlier ones are refused.
    pub last_step: Option<u64>,
    /// When it was enrolled.
    pub created_at: Timestamp,
    /// When it last proved anything.
    pub used_at: Option<Timestamp>,
}

/// The unused backup codes of a person.
#[derive(Clone)]
pub struct BackupSet {
    /// The salt all codes of the set are hashed with.
    pub salt: Vec<u8>,
    pub left: u32,
}

/// Everything a person can prove with, beside the password.
#[derive(Clone, Default)]
pub struct Enrolled {
    /// The TOTP authenticator.
    pub totp: Option<TotpRecord>,
    /// The backup codes.
    pub backup: Option<BackupSet>,
    /// Methods that are switched off after too many wrong codes, and since when.
    pub locked: Vec<(Method, Timestamp)>,
}

impl Enrolled {
    /// The methods that are switched off.
    pub fn locked(&self) -> MethodSet {
        self.locked.iter().map(|(method, _)| *method).collect()
    }

    /// What can be proved with now: all that is there, without what is switched off.
    pub fn usable(&self, has_password: bool) -> MethodSet {
        self.methods(has_password).minus(self.locked())
    }

    /// The methods that are there, also those switched off; a password is taken for granted only if `has_password`.
    pub fn methods(&self, has_password: bool) -> MethodSet {
        let mut set = MethodSet::EMPTY;
        if has_password {
            set = set.with(Method::Password);
        }
        if self.totp.is_some() {
            set = set.with(Method::Totp);
        }
        if self.backup.as_ref().is_some_and(|b| b.left > 0) {
            set = set.with(Method::BackupCode);
        }
        set
    }
}
