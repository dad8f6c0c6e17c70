//! The roof: the only room that knows Pingora.

pub mod inspect;
pub mod settings;
