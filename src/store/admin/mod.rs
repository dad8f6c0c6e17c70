//! What an operator asks of the stores.

pub mod counts;
pub mod health;
pub mod key_usage;
