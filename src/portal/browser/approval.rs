//! What a person is about to send under a rule that binds a proof to it: shown before they prove anything (ADR 0028).

use http::StatusCode;
use sha2::{Digest, Sha256};

use super::notice;
use crate::auth::held_request::{FormKeys, HeldHead, HeldRequest, ShownField, ShownValue, shown_fields};
use crate::auth::proof::{Binding, BodyReading, BoundBody, Lack, TransactionDigest};
use crate::auth::resource::Resource;
use crate::flow::forms::FormLookup;
use crate::portal::answers::form_gone;
use crate::portal::context::{Context, CurrentSession, HandlerError};
use crate::portal::destination::Destination;
use crate::portal::format;
use crate::portal::messages::text;
use crate::portal::pages::{Link, ShownRequest};

/// A request, and what stands for it.
pub(super) struct Approval {
    pub(super) transaction: TransactionDigest,
    pub(super) shown: ShownRequest,
}

/// What is to be approved of on the way to the destination; `None` if no rule asks for that, or the session lacks something
/// else and there is nothing to show: that can be proved all the same. Stops where nothing else is missing.
pub(super) async fn of(
    ctx: &Context,
    destination: &Destination,
    who: &CurrentSession,
    lack: Lack,
) -> Result<Option<Approval>, HandlerError> {
    let guards = ctx.guards();
    let Some(guard) = guards.bound().filter(|guard| guard.requirement.binding == Binding::Transaction) else {
        return Ok(None);
    };
    let (host, method, target) = (&ctx.info.host, destination.method.as_str(), destination.to.target());
    let tolerate = ctx.state.destinations.tolerances(host);
    let Ok(resource) = Resource::parse(host, method, target.as_bytes(), tolerate) else { return Err(not_kept(ctx)) };
    let keys = destination.form.clone().zip(ctx.info.cookies.holder.clone());
    let held = match keys {
        Some((id, holder)) => {
            let keys = FormKeys { id, holder };
            match ctx.state.flows.waiting_request(&keys, host, &who.session).await? {
                FormLookup::Found(held) => Some(held),
                FormLookup::Absent => return Err(form_gone::reply(&ctx.state, &ctx.info).into()),
                FormLookup::OfAnother => return Err(form_gone::of_another(&ctx.state, &ctx.info).into()),
            }
        }
        // Such a request has no body.
        None if method == "GET" => None,
        None if lack != Lack::Transaction => return Ok(None),
        None => return Err(not_kept(ctx)),
    };
    let (fields, body, reading) = match &held {
        Some(HeldRequest { head, body }) if head.is_of(host, method, resource.as_target()) => {
            let fields = fields(head, body.expose(), &guard.rule.redact).ok_or_else(|| not_shown(ctx))?;
            (fields, body.expose(), BodyReading::HeldForm(&head.content_type))
        }
        Some(_) => return Err(form_gone::reply(&ctx.state, &ctx.info).into()),
        None => (Vec::new(), &[][..], BodyReading::Typed(None)),
    };
    let body = BoundBody { sha256: Sha256::digest(body).into(), reading };
    let transaction = TransactionDigest::of(method, host, resource.as_target(), &body);
    let shown = ShownRequest {
        method: method.to_owned(),
        address: format!("{}{}", ctx.info.authority, resource.as_target()),
        fields,
        digest: transaction.hex(),
    };
    Ok(Some(Approval { transaction, shown }))
}

fn fields(head: &HeldHead, body: &[u8], redact: &[String]) -> Option<Vec<(String, String)>> {
    let worded = |ShownField { name, value }| {
        let value = match value {
            ShownValue::Text { text, left_out: 0 } => text,
            ShownValue::Text { text, left_out } => text!("transaction-shortened", text = text, count = left_out),
            ShownValue::File { name, bytes } => {
                text!("transaction-file", name = name, size = format::size(u64::try_from(bytes).unwrap_or(u64::MAX)))
            }
            ShownValue::Redacted { letters } => text!("transaction-redacted", count = letters),
        };
        (if name.is_empty() { text!("transaction-text") } else { name }, value)
    };
    Some(shown_fields(&head.content_type, body, redact)?.into_iter().map(worded).collect())
}

/// 409: a request with a body that did not come from a form which was kept. Only who sends it knows what it holds.
fn not_kept(ctx: &Context) -> HandlerError {
    told(ctx, text!("transaction-not-kept"))
}

/// 409: nobody can tell for sure what the app would read.
fn not_shown(ctx: &Context) -> HandlerError {
    told(ctx, text!("transaction-not-shown"))
}

fn told(ctx: &Context, line: String) -> HandlerError {
    let links = vec![Link::to("/", text!("action-start-page"))];
    notice(ctx, StatusCode::CONFLICT, "step-up", text!("transaction-no-title"), line, links).into()
}
