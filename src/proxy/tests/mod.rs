//! The proxy over real sockets: raw bytes in, raw bytes out, an upstream that writes down what it got.

mod authority;
mod calls;
mod direct;
mod doors;
mod forms;
mod front;
mod held_forms;
mod hops;
mod http2;
mod hygiene;
mod judging;
mod kept_connections;
mod live;
mod live_calls;
mod one_person;
mod pace;
mod pipelining;
mod preflights;
mod related;
mod rewriting;
mod rig;
mod secure;
mod short_way;
mod signed_in;
mod slips;
mod smuggling;
mod streams;
mod taken_back;
mod terminator;
mod traps;
mod uploads;
mod upstreams;

pub(super) use rig::settings;
