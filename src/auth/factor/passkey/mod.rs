//! Passkeys and security keys (WebAuthn Level 3).
//!
//! What a browser hands in passes checks of ours first, each named in [`Violation`]; then `webauthn-rs-core` verifies the
//! signature or the attestation. Challenges come from outside, as time does.

mod authenticator_data;
mod cbor;
mod client_data;
mod guard;
mod json;
mod library;
mod names;
mod options;
mod record;
mod response;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod violation;

pub use guard::{Authenticated, Registered, Signer, authenticate, register, verify_nobodys};
pub use json::StrictJson;
pub use library::{ALGORITHMS, Roots, RootsFault};
pub use options::{CreationOptions, Hint, NewCredential, RequestOptions, challenge_name};
pub use record::{Aaguid, PasskeyRecord};
pub use response::{AuthenticationResponse, RegistrationResponse, Transport};
pub use violation::Violation;

use crate::auth::proof::Method;

/// Bytes of a challenge.
pub const CHALLENGE_BYTES: usize = 32;

/// Stands for an account towards authenticators (§5.4.3): it tells nobody whose it is.
pub type UserHandle = [u8; 32];

/// Whether the authenticator must verify who uses it, by a PIN or a fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserVerification {
    Preferred,
    Required,
}

/// How a browser was asked for a new key (Credential Management §2.3.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mediation {
    /// In a dialog.
    #[default]
    Optional,
    /// Without a question, after a sign-in by password (§5.1.3): nobody need be there.
    Conditional,
}

/// What an answer must be an answer to.
#[derive(Clone, Copy)]
pub struct Expected<'a> {
    pub rp_id: &'a str,
    /// As a browser writes it: `https://app.example`.
    pub origin: &'a str,
    pub challenge: &'a [u8],
    pub user_verification: UserVerification,
}

/// What an operator demands of an attestation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AttestationDemand {
    /// Nothing; browsers are not even asked.
    #[default]
    None,
    /// What leads to one of the roots counts; what does not, does no harm.
    Wanted,
    /// Only what leads to one of the roots is registered.
    Required,
}

/// Which models may be registered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelPolicy {
    /// Only these; empty: all.
    pub allow: Vec<Aaguid>,
    /// None of these.
    pub refuse: Vec<Aaguid>,
    pub attestation: AttestationDemand,
    pub roots: Roots,
}

impl ModelPolicy {
    /// Whether a model may be registered.
    fn admits(&self, aaguid: Aaguid) -> bool {
        (self.allow.is_empty() || self.allow.contains(&aaguid)) && !self.refuse.contains(&aaguid)
    }
}

/// What a new credential is called as long as its person calls it nothing: its model, as far as that is told.
pub fn default_name(made: &Registered) -> &'static str {
    let kind = if made.user_verified { "Passkey" } else { "Security key" };
    names::name_of(made.aaguid).unwrap_or(kind)
}

/// What a signature proves: who was not verified has shown possession.
pub const fn method(user_verified: bool, backup_eligible: bool) -> Method {
    match (user_verified, backup_eligible) {
        (false, _) => Method::SecurityKey,
        (true, false) => Method::BoundPasskey,
        (true, true) => Method::Passkey,
    }
}
