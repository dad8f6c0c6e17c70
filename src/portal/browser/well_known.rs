//! What programs look for at fixed addresses (RFC 8615), on hosts that are the relying party of their passkeys.

use http::StatusCode;
use serde_json::json;

use super::enroll::passkeys_offered;
use crate::portal::context::{Context, HandlerError};
use crate::portal::error::PortalError;
use crate::portal::handoff::origin_of;
use crate::portal::reply::{Reply, see_other};

const KIND: &str = "well-known";

/// Where a password is changed (W3C, A Well-Known URL for Changing Passwords).
pub(crate) async fn change_password(_: &Context) -> Result<Reply, HandlerError> {
    Ok(see_other("/.stepgate/password", KIND))
}

/// Where passkeys are set up and looked after (W3C, A Well-Known URL for Relying Party Passkey Endpoints).
pub(crate) async fn passkey_endpoints(ctx: &Context) -> Result<Reply, HandlerError> {
    let at = |path| format!("{}://{}/.stepgate/{path}", ctx.info.scheme, ctx.info.authority);
    answer(ctx, &json!({ "enroll": at("login?then=passkey"), "manage": at("account") }))
}

/// The origins that may use the passkeys of this host (WebAuthn L3 §5.11): those outside of its domain, or else its own alone.
pub(crate) async fn webauthn(ctx: &Context) -> Result<Reply, HandlerError> {
    let related = ctx.state.flows.settings.passkeys.as_ref().map(|passkeys| passkeys.related.as_slice());
    let origins: Vec<String> = match related.unwrap_or_default() {
        [] => vec![origin_of(&ctx.info, &ctx.info.host)],
        // Browsers count the names of the domains in this list, and need no entry for what the domain covers.
        related => related.iter().map(|host| origin_of(&ctx.info, host)).collect(),
    };
    answer(ctx, &json!({ "origins": origins }))
}

fn answer(ctx: &Context, body: &serde_json::Value) -> Result<Reply, HandlerError> {
    if !passkeys_offered(ctx) || ctx.state.flows.settings.rp_id(&ctx.info.host) != ctx.info.host {
        return Err(HandlerError::Portal(PortalError::NotFound));
    }
    Ok(Reply::new(StatusCode::OK, KIND, "application/json", body.to_string()))
}
