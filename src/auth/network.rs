//! Client networks: which rule covers an address, and which addresses count as one client.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// A list of networks. Empty is "none given", never "none allowed".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

impl Networks {
    /// A list of these networks.
    pub const fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    /// Whether none was given.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `ip` lies in one of them; v4-mapped v6 addresses are judged as v4.
    pub fn contains(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.0.iter().any(|net| net.contains(&ip))
    }

    /// Whether every client that `other` admits is admitted here; an empty list admits every client.
    pub(super) fn cover_all_of(&self, other: &Self) -> bool {
        let inside = |net: &IpNet| self.0.iter().any(|wide| wide.contains(net));
        self.is_empty() || (!other.is_empty() && other.0.iter().all(inside))
    }

    /// The networks as given.
    pub fn iter(&self) -> impl Iterator<Item = &IpNet> {
        self.0.iter()
    }
}

/// The addresses that count as one client: the /24 of an IPv4 address, the /64 of an IPv6 one
/// (what one household or one rented server has). v4-mapped addresses count as IPv4.
pub fn client_network(ip: IpAddr) -> IpNet {
    match ip.to_canonical() {
        IpAddr::V4(v4) => Ipv4Net::new(v4, 24).map_or_else(|_| IpNet::from(IpAddr::V4(v4)), |n| IpNet::V4(n.trunc())),
        IpAddr::V6(v6) => Ipv6Net::new(v6, 64).map_or_else(|_| IpNet::from(IpAddr::V6(v6)), |n| IpNet::V6(n.trunc())),
    }
}

/// The networks around a client's own one, narrow first: the /16 of an IPv4 address, the /48 and the /32 of an IPv6 one
/// (what one site and one provider have).
pub fn wide_networks(ip: IpAddr) -> Vec<IpNet> {
    let ip = ip.to_canonical();
    let lengths: &[u8] = if ip.is_ipv4() { &[16] } else { &[48, 32] };
    lengths.iter().filter_map(|length| IpNet::new(ip, *length).ok()).map(|net| net.trunc()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_counted_by_network() {
        for (ip, net) in [
            ("203.0.113.77", "203.0.113.0/24"),
            ("::ffff:203.0.113.77", "203.0.113.0/24"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ] {
            assert_eq!(client_network(ip.parse().unwrap()).to_string(), net);
        }
    }
}
