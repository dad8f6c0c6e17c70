//! The browser's dialog for passkeys: what it is asked, and what it ended with.

use crate::auth::proof::{MethodSet, TransactionDigest};
use crate::auth::user::Username;
use crate::flow::reply::{AssertionAsked, CeremonyRef};
use crate::portal::context::{Context, HandlerError};
use crate::portal::error::PortalError;
use crate::portal::form_owner;
use crate::portal::forms::FormFields;
use crate::portal::messages::text;
use crate::portal::pages::{DialogPurpose, Errors, PasskeyDialog, PasskeySignal};

/// What the form of a dialog asks for.
pub(super) const PASSKEY: &str = "passkey";

/// Why there is no credential (WebAuthn L3 §5.1.3, §5.1.4; the names of DOM exceptions).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DialogError {
    /// The form was sent as it stands: no script ran.
    NoScript,
    /// Closed, timed out, or nothing fits: browsers do not say which.
    NotAllowed,
    NotSupported,
    /// The authenticator has one of these credentials already.
    InvalidState,
    /// It cannot verify its user, or keep a credential.
    Constraint,
    /// The RP id does not belong to this origin.
    Security,
    Other,
}

impl DialogError {
    /// The error that a form tells; `None`: it brings a credential.
    pub(super) fn of(fields: &FormFields) -> Option<Self> {
        Some(match fields.get("webauthn_error") {
            "" => return None,
            "JavaScriptNotEnabled" => Self::NoScript,
            "NotAllowedError" | "AbortError" | "TimeoutError" => Self::NotAllowed,
            "NotSupportedError" => Self::NotSupported,
            "InvalidStateError" => Self::InvalidState,
            "ConstraintError" => Self::Constraint,
            "SecurityError" => Self::Security,
            _ => Self::Other,
        })
    }

    /// What to do about it, in the words of the form.
    pub(super) fn errors(self) -> Errors {
        Errors::one(
            PASSKEY,
            match self {
                Self::NoScript => text!("mistake-passkey-script"),
                Self::NotAllowed => text!("mistake-passkey-cancelled"),
                Self::NotSupported => text!("mistake-passkey-browser"),
                Self::InvalidState => text!("mistake-passkey-twice"),
                Self::Constraint => text!("mistake-passkey-device"),
                Self::Security => text!("mistake-passkey-address"),
                Self::Other => text!("mistake-passkey-other"),
            },
        )
    }
}

/// Signing in without a name; `None`: there are no passkeys on this host. Nothing is stored for it.
pub(super) fn sign_in(ctx: &Context) -> Result<Option<PasskeyDialog>, HandlerError> {
    let Some(asked) = ctx.state.flows.sign_in_challenge(None, &ctx.client())? else { return Ok(None) };
    let options = json(&asked.options)?;
    let state = Some(asked.state.expose().to_owned());
    Ok(Some(PasskeyDialog { purpose: DialogPurpose::SignIn, options, state, keeps: None, of: None }))
}

/// Proving one that the account has, in place of what lacks one of `wanted`; `None`: it has none, or the sign-in is over.
pub(super) async fn prove(
    ctx: &Context,
    at: &CeremonyRef,
    (wanted, approves): (Option<MethodSet>, Option<TransactionDigest>),
    username: &Username,
) -> Result<Option<PasskeyDialog>, HandlerError> {
    Ok(match ctx.state.flows.ask_assertion(at, wanted, approves, &ctx.client()).await? {
        AssertionAsked::Asked(options) => Some(bound(ctx, DialogPurpose::Prove, json(&options)?, username)),
        AssertionAsked::NoPasskey | AssertionAsked::Gone => None,
    })
}

/// A dialog in a sign-in or a session, where the server keeps what it asked.
pub(super) fn bound(ctx: &Context, purpose: DialogPurpose, options: String, username: &Username) -> PasskeyDialog {
    PasskeyDialog { purpose, options, state: None, keeps: None, of: Some(form_owner::tag(ctx, username)) }
}

pub(super) fn json(value: &impl serde::Serialize) -> Result<String, HandlerError> {
    serde_json::to_string(value).map_err(|_| HandlerError::Portal(PortalError::Unavailable))
}

/// Tells the password manager of the browser that a credential which it offered is not known here.
pub(super) fn unknown(ctx: &Context, assertion: &str) -> Option<PasskeySignal> {
    let assertion: serde_json::Value = serde_json::from_str(assertion).ok()?;
    let id = assertion.get("id")?.as_str()?;
    let rp_id = ctx.state.flows.settings.rp_id(&ctx.info.host);
    let about = serde_json::json!({ "rpId": rp_id, "credentialId": id }).to_string();
    Some(PasskeySignal { method: "UnknownCredential", about })
}
