//! What a person proves with: how each is made, read and checked.

pub mod authenticator;
pub mod backup_codes;
pub mod passkey;
pub mod password;
pub mod recovery_code;
pub mod sent_code;
pub mod totp;
