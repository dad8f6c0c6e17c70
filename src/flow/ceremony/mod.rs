//! A ceremony: the steps from a name to a session, and from a session to a stronger one.

mod begin;
pub(super) mod open_session;
pub(super) mod step_up;
mod submit;
