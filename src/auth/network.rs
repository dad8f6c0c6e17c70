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

/// Whether an address is of the public internet, and not of a machine, a link, a site or a provider's inside (the special
/// purposes of RFC 6890 that are not reached globally). Those for documentation count as public: nobody has them.
pub fn is_public(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            // 100.64.0.0/10 (RFC 6598), 198.18.0.0/15 (RFC 2544)
            let shared = (a == 100 && b & 0xc0 == 64) || (a == 198 && b & 0xfe == 18);
            !(shared
                || v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_multicast()
                || a == 0
                || a >= 240)
        }
        IpAddr::V6(v6) => {
            let none = v6.is_unspecified() || v6.is_loopback() || v6.is_multicast();
            !(none || v6.is_unique_local() || v6.is_unicast_link_local())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_the_inside_are_not_public() {
        for inside in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "169.254.1.1",
            "172.16.0.1",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fd00::1",
            "ff02::1",
            "::ffff:10.0.0.1",
        ] {
            assert!(!is_public(inside.parse().unwrap()), "{inside}");
        }
        for public in
            ["8.8.8.8", "100.63.255.255", "100.128.0.1", "172.32.0.1", "203.0.113.7", "2001:db8::1", "2a00::1"]
        {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }

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
