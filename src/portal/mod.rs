//! Second floor: our own pages and the JSON API. An axum router; knows no Pingora.

mod activity;
mod answers;
mod api;
mod assets;
mod browser;
mod context;
pub mod cookies;
mod destination;
pub mod error;
mod form_owner;
pub(crate) mod format;
mod forms;
mod handoff;
pub(crate) mod messages;
mod new_password;
mod pages;
mod popup;
pub(crate) mod qr;
mod redirect_guard;
pub mod reply;
pub mod request_info;
mod router;
pub mod seen;
pub mod settings;
mod state;
mod support_contact;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::header::{ALLOW, HOST};
use http::{HeaderValue, Request, Response, StatusCode};
use tower::ServiceExt;
use tower_http::csrf::{CsrfLayer, ProtectionError};
use utoipa::openapi::OpenApi;

use crate::auth::held_request::{FormId, FormTraits, HoldTerms, NotHeld};
use crate::auth::proof::decision::{Challenged, Refusal};
use crate::flow::Flows;
use crate::flow::destination::Destinations;
pub(crate) use answers::challenge::FormOutcome;
pub(crate) use answers::headers::DEPENDS_ON;
use answers::headers::finish;
use answers::{challenge, error_page, form_gone, refusal};
use assets::Theme;
use context::Annotations;
use destination::Destination;
use error::PortalError;
use reply::Reply;
use request_info::RequestInfo;
use settings::PortalSettings;
pub use state::Jwks;
use state::PortalState;

/// The portal: answers every request under [the reserved prefix](crate::auth::reserved_names::PREFIX), and words every answer of ours elsewhere.
pub struct Portal {
    state: Arc<PortalState>,
    /// For callers that carry a bearer token, which no browser adds by itself.
    without_csrf: Router,
    /// For everybody else: what changes anything must come from our own pages.
    with_csrf: Router,
}

impl Portal {
    /// A portal over these flows, for these destinations.
    pub fn new(flows: Arc<Flows>, destinations: Destinations, settings: PortalSettings) -> Self {
        let (theme, document) = (Arc::new(Theme::new(&settings)), OpenApi::default());
        let (host, scripts) = (settings.host, Arc::new(settings.scripts));
        Self::build(PortalState { flows, destinations, theme, host, scripts, jwks: None, document })
    }

    /// The same portal, serving this key set at `jwks.json`.
    #[must_use]
    pub fn with_jwks(self, jwks: Jwks) -> Self {
        Self::build(PortalState { jwks: Some(jwks), ..self.state.as_ref().clone() })
    }

    /// Answers a challenge, by the kind of request (see `auth::proof::challenge`).
    pub fn challenge(&self, info: &RequestInfo, challenged: &Challenged) -> Reply {
        self.challenge_form(info, challenged, &FormOutcome::Unknown)
    }

    /// Answers a challenge of a request that may send a form.
    pub(crate) fn challenge_form(&self, info: &RequestInfo, challenged: &Challenged, sent: &FormOutcome<'_>) -> Reply {
        let reply = challenge::reply(&self.state, info, challenged, sent);
        Reply { response: finish(reply.response, info), ..reply }
    }

    /// Whether a challenged request sends a form that is to be kept, and how large it may be; `None`: it sends none.
    pub(crate) fn admit_form(
        &self,
        info: &RequestInfo,
        challenged: &Challenged,
        form: &FormTraits<'_>,
        terms: Option<&HoldTerms>,
    ) -> Option<Result<u64, NotHeld>> {
        challenge::admit_form(&self.state, info, challenged, form, terms)
    }

    /// Answers in the place of a form that does not wait here.
    pub(crate) fn form_gone(&self, info: &RequestInfo) -> Response<Bytes> {
        finish(form_gone::reply(&self.state, info).response, info)
    }

    /// Answers in the place of a form that waits for somebody else.
    pub(crate) fn form_of_another(&self, info: &RequestInfo) -> Response<Bytes> {
        finish(form_gone::of_another(&self.state, info).response, info)
    }

    /// Answers in the place of a form that was changed on the way to us.
    pub(crate) fn form_altered(&self, info: &RequestInfo) -> Response<Bytes> {
        finish(form_gone::altered(&self.state, info).response, info)
    }

