//! Forms that meet a challenge: kept before it is told, and sent in the place of the few bytes that stand for them (ADR
//! 0027).

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, ORIGIN, REFERER, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, Method, Response};
use pingora_proxy::Session;

use super::context::Ctx;
use super::convert::{self, BodyRead};
use super::form_delivery::FormDelivery;
use super::form_replay::{self, Replay};
use super::gateway::Gateway;
use super::request::head;
use super::request::judge::{OwnAnswer, Verdict};
use super::request_view::request_info;
use crate::auth::event::{FormRecord, What};
use crate::auth::held_request::{FormKeys, FormTraits, NotHeld, is_marked_as_replay};
use crate::auth::proof::decision::Challenged;
use crate::auth::secret::SecretBytes;
use crate::auth::session::Channel;
use crate::flow::forms::{FormHead, FormLookup, TakenForm, form_event};
use crate::flow::ports::StoreError;
use crate::portal::FormOutcome;
use crate::portal::error::PortalError;
use crate::portal::reply::Note;

/// Notes whether a request stands for a form by its head, and whether a challenged one sends a form that is kept.
pub(crate) fn examine(session: &mut Session, ctx: &mut Ctx) {
    let has_body = !session.as_mut().is_body_empty();
    let session = &*session;
    let headers = &session.req_header().headers;
    let by_browser = || {
        headers.get("sec-fetch-mode").is_some_and(|mode| mode == "navigate")
            || request_info(session, ctx).cookies.holder.is_some()
    };
    // What was read already tells by itself, whatever its head says of it.
    let is_marked = ctx.read_body.as_ref().is_some_and(|read| is_marked_as_replay(&read.body()));
    ctx.judgement.may_stand_for_form = is_marked || form_replay::may_be_one(headers, has_body, by_browser);
    let Verdict::Respond(OwnAnswer::Challenge(challenged)) = &ctx.judgement.verdict else { return };
    if matches!(session.req_header().method, Method::GET | Method::HEAD) {
        return;
    }
    let (Some(site), Some(resource)) = (&ctx.judgement.site, &ctx.judgement.resource) else { return };
    let info = request_info(session, ctx);
    let own_origin = info.origin();
    let traits = FormTraits {
        method: info.method.as_str(),
        content_type: text(&info.headers, CONTENT_TYPE),
        coded: form_replay::is_coded(&info.headers),
        length: head::announced(&info.headers),
        fetch_site: text(&info.headers, HeaderName::from_static("sec-fetch-site")),
        origin: text(&info.headers, ORIGIN),
        own_origin: &own_origin,
    };
    // What a script presents by a token, and what names another method, comes from no form.
    let by_script = challenged.subject.as_ref().is_some_and(|session| session.channel == Channel::Bearer);
    let terms = site.settings.hold.as_ref().filter(|_| !by_script && resource.methods().count() == 1);
    let Some(admitted) = ctx.snapshot.portal.admit_form(&info, challenged, &traits, terms) else { return };
    let verdict = std::mem::replace(&mut ctx.judgement.verdict, Verdict::Respond(OwnAnswer::Options));
    ctx.judgement.verdict = match verdict {
        Verdict::Respond(OwnAnswer::Challenge(challenged)) => Verdict::Hold(challenged, admitted),
        other => other,
    };
}

/// What a field says; nothing at all where it says several things, or no text.
fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?.to_str().unwrap_or_default();
    Some(if values.next().is_some() { "" } else { first })
}

impl Gateway {
    /// Keeps the form of a challenged request, where it can be, and tells the challenge.
    pub(crate) async fn hold_form(&self, session: &mut Session, ctx: &mut Ctx) -> (Response<Bytes>, bool) {
        match self.try_to_hold(session, ctx).await {
            Ok(answered) => answered,
            Err(why) => self.without_form(session, ctx, why),
        }
    }

    /// Says why there is no form to be kept or sent.
    fn without_form(&self, session: &Session, ctx: &mut Ctx, why: NoForm) -> (Response<Bytes>, bool) {
        let (counted, decision, reason) = match &why {
            NoForm::Fault(_, reason) => (None, "fault", *reason),
            NoForm::Store(cause) => {
                tracing::error!(target: "proxy", request_id = %ctx.arrival.request_id, %cause, "a store did not answer: see that it is up");
                (None, "fault", "store")
            }
            NoForm::Gone => (Some("gone"), "own", "form_gone"),
            NoForm::OfAnother => (Some("of_another"), "own", "form_of_another"),
            NoForm::Altered => (Some("altered"), "fault", "form_altered"),
        };
        ctx.conclude(decision, reason);
        if let Some(result) = counted {
            self.count_form(result);
        }
        let (portal, info) = (&ctx.snapshot.portal, request_info(session, ctx));
        match why {
            NoForm::Fault(fault, _) => (portal.error(&info, fault), false),
            NoForm::Store(_) => (portal.error(&info, PortalError::Unavailable), true),
            NoForm::Gone => (portal.form_gone(&info), true),
            NoForm::OfAnother => (portal.form_of_another(&info), true),
            NoForm::Altered => (portal.form_altered(&info), true),
        }
    }

