//! What is known of addresses.

use std::net::IpAddr;

use crate::risk::{Evidence, Place};

/// Says where addresses are used. Answers from memory, at once; what is not known abstains.
pub trait Places: Send + Sync {
    /// Where it is used.
    fn place(&self, address: IpAddr) -> Place;
    /// The organisation whose network it is; `None`: nobody knows.
    fn network_owner(&self, _: IpAddr) -> Option<String> {
        None
    }
    /// The operator's lists on which it stands.
    fn evidence(&self, address: IpAddr) -> Vec<Evidence>;
}
