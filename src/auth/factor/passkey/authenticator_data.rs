//! Authenticator data (WebAuthn L3 §6.1).

use super::cbor;
use super::violation::Violation;

pub(super) const USER_PRESENT: u8 = 1;
const USER_VERIFIED: u8 = 1 << 2;
const BACKUP_ELIGIBLE: u8 = 1 << 3;
const BACKUP_STATE: u8 = 1 << 4;
const ATTESTED: u8 = 1 << 6;
const EXTENSIONS: u8 = 1 << 7;

/// Where the flags stand, after the hash.
pub(super) const FLAGS_AT: usize = 32;
/// Before what is optional: the hash, the flags and the counter.
const FIXED: usize = 37;
/// The longest credential id (§5.8.3).
const CREDENTIAL_ID_BYTES: usize = 1023;

/// What an authenticator says.
pub(super) struct AuthenticatorData<'a> {
    pub(super) rp_id_hash: &'a [u8],
    flags: u8,
    pub(super) sign_count: u32,
    pub(super) credential: Option<AttestedCredential<'a>>,
}

/// A credential just made (§6.5.1).
pub(super) struct AttestedCredential<'a> {
    pub(super) aaguid: [u8; 16],
    pub(super) id: &'a [u8],
    /// A COSE key.
    pub(super) public_key: &'a [u8],
}

impl<'a> AuthenticatorData<'a> {
    /// Reads all of it: what is left over is none.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, Violation> {
        Self::read(bytes).ok_or(Violation::AuthenticatorData)
    }

    fn read(bytes: &'a [u8]) -> Option<Self> {
        let (fixed, rest) = bytes.split_at_checked(FIXED)?;
        let (rp_id_hash, tail) = fixed.split_at_checked(FLAGS_AT)?;
        let (flags, count) = tail.split_first()?;
        let (credential, rest) = match flags & ATTESTED {
            0 => (None, rest),
            _ => AttestedCredential::read(rest).map(|(credential, rest)| (Some(credential), rest))?,
        };
        let rest = match flags & EXTENSIONS {
            0 => rest,
            _ => {
                let (extensions, rest) = cbor::first(rest)?;
                cbor::map(extensions)?;
                rest
            }
        };
        let sign_count = u32::from_be_bytes(count.try_into().ok()?);
        rest.is_empty().then_some(Self { rp_id_hash, flags: *flags, sign_count, credential })
    }

    pub(super) const fn user_present(&self) -> bool {
        self.flags & USER_PRESENT != 0
    }

    pub(super) const fn user_verified(&self) -> bool {
        self.flags & USER_VERIFIED != 0
    }

    pub(super) const fn backup_eligible(&self) -> bool {
        self.flags & BACKUP_ELIGIBLE != 0
    }

    pub(super) const fn backup_state(&self) -> bool {
        self.flags & BACKUP_STATE != 0
    }
}

impl<'a> AttestedCredential<'a> {
    fn read(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (aaguid, rest) = bytes.split_first_chunk::<16>()?;
        let (length, rest) = rest.split_first_chunk::<2>()?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (id, rest) = rest.split_at_checked(length).filter(|_| (1..=CREDENTIAL_ID_BYTES).contains(&length))?;
        let (public_key, rest) = cbor::first(rest)?;
        Some((Self { aaguid: *aaguid, id, public_key }, rest))
    }

    /// The algorithm of its key (RFC 9053).
    pub(super) fn algorithm(&self) -> Option<i64> {
        let members = cbor::map(self.public_key)?;
        let (_, algorithm) = members.into_iter().find(|(key, _)| cbor::integer(key) == Some(3))?;
        cbor::integer(algorithm)
    }
}
