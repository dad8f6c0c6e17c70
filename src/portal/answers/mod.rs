//! What the portal answers outside its own pages: challenges, refusals and errors, by the kind of client.

pub(crate) mod challenge;
pub(crate) mod client_kind;
mod cors;
mod dialect;
pub(crate) mod error_page;
pub(crate) mod form_gone;
mod grpc;
pub(crate) mod headers;
pub(crate) mod out_of_reach;
mod preflight;
pub(crate) mod problem;
pub(crate) mod refusal;
