//! Enrolment: binding an authenticator or an address to an account, and making backup codes.

mod addresses;
mod backup_codes;
mod disable;
mod enrollee;
mod finished;
mod first_factor;
mod invitation;
mod names;
mod passkey;
mod provision;
mod totp;

pub(super) use addresses::lasting;
pub(super) use backup_codes::NewCodes;
pub(super) use enrollee::Enrollee;
pub use passkey::NAME_CHARS;
pub(super) use passkey::tidy;
