//! The roof: the only room that knows Pingora.
//!
//! `listen` accepts and `conn` meters connections, `tls` chooses certificates; `gateway` is the list of
//! Pingora's hooks, each of which hands on to the file that knows: `way` (the order of one request), `site`,
//! `client`, `identity`, `upstream`, `answer`, `record`.

mod admin;
mod answer;
mod client;
mod conn;
mod convert;
mod cookies;
mod ctx;
mod gateway;
mod identity;
pub mod inspect;
mod limits;
mod listen;
mod metrics;
mod record;
mod serve;
pub mod settings;
mod site;
mod tls;
mod tunnel;
mod upstream;
mod way;

#[cfg(test)]
mod tests;

pub use listen::{Bound, Listeners};
pub use serve::{AuditSink, BuildError, Parts, Probe, Proxy, Signer};
