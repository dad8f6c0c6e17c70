//! The contexts that secrets are sealed for: what was sealed for one opens in no other.

use super::ports::{SealedAt, letter_context};
use crate::auth::ceremony::CeremonyKey;
use crate::auth::user::UserId;

/// The context of a TOTP key: it opens for its owner only.
pub(super) fn totp_context(user: &UserId) -> String {
    format!("totp:{user}")
}

/// The context of what an enrolment waits with, a key or an address: it opens for its owner, and in its enrolment only.
pub(super) fn challenge_context(user: &UserId, enrolment: &CeremonyKey) -> String {
    format!("{}:{}", totp_context(user), enrolment.encoded())
}

/// The context of the private key that signs under `kid`.
pub(super) fn signing_context(kid: &str) -> String {
    format!("signing:{kid}")
}

pub(super) fn row_context(at: &SealedAt) -> String {
    match at {
        SealedAt::Totp(user) => totp_context(user),
        SealedAt::Signing(kid) => signing_context(kid),
        SealedAt::Letter(id) => letter_context(id),
    }
}
