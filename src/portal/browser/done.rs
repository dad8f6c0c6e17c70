//! The last page of a window beside the page that sends: it tells the script that opened it, and closes itself.

use http::StatusCode;

use super::steps::waits_elsewhere;
use crate::portal::context::{Context, HandlerError};
use crate::portal::pages::DonePage;
use crate::portal::reply::{Reply, page, see_other};

/// Tells that everything is proved. The script asks again whatever comes of it, once, and the rules decide as ever: so nothing
/// is looked at here.
pub(crate) async fn show(ctx: &Context) -> Result<Reply, HandlerError> {
    let destination = ctx.destination();
    if destination.popup.is_none() && !waits_elsewhere(ctx, &destination) {
        return Ok(see_other(&destination.next_url(), "done"));
    }
    let (shell, place) = (ctx.shell(), ctx.place(&destination));
    Ok(page(StatusCode::OK, "done", &DonePage { shell: &shell, place: &place }))
}
