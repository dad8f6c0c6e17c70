//! Client networks: which rule covers an address, and which addresses count as one client.

use std::net::{IpAddr, SocketAddr};

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

/// Who the client is, behind trusted proxies.
///
/// `forwarded` are the values of every `X-Forwarded-For` header, in order of arrival. The chain is
/// walked from its right end, the hop nearest to us, and only on the word of trusted hops: the
/// first address that is no trusted proxy is the client. An entry that is no address ends the walk,
/// for nothing left of it can be believed; the last trusted hop then counts as the client. A peer
/// that is not trusted is itself the client, whatever it claims.
pub fn forwarded_client<'a>(
    peer: IpAddr,
    forwarded: impl DoubleEndedIterator<Item = &'a [u8]>,
    trusted: &Networks,
) -> IpAddr {
    let mut hop = peer.to_canonical();
    if !trusted.contains(hop) {
        return hop;
    }
    for entry in forwarded.rev().flat_map(|value| value.rsplit(|b| *b == b',')) {
        let Some(ip) = address(entry) else { return hop };
        hop = ip;
        if !trusted.contains(hop) {
            return hop;
        }
    }
    hop
}

/// One entry of the chain: an address, in brackets or not, with a port or not.
fn address(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry).ok()?.trim_matches([' ', '\t']);
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
    let ip = match bare {
        Some(v6) => IpAddr::V6(v6.parse().ok()?),
        None => text.parse::<IpAddr>().or_else(|_| text.parse::<SocketAddr>().map(|s| s.ip())).ok()?,
    };
    Some(ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn nets(list: &[&str]) -> Networks {
        Networks::new(list.iter().map(|n| n.parse().unwrap()).collect())
    }

    fn walk(peer: &str, values: &[&str], trusted: &[&str]) -> String {
        let values: Vec<&[u8]> = values.iter().map(|v| v.as_bytes()).collect();
        forwarded_client(peer.parse().unwrap(), values.into_iter(), &nets(trusted)).to_string()
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

    #[test]
    fn the_chain_is_walked_on_the_word_of_trusted_hops_only() {
        let trusted = &["10.0.0.0/8"][..];
        for (peer, values, client) in [
            ("192.0.2.1", &["198.51.100.7"][..], "192.0.2.1"),
            ("10.0.0.1", &["198.51.100.7"], "198.51.100.7"),
            ("::ffff:10.0.0.1", &["198.51.100.7"], "198.51.100.7"),
            ("10.0.0.1", &["6.6.6.6, 198.51.100.7, 10.0.0.2"], "198.51.100.7"),
            ("10.0.0.1", &["6.6.6.6", "198.51.100.7", "10.0.0.2"], "198.51.100.7"),
            ("10.0.0.1", &["6.6.6.6, unknown, 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &["6.6.6.6, , 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &["198.51.100.7:4711"], "198.51.100.7"),
            ("10.0.0.1", &["[2001:db8::1]:4711"], "2001:db8::1"),
            ("10.0.0.1", &["[2001:db8::1]"], "2001:db8::1"),
            ("10.0.0.1", &["::ffff:198.51.100.7"], "198.51.100.7"),
            ("10.0.0.1", &["10.0.0.9, 10.0.0.2"], "10.0.0.9"),
            ("10.0.0.1", &[], "10.0.0.1"),
        ] {
            assert_eq!(walk(peer, values, trusted), client, "{peer} {values:?}");
        }
        assert_eq!(walk("10.0.0.1", &["198.51.100.7"], &[]), "10.0.0.1", "nobody is trusted by default");
    }

    proptest! {
        /// Whatever a client writes to the left of what the trusted proxy saw changes nothing.
        #[test]
        fn a_client_cannot_choose_its_address(lies in "[ -~]{0,60}", real: std::net::Ipv4Addr) {
            let real = IpAddr::V4(real);
            prop_assume!(!nets(&["10.0.0.0/8"]).contains(real));
            let value = format!("{lies}, {real}");
            prop_assert_eq!(walk("10.0.0.1", &[&value], &["10.0.0.0/8"]), real.to_string());
        }
    }
}
