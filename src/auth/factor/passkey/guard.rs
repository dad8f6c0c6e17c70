//! The checks of ours, in the order of WebAuthn L3 §7.1 and §7.2. The library is laxer, or does not look.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

use super::authenticator_data::{AuthenticatorData, FLAGS_AT, USER_PRESENT};
use super::client_data::{self, ClientDataType};
use super::library::{self, ALGORITHMS};
use super::record::{Aaguid, PasskeyRecord};
use super::response::{AuthenticationResponse, RegistrationResponse, Transport};
use super::violation::Violation;
use super::{AttestationDemand, Expected, Mediation, ModelPolicy, UserHandle, UserVerification, cbor};
use crate::auth::proof::Method;
use crate::auth::time::Timestamp;

/// A credential that may be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    pub credential_id: Vec<u8>,
    /// A COSE key.
    pub public_key: Vec<u8>,
    pub aaguid: Aaguid,
    /// Whether an attestation that leads to one of the roots says the model.
    pub attested: bool,
    pub sign_count: u32,
    pub user_verified: bool,
    pub backup_eligible: bool,
    pub backup_state: bool,
    pub transports: Vec<Transport>,
}

/// What a signature has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authenticated {
    pub method: Method,
    /// The counter, larger than the one before unless both are zero.
    pub sign_count: u32,
    pub backup_state: bool,
}

/// Whose signature is expected.
#[derive(Clone, Copy)]
pub struct Signer<'a> {
    pub passkey: &'a PasskeyRecord,
    /// Of the person who owns it.
    pub user_handle: &'a UserHandle,
    /// Nobody was named before: the answer must say whose it is.
    pub discoverable: bool,
}

/// Verifies a new credential (§7.1).
///
/// # Errors
/// The check that failed.
pub fn register(
    response: &RegistrationResponse,
    expected: &Expected<'_>,
    policy: &ModelPolicy,
    mediation: Mediation,
    now: Timestamp,
) -> Result<Registered, Violation> {
    client_data::check(&response.client_data, ClientDataType::Create, expected)?;
    let members = cbor::map(&response.attestation_object).ok_or(Violation::AuthenticatorData)?;
    let member = |name| members.iter().find(|(key, _)| cbor::text(key) == Some(name)).map(|(_, value)| *value);
    let bytes = member("authData").and_then(cbor::bytes).ok_or(Violation::AuthenticatorData)?;
    let data = AuthenticatorData::parse(bytes)?;
    check_flags(&data, expected, mediation)?;
    let made = data.credential.as_ref().ok_or(Violation::AuthenticatorData)?;
    if made.id != response.id {
        return Err(Violation::CredentialId);
    }
    if !made.algorithm().is_some_and(|offered| ALGORITHMS.contains(&offered)) {
        return Err(Violation::Algorithm);
    }
    let aaguid = Aaguid(made.aaguid);
    if !policy.admits(aaguid) {
        return Err(Violation::Model);
    }
    let roots = (policy.attestation != AttestationDemand::None).then_some(&policy.roots);
    let object = match data.user_present() {
        true => Cow::Borrowed(response.attestation_object.as_slice()),
        false => Cow::Owned(with_user_present(response, &members).ok_or(Violation::AuthenticatorData)?),
    };
    let attested = library::verify_attestation(response, &object, expected, roots, now)?;
    if policy.attestation == AttestationDemand::Required && !attested {
        return Err(Violation::NotAttested);
    }
    Ok(Registered {
        credential_id: response.id.clone(),
        public_key: made.public_key.to_vec(),
        aaguid,
        attested,
        sign_count: data.sign_count,
        user_verified: data.user_verified(),
        backup_eligible: data.backup_eligible(),
        backup_state: data.backup_state(),
        transports: response.transports.clone(),
    })
}

