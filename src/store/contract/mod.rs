//! What every implementation of a port must do, whatever it is made of. Tests only.

pub(crate) mod accounts;
mod addresses;
pub(crate) mod authenticators;
mod counters;
pub(crate) mod endings;
mod lockouts;
pub(crate) mod outbox;
pub(crate) mod passkeys;
#[path = "../../../tests/it/support/port.rs"]
pub(crate) mod port;
pub(crate) mod postgres;
mod records;
mod recoveries;
pub(crate) mod removals;
pub(crate) mod samples;
pub(crate) mod sealing;
mod sign_ups;
pub(crate) mod state;

mod transient;
mod unreadable;
pub(crate) mod upgrade;
