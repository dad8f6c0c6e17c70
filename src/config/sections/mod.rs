//! What may stand in a configuration file, one file per section, and how each is judged.

pub(super) mod app;
pub(super) mod factors;
pub(super) mod identity;
pub(super) mod limits;
pub(super) mod listen;
pub(super) mod portal;
pub(super) mod require;
pub(super) mod root;
pub(super) mod rules;
pub(super) mod secrets;
pub(super) mod session;
pub(super) mod state;
pub(super) mod tls;
pub(super) mod upstream;
pub(super) mod users;
