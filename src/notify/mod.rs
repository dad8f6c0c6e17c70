//! Second floor: letters on their way. Mail by SMTP, text messages by HTTP, and the task that takes what waits in the
//! outbox and sends it.

pub mod kept;
mod mail;
mod providers;
mod redaction;
pub mod sender;
pub mod settings;
mod sms;
#[cfg(test)]
mod tests;
mod wording;

pub use providers::{ActiveProviders, Providers};
