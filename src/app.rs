//! Composition root: settings to stores to flows to portal to proxy.

use std::sync::Arc;

use crate::config::Settings;
use crate::flow::Flows;
use crate::flow::ports::StoreError;
use crate::portal::Portal;
use crate::proxy::settings::Listen;
use crate::store::Stores;

/// Why the gateway cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// A store does not answer.
    #[error("{0}")]
    Store(StoreError),
    /// The settings name something unusable: a certificate, a key.
    #[error("{0}")]
    Settings(String),
    /// A port is taken, or the like.
    #[error("{0}")]
    Serve(String),
}

/// A gateway that serves.
pub struct Running {
    /// Where it listens, with the ports it was given where the settings said 0.
    pub addresses: Listen,
}

/// Serves until SIGTERM (requests finish) or SIGINT (they do not). `ready` is told once it serves.
///
/// # Errors
/// The stores, the settings or the ports are unusable.
pub async fn serve(settings: Settings, ready: impl FnOnce(&Running) + Send) -> Result<(), Fault> {
    let stores = Stores::open(&settings.store).await.map_err(Fault::Store)?;
    let flows = Arc::new(Flows::new(stores.ports.clone(), settings.flow));
    let portal = Portal::new(flows, Arc::new(settings.policy), settings.portal);
    let _ = (portal, ready);
    Err(Fault::Serve("the proxy is not part of this build".to_owned()))
}
