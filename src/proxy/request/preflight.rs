//! CORS preflights (Fetch §4.8): answered here, passed to the app, or judged like any other request.

use std::net::IpAddr;

use http::{HeaderMap, Method, header};
use pingora_proxy::Session;

use super::site::Site;
use crate::auth::policy::cors::Preflight;
use crate::auth::policy::preflight::Preflighted;
use crate::auth::resource::Resource;
use crate::proxy::context::{Ctx, Pass};
use crate::proxy::convert;
use crate::proxy::dispatch::{Route, facts};
use crate::proxy::gateway::Gateway;
use crate::proxy::observe::metrics::DecisionKind;

/// Whether a request may be a preflight: nothing but its head, and nothing in there by which an app could take it for
/// anything else.
pub(crate) fn may_be_one(session: &mut Session) -> bool {
    let request = session.req_header();
    request.method == Method::OPTIONS
        && request.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
        && convert::other_methods(&request.headers).next().is_none()
        && ![header::TRANSFER_ENCODING, header::TE, header::TRAILER, header::EXPECT]
            .iter()
            .any(|name| request.headers.contains_key(name))
        && request.headers.get_all(header::CONTENT_LENGTH).iter().all(|length| length.as_bytes() == b"0")
        // HTTP/2 announces nothing; there the end of the stream must have come with the head.
        && session.as_mut().is_body_empty()
}

/// What a preflight asks for; `None` if a browser would not ask so.
fn read(headers: &HeaderMap) -> Option<Preflight<'_>> {
    let once = |name: header::HeaderName| {
        let mut all = headers.get_all(name).iter();
        let first = all.next().map(|value| value.as_bytes());
        all.next().is_none().then_some(first)
    };
    let origin = once(header::ORIGIN)??;
    let method = once(header::ACCESS_CONTROL_REQUEST_METHOD)??;
    Preflight::parse(origin, method, once(header::ACCESS_CONTROL_REQUEST_HEADERS)?)
}

impl Gateway {
    /// What is to be done with a preflight; `None`: it is judged like any other request.
    pub(crate) fn preflight(
        &self,
        session: &Session,
        ctx: &mut Ctx,
        site: &Site,
        resource: &Resource,
        client: IpAddr,
    ) -> Option<Route> {
        let asked = read(&session.req_header().headers)?;
        let outcome = site.policy.preflighted(resource, client, &asked);
        let (rule, answer) = match outcome {
            Preflighted::Judged => return None,
            Preflighted::Passed(rule) => {
                ctx.conclude("preflight", "passed");
                ctx.pass = Pass::Preflight;
                (rule, None)
            }
            Preflighted::Granted(rule, allowed) => {
                ctx.conclude("preflight", "granted");
                (rule, Some(ctx.snapshot.portal.preflight_granted(&facts(session, ctx), allowed)))
            }
            Preflighted::Forbidden(rule, why) => {
                ctx.conclude("refuse", why.code());
                site.metrics.decided(DecisionKind::Refuse, Some(&rule.id.0));
                (rule, Some(ctx.snapshot.portal.preflight_forbidden(&facts(session, ctx), &rule.id.0, why)))
            }
        };
        ctx.rule = Some(rule.id.0.clone());
        Some(answer.map_or(Route::Forward, Route::Answer))
    }
}
