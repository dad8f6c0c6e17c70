//! Client data (WebAuthn L3 §5.8.1): what the browser says, which the authenticator signs.

use data_encoding::BASE64URL_NOPAD;
use serde_json::Value;

use super::Expected;
use super::json;
use super::violation::Violation;

/// The ceremony that client data is for.
#[derive(Clone, Copy)]
pub(super) enum ClientDataType {
    Create,
    Get,
}

impl ClientDataType {
    const fn name(self) -> &'static str {
        match self {
            Self::Create => "webauthn.create",
            Self::Get => "webauthn.get",
        }
    }
}

/// Checks the client data. It may carry members that nobody asked for.
pub(super) fn check(bytes: &[u8], wanted: ClientDataType, expected: &Expected<'_>) -> Result<(), Violation> {
    let members = json::object(bytes).ok_or(Violation::ClientData)?;
    let text = |name| json::text(&members, name).ok_or(Violation::ClientData);
    let (kind, challenge, origin) = (text("type")?, text("challenge")?, text("origin")?);
    if kind != wanted.name() {
        return Err(Violation::ClientDataType);
    }
    if challenge != BASE64URL_NOPAD.encode(expected.challenge) {
        return Err(Violation::Challenge);
    }
    // Parsed, two texts could be one URL.
    if origin != expected.origin {
        return Err(Violation::Origin);
    }
    match members.get("crossOrigin") {
        None | Some(Value::Bool(false)) => {}
        Some(Value::Bool(true)) => return Err(Violation::CrossOrigin),
        Some(_) => return Err(Violation::ClientData),
    }
    if members.contains_key("topOrigin") {
        return Err(Violation::TopOrigin);
    }
    Ok(())
}
