//! What the portal is made of, shared by its handlers.

use std::collections::BTreeMap;
use std::sync::Arc;

use utoipa::openapi::OpenApi;

use super::assets::Theme;
use super::settings::{PortalHost, ScriptSettings};
use crate::flow::Flows;
use crate::flow::destination::Destinations;

/// Gives the key set (RFC 7517) as JSON text.
pub type Jwks = Arc<dyn Fn() -> String + Send + Sync>;

/// What every handler may use.
#[derive(Clone)]
pub(crate) struct PortalState {
    pub(crate) flows: Arc<Flows>,
    pub(crate) destinations: Destinations,
    pub(crate) theme: Arc<Theme>,
    /// Where people sign in once for many apps.
    pub(crate) host: Option<PortalHost>,
    /// What scripts get, by the host of their app.
    pub(crate) scripts: Arc<BTreeMap<String, ScriptSettings>>,
    pub(crate) jwks: Option<Jwks>,
    pub(crate) document: OpenApi,
}
