//! The roof: the only room that knows Pingora.
//!
//! `client` accepts connections and watches over them, `http2` over those that carry many requests at once. `gateway` is
//! the list of Pingora's hooks, `dispatch` the order of one request: `request` says what it is and whose, `upstream`
//! takes it to its app, `observe` writes it down.

mod cancellation;
mod client;
mod clock;
mod comparison;
mod context;
mod convert;
mod dispatch;
mod error_response;
mod form_delivery;
mod form_replay;
mod gateway;
mod held_form;
mod http2;
mod live;
pub(crate) mod observe;
mod parts;
pub mod pem;
mod read_body;
mod request;
mod request_view;
mod serve;
pub mod settings;
mod slip_use;
pub(crate) mod snapshot;
mod upstream;
mod websocket;

#[cfg(test)]
mod tests;

pub use client::bind::{Bound, Listeners};
pub use parts::{AuditSink, BuildError, Probe, Signer};
pub use serve::{Parts, Proxy};
pub use snapshot::ActiveSnapshot;
