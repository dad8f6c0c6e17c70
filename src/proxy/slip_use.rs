//! Proofs for one request (ADR 0028): presented where a rule asks for one, and of a transaction compared with the body, which is
//! read whole for that and sent as it was read.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, EXPECT, TRANSFER_ENCODING};
use http::{HeaderValue, Response};
use pingora_proxy::Session;
use sha2::{Digest, Sha256};

use super::context::Ctx;
use super::convert::{self, BodyRead};
use super::dispatch::{self, Observations};
use super::gateway::Gateway;
use super::read_body::ReadBody;
use super::request::head;
use super::request::head::reject;
use super::request::judge::{Judgement, Verdict};
use super::request_view::request_info;
use crate::auth::held_request::{FormId, FormKeys, HeldRequest, HoldTerms, replayed};
use crate::auth::proof::{BodyReading, BoundBody};
use crate::auth::session::Channel;
use crate::auth::slip_token::SlipToken;
use crate::flow::admit::Admission;
use crate::flow::forms::FormLookup;
use crate::flow::ports::Answer;
use crate::flow::slips::{SlipAdmission, SlipUse};
use crate::portal::cookies;
use crate::portal::error::PortalError;
use crate::portal::seen::SeenHead;

/// Pingora sends on so many bytes of a body that was read, and only if they are all that was read since it began to keep them.
/// They stand for the whole: the body takes their place.
const KEPT: u64 = 64 * 1024;

impl Gateway {
    /// Looks whether a challenged request presents a proof for this one request. One that serves it is used up.
    pub(super) async fn present_slip(
        &self,
        session: &mut Session,
        ctx: &Ctx,
        (judgement, request_id): (&mut Judgement, &str),
        observed: &mut Observations,
    ) {
        if head::is_ahead(&session.req_header().headers) {
            return;
        }
        let Some(token) = cookies::slip_token(&session.req_header().headers, &judgement.credential) else { return };
        let empty = session.as_mut().is_body_empty();
        let content_type = head::plain_content_type(&session.req_header().headers).ok().filter(|_| empty);
        let body = content_type.map(|content_type| typed(content_type, &[]));
        match admit(session, ctx, judgement, SlipUse { token: &token, body }).await {
            Ok(SlipAdmission::Nothing) => {}
            Ok(SlipAdmission::BodyNeeded) => judgement.awaits_body = Some(token),
            Ok(SlipAdmission::Decided(decided)) => judgement.decide_by_slip(*decided, observed),
            Err(cause) => {
                tracing::error!(target: "proxy", request_id, %cause, "cannot decide");
                judgement.verdict = Verdict::Reject(reject(PortalError::Unavailable, "store"));
            }
        }
    }

    /// Reads the body of a request that presents a proof for one transaction, and decides. `Some`: that cannot be, and this is
    /// said instead. Otherwise what was read is sent to the app as it is, or the request stays challenged.
    pub(super) async fn decide_by_body(
        &self,
        session: &mut Session,
        ctx: &mut Ctx,
        token: &SlipToken,
        observed: &mut Observations,
    ) -> Option<(Response<Bytes>, bool)> {
        let content_type = match head::plain_content_type(&session.req_header().headers) {
            Ok(content_type) => content_type.cloned(),
            Err(rejection) => {
                ctx.conclude("fault", rejection.reason);
                return Some((ctx.snapshot.portal.error(&request_info(session, ctx), rejection.fault), true));
            }
        };
        let hold = ctx.judgement.site.as_ref().and_then(|site| site.settings.hold.as_ref());
        let limit = hold.map_or_else(|| HoldTerms::default().max, |terms| terms.max);
        let read = match read_whole(session, ctx, limit).await {
            Ok(_) if session.as_ref().retry_buffer_truncated() => Err((PortalError::LengthRequired, "length_required")),
            Ok(body) => Ok(body),
            Err(BodyRead::TooLarge) => Err((PortalError::TooLarge { limit }, "body_too_large")),
            Err(BodyRead::TooSlow) => Err((PortalError::TooSlow, "body_too_slow")),
            Err(_) => Err((PortalError::BadRequest, "body_broken")),
        };
        let body = match read {
            Ok(body) => body,
            Err((fault, reason)) => {
                ctx.conclude("fault", reason);
                return Some((ctx.snapshot.portal.error(&request_info(session, ctx), fault), reason != "body_broken"));
            }
        };
        let present = async |told| admit(session, ctx, &ctx.judgement, SlipUse { token, body: Some(told) }).await;
        // What stands for a form is judged as the form.
        let decided = match replayed(&body) {
            None => present(typed(content_type.as_ref(), &body)).await,
            Some(id) => match held_form(session, ctx, id).await {
                Ok(Some(HeldRequest { head, body })) => {
                    let reading = BodyReading::HeldForm(&head.content_type);
                    present(BoundBody { sha256: sha256(body.expose()), reading }).await
                }
                Ok(None) => Ok(SlipAdmission::Nothing),
                Err(cause) => Err(cause),
            },
        };
        let length = body.len();
        ctx.read_body = Some(ReadBody::new(body));
        match decided {
            // Another body than the one that was told: challenged as before.
            Ok(SlipAdmission::Nothing | SlipAdmission::BodyNeeded) => {
                dispatch::count(&ctx.judgement);
                return None;
            }
            Ok(SlipAdmission::Decided(decided)) => ctx.judgement.decide_by_slip(*decided, observed),
            Err(cause) => {
                tracing::error!(target: "proxy", request_id = %ctx.arrival.request_id, %cause, "cannot decide");
                ctx.judgement.verdict = Verdict::Reject(reject(PortalError::Unavailable, "store"));
            }
        }
        dispatch::count(&ctx.judgement);
        ctx.outcome = ctx.judgement.outcome();
        let request = session.req_header_mut();
        request.remove_header(&TRANSFER_ENCODING);
        request.remove_header(&EXPECT);
        if request.insert_header(CONTENT_LENGTH, length).is_err() {
            ctx.conclude("fault", "body_head");
            return Some((ctx.snapshot.portal.error(&request_info(session, ctx), PortalError::Unavailable), true));
        }
        None
    }
}