    async fn try_to_hold(&self, session: &mut Session, ctx: &Ctx) -> Result<(Response<Bytes>, bool), NoForm> {
        let Verdict::Hold(challenged, admitted) = &ctx.judgement.verdict else {
            return Err(NoForm::Fault(PortalError::Unavailable, "unanswered"));
        };
        let (mut begun, mut whole) = (Bytes::new(), false);
        if ctx.judgement.may_stand_for_form {
            let info = request_info(session, ctx);
            match (form_replay::read(session, ctx).await?, info.cookies.holder.clone()) {
                // It waits already: more is asked before it may be sent.
                (Replay::Of(id), Some(holder)) => {
                    return Ok(self.tell(session, ctx, challenged, &FormOutcome::Held(&FormKeys { id, holder })));
                }
                (Replay::Of(_), None) => return Err(NoForm::Gone),
                (Replay::Altered, _) => return Err(NoForm::Altered),
                (Replay::No { read, whole: all }, _) => (begun, whole) = (read, all),
            }
        }
        if let Some(body) = &ctx.read_body {
            (begun, whole) = (body.body(), true);
        }
        let limit = match admitted {
            Ok(limit) => *limit,
            Err(why) => return Ok(self.not_held(session, ctx, challenged, *why)),
        };
        let (flows, info) = (&ctx.snapshot.flows, request_info(session, ctx));
        let who = challenged.subject.as_deref();
        let Some(room) = flows.form_room(info.cookies.holder.as_ref(), who, info.client_ip).await? else {
            return Ok(self.not_held(session, ctx, challenged, NotHeld::Full));
        };
        let rest = if whole { Ok(Bytes::new()) } else { read(session, ctx, limit).await };
        let body = match within(rest.map(|rest| [begun, rest].concat()), limit) {
            Ok(body) => SecretBytes::new(body),
            Err(why) => {
                flows.leave_room(&room).await?;
                let NoForm::Fault(PortalError::TooLarge { .. }, _) = why else { return Err(why) };
                return Ok(self.not_held(session, ctx, challenged, NotHeld::TooLarge { limit }));
            }
        };
        let head = form_head(ctx, &info.headers);
        let digest = flows.ports.vault.digest(FormRecord::PURPOSE, body.expose());
        let what = (head.host.as_str(), head.method.as_str(), head.target.as_str());
        let record = FormRecord::new(Some(&challenged.rule.id.0), what, (digest, body.expose().len()));
        let keys = flows.hold_form(room, head, body).await?;
        self.count_form("held");
        self.remember(&[form_event(What::FormHeld, record, who, info.client_ip)], ctx);
        Ok(self.tell(session, ctx, challenged, &FormOutcome::Held(&keys)))
    }

    fn not_held(&self, session: &Session, ctx: &Ctx, challenged: &Challenged, why: NotHeld) -> (Response<Bytes>, bool) {
        self.count_form(why.name());
        self.tell(session, ctx, challenged, &FormOutcome::NotHeld(why))
    }

    fn tell(
        &self,
        session: &Session,
        ctx: &Ctx,
        challenged: &Challenged,
        form: &FormOutcome<'_>,
    ) -> (Response<Bytes>, bool) {
        let reply = ctx.snapshot.portal.challenge_form(&request_info(session, ctx), challenged, form);
        self.metrics.challenges.with_label_values(&[reply.note.map_or("other", Note::name)]).inc();
        (reply.response, true)
    }

    /// Takes the form that a permitted request stands for, and puts it in the place of what stood for it. `Some`: there is
    /// none to be sent, and this is said instead. A body of the app's own goes on as it came.
    pub(crate) async fn take_form(&self, session: &mut Session, ctx: &mut Ctx) -> Option<(Response<Bytes>, bool)> {
        match self.try_to_take(session, ctx).await {
            Ok(None) => None,
            Ok(Some(form)) => {
                let ready = put_in_place(session, &form);
                ctx.form = Some(FormDelivery::new(form));
                let broken = NoForm::Fault(PortalError::Unavailable, "form_head");
                ready.is_err().then(|| self.without_form(session, ctx, broken))
            }
            Err(why) => Some(self.without_form(session, ctx, why)),
        }
    }

    async fn try_to_take(&self, session: &mut Session, ctx: &Ctx) -> Result<Option<TakenForm>, NoForm> {
        session.as_mut().enable_retry_buffering();
        let id = match form_replay::read(session, ctx).await? {
            Replay::Of(id) => id,
            Replay::Altered => return Err(NoForm::Altered),
            // What was read can be sent on only as long as it is kept whole.
            Replay::No { .. } if session.as_ref().retry_buffer_truncated() => return Err(NoForm::Altered),
            Replay::No { .. } => return Ok(None),
        };
        let holder = request_info(session, ctx).cookies.holder;
        let who =
            ctx.judgement.permit().and_then(|permit| permit.subject()).filter(|who| who.channel == Channel::Cookie);
        let single = ctx.judgement.resource.as_ref().filter(|resource| resource.methods().count() == 1);
        let (Some(holder), Some(who), Some(resource)) = (holder, who, single) else { return Err(NoForm::Gone) };
        let what = (resource.host(), resource.method(), resource.as_target());
        match ctx.snapshot.flows.take_form(&FormKeys { id, holder }, what, who).await? {
            FormLookup::Found(form) => Ok(Some(form)),
            FormLookup::Absent => Err(NoForm::Gone),
            FormLookup::OfAnother => Err(NoForm::OfAnother),
        }
    }

