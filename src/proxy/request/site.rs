//! What a host and a connection lead to: an app, or our pages alone.

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

/// Every host that is served.
pub(crate) struct Sites {
    /// By canonical host.
    pub(crate) apps: HashMap<String, Arc<Site>>,
    /// The host of our pages that has no app.
    pub(crate) portal: Option<String>,
}

/// What stands at a host.
pub(crate) enum Served<'s> {
    App(&'s Arc<Site>),
    Portal,
}

impl Sites {
    /// What stands at a host, if this connection may serve it.
    pub(crate) fn find(&self, host: &str, accepted_on: &AcceptedOn) -> Result<Served<'_>, Rejection> {
        if let AcceptedOn::Https { sni: Some(sni) } = accepted_on
            && sni != host
        {
            return Err(reject(PortalError::Misdirected, "host_is_not_sni"));
        }
        match self.apps.get(host) {
            Some(site) => Ok(Served::App(site)),
            None if self.is_portal(host) => Ok(Served::Portal),
            None => Err(reject(PortalError::Misdirected, "unknown_host")),
        }
    }

    pub(crate) fn is_portal(&self, host: &str) -> bool {
        self.portal.as_deref() == Some(host)
    }
}
