//! For whom a form was made. A window may show the page of somebody who began to sign in, or was signed in, while
//! somebody else has done so in another window of the same browser: what is typed for the one must not act for the other.

use data_encoding::BASE64URL_NOPAD;

use super::context::Context;
use super::forms::FormFields;
use crate::auth::user::Username;

/// The hidden field that says for whom a form was made: nothing that names them.
pub(crate) fn tag(ctx: &Context, username: &Username) -> String {
    let digest = ctx.state.flows.ports.vault.digest("form", username.as_str().as_bytes());
    BASE64URL_NOPAD.encode(digest.get(..9).unwrap_or_default())
}

/// Whether a form was made for this person. One without the field was made by no page of ours: it speaks for the
/// session that it brings, as a script does.
pub(crate) fn matches(ctx: &Context, fields: &FormFields, username: &Username) -> bool {
    let made_for = fields.get("of");
    made_for.is_empty() || made_for == tag(ctx, username)
}
