//! New backup codes for machines.

use http::StatusCode;

use super::enrolling::prove_first;
use super::types::{BackupCodes, BackupCodesBody, ProblemBody};
use super::{body, busy, json, rejected, require_session};
use crate::flow::reply::{CodesAsked, CodesRenewed, Rejection};
use crate::portal::answers::problem::Problem;
use crate::portal::context::{Context, HandlerError};
use crate::portal::messages::text;
use crate::portal::reply::Reply;

/// Make new backup codes. The ones before no longer work. It takes a second factor proved a moment ago.
#[utoipa::path(post, path = "/.stepgate/api/v1/backup-codes", request_body = BackupCodesBody, tag = "backup-codes",
    security(("bearer" = []), ("cookie" = [])), responses(
    (status = 200, body = BackupCodes),
    (status = 400, body = ProblemBody, content_type = "application/problem+json"),
    (status = 401, description = "`not_signed_in`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, description = "`proof_required`: give one of `methods` first", body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, description = "`no_second_factor`: there is none that they could stand for; or `already_made`, by another call a moment ago", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json"),
))]
pub(crate) async fn renew(ctx: &mut Context) -> Result<Reply, HandlerError> {
    let who = require_session(ctx, false).await?;
    let BackupCodesBody {} = body(ctx)?;
    let flows = &ctx.state.flows;
    let set = match flows.codes_asked(&who.token, &who.session, &ctx.script()).await? {
        CodesAsked::Ready { set, .. } => set,
        asked => return Ok(precondition(&asked, ctx)),
    };
    let reply = ctx.record_events(flows.renew_codes(&who.token, &who.session, &set, &ctx.script()).await)?;
    Ok(match reply {
        CodesRenewed::Made(codes) => {
            json(&BackupCodes { backup_codes: codes.iter().map(|code| code.expose().to_owned()).collect() })
        }
        CodesRenewed::Over => already_made().reply(&ctx.info),
        CodesRenewed::Busy => busy(ctx),
        CodesRenewed::Asked(asked) => precondition(&asked, ctx),
    })
}

/// What stands before them.
fn precondition(asked: &CodesAsked, ctx: &Context) -> Reply {
    let problem = match asked {
        CodesAsked::ProveFirst(methods) => prove_first(*methods),
        CodesAsked::Gone => rejected(&ctx.info, Rejection::SessionGone),
        CodesAsked::NoFactor => {
            let title = text!("problem-no-second-factor-title");
            Problem::new(StatusCode::CONFLICT, "no_second_factor", title)
        }
        // They were asked for when they could not be made, and can be now.
        CodesAsked::Ready { .. } => already_made(),
    };
    problem.reply(&ctx.info)
}

fn already_made() -> Problem {
    let title = text!("problem-already-made-title");
    Problem::new(StatusCode::CONFLICT, "already_made", title)
}
