//! `for`: the one request that a script asks a proof for.

use data_encoding::HEXLOWER_PERMISSIVE;
use http::StatusCode;
use sha2::{Digest, Sha256};

use super::proof_types::RequestToCome;
use crate::auth::host;
use crate::auth::proof::{Binding, BodyReading, BoundBody, MethodSet, SlipOrder, TransactionDigest};
use crate::auth::resource::Resource;
use crate::auth::session::Session;
use crate::flow::reply::Submission;
use crate::portal::answers::problem::Problem;
use crate::portal::context::{Context, HandlerError};
use crate::portal::messages::text;
use crate::portal::pages::method_names;
use crate::portal::request_info::RequestInfo;

/// What a slip is to be given for.
pub(super) fn order(
    ctx: &Context,
    asked: &RequestToCome,
    submission: &Submission,
    who: &Session,
) -> Result<SlipOrder, HandlerError> {
    let bad = |title, detail| HandlerError::from(Problem::malformed(title).with("detail", detail));
    let odd = || bad(text!("problem-for-url-title"), text!("problem-for-url"));
    let target = target_of(&asked.url, &ctx.info).ok_or_else(odd)?;
    let destinations = &ctx.state.destinations;
    let resource =
        Resource::parse(&ctx.info.host, &asked.method, target.as_bytes(), destinations.tolerances(&ctx.info.host))
            .map_err(|_| odd())?;
    let guards = destinations.guards(&ctx.info.host, &asked.method, target, ctx.info.client_ip);
    let unbound = || {
        let problem = Problem::new(StatusCode::BAD_REQUEST, "not_bound", text!("problem-not-bound-title"));
        HandlerError::from(problem.with("detail", text!("problem-not-bound")))
    };
    let binding = guards.bound().ok_or_else(unbound)?.requirement.binding;
    let unread = |detail| bad(text!("problem-for-body-title"), detail);
    let empty: [u8; 32] = Sha256::digest([]).into();
    let body = match &asked.body_sha256 {
        Some(hex) => Some(digest(hex).ok_or_else(|| unread(text!("problem-for-body-digits")))?),
        None if binding != Binding::Transaction => None,
        // Such a request has no body.
        None if asked.method == "GET" => Some(empty),
        None => return Err(unread(text!("problem-for-body"))),
    };
    let never = |detail| {
        let problem = Problem::new(StatusCode::BAD_REQUEST, "never_passes", text!("problem-never-passes-title"));
        HandlerError::from(problem.with("detail", detail))
    };
    if asked.method == "GET" && body.is_some_and(|body| body != empty) {
        return Err(never(text!("problem-never-passes-body")));
    }
    let reading = match asked.content_type.as_deref() {
        None => BodyReading::Plain,
        Some("") => BodyReading::Typed(None),
        Some(text) => BodyReading::Typed(Some(text.as_bytes())),
    };
    let of_body = |sha256: [u8; 32]| {
        let body = BoundBody { sha256, reading };
        TransactionDigest::of(resource.method(), resource.host(), resource.as_target(), &body)
    };
    let order = guards.slip_order(body.map(of_body)).ok_or_else(unbound)?;
    // Known before the proof is looked at: it would be spent for nothing.
    let now = ctx.state.flows.ports.clock.now();
    if !destinations.serves(&order, &resource, ctx.info.client_ip, who, now) {
        return Err(never(text!("problem-never-passes")));
    }
    let might = match submission {
        Submission::Assertion(_) => MethodSet::PASSKEYS,
        other => MethodSet::EMPTY.with(other.method()),
    };
    if order.methods.and(might).is_empty() {
        let title = text!("problem-method-not-accepted-title");
        let problem = Problem::new(StatusCode::BAD_REQUEST, "method_not_accepted", title)
            .with("detail", text!("problem-method-not-accepted"))
            .with("methods", method_names(order.methods.named()));
        return Err(problem.into());
    }
    Ok(order)
}

/// The target of an address on this host: as it stands, or of a whole URL.
fn target_of<'u>(url: &'u str, info: &RequestInfo) -> Option<&'u str> {
    if url.starts_with('/') {
        return Some(url);
    }
    let (scheme, rest) = url.split_once("://")?;
    let (authority, target) = rest.split_at(rest.find('/')?);
    let named = |text| {
        let (host, port) = host::authority(text)?;
        let default = if info.scheme == "https" { 443 } else { 80 };
        Some((host.into_owned(), port.unwrap_or(default)))
    };
    (scheme.eq_ignore_ascii_case(info.scheme) && named(authority)? == named(&info.authority)?).then_some(target)
}

fn digest(hex: &str) -> Option<[u8; 32]> {
    HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).ok()?.try_into().ok()
}
