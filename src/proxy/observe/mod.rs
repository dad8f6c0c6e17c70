//! What is written down and counted of requests, and the listener that tells it.

pub(crate) mod access_log;
pub(crate) mod admin;
pub(crate) mod audit_log;
pub(crate) mod metrics;
pub(crate) mod shadow_log;
pub(crate) mod store_metrics;
pub(crate) mod trace_log;
