//! Whether all people come from one address. Behind a proxy that is not trusted they do, and then an address says nothing of who
//! somebody is.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv6Addr};

use crate::auth::user::UserId;

/// So many people must come from it: fewer may live or work in one place.
const FEWEST: usize = 8;
/// Of how many people it is remembered where they came from.
const MOST: usize = 64;

/// Where those who signed in last came from, each once.
#[derive(Clone, Debug, Default)]
pub struct Origins {
    latest: VecDeque<(UserId, IpAddr)>,
}

impl Origins {
    /// Notes a sign-in that was opened. Nothing less counts: who only tries addresses or passwords moves nothing.
    pub fn note(&mut self, person: &UserId, address: IpAddr) {
        self.latest.retain(|(known, _)| known != person);
        self.latest.push_back((person.clone(), site(address)));
        while self.latest.len() > MOST {
            self.latest.pop_front();
        }
    }

    /// The address that all of them share, if they are enough to tell. One of them elsewhere is enough that there is none.
    pub fn shared(&self) -> Option<IpAddr> {
        let (_, first) = self.latest.front()?;
        let all = self.latest.len() >= FEWEST && self.latest.iter().all(|(_, address)| address == first);
        all.then_some(*first)
    }

    /// Whether an address is the one that all share. Who comes from another one is judged by it.
    pub fn is_shared(&self, address: IpAddr) -> bool {
        self.shared() == Some(site(address))
    }
}

/// What is one address: of IPv6 the first half, for the last changes by itself.
fn site(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
        v4 => v4,
    }
}
