//! What happened to the account of somebody who is signed in.

use http::StatusCode;

use super::password::sign_in;
use super::steps::enter;
use crate::auth::history::ActivityCursor;
use crate::portal::activity;
use crate::portal::context::{Context, HandlerError};
use crate::portal::destination::RequestedAction;
use crate::portal::error::PortalError;
use crate::portal::format;
use crate::portal::pages::{ActivityLine, ActivityListPage};
use crate::portal::reply::{Reply, page};

pub(crate) async fn show(ctx: &Context) -> Result<Reply, HandlerError> {
    let (destination, _) = enter(ctx, "activity").await?;
    let who = ctx.current_session(false).await?.ok_or_else(|| sign_in(&destination, RequestedAction::Activity))?;
    let before = cursor(&ctx.query).map_err(|()| HandlerError::Portal(PortalError::BadRequest))?;
    let (entries, next) = activity::read(&ctx.state.flows, &who.session, before).await?;
    let line = |entry: activity::ActivityEntry| ActivityLine {
        at: entry.row.at.rfc3339(),
        moment: format::moment(entry.row.at),
        place: entry.place(),
        agent: entry.agent().map(format::agent),
        what: entry.sentence,
    };
    let shell = ctx.shell();
    let shown = ActivityListPage {
        shell: &shell,
        account: who.session.identity.username.as_str(),
        entries: entries.into_iter().map(line).collect(),
        newest: before.is_none(),
        older: next.map(|next| next.to_string()),
    };
    Ok(page(StatusCode::OK, "activity", &shown))
}

/// From where on it is asked for; `None`: from the newest on.
pub(crate) fn cursor(query: &[(String, String)]) -> Result<Option<ActivityCursor>, ()> {
    let mut given = query.iter().filter(|(name, _)| name == "before").map(|(_, value)| value.parse());
    match (given.next(), given.next()) {
        (None, _) => Ok(None),
        (Some(one), None) => one.map(Some),
        (Some(_), Some(_)) => Err(()),
    }
}
