//! Ceremonies: begun, brought on by what a person hands in, and ended in a session. Signing in and stepping up end here,
//! enrolling in the room beside it; all of them open their session through one door.

mod begin;
pub(super) mod open_session;
pub(super) mod stored;
mod submit;
mod view;
