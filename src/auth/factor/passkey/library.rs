//! The door of `webauthn-rs-core`: it verifies signatures and attestation, and nothing else is left to it.
//!
//! Its states between the two halves of a ceremony are written down by it and read back, so ours are made with our
//! challenge, and its own randomness is never asked. Its clock is only read for the roots of attestation, which are
//! looked at here with the time that we are given.

use std::fmt;
use std::time::{Duration, SystemTime};

use data_encoding::BASE64URL_NOPAD;
use serde_json::json;
use url::Url;
use webauthn_rs_core::WebauthnCore;
use webauthn_rs_core::attestation::verify_attestation_ca_chain;
use webauthn_rs_core::error::WebauthnError;
use webauthn_rs_core::internals::AuthenticatorData as ParsedData;
use webauthn_rs_core::proto::{
    AttestationCaList, AttestationMetadata, AuthenticationState, AuthenticatorAssertionResponseRaw,
    AuthenticatorAttestationResponseRaw, COSEAlgorithm, COSEKey, Credential, ParsedAttestation, PublicKeyCredential,
    RegisterPublicKeyCredential, Registration, RegistrationState, UserVerificationPolicy,
};

use super::Expected;
use super::record::PasskeyRecord;
use super::response::{AuthenticationResponse, RegistrationResponse};
use super::violation::Violation;
use crate::auth::time::Timestamp;

/// What it verifies, the most common first: ES256, ES384, RS256 (RFC 9053, RFC 8812).
pub const ALGORITHMS: [i64; 3] =
    [COSEAlgorithm::ES256 as i64, COSEAlgorithm::ES384 as i64, COSEAlgorithm::RS256 as i64];

/// The certificates that attestations may lead to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roots(AttestationCaList);

/// Not a certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("certificate {number}: {cause}")]
pub struct RootsFault {
    /// Which one, from 1 on.
    number: usize,
    cause: String,
}

