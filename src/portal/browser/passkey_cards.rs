//! The passkeys of somebody as the page of their account shows them, and as their browser is told of them.

use data_encoding::BASE64URL_NOPAD;
use serde_json::json;

use crate::auth::factor::passkey::PasskeyRecord;
use crate::auth::session::Session;
use crate::portal::context::{Context, HandlerError};
use crate::portal::format;
use crate::portal::pages::{PasskeyCard, PasskeySignal};

/// The passkeys of a person, each a card.
pub(super) fn cards(ctx: &Context, passkeys: &[PasskeyRecord]) -> Vec<PasskeyCard> {
    let here = ctx.state.flows.settings.rp_id(&ctx.info.host);
    let card = |passkey: &PasskeyRecord| PasskeyCard {
        id: passkey.id.clone(),
        name: passkey.name.clone(),
        created: format::moment(passkey.created_at),
        last_used: passkey.used_at.map(format::moment),
        bound: !passkey.backup_eligible,
        elsewhere: (passkey.rp_id != here).then(|| passkey.rp_id.clone()),
    };
    passkeys.iter().map(card).collect()
}

/// What the password manager of the browser should know of an account: which passkeys there are, and its names.
pub(super) async fn signals(ctx: &Context, session: &Session) -> Result<Vec<PasskeySignal>, HandlerError> {
    let (flows, who) = (&ctx.state.flows, &session.identity);
    let (handle, ids) = flows.accepted_credentials(&who.id, &ctx.info.host).await?;
    let rp_id = flows.settings.rp_id(&ctx.info.host);
    let (user, ids): (String, Vec<String>) =
        (BASE64URL_NOPAD.encode(&handle), ids.iter().map(|id| BASE64URL_NOPAD.encode(id)).collect());
    let (name, shown) = (who.username.as_str(), who.name.as_deref().unwrap_or(who.username.as_str()));
    let signal = |method, about: serde_json::Value| PasskeySignal { method, about: about.to_string() };
    Ok(vec![
        signal("AllAcceptedCredentials", json!({ "rpId": rp_id, "userId": user, "allAcceptedCredentialIds": ids })),
        signal("CurrentUserDetails", json!({ "rpId": rp_id, "userId": user, "name": name, "displayName": shown })),
    ])
}
