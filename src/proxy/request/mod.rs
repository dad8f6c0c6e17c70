//! What a request is, who sends it, and where it goes.

pub(crate) mod arrival;
pub(crate) mod client_address;
pub(crate) mod forwarded;
pub(crate) mod head;
pub(crate) mod judge;
pub(crate) mod normalize;
pub(crate) mod preflight;
pub(crate) mod related;
pub(crate) mod request_id;
pub(crate) mod site;
pub(crate) mod websocket;
