//! Enrolment: binding an authenticator to an account, and making backup codes.

mod addresses;
mod backup_codes;
mod provision;
mod totp;
