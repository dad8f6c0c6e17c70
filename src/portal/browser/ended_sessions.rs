//! How many sessions ended, carried from the answer that ended them to the page that says so. Signed, and for minutes: a
//! link cannot make our page say what did not happen.

use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;

use crate::auth::time::Timestamp;
use crate::portal::context::Context;

const LASTS: Duration = Duration::from_secs(600);

/// The count as it stands in the address.
pub(super) fn encode(ctx: &Context, ended: u64) -> String {
    let until = ctx.state.flows.ports.clock.now().plus(LASTS).as_secs();
    format!("{ended}.{until}.{}", signature(ctx, ended, until))
}

/// The count that the address carries, if it is one of ours.
pub(super) fn decode(ctx: &Context) -> Option<u64> {
    let (_, text) = ctx.query.iter().find(|(name, _)| name == "ended")?;
    let mut parts = text.split('.');
    let (ended, until) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let lasts = ctx.state.flows.ports.clock.now() < Timestamp::from_secs(until);
    (lasts && parts.next() == Some(signature(ctx, ended, until).as_str()) && parts.next().is_none()).then_some(ended)
}

fn signature(ctx: &Context, ended: u64, until: u64) -> String {
    let digest = ctx.state.flows.ports.vault.digest("signed-out", format!("{ended}.{until}").as_bytes());
    BASE64URL_NOPAD.encode(digest.get(..9).unwrap_or_default())
}
