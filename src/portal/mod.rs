//! Second floor: our own pages and the JSON API. An axum router; knows no Pingora.

pub mod answers;
pub mod settings;

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};

use crate::auth::policy::Policy;
use crate::flow::Flows;
use answers::Facts;
use settings::PortalSettings;

/// The reserved prefix of every URL of ours.
pub const PREFIX: &str = "/.stepgate/";

/// The portal: answers every request under [`PREFIX`], and words every answer of ours elsewhere.
pub struct Portal {
    pub(crate) flows: Arc<Flows>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) settings: PortalSettings,
}

impl Portal {
    /// A portal over these flows and this policy.
    pub fn new(flows: Arc<Flows>, policy: Arc<Policy>, settings: PortalSettings) -> Self {
        Self { flows, policy, settings }
    }

    /// Answers a request under the reserved prefix. Events ride in the response's extensions as
    /// [`answers::Recorded`]; the caller records them.
    pub async fn respond(&self, request: Request<Bytes>, facts: &Facts) -> Response<Bytes> {
        let _ = (request, facts, &self.flows, &self.policy, &self.settings);
        Response::new(Bytes::new())
    }
}
