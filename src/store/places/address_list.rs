//! The operator's own lists: addresses, networks and autonomous systems, one a line. Looked up by halving.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::record::asn;

/// What stands on one list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressList {
    /// First and last of each range, in order, apart from each other.
    v4: Vec<(u32, u32)>,
    v6: Vec<(u128, u128)>,
    /// In order.
    asns: Vec<u32>,
    /// How many entries were given.
    pub entries: usize,
}

/// A line that is no entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: {what}")]
pub struct ListFault {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    pub what: String,
}

/// One entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListEntry {
    Network(IpNet),
    System(u32),
}

impl ListEntry {
    /// Reads `198.51.100.7`, `198.51.100.0/24`, `2001:db8::/32` or `AS64500`.
    ///
    /// # Errors
    /// In words, what is wrong with it, without repeating it: a wrong file may hold secrets.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("as")) {
            return asn(text).map(Self::System).ok_or_else(|| "no autonomous system, as `AS64500`".to_owned());
        }
        let network = match text.parse::<IpAddr>() {
            Ok(address) => IpNet::from(address.to_canonical()),
            Err(_) => text.parse().map_err(|_| "no address, no network and no autonomous system".to_owned())?,
        };
        if network.trunc() != network {
            return Err(format!("this network has bits beyond its length: write `{}`", network.trunc()));
        }
        Ok(Self::Network(network))
    }
}

impl AddressList {
    /// A list of these.
    pub fn new(entries: impl IntoIterator<Item = ListEntry>) -> Self {
        let mut list = Self::default();
        for entry in entries {
            list.entries += 1;
            match entry {
                ListEntry::Network(IpNet::V4(net)) => list.v4.push((net.network().into(), net.broadcast().into())),
                ListEntry::Network(IpNet::V6(net)) => match mapped(net) {
                    Some(range) => list.v4.push(range),
                    None => list.v6.push((net.network().into(), net.broadcast().into())),
                },
                ListEntry::System(asn) => list.asns.push(asn),
            }
        }
        list.v4 = apart(list.v4, |end| end.checked_add(1));
        list.v6 = apart(list.v6, |end| end.checked_add(1));
        list.asns.sort_unstable();
        list.asns.dedup();
        list
    }

    /// Reads one entry a line. What follows `#` or `;` is a comment, what follows a blank too.
    ///
    /// # Errors
    /// The first lines that are no entries.
    pub fn parse(bytes: &[u8]) -> Result<Self, Vec<ListFault>> {
        /// More than these are not told.
        const TOLD: usize = 10;
        let (mut entries, mut faults) = (Vec::new(), Vec::new());
        let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
        for (number, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            let line = String::from_utf8_lossy(line);
            let code = line.split(['#', ';']).next().unwrap_or_default();
            let Some(text) = code.split_whitespace().next() else { continue };
            match ListEntry::parse(text) {
                Ok(entry) => entries.push(entry),
                Err(what) => {
                    let blanks = code.chars().take_while(|c| c.is_whitespace()).count();
                    faults.push(ListFault { line: number + 1, column: blanks + 1, what });
                    if faults.len() == TOLD {
                        break;
                    }
                }
            }
        }
        if faults.is_empty() { Ok(Self::new(entries)) } else { Err(faults) }
    }

    /// Whether the address, or the autonomous system that it is of, stands on it.
    pub fn holds(&self, address: IpAddr, asn: Option<u32>) -> bool {
        let found = match address.to_canonical() {
            IpAddr::V4(address) => within(&self.v4, u32::from(address)),
            IpAddr::V6(address) => within(&self.v6, u128::from(address)),
        };
        found || asn.is_some_and(|asn| self.asns.binary_search(&asn).is_ok())
    }

    /// Whether looking an address up takes its autonomous system.
    pub(super) const fn has_systems(&self) -> bool {
        !self.asns.is_empty()
    }
}

