//! A writer of the MaxMind DB format, version 2.0, for small databases: those of the demo and of tests, and the metadata of
//! others where they are written anew (<https://maxmind.github.io/MaxMind-DB/>).

use std::collections::HashMap;

use ipnet::IpNet;

/// What stands before the metadata.
pub(super) const MARKER: &[u8] = b"\xab\xcd\xefMaxMind.com";
/// Between the tree and the data.
const SEPARATOR: [u8; 16] = [0; 16];
/// Where the IPv4 addresses lie in a tree of IPv6 addresses: `::/96`.
const IPV4_DEPTH: u8 = 96;

/// A value of a record.
#[derive(Clone, Debug, PartialEq)]
pub enum MmdbValue {
    Text(String),
    U16(u16),
    U32(u32),
    U64(u64),
    Double(f64),
    Map(Vec<(&'static str, Self)>),
    List(Vec<Self>),
}

impl MmdbValue {
    /// A text.
    pub fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Text(text) => {
                control(2, text.len(), out);
                out.extend_from_slice(text.as_bytes());
            }
            Self::Double(number) => {
                control(3, 8, out);
                out.extend_from_slice(&number.to_be_bytes());
            }
            Self::U16(number) => unsigned(5, &number.to_be_bytes(), out),
            Self::U32(number) => unsigned(6, &number.to_be_bytes(), out),
            Self::U64(number) => unsigned(9, &number.to_be_bytes(), out),
            Self::Map(entries) => {
                control(7, entries.len(), out);
                for (key, value) in entries {
                    Self::text(key).write(out);
                    value.write(out);
                }
            }
            Self::List(values) => {
                control(11, values.len(), out);
                values.iter().for_each(|value| value.write(out));
            }
        }
    }
}

/// Leading zeros are left out.
fn unsigned(kind: u8, bytes: &[u8], out: &mut Vec<u8>) {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let bytes = bytes.get(zeros..).unwrap_or_default();
    control(kind, bytes.len(), out);
    out.extend_from_slice(bytes);
}

/// The type and the size of a value.
fn control(kind: u8, size: usize, out: &mut Vec<u8>) {
    let (low, more): (u8, &[u8]) = match size {
        0..=28 => (u8::try_from(size).unwrap_or_default(), &[]),
        29..=284 => (29, &u8::try_from(size - 29).unwrap_or_default().to_be_bytes()),
        285..=65_820 => (30, &u16::try_from(size - 285).unwrap_or_default().to_be_bytes()),
        _ => (31, &u32::try_from(size - 65_821).unwrap_or_default().to_be_bytes()[1..]),
    };
    match kind {
        1..=7 => out.push(kind << 5 | low),
        _ => out.extend_from_slice(&[low, kind - 7]),
    }
    out.extend_from_slice(more);
}

/// A database that says `record` of every IPv4 address.
pub(super) fn of_one_record(record: &[u8]) -> Vec<u8> {
    let mut out = tree(&[[Child::Data(0); 2]]);
    out.extend_from_slice(&SEPARATOR);
    out.extend_from_slice(record);
    out.extend(described("one", 0, 1, 4));
    out
}

/// The bytes of a map of metadata, behind its marker.
pub(super) fn metadata(entries: Vec<(&'static str, MmdbValue)>) -> Vec<u8> {
    let mut out = MARKER.to_vec();
    MmdbValue::Map(entries).write(&mut out);
    out
}

/// A child of a node: nothing, another node, or where its data begin.
#[derive(Clone, Copy)]
enum Child {
    Nothing,
    Node(usize),
    Data(usize),
}

/// A database of these networks. A narrow one that comes after a wide one stands within it. `built`: seconds since the
/// Unix epoch.
pub fn database(kind: &str, built: u64, networks: &[(IpNet, MmdbValue)]) -> Vec<u8> {
    let (mut nodes, mut data) = (vec![[Child::Nothing; 2]], Vec::new());
    let mut known: HashMap<Vec<u8>, usize> = HashMap::new();
    for (network, value) in networks {
        let mut bytes = Vec::new();
        value.write(&mut bytes);
        let at = *known.entry(bytes).or_insert_with_key(|bytes| {
            data.extend_from_slice(bytes);
            data.len() - bytes.len()
        });
        insert(&mut nodes, *network, at);
    }
    let mut out = tree(&nodes);
    out.extend_from_slice(&SEPARATOR);
    out.extend_from_slice(&data);
    out.extend(described(kind, built, nodes.len(), 6));
    out
}

/// The metadata of what is written here.
fn described(kind: &str, built: u64, nodes: usize, ip_version: u16) -> Vec<u8> {
    metadata(vec![
        ("node_count", MmdbValue::U32(u32::try_from(nodes).unwrap_or(u32::MAX))),
        ("record_size", MmdbValue::U16(32)),
        ("ip_version", MmdbValue::U16(ip_version)),
        ("database_type", MmdbValue::text(kind)),
        ("languages", MmdbValue::List(vec![MmdbValue::text("en")])),
        ("binary_format_major_version", MmdbValue::U16(2)),
        ("binary_format_minor_version", MmdbValue::U16(0)),
        ("build_epoch", MmdbValue::U64(built)),
        ("description", MmdbValue::Map(vec![("en", MmdbValue::text(kind))])),
    ])
}

/// The bits of a network, in the tree of IPv6 addresses, and how many of them count.
fn bits(network: IpNet) -> (u128, u8) {
    match network {
        IpNet::V4(net) => (u128::from(u32::from(net.network())), IPV4_DEPTH + net.prefix_len()),
        IpNet::V6(net) => (u128::from(net.network()), net.prefix_len()),
    }
}

fn insert(nodes: &mut Vec<[Child; 2]>, network: IpNet, at: usize) {
    let (address, length) = bits(network);
    let mut node = 0;
    for depth in 0..length {
        let side = usize::from(address >> (127 - depth) & 1 == 1);
        let next = nodes.len();
        let Some(child) = nodes.get_mut(node).and_then(|children| children.get_mut(side)) else { return };
        if depth + 1 == length {
            *child = Child::Data(at);
            return;
        }
        match *child {
            Child::Node(below) => node = below,
            // What a wide network said goes on beside the narrow one.
            wide => {
                *child = Child::Node(next);
                nodes.push([wide; 2]);
                node = next;
            }
        }
    }
}

fn tree(nodes: &[[Child; 2]]) -> Vec<u8> {
    let count = nodes.len();
    let record = |child: &Child| match child {
        Child::Nothing => count,
        Child::Node(node) => *node,
        Child::Data(at) => count + SEPARATOR.len() + at,
    };
    let records = nodes.iter().flatten().map(record);
    records.flat_map(|record| u32::try_from(record).unwrap_or(u32::MAX).to_be_bytes()).collect()
}
