//! What the portal is made of, shared by its handlers.

use std::sync::Arc;

use super::assets::Theme;
use crate::auth::policy::Policy;
use crate::auth::resource::Tolerances;
use crate::flow::Flows;

/// Gives the key set (RFC 7517) as JSON text.
pub type Jwks = Arc<dyn Fn() -> String + Send + Sync>;

/// What every handler may use.
#[derive(Clone)]
pub(crate) struct PortalState {
    pub(crate) flows: Arc<Flows>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) theme: Arc<Theme>,
    pub(crate) jwks: Option<Jwks>,
}

impl PortalState {
    /// What the URLs of this host's app need.
    pub(crate) fn tolerances(&self, host: &str) -> Tolerances {
        self.policy.app(host).map(|app| app.tolerate).unwrap_or_default()
    }
}