/// The IPv4 addresses that a network of mapped ones stands for.
fn mapped(net: ipnet::Ipv6Net) -> Option<(u32, u32)> {
    let v4 = |address: Ipv6Addr| address.to_ipv4_mapped().map(|address: Ipv4Addr| u32::from(address));
    if net.prefix_len() < 96 { None } else { Some((v4(net.network())?, v4(net.broadcast())?)) }
}

/// Ranges in order; those that touch are one.
fn apart<T: Copy + Ord>(mut ranges: Vec<(T, T)>, next: impl Fn(T) -> Option<T>) -> Vec<(T, T)> {
    ranges.sort_unstable();
    let mut apart: Vec<(T, T)> = Vec::with_capacity(ranges.len());
    for (start, end) in ranges {
        match apart.last_mut() {
            Some((_, last)) if next(*last).is_none_or(|next| start <= next) => *last = end.max(*last),
            _ => apart.push((start, end)),
        }
    }
    apart.shrink_to_fit();
    apart
}

fn within<T: Copy + Ord>(ranges: &[(T, T)], address: T) -> bool {
    let before = ranges.partition_point(|(start, _)| *start <= address);
    before.checked_sub(1).and_then(|at| ranges.get(at)).is_some_and(|(_, end)| address <= *end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn list(text: &str) -> AddressList {
        AddressList::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn addresses_networks_and_systems_stand_on_a_list() {
        let text =
            "\u{feff}# exits\r\n198.51.100.7\r\n\n 203.0.113.0/25 ; a network\n2001:db8:5::/48\tnote\nAS64500 # ours\n";
        let list = list(text);
        assert_eq!(list.entries, 4);
        for (address, expected) in [
            ("198.51.100.7", true),
            ("::ffff:198.51.100.7", true),
            ("198.51.100.8", false),
            ("203.0.113.127", true),
            ("203.0.113.128", false),
            ("2001:db8:5:ffff::1", true),
            ("2001:db8:6::1", false),
        ] {
            assert_eq!(list.holds(address.parse().unwrap(), None), expected, "{address}");
        }
        assert!(list.holds([192, 0, 2, 1].into(), Some(64500)));
        assert!(!list.holds([192, 0, 2, 1].into(), Some(64501)));
    }

    #[test]
    fn a_bad_line_is_told_with_its_place() {
        let faults = AddressList::parse(b"198.51.100.7\n  198.51.100.7/24\nhello\nASx\n").unwrap_err();
        let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
        let expected = [
            "2:3: this network has bits beyond its length: write `198.51.100.0/24`",
            "3:1: no address, no network and no autonomous system",
            "4:1: no autonomous system, as `AS64500`",
        ];
        assert_eq!(told, expected);
        assert_eq!(AddressList::parse("nonsense\n".repeat(50).as_bytes()).unwrap_err().len(), 10);
    }

    proptest! {
        #[test]
        fn halving_finds_what_going_through_all_finds(
            nets in prop::collection::vec((any::<[u8; 4]>(), 0..=32u8), 0..40),
            wide in prop::collection::vec((any::<u128>(), 0..=128u8), 0..40),
            asked in prop::collection::vec(any::<[u8; 4]>(), 0..40),
        ) {
            let four = nets.iter().map(|(net, length)| IpNet::new((*net).into(), *length).unwrap().trunc());
            let six = wide.iter().map(|(net, length)| IpNet::new(Ipv6Addr::from(*net).into(), *length).unwrap().trunc());
            let all: Vec<IpNet> = four.chain(six).collect();
            let list = AddressList::new(all.iter().map(|net| ListEntry::Network(*net)));
            let edges = all.iter().flat_map(|net| [net.network(), net.broadcast()]);
            for address in asked.into_iter().map(IpAddr::from).chain(edges) {
                let address = address.to_canonical();
                prop_assert_eq!(list.holds(address, None), all.iter().any(|net| net.contains(&address)), "{}", address);
            }
        }

        #[test]
        fn no_list_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = AddressList::parse(&bytes);
        }
    }
}
