//! What others give the proxy to call, and why it cannot be built.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::settings::JwtSettings;
use crate::auth::event::Event;
use crate::auth::proof::RiskLevel;
use crate::auth::session::Session;
use crate::flow::ports::StoreError;

/// Signs an assertion about a session for one app.
pub type Signer = Arc<dyn Fn(&Session, Option<RiskLevel>, &JwtSettings) -> Result<String, StoreError> + Send + Sync>;
/// Receives audit events, with the id of the request they belong to. Must not block.
pub type AuditSink = Arc<dyn Fn(&[Event], &str) + Send + Sync>;
/// Asks what readiness depends on.
pub type Probe = Arc<dyn Fn() -> BoxFuture<'static, Vec<(&'static str, Result<(), StoreError>)>> + Send + Sync>;

/// Why a proxy cannot be built: names the file or the value at fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BuildError(pub String);
