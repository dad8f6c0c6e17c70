//! Codes that are sent, on the pages that ask for a proof.

use super::{proof_errors, ways};
use crate::auth::factor::authenticator::AddressKind;
use crate::auth::proof::MethodSet;
use crate::flow::reply::{CeremonyRef, CodeReply, Rejection};
use crate::portal::context::{Context, HandlerError};
use crate::portal::format;
use crate::portal::forms::FormFields;
use crate::portal::pages::{Errors, MethodPrompt, SentCode};
use crate::portal::support_contact;

/// What became of the wish for a code.
pub(super) enum Sending {
    /// The form asks for none.
    Other,
    /// It is on its way, there; or would be.
    Sent { way: &'static str, to: String },
    /// None is sent for a while.
    UsedUp { way: &'static str, errors: Errors },
    /// What it was asked for is over.
    Over,
}

/// Sends a code where the form wishes for one: by its button, or by choosing that way.
pub(super) async fn send(
    ctx: &mut Context,
    at: &CeremonyRef,
    methods: MethodSet,
    fields: &FormFields,
) -> Result<Sending, HandlerError> {
    let wanted = match fields.get("op") {
        "way" => fields.get("way"),
        "send" => fields.get("method"),
        _ => return Ok(Sending::Other),
    };
    let way = ways(methods, wanted).map(|(way, _)| way).filter(|way| way.name == wanted);
    let Some((way, kind)) = way.and_then(|way| Some((way, AddressKind::of(way.method)?))) else {
        return Ok(Sending::Other);
    };
    Ok(match ctx.record_events(ctx.state.flows.send_code(at, kind, &ctx.client()).await)? {
        CodeReply::Sent { sent_to, .. } => Sending::Sent { way: way.name, to: sent_to },
        CodeReply::UsedUp { .. } => {
            let errors = proof_errors(way, Rejection::CodeUsedUp).unwrap_or_else(Errors::none);
            Sending::UsedUp { way: way.name, errors }
        }
        CodeReply::NotServed | CodeReply::Gone => Sending::Over,
    })
}

/// A way with the digits that its codes have, and what the page says of a code that is sent.
pub(super) fn shaped(
    ctx: &Context,
    way: MethodPrompt,
    digits: u8,
    to: Option<String>,
) -> (MethodPrompt, Option<SentCode>) {
    let Some(kind) = AddressKind::of(way.method) else { return (way.with_digits(digits), None) };
    let (codes, shell) = (&ctx.state.flows.settings.codes, ctx.shell());
    let shape = codes.shape(kind);
    let sent = SentCode {
        to,
        span: format::span(shape.lifetime),
        wait: format::wait(codes.limits.address.refill),
        support: support_contact::whom(shell.support.as_ref()),
    };
    (way.with_digits(shape.digits), Some(sent))
}
