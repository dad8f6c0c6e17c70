//! `Forwarded` (RFC 7239): what proxies on the way tell about the request that each of them received.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv6Addr};

/// What one proxy tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hop<'a> {
    /// `for`: who asked it.
    pub client: Option<Node>,
    /// `host`: the `Host` that it was asked for, not judged here.
    pub host: Option<Cow<'a, str>>,
    /// `proto`: the scheme that it was asked by, as written.
    pub proto: Option<Cow<'a, str>>,
}

/// Somebody on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node {
    /// By an address; v4-mapped addresses as v4.
    Address(IpAddr),
    /// `unknown`, or a name that only the proxy knows (`_hidden`).
    Hidden,
}

/// The hops of one line, the client's end first. `None` for what is out of the grammar, or says one thing of a hop
/// twice. Laxer than the RFC in what can be read in one way only: spaces around `;`, and ports and addresses of IPv6
/// without quotes.
pub fn hops(line: &str) -> Option<Vec<Hop<'_>>> {
    let mut hops = Vec::new();
    let mut rest = line;
    loop {
        let (hop, after) = hop(rest)?;
        hops.extend(hop);
        match after.strip_prefix(',') {
            Some(after) => rest = after,
            None => return Some(hops),
        }
    }
}

/// One hop and what follows it: nothing, or a comma. An empty one is none (RFC 9110 §5.6.1).
fn hop(text: &str) -> Option<(Option<Hop<'_>>, &str)> {
    let (mut hop, mut by, mut any) = (Hop::default(), false, false);
    let mut rest = blank(text);
    loop {
        let end = rest.find(|c: char| !is_token(c)).unwrap_or(rest.len());
        let (name, after) = rest.split_at_checked(end)?;
        if name.is_empty() {
            rest = blank(after);
        } else {
            any = true;
            let (value, after) = value(after.strip_prefix('=')?)?;
            let twice = match name {
                _ if name.eq_ignore_ascii_case("for") => hop.client.replace(node(&value)?).is_some(),
                _ if name.eq_ignore_ascii_case("host") => hop.host.replace(value).is_some(),
                _ if name.eq_ignore_ascii_case("proto") => hop.proto.replace(value).is_some(),
                _ if name.eq_ignore_ascii_case("by") => node(&value).map(|_| std::mem::replace(&mut by, true))?,
                _ => false,
            };
            if twice {
                return None;
            }
            rest = blank(after);
        }
        match rest.strip_prefix(';') {
            Some(after) => rest = blank(after),
            None if rest.is_empty() || rest.starts_with(',') => return Some((any.then_some(hop), rest)),
            None => return None,
        }
    }
}

/// A token or a quoted string, and what follows it.
fn value(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(|c: char| !is_token(c) && !":[]".contains(c)).unwrap_or(text.len());
        return text.split_at_checked(end).filter(|_| end > 0).map(|(value, rest)| (Cow::Borrowed(value), rest));
    };
    let mut value = Cow::Borrowed("");
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, quoted.get(at + 1..)?)),
            '\\' => {
                let (_, escaped) = chars.next().filter(|(_, c)| is_text(*c))?;
                value.to_mut().push(escaped);
            }
            c if !is_text(c) => return None,
            c => match &mut value {
                Cow::Borrowed(_) => value = Cow::Borrowed(quoted.get(..at + c.len_utf8())?),
                Cow::Owned(value) => value.push(c),
            },
        }
    }
    None
}

/// A node, with its port or without (RFC 7239 §6).
fn node(text: &str) -> Option<Node> {
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Some(Node::Address(ip.to_canonical()));
    }
    if let Some(rest) = text.strip_prefix('[') {
        let (ip, port) = rest.split_once(']')?;
        let ip = ip.parse::<Ipv6Addr>().ok().filter(|_| port.is_empty() || is_port(port))?;
        return Some(Node::Address(IpAddr::V6(ip).to_canonical()));
    }
    let (name, port) = text.find(':').map_or((text, ""), |at| text.split_at(at));
    if !port.is_empty() && !is_port(port) {
        return None;
    }
    if name.eq_ignore_ascii_case("unknown") || is_obfuscated(name) {
        return Some(Node::Hidden);
    }
    name.parse::<std::net::Ipv4Addr>().ok().map(|ip| Node::Address(ip.into()))
}

/// A port behind its colon.
fn is_port(text: &str) -> bool {
    let Some(port) = text.strip_prefix(':') else { return false };
    let digits = (1..=5).contains(&port.len()) && port.bytes().all(|b| b.is_ascii_digit());
    (digits && port.parse::<u16>().is_ok()) || is_obfuscated(port)
}

fn is_obfuscated(name: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    name.strip_prefix('_').is_some_and(|name| !name.is_empty() && name.bytes().all(fits))
}

fn blank(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}

/// RFC 9110 §5.6.2.
fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

/// What a quoted string may hold, as far as a header is text.
fn is_text(c: char) -> bool {
    c == '\t' || matches!(c, ' '..='~')
}

#[cfg(test)]
mod tests;