impl Roots {
    /// Reads certificates in PEM, one after the other.
    ///
    /// # Errors
    /// One of them is none.
    pub fn from_pem(text: &str) -> Result<Self, RootsFault> {
        const END: &str = "-----END CERTIFICATE-----";
        let mut all = AttestationCaList::default();
        for (at, block) in text.split_inclusive(END).filter(|block| block.contains(END)).enumerate() {
            let start = block.find("-----BEGIN").unwrap_or_default();
            let fault = |cause: &dyn fmt::Display| RootsFault { number: at + 1, cause: cause.to_string() };
            let one = AttestationCaList::try_from(block.get(start..).unwrap_or_default().as_bytes());
            all.union(&one.map_err(|cause| fault(&cause))?);
        }
        Ok(Self(all))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Verifies the attestation statement of a new credential, and that its key is one. Answers whether the statement leads
/// to one of the roots and says the model.
pub(super) fn verify_attestation(
    response: &RegistrationResponse,
    attestation_object: &[u8],
    expected: &Expected<'_>,
    roots: Option<&Roots>,
    now: Timestamp,
) -> Result<bool, Violation> {
    let state: RegistrationState = read(json!({
        "policy": "discouraged",
        "exclude_credentials": [],
        "challenge": BASE64URL_NOPAD.encode(expected.challenge),
        "credential_algorithms": ["ES256", "ES384", "RS256"],
        "require_resident_key": false,
        "authenticator_attachment": null,
        "extensions": {},
        "allow_synchronised_authenticators": true,
    }))?;
    let given = RegisterPublicKeyCredential {
        id: BASE64URL_NOPAD.encode(&response.id),
        raw_id: response.id.clone(),
        response: AuthenticatorAttestationResponseRaw {
            attestation_object: attestation_object.to_vec(),
            client_data_json: response.client_data.clone(),
            transports: None,
        },
        type_: "public-key".to_owned(),
        extensions: Default::default(),
    };
    let made = core(expected)?.register_credential(&given, &state, None).map_err(|fault| violation(&fault))?;
    let Some(roots) = roots.filter(|roots| !roots.is_empty()) else { return Ok(false) };
    let at = SystemTime::UNIX_EPOCH + Duration::from_millis(now.as_millis());
    let trusted = matches!(verify_attestation_ca_chain(&made.attestation.data, &roots.0, at), Ok(Some(_)));
    // Other formats vouch for the key, and say nothing of the model.
    let says_model =
        matches!(made.attestation.metadata, AttestationMetadata::Packed { .. } | AttestationMetadata::Tpm { .. });
    Ok(trusted && says_model)
}

/// Verifies a signature. What else the library looks at, the guard has looked at.
pub(super) fn verify_signature(
    response: &AuthenticationResponse,
    expected: &Expected<'_>,
    passkey: &PasskeyRecord,
) -> Result<(), Violation> {
    let state: AuthenticationState = read(json!({
        "credentials": [],
        "policy": "discouraged",
        "challenge": BASE64URL_NOPAD.encode(expected.challenge),
        "appid": null,
        "allow_backup_eligible_upgrade": false,
    }))?;
    let given = PublicKeyCredential {
        id: BASE64URL_NOPAD.encode(&response.id),
        raw_id: response.id.clone(),
        response: AuthenticatorAssertionResponseRaw {
            authenticator_data: response.authenticator_data.clone(),
            client_data_json: response.client_data.clone(),
            signature: response.signature.clone(),
            user_handle: response.user_handle.clone(),
        },
        extensions: Default::default(),
        type_: "public-key".to_owned(),
    };
    let credential = Credential {
        cred_id: passkey.credential_id.clone(),
        cred: key_of(passkey)?,
        // The guard compares counters, after the signature.
        counter: 0,
        transports: None,
        user_verified: passkey.user_verified,
        backup_eligible: passkey.backup_eligible,
        backup_state: passkey.backup_state,
        // Whoever is not verified today proves possession today, and is not refused for good.
        registration_policy: UserVerificationPolicy::Discouraged_DO_NOT_USE,
        extensions: Default::default(),
        attestation: ParsedAttestation::default(),
        attestation_format: webauthn_rs_core::proto::AttestationFormat::None,
    };
    let verified = core(expected)?.authenticate_single_credential(&given, &state, &credential);
    verified.map(|_| ()).map_err(|fault| violation(&fault))
}

fn core(expected: &Expected<'_>) -> Result<WebauthnCore, Violation> {
    let origin = Url::parse(expected.origin).map_err(|_| Violation::Origin)?;
    let (timeout, none) = (Duration::from_secs(300), Some(false));
    Ok(WebauthnCore::new_unsafe_experts_only("", expected.rp_id, vec![origin], timeout, none, none))
}

/// The library reads a COSE key as a part of authenticator data only.
fn key_of(passkey: &PasskeyRecord) -> Result<COSEKey, Violation> {
    let mut data = vec![0; 37];
    if let Some(flags) = data.get_mut(32) {
        *flags = 0x41;
    }
    data.extend_from_slice(&passkey.aaguid.0);
    data.extend_from_slice(&[0, 1, 0]);
    data.extend_from_slice(&passkey.public_key);
    let parsed: ParsedData<Registration> = data.as_slice().try_into().map_err(|_| Violation::Algorithm)?;
    let made = parsed.acd.ok_or(Violation::Algorithm)?;
    COSEKey::try_from(&made.credential_pk).map_err(|_| Violation::Algorithm)
}

/// A state of the library, from what it writes.
fn read<T: serde::de::DeserializeOwned>(state: serde_json::Value) -> Result<T, Violation> {
    serde_json::from_value(state).map_err(|_| Violation::Shape)
}

fn violation(fault: &WebauthnError) -> Violation {
    match fault {
        WebauthnError::InvalidClientDataType => Violation::ClientDataType,
        WebauthnError::MismatchedChallenge => Violation::Challenge,
        WebauthnError::InvalidRPOrigin => Violation::Origin,
        WebauthnError::CredentialCrossOrigin => Violation::CrossOrigin,
        WebauthnError::InvalidRPIDHash => Violation::RpId,
        WebauthnError::UserNotPresent => Violation::UserPresence,
        WebauthnError::UserNotVerified => Violation::UserVerification,
        WebauthnError::CredentialBackupEligibilityInconsistent => Violation::BackupEligibility,
        WebauthnError::CredentialMayNotBeHardwareBound => Violation::BackupState,
        WebauthnError::CredentialPossibleCompromise => Violation::Counter,
        WebauthnError::AuthenticationFailure | WebauthnError::SignatureInvalid => Violation::Signature,
        WebauthnError::CredentialAlteredAlgFromRequest
        | WebauthnError::COSEKeyInvalidAlgorithm
        | WebauthnError::COSEKeyEDUnsupported
        // It knows RSA keys of 2048 bits only.
        | WebauthnError::COSEKeyRSANEInvalid => Violation::Algorithm,
        WebauthnError::ParseJSONFailure(_) => Violation::ClientData,
        WebauthnError::ParseCBORFailure(_) | WebauthnError::ParseNOMFailure => Violation::AuthenticatorData,
        _ => Violation::Attestation,
    }
}