async fn admit(session: &Session, ctx: &Ctx, judgement: &Judgement, slip: SlipUse<'_>) -> Answer<SlipAdmission> {
    let (Some(circumstances), Some(site), Some(resource)) =
        (&judgement.circumstances, &judgement.site, &judgement.resource)
    else {
        return Ok(SlipAdmission::Nothing);
    };
    let seen = SeenHead { headers: &session.req_header().headers, client: circumstances.client };
    let presented = judgement.credential.token();
    ctx.snapshot.flows.admit_by_slip(&site.policy, resource, circumstances, presented, slip, &seen).await
}

/// Reads a body of at most `limit` bytes, so that Pingora keeps the end of it.
async fn read_whole(session: &mut Session, ctx: &Ctx, limit: u64) -> Result<Bytes, BodyRead> {
    let (time, announced) = (ctx.snapshot.limits.body_timeout, head::announced(&session.req_header().headers));
    if announced.is_some_and(|length| length > limit) {
        return Err(BodyRead::TooLarge);
    }
    // A piece is never larger than what is kept, so there is an end to be kept.
    let unkept = announced.unwrap_or_default().saturating_sub(KEPT);
    let (begun, _) = convert::read_while(session, time, |body| (body.len() as u64) < unkept).await?;
    session.as_mut().enable_retry_buffering();
    let most = limit.saturating_sub(begun.len() as u64);
    let (rest, whole) = convert::read_while(session, time, |body| body.len() as u64 <= most).await?;
    match whole {
        true if begun.is_empty() => Ok(rest),
        true => Ok([begun, rest].concat().into()),
        false => Err(BodyRead::TooLarge),
    }
}

/// A form that waits for who is signed in, and that this request would send.
async fn held_form(session: &Session, ctx: &Ctx, id: FormId) -> Answer<Option<HeldRequest>> {
    let Some(holder) = request_info(session, ctx).cookies.holder else { return Ok(None) };
    let who = ctx.judgement.subject().filter(|who| who.channel == Channel::Cookie);
    let (Some(who), Some(resource)) = (who, &ctx.judgement.resource) else { return Ok(None) };
    let keys = FormKeys { id, holder };
    Ok(match ctx.snapshot.flows.waiting_request(&keys, resource.host(), who).await? {
        FormLookup::Found(form) if form.head.is_of(resource.host(), resource.method(), resource.as_target()) => {
            Some(form)
        }
        FormLookup::Found(_) | FormLookup::Absent | FormLookup::OfAnother => None,
    })
}

/// A body that is read by its type.
fn typed<'a>(content_type: Option<&'a HeaderValue>, body: &[u8]) -> BoundBody<'a> {
    let reading = BodyReading::Typed(content_type.map(HeaderValue::as_bytes));
    BoundBody { sha256: sha256(body), reading }
}

fn sha256(body: &[u8]) -> [u8; 32] {
    Sha256::digest(body).into()
}

impl Judgement {
    /// Whether a proof for this one request let it through.
    pub(crate) fn is_by_slip(&self) -> bool {
        self.circumstances.as_ref().is_some_and(|circumstances| circumstances.slip.is_some())
    }

    /// Takes what was decided by a slip, in place of the challenge before it; so is what is compared and counted.
    fn decide_by_slip(
        &mut self,
        (admission, slip): (Admission, crate::auth::proof::PresentedSlip),
        observed: &mut Observations,
    ) {
        let Admission { decision, risk, shadow, assessed, events, compared } = admission;
        self.assessed = assessed;
        (self.risk, observed.risk, observed.compared) = (risk, shadow, compared);
        observed.events.extend(events);
        self.decide(decision);
        if let Some(circumstances) = &mut self.circumstances {
            // What lasts is judged again by what let it through.
            circumstances.slip = Some(slip);
        }
    }
}
