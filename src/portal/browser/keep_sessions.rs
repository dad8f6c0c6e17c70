//! Whether somebody who changes what they sign in by stays signed in elsewhere: a box on each page that makes such a change,
//! where there is an elsewhere.

use http::Method;

use crate::auth::session::Session;
use crate::auth::user::UserId;
use crate::flow::reply::OtherSessions;
use crate::portal::context::{Context, HandlerError};
use crate::portal::forms::FormFields;

/// The name of the box.
const FIELD: &str = "keep_sessions";

/// What a form wishes.
pub(super) fn others(fields: &FormFields) -> OtherSessions {
    OtherSessions::kept(!fields.get(FIELD).is_empty())
}

/// Whether the box is ticked, as it was sent; `None`: the person has no other session.
pub(super) async fn box_of(ctx: &Context, user: &UserId, own: Option<&Session>) -> Result<Option<bool>, HandlerError> {
    if !ctx.state.flows.has_other_sessions(user, own).await? {
        return Ok(None);
    }
    let sent = ctx.info.method == Method::POST;
    Ok(Some(sent && others(&ctx.form().await?) == OtherSessions::Keep))
}