/// Verifies a signature of a credential (§7.2).
///
/// # Errors
/// The check that failed.
pub fn authenticate(
    response: &AuthenticationResponse,
    expected: &Expected<'_>,
    signer: Signer<'_>,
) -> Result<Authenticated, Violation> {
    let passkey = signer.passkey;
    if passkey.credential_id != response.id || passkey.rp_id != expected.rp_id {
        return Err(Violation::Owner);
    }
    match &response.user_handle {
        Some(handle) if handle.as_slice() == signer.user_handle => {}
        None if !signer.discoverable => {}
        _ => return Err(Violation::UserHandle),
    }
    client_data::check(&response.client_data, ClientDataType::Get, expected)?;
    let data = AuthenticatorData::parse(&response.authenticator_data)?;
    check_flags(&data, expected, Mediation::Optional)?;
    if data.credential.is_some() {
        return Err(Violation::AuthenticatorData);
    }
    if data.backup_eligible() != passkey.backup_eligible {
        return Err(Violation::BackupEligibility);
    }
    library::verify_signature(response, expected, passkey)?;
    // Looked at last: only who holds the key can make it grow, or not.
    if (data.sign_count, passkey.sign_count) != (0, 0) && data.sign_count <= passkey.sign_count {
        return Err(Violation::Counter);
    }
    // Whoever was not verified when the key was registered may have set its PIN since then, or another.
    let verified = data.user_verified() && passkey.user_verified;
    if expected.user_verification == UserVerification::Required && !verified {
        return Err(Violation::UserVerification);
    }
    Ok(Authenticated {
        method: super::method(verified, passkey.backup_eligible),
        sign_count: data.sign_count,
        backup_state: data.backup_state(),
    })
}

/// The attestation object as the library wants it, which knows no conditional mediation: with the flag of somebody present.
/// A statement that signs the flags does not hold over that, so only what is not attested passes without anybody there.
fn with_user_present(response: &RegistrationResponse, members: &cbor::Entries<'_>) -> Option<Vec<u8>> {
    let whole = &response.attestation_object;
    let length: usize = members.iter().map(|(key, value)| key.len() + value.len()).sum();
    let mut object = whole.get(..whole.len().checked_sub(length)?)?.to_vec();
    for (key, value) in members {
        object.extend_from_slice(key);
        let start = object.len();
        object.extend_from_slice(value);
        if cbor::text(key) == Some("authData") {
            let head = value.len().checked_sub(cbor::bytes(value)?.len())?;
            *object.get_mut(start + head + FLAGS_AT)? |= USER_PRESENT;
        }
    }
    Some(object)
}

fn check_flags(data: &AuthenticatorData<'_>, expected: &Expected<'_>, mediation: Mediation) -> Result<(), Violation> {
    if data.rp_id_hash != Sha256::digest(expected.rp_id.as_bytes()).as_slice() {
        return Err(Violation::RpId);
    }
    if !data.user_present() && mediation != Mediation::Conditional {
        return Err(Violation::UserPresence);
    }
    if expected.user_verification == UserVerification::Required && !data.user_verified() {
        return Err(Violation::UserVerification);
    }
    if data.backup_state() && !data.backup_eligible() {
        return Err(Violation::BackupState);
    }
    Ok(())
}

/// Does the work of verifying a signature of a credential that nobody has: who presents one learns nothing from the time
/// that it takes. Whatever comes of it is no proof.
pub fn verify_nobodys(response: &AuthenticationResponse, expected: &Expected<'_>) {
    let user_handle = response.user_handle.as_deref().and_then(|handle| handle.try_into().ok()).unwrap_or_default();
    let eligible = AuthenticatorData::parse(&response.authenticator_data).is_ok_and(|data| data.backup_eligible());
    let passkey = PasskeyRecord {
        id: String::new(),
        name: String::new(),
        rp_id: expected.rp_id.to_owned(),
        credential_id: response.id.clone(),
        public_key: ANY_KEY.to_vec(),
        aaguid: Aaguid::default(),
        attested: false,
        sign_count: 0,
        user_verified: true,
        backup_eligible: eligible,
        backup_state: false,
        transports: Vec::new(),
        created_at: Timestamp::default(),
        used_at: None,
    };
    let signer = Signer { passkey: &passkey, user_handle: &user_handle, discoverable: true };
    let _ = authenticate(response, expected, signer);
}

/// A point on P-256: its generator.
const ANY_KEY: &[u8] = b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20\
\x6b\x17\xd1\xf2\xe1\x2c\x42\x47\xf8\xbc\xe6\xe5\x63\xa4\x40\xf2\x77\x03\x7d\x81\x2d\xeb\x33\xa0\xf4\xa1\x39\x45\xd8\x98\xc2\x96\
\x22\x58\x20\
\x4f\xe3\x42\xe2\xfe\x1a\x7f\x9b\x8e\xe7\xeb\x4a\x7c\x0f\x9e\x16\x2b\xce\x33\x57\x6b\x31\x5e\xce\xcb\xb6\x40\x68\x37\xbf\x51\xf5";