    /// Puts a form back of which nothing was sent. `Some`: it waits again, and this says so.
    pub(crate) async fn return_form(&self, session: &Session, ctx: &mut Ctx) -> Option<Response<Bytes>> {
        let delivery = ctx.form.take_if(|delivery| !delivery.is_begun())?;
        let returned = ctx.snapshot.flows.put_form_back(&delivery.form).await;
        let waits = returned.unwrap_or_else(|cause| {
            tracing::error!(target: "proxy", request_id = %ctx.arrival.request_id, %cause, "a form could not be put back");
            false
        });
        self.count_form(if waits { "put_back" } else { "lost" });
        waits.then(|| ctx.snapshot.portal.form_undelivered(&request_info(session, ctx), delivery.form.id()))
    }

    /// Notes, at the end of a request, what became of its form.
    pub(crate) async fn end_form(&self, session: &Session, ctx: &mut Ctx) {
        if ctx.form.is_none() {
            return;
        }
        self.return_form(session, ctx).await;
        let Some(delivery) = ctx.form.take() else { return };
        self.count_form("sent");
        let record =
            ctx.snapshot.flows.form_record(&delivery.form.request, ctx.judgement.rule().map(|rule| &*rule.id.0));
        let (who, client) = (ctx.judgement.subject().map(|who| &**who), request_info(session, ctx).client_ip);
        self.remember(&[form_event(What::FormSent, record, who, client)], ctx);
        if let Err(cause) = ctx.snapshot.flows.form_is_sent(&delivery.form).await {
            // It counts for its quotas until it would have ended.
            tracing::warn!(target: "proxy", request_id = %ctx.arrival.request_id, %cause, "a sent form still counts");
        }
    }

    pub(crate) fn count_form(&self, result: &'static str) {
        self.metrics.forms_held.with_label_values(&[result]).inc();
    }
}

/// Why no form could be read or kept, beside the reasons that are told before a sign-in.
enum NoForm {
    Fault(PortalError, &'static str),
    Store(StoreError),
    /// It does not wait here.
    Gone,
    OfAnother,
    /// What stands for one was changed on the way.
    Altered,
}

impl From<StoreError> for NoForm {
    fn from(cause: StoreError) -> Self {
        Self::Store(cause)
    }
}

impl From<BodyRead> for NoForm {
    fn from(why: BodyRead) -> Self {
        match why {
            BodyRead::TooSlow => Self::Fault(PortalError::TooSlow, "body_too_slow"),
            _ => Self::Fault(PortalError::BadRequest, "body_broken"),
        }
    }
}

async fn read(session: &mut Session, ctx: &Ctx, limit: u64) -> Result<Bytes, NoForm> {
    let cap = usize::try_from(limit).unwrap_or(usize::MAX);
    match convert::read_body(session, cap, ctx.snapshot.limits.body_timeout).await {
        BodyRead::Whole(body) => Ok(body),
        BodyRead::TooLarge => Err(too_large(limit)),
        why => Err(why.into()),
    }
}

const fn too_large(limit: u64) -> NoForm {
    NoForm::Fault(PortalError::TooLarge { limit }, "body_too_large")
}

fn within(body: Result<Vec<u8>, NoForm>, limit: u64) -> Result<Vec<u8>, NoForm> {
    body.and_then(|body| if body.len() as u64 > limit { Err(too_large(limit)) } else { Ok(body) })
}

fn form_head(ctx: &Ctx, headers: &HeaderMap) -> FormHead {
    let owned = |name: HeaderName| text(headers, name).map(str::to_owned);
    let of = ctx.judgement.resource.as_ref();
    let of = |part: fn(&crate::auth::resource::Resource) -> &str| of.map(part).unwrap_or_default().to_owned();
    FormHead {
        host: of(|resource| resource.host()),
        method: of(|resource| resource.method()),
        target: of(|resource| resource.as_target()),
        content_type: owned(CONTENT_TYPE).unwrap_or_default(),
        origin: owned(ORIGIN),
        referer: owned(REFERER),
    }
}

/// Makes a head that of the form: its type, its length, and what apps ask of where it came from.
fn put_in_place(session: &mut Session, form: &TakenForm) -> pingora_error::Result<()> {
    let (head, length) = (&form.request.head, form.request.body.expose().len());
    let request = session.req_header_mut();
    request.insert_header(CONTENT_TYPE, head.content_type.as_str())?;
    request.remove_header(&TRANSFER_ENCODING);
    request.insert_header(CONTENT_LENGTH, length)?;
    for (name, value) in [(ORIGIN, &head.origin), (REFERER, &head.referer)] {
        match value {
            Some(value) => request.insert_header(name, value.as_str())?,
            None => drop(request.remove_header(&name)),
        }
    }
    Ok(())
}
