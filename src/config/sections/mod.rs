//! What may stand in a configuration file, one file per section, and how each is judged.

pub(crate) mod app;
pub(crate) mod checker;
pub(crate) mod factors;
pub(crate) mod hold;
mod identity;
pub(crate) mod limits;
pub(crate) mod listen;
pub(crate) mod mail;
pub(crate) mod one_or;
pub(crate) mod passkeys;
pub(crate) mod policy;
pub(crate) mod portal;
pub(crate) mod registrable_domain;
pub(crate) mod require;
pub(crate) mod risk;
pub(crate) mod root;
pub(crate) mod rules;
pub(crate) mod scalars;
pub(crate) mod scripts;
pub(crate) mod secrets;
pub(crate) mod session;
pub(crate) mod sms;
pub(crate) mod state;
mod switch;
pub(crate) mod tls;
pub(crate) mod upstream;
pub(crate) mod users;
