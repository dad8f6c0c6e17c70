//! The roof: the only room that knows Pingora.
//!
//! `listen` accepts, `conn` and `meter` watch over connections, `http2` over those that carry many requests at once,
//! `turned_away` answers what is no request, `tls` chooses certificates; `gateway` is the list of Pingora's hooks, each
//! of which hands on to the file that knows: `way` (the order of one request), `site`, `client`, `outfit`, `identity`,
//! `hop`, `rewrite`, `upstream`, `answer`, `record`. `direct` is the short way to the app, `reuse` says over which
//! connection.

mod admin;
mod ahead;
mod answer;
mod bind;
mod cancel;
mod client;
mod conn;
mod connection_auth;
mod convert;
mod cookies;
mod ctx;
mod direct;
mod farewell;
mod forms;
mod forwarded;
mod gateway;
mod hop;
mod http2;
mod identity;
pub mod inspect;
mod limits;
mod link;
mod listen;
mod live;
mod meter;
mod metrics;
mod outfit;
pub mod outside;
mod patience;
mod preflight;
mod private;
mod record;
mod related;
mod reuse;
mod rewrite;
mod serve;
pub mod settings;
mod site;
mod tls;
mod tunnel;
mod turned_away;
mod upstream;
mod way;
mod wire;

#[cfg(test)]
mod tests;

pub use bind::{Bound, Listeners};
pub use serve::{AuditSink, BuildError, Parts, Probe, Proxy, Signer};
