//! Stepgate: multi-factor sign-in in front of the web apps you cannot change.
//!
//! The rooms below stand in floor order; ARCHITECTURE.md is the plan of the house.

pub mod auth;
pub mod risk;

pub mod flow;

pub mod notify;
pub mod portal;
pub mod store;

pub mod proxy;

pub mod config;

pub mod app;
pub mod cli;
