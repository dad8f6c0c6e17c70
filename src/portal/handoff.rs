//! The way between the host of an app and the one where people sign in (ADR 0024), as browsers go it.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_FRAME_OPTIONS};
use http::{HeaderValue, Request, Response};

use super::answers::error_page;
use super::answers::headers::content_security_policy;
use super::cookies;
use super::destination::{Destination, OpenedHandoff};
use super::error::PortalError;
use super::reply::{Cause, Reply, see_other, with_cookie};
use super::request_info::RequestInfo;
use super::state::PortalState;
use crate::auth::handoff::{HANDOFF_LASTS, Handoff};
use crate::auth::reserved_names::PREFIX;
use crate::flow::ports::Answer;

/// How long a browser keeps what binds it to a handoff: longer than that lasts and its ticket.
const BINDING_LASTS: Duration = Duration::from_secs(2 * HANDOFF_LASTS.as_secs());

/// What stays on the host of an app whose people sign in elsewhere.
const STAYS: [&str; 9] = ["arrive", "form", "done", "step-up.js", "logout", "signed-out", "session", "api/", "assets/"];

/// The pages of links in letters. A link is good on the host that it was asked for on, and there alone.
const BY_LETTER: [&str; 6] = ["notice", "recover", "recover-stop", "delete", "login-link", "signup"];

impl PortalState {
    /// Where the people of this app's host sign in, if not there.
    pub(crate) fn portal_of(&self, host: &str) -> Option<&str> {
        let portal = self.host.as_ref()?;
        let elsewhere = portal.name != host && !portal.without.contains(host) && self.destinations.has(host);
        elsewhere.then_some(portal.name.as_str())
    }

    /// Whether people sign in here for many apps.
    pub(crate) fn is_portal(&self, host: &str) -> bool {
        self.host.as_ref().is_some_and(|portal| portal.name == host)
    }

    /// The handoff in the query of a page where people sign in; `None` if there is none that we wrote, or it is of a host
    /// whose people do not sign in here.
    pub(crate) fn handoff(&self, info: &RequestInfo, query: &[(String, String)]) -> Option<Arc<OpenedHandoff>> {
        if !self.is_portal(&info.host) {
            return None;
        }
        let mut all = query.iter().filter(|(name, _)| name == "handoff").map(|(_, value)| value.as_str());
        let sealed = all.next().filter(|_| all.next().is_none())?;
        let handoff = self.flows.open_handoff(sealed)?;
        self.portal_of(&handoff.host)?;
        Some(Arc::new(OpenedHandoff { sealed: sealed.to_owned(), handoff }))
    }

    /// Leads a browser that wants a page of ours on the host of an app to where its people sign in. `None`: it stays.
    pub(super) fn lead_away(&self, request: &Request<Bytes>, info: &RequestInfo) -> Option<Reply> {
        self.portal_of(&info.host)?;
        let page = request.uri().path().strip_prefix(PREFIX)?;
        let stays = |name: &&str| page == *name || (name.ends_with('/') && page.starts_with(*name));
        if page.ends_with(".json") || STAYS.iter().any(stays) {
            return None;
        }
        let query = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(request.uri()).map(|q| q.0);
        let query = query.unwrap_or_default();
        if BY_LETTER.contains(&page) && query.iter().any(|(name, _)| name == "token") {
            return None;
        }
        let destination = Destination::from_query(&query, self.destinations.tolerances(&info.host));
        Some(lead(self, info, &destination, page))
    }
}

/// 303 to a page where people sign in, for this destination on the host of an app.
pub(crate) fn lead(state: &PortalState, info: &RequestInfo, destination: &Destination, page: &str) -> Reply {
    let Some(portal) = state.portal_of(&info.host) else {
        return error_page::reply(state, info, PortalError::NotFound);
    };
    let origin = origin_of(info, portal);
    if !destination.given {
        return see_other(&format!("{origin}{}", destination.page_url(page)), "handoff");
    }
    match hand_off(state, info, destination) {
        Ok((destination, cookie)) => {
            with_cookie(see_other(&format!("{origin}{}", destination.page_url(page)), "handoff"), cookie)
        }
        Err(cause) => error_page::reply(state, info, PortalError::Unavailable).caused_by(Cause::Store(cause)),
    }
}

/// The same destination as a handoff, and the cookie that binds the browser to it. Tabs of one browser share it: one that is
/// led away later must not undo what another has begun.
fn hand_off(
    state: &PortalState,
    info: &RequestInfo,
    destination: &Destination,
) -> Answer<(Destination, Option<HeaderValue>)> {
    let flows = &state.flows;
    let binding = match &info.cookies.binding {
        Some(binding) => binding.clone(),
        None => flows.mint_binding()?,
    };
    let handoff = Handoff {
        id: flows.handoff_id()?,
        host: info.host.clone(),
        to: destination.to.as_str().to_owned(),
        around: destination.around.as_ref().map(|page| page.as_str().to_owned()),
        method: destination.method.clone(),
        form: destination.form.as_ref().map(|form| form.expose().to_owned()),
        popup: destination.popup.as_ref().map(|popup| popup.as_str().to_owned()),
        redirects: destination.redirects,
        binding: binding.key(),
        issued_at: flows.ports.clock.now(),
    };
    let opened = OpenedHandoff { sealed: flows.seal_handoff(&handoff)?, handoff };
    let destination = Destination { handoff: Some(Arc::new(opened)), ..destination.clone() };
    Ok((destination, cookies::set_binding(&binding, BINDING_LASTS)))
}

/// Another host of ours as this browser reaches it: by the scheme and the port by which it reached this one.
pub(crate) fn origin_of(info: &RequestInfo, host: &str) -> String {
    format!("{}://{}", info.scheme, authority_of(info, host))
}

/// As [`origin_of`], without the scheme.
pub(crate) fn authority_of<'a>(info: &RequestInfo, host: &'a str) -> Cow<'a, str> {
    match info.authority.strip_prefix(info.host.as_str()) {
        None | Some("") => Cow::Borrowed(host),
        Some(port) => Cow::Owned(format!("{host}{port}")),
    }
}

/// Lets the forms of a page end on the origin of the app that its handoff came from, by the redirects that follow.
pub(crate) fn let_forms_reach<B>(response: &mut Response<B>, info: &RequestInfo, handoff: &Handoff) {
    let headers = response.headers_mut();
    let is_page = headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if !is_page || headers.contains_key(CONTENT_SECURITY_POLICY) {
        return;
    }
    let policy = content_security_policy(&format!("'self' {}", origin_of(info, &handoff.host)));
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
        headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    }
}
