//! The proxy over real sockets: raw bytes in, raw bytes out, an upstream that writes down what it got.

mod calls;
mod doors;
mod hops;
mod hygiene;
mod nothing;
mod rig;
mod secure;
mod smuggling;
mod streams;
mod traps;
mod uploads;
mod upstreams;
