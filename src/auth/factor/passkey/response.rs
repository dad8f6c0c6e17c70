//! What a browser hands in: `PublicKeyCredential.toJSON()` (WebAuthn L3 §5.1).

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, Value};

use super::json;
use super::violation::Violation;

/// The longest answer that is looked at, in bytes.
const MOST_BYTES: usize = 64 << 10;

/// What both kinds of answers have.
struct Credential {
    id: Vec<u8>,
    client_data: Vec<u8>,
    response: Map<String, Value>,
}

/// A credential that was made.
pub struct RegistrationResponse {
    pub(super) id: Vec<u8>,
    pub(super) client_data: Vec<u8>,
    pub(super) attestation_object: Vec<u8>,
    pub(super) transports: Vec<Transport>,
}

/// A signature of a credential.
pub struct AuthenticationResponse {
    pub(super) id: Vec<u8>,
    pub(super) client_data: Vec<u8>,
    pub(super) authenticator_data: Vec<u8>,
    pub(super) signature: Vec<u8>,
    pub(super) user_handle: Option<Vec<u8>>,
}

/// How a browser may reach an authenticator (§5.8.4): a hint, believed for no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    Usb,
    Nfc,
    Ble,
    SmartCard,
    Hybrid,
    Internal,
}

impl RegistrationResponse {
    /// # Errors
    /// It is none.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        let Credential { id, client_data, response } = credential(text)?;
        let transports = match response.get("transports") {
            None => Vec::new(),
            Some(Value::Array(names)) => {
                names.iter().filter_map(|name| serde_json::from_value(name.clone()).ok()).take(6).collect()
            }
            Some(_) => return Err(Violation::Shape),
        };
        Ok(Self { id, client_data, attestation_object: bytes(&response, "attestationObject")?, transports })
    }

    /// The challenge that it claims to answer: how what was asked is found. It is compared with what was.
    pub fn claimed_challenge(&self) -> Option<Vec<u8>> {
        claimed_challenge(&self.client_data)
    }
}

impl AuthenticationResponse {
    /// # Errors
    /// It is none.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        let Credential { id, client_data, response } = credential(text)?;
        let user_handle = match response.get("userHandle") {
            None | Some(Value::Null) => None,
            Some(_) => Some(bytes(&response, "userHandle")?),
        };
        let (authenticator_data, signature) = (bytes(&response, "authenticatorData")?, bytes(&response, "signature")?);
        Ok(Self { id, client_data, authenticator_data, signature, user_handle })
    }

    /// Which credential signed.
    pub fn credential_id(&self) -> &[u8] {
        &self.id
    }

    /// The challenge that it claims to answer.
    pub fn claimed_challenge(&self) -> Option<Vec<u8>> {
        claimed_challenge(&self.client_data)
    }
}

fn claimed_challenge(client_data: &[u8]) -> Option<Vec<u8>> {
    BASE64URL_NOPAD.decode(json::text(&json::object(client_data)?, "challenge")?.as_bytes()).ok()
}

fn credential(text: &str) -> Result<Credential, Violation> {
    if text.len() > MOST_BYTES {
        return Err(Violation::Shape);
    }
    let mut members = json::object(text.as_bytes()).ok_or(Violation::Shape)?;
    let kind = json::text(&members, "type").ok_or(Violation::Shape)?;
    if kind != "public-key" {
        return Err(Violation::CredentialType);
    }
    let raw = bytes(&members, "rawId")?;
    let id = bytes(&members, "id")?;
    if id != raw {
        return Err(Violation::CredentialId);
    }
    if !members.get("clientExtensionResults").is_some_and(Value::is_object) {
        return Err(Violation::Shape);
    }
    match members.get("authenticatorAttachment") {
        None | Some(Value::Null | Value::String(_)) => {}
        Some(_) => return Err(Violation::Shape),
    }
    let Some(Value::Object(response)) = members.remove("response") else { return Err(Violation::Shape) };
    Ok(Credential { id, client_data: bytes(&response, "clientDataJSON")?, response })
}

fn bytes(members: &Map<String, Value>, name: &str) -> Result<Vec<u8>, Violation> {
    let text = json::text(members, name).ok_or(Violation::Shape)?;
    BASE64URL_NOPAD.decode(text.as_bytes()).ok().filter(|bytes| !bytes.is_empty()).ok_or(Violation::Shape)
}
