//! Second floor: our own pages and the JSON API. An axum router; knows no Pingora.

pub mod answers;
mod api;
mod assets;
mod base;
mod bound;
mod browser;
mod challenge;
pub mod cookies;
mod ctx;
mod fault;
mod forms;
mod goal;
mod headers;
mod out_of_reach;
mod pages;
mod preflight;
mod problem;
mod qr;
mod refusal;
pub mod reserved;
mod router;
mod scripts;
pub mod settings;
mod support;
mod telling;
mod turns;
mod words;

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

use crate::auth::policy::Policy;
use crate::flow::Flows;
use answers::{Facts, Fault};
use assets::Skin;
use base::Core;
pub use base::Jwks;
pub(crate) use headers::DEPENDS_ON;
use headers::{Kind, finish};
use settings::PortalSettings;

/// The reserved prefix of every URL of ours.
pub const PREFIX: &str = "/.stepgate/";

/// The portal: answers every request under [`PREFIX`], and words every answer of ours elsewhere.
pub struct Portal {
    core: Arc<Core>,
    /// For callers that carry a bearer token, which no browser adds by itself.
    plain: Router,
    /// For everybody else: what changes anything must come from our own pages.
    guarded: Router,
}

impl Portal {
    /// A portal over these flows and this policy.
    pub fn new(flows: Arc<Flows>, policy: Arc<Policy>, settings: PortalSettings) -> Self {
        Self::built(Core { flows, policy, skin: Arc::new(Skin::new(&settings)), jwks: None })
    }

    /// The same portal, serving this key set at `jwks.json`.
    #[must_use]
    pub fn with_jwks(self, jwks: Jwks) -> Self {
        Self::built(Core { jwks: Some(jwks), ..self.core.as_ref().clone() })
    }

    fn built(core: Core) -> Self {
        let core = Arc::new(core);
        let plain = router::build(core.clone());
        let guarded = plain.clone().layer(CsrfLayer::new());
        Self { core, plain, guarded }
    }

    /// Answers a request under the reserved prefix. Events ride in the response's extensions as
    /// [`answers::Recorded`]; the caller records them. The cause of a 503 rides there as [`answers::Cause`].
    pub async fn respond(&self, request: Request<Bytes>, facts: &Facts) -> Response<Bytes> {
        if request.body().len() > forms::MAX_BODY {
            let limit = u64::try_from(forms::MAX_BODY).unwrap_or(u64::MAX);
            return self.fault(facts, Fault::TooLarge { limit });
        }
        let bearer = matches!(cookies::session_token(&facts.headers), cookies::Presented::Bearer(_));
        let router = if bearer { self.plain.clone() } else { self.guarded.clone() };
        let mut request = request.map(Body::from);
        request.extensions_mut().insert(Arc::new(facts.clone()));
        // The guard compares `Origin` with the host that the client meant.
        if let Ok(host) = HeaderValue::from_str(&facts.authority) {
            request.headers_mut().insert(HOST, host);
        }
        let Ok(answer) = router.oneshot(request).await;
        let (parts, body) = answer.into_parts();
        let Ok(body) = axum::body::to_bytes(body, usize::MAX).await else {
            return self.fault(facts, Fault::Unavailable);
        };
        finish(self.worded(Response::from_parts(parts, body), facts), facts)
    }

    /// Words what the layers answered by themselves.
    fn worded(&self, answer: Response<Bytes>, facts: &Facts) -> Response<Bytes> {
        if answer.extensions().get::<Kind>().is_some() {
            return answer;
        }
        if answer.extensions().get::<ProtectionError>().is_some() {
            return fault::cross_site(&self.core, facts);
        }
        let what = match answer.status() {
            StatusCode::NOT_FOUND => Fault::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => Fault::MethodNotAllowed(""),
            StatusCode::PAYLOAD_TOO_LARGE => {
                Fault::TooLarge { limit: u64::try_from(forms::MAX_BODY).unwrap_or(u64::MAX) }
            }
            status if status.is_server_error() => Fault::Unavailable,
            _ => Fault::BadRequest,
        };
        let mut worded = fault::answer(&self.core, facts, what);
        if let Some(allow) = answer.headers().get(ALLOW) {
            worded.headers_mut().insert(ALLOW, allow.clone());
        }
        worded
    }
}
