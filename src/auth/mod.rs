//! Ground floor: the words and the laws. Pure: no I/O, no clock, no randomness, no async.

pub mod assertion;
pub mod authenticator;
pub mod backup_codes;
pub mod ceremony;
pub mod challenge;
pub mod decision;
pub mod evaluation;
pub mod event;
pub mod forwarded;
#[cfg(test)]
pub(crate) mod generated;
pub mod header_names;
pub mod history;
pub mod host;
pub mod network;
pub mod origin;
pub mod password;
pub mod policy;
pub mod proof;
pub mod requirement;
pub mod resource;
pub mod return_to;
pub mod secret;
pub mod session;
pub mod throttle;
pub mod time;
pub mod totp;
pub mod user;
