//! Connections of clients: accepted, counted, watched over, and closed so that the last answer is heard.

pub(crate) mod bind;
pub(crate) mod certificates;
pub(crate) mod connection_state;
pub(crate) mod data_rate;
mod h1_framing;
pub(crate) mod handover;
pub(crate) mod limits;
pub(crate) mod lingering_close;
pub(crate) mod listen;
mod listener_close;
mod pipeline;
pub(crate) mod protocol_error;
mod socket;
mod stream;
