//! What the portal is made of, shared by its handlers.

use std::sync::Arc;

use super::assets::Skin;
use crate::auth::policy::Policy;
use crate::flow::Flows;

/// Gives the key set (RFC 7517) as JSON text.
pub type Jwks = Arc<dyn Fn() -> String + Send + Sync>;

/// What every handler may use.
#[derive(Clone)]
pub(crate) struct Core {
    pub(crate) flows: Arc<Flows>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) skin: Arc<Skin>,
    pub(crate) jwks: Option<Jwks>,
}
