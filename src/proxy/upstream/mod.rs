//! The app's side: its servers, the connections to them, and the heads that go there and come back.

mod connect;
pub(crate) mod connection_auth;
mod connector;
mod direct;
mod health;
pub(crate) mod identity_headers;
mod log_throttle;
mod peer;
pub(crate) mod pool;
pub(crate) mod pool_registry;
pub(crate) mod pooled_connection;
pub(crate) mod private_connections;
pub(crate) mod request_head;
mod resolve;
pub(crate) mod response_head;
pub(crate) mod reuse;
pub(crate) mod rewrite;
pub(crate) mod socket;
pub(crate) mod target;
pub(crate) mod transport;
mod websocket;
