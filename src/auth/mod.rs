//! Ground floor: the words and the laws. Pure: no I/O, no clock, no randomness, no async.

pub mod address;
pub mod assertion;
pub mod ceremony;
pub mod event;
pub mod factor;
pub mod forwarded;
#[cfg(test)]
pub(crate) mod generated;
pub mod handoff;
pub mod header_names;
pub mod held_request;
pub mod history;
pub mod host;
pub mod link_token;
pub mod network;
pub mod notice_kind;
pub mod origin;
pub mod policy;
pub mod proof;
pub mod recovery_token;
pub mod reserved_names;
pub mod resource;
pub mod return_to;
pub mod secret;
pub mod session;
pub mod slip_token;
pub mod text;
pub mod throttle;
pub mod time;
mod token;
pub mod trace;
pub mod user;