    /// Answers for an app that broke off after a form was sent to it: `error` says how.
    pub(crate) fn form_unanswered(&self, info: &RequestInfo, error: PortalError) -> Response<Bytes> {
        finish(form_gone::unanswered(&self.state, info, error).response, info)
    }

    /// Answers that the app could not be reached, and that its form waits again.
    pub(crate) fn form_undelivered(&self, info: &RequestInfo, form: &FormId) -> Response<Bytes> {
        let tolerate = self.state.destinations.tolerances(&info.host);
        let to = Destination::of_request(&info.target, info.method.as_str(), tolerate).with_form(form.clone());
        finish(form_gone::undelivered(&self.state, info, &to.next_url()).response, info)
    }

    /// Answers a refusal: a page or problem+json, 403.
    pub fn refusal(&self, info: &RequestInfo, refusal: &Refusal) -> Response<Bytes> {
        finish(refusal::reply(&self.state, info, refusal).response, info)
    }

    /// Answers an error: a page or problem+json.
    pub fn error(&self, info: &RequestInfo, error: PortalError) -> Response<Bytes> {
        finish(error_page::reply(&self.state, info, error).response, info)
    }

    fn build(state: PortalState) -> Self {
        let (router, document) = router::build();
        let state = Arc::new(PortalState { document, ..state });
        let without_csrf = router.with_state(state.clone());
        let with_csrf = without_csrf.clone().layer(CsrfLayer::new());
        Self { state, without_csrf, with_csrf }
    }

    /// Answers a request under the reserved prefix.
    pub async fn respond(&self, request: Request<Bytes>, info: &RequestInfo) -> Reply {
        let reply = if request.body().len() > forms::MAX_BODY {
            let limit = u64::try_from(forms::MAX_BODY).unwrap_or(u64::MAX);
            error_page::reply(&self.state, info, PortalError::TooLarge { limit })
        } else if let Some(away) = self.state.lead_away(&request, info) {
            away
        } else {
            self.routed(request, info).await
        };
        Reply { response: finish(reply.response, info), ..reply }
    }

    /// What the router answers. Here axum ends.
    async fn routed(&self, request: Request<Bytes>, info: &RequestInfo) -> Reply {
        let bearer = matches!(info.cookies.session, cookies::SessionCredential::Bearer(_));
        let router = if bearer { self.without_csrf.clone() } else { self.with_csrf.clone() };
        let mut request = request.map(Body::from);
        request.extensions_mut().insert(Arc::new(info.clone()));
        // The guard compares `Origin` with the host that the client meant.
        if let Ok(host) = HeaderValue::from_str(&info.authority) {
            request.headers_mut().insert(HOST, host);
        }
        let Ok(answer) = router.oneshot(request).await;
        let (mut parts, body) = answer.into_parts();
        let annotations = parts.extensions.remove::<Annotations>();
        let Ok(body) = axum::body::to_bytes(body, usize::MAX).await else {
            return error_page::reply(&self.state, info, PortalError::Unavailable);
        };
        let response = Response::from_parts(parts, body);
        match annotations {
            Some(Annotations { events, cause, note }) => Reply { response, events, cause, note },
            None => self.layer_error(&response, info),
        }
    }

    /// What the layers of the router answered by themselves, in our form.
    fn layer_error(&self, answer: &Response<Bytes>, info: &RequestInfo) -> Reply {
        if answer.extensions().get::<ProtectionError>().is_some() {
            return error_page::reply(&self.state, info, PortalError::CrossSite);
        }
        let what = match answer.status() {
            StatusCode::NOT_FOUND => PortalError::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => PortalError::MethodNotAllowed(""),
            StatusCode::PAYLOAD_TOO_LARGE => {
                PortalError::TooLarge { limit: u64::try_from(forms::MAX_BODY).unwrap_or(u64::MAX) }
            }
            status if status.is_server_error() => PortalError::Unavailable,
            _ => PortalError::BadRequest,
        };
        let mut reply = error_page::reply(&self.state, info, what);
        if let Some(allow) = answer.headers().get(ALLOW) {
            reply.headers_mut().insert(ALLOW, allow.clone());
        }
        reply
    }
}
