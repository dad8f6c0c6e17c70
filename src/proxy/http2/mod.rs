//! HTTP/2 towards clients: a connection, its streams, and what a client may do with them.
//!
//! `control_frames` counts frames that are no part of a request, `reset_budget` counts what runs, `exchange` is one
//! request and its answer, `pingora_adapter` shows it to Pingora's proxy.

mod control_frames;
mod exchange;
mod pingora_adapter;
mod reset_budget;
pub(crate) mod server;
