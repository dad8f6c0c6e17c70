//! The app that a host and a connection lead to.

use std::collections::HashMap;
use std::sync::Arc;

use super::client_address::AcceptedOn;
use super::head::{Rejection, reject};
use crate::auth::policy::AppPolicy;
use crate::portal::error::PortalError;
use crate::proxy::observe::metrics::SiteMetrics;
use crate::proxy::settings::AppSettings;
use crate::proxy::upstream::identity_headers::IdentityHeaders;
use crate::proxy::upstream::pool::Pool;
use crate::proxy::upstream::rewrite::Rewriting;

/// One app, ready to be served.
pub(crate) struct Site {
    pub(crate) host: String,
    pub(crate) policy: Arc<AppPolicy>,
    pub(crate) pool: Arc<Pool>,
    pub(crate) identity_headers: IdentityHeaders,
    pub(crate) rewriting: Rewriting,
    pub(crate) settings: AppSettings,
    pub(crate) metrics: SiteMetrics,
}

/// Every app, by canonical host.
pub(crate) type Sites = HashMap<String, Arc<Site>>;

/// The app of a host, if this connection may serve it.
pub(crate) fn find<'s>(sites: &'s Sites, host: &str, accepted_on: &AcceptedOn) -> Result<&'s Arc<Site>, Rejection> {
    if let AcceptedOn::Https { sni: Some(sni) } = accepted_on
        && sni != host
    {
        return Err(reject(PortalError::Misdirected, "host_is_not_sni"));
    }
    sites.get(host).ok_or(reject(PortalError::Misdirected, "unknown_host"))
}
