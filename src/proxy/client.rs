//! Who is at the other end: the peer, or whom trusted proxies say it speaks for.

use std::net::IpAddr;

use http::{HeaderMap, HeaderValue};

use super::link::{Door, Link};
use crate::auth::network::Networks;

/// The client as far as it can be believed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Client {
    /// Its address.
    pub(crate) ip: IpAddr,
    /// Whether it speaks https, be it to us or to a trusted proxy before us.
    pub(crate) https: bool,
    /// Whether the peer itself is a trusted proxy.
    pub(crate) through_proxy: bool,
}

/// Judges the connection and, if its peer is trusted, `X-Forwarded-For` from right to left: the first
/// address that is not a trusted proxy is the client. `None` if a trusted proxy passes on what is no address.
pub(crate) fn client(link: &Link, headers: &HeaderMap, trusted: &Networks) -> Option<Client> {
    let peer = link.peer.ip();
    let tls = matches!(link.door, Door::Https { .. });
    if trusted.is_empty() || !trusted.contains(peer) {
        return Some(Client { ip: peer, https: tls, through_proxy: false });
    }
    let mut ip = peer;
    for hop in hops(headers).rev() {
        ip = parse_hop(hop?)?;
        if !trusted.contains(ip) {
            break;
        }
    }
    let said = last_word(headers, "x-forwarded-proto");
    let https = said.map_or(tls, |proto| proto.eq_ignore_ascii_case("https"));
    Some(Client { ip, https, through_proxy: true })
}

/// Every hop in `X-Forwarded-For`, left to right; `None` for a line that is not text.
fn hops(headers: &HeaderMap) -> impl DoubleEndedIterator<Item = Option<&str>> {
    let lines: Vec<_> = headers.get_all("x-forwarded-for").iter().map(|line| line.to_str().ok()).collect();
    let hops: Vec<_> = lines
        .into_iter()
        .flat_map(|line| line.map_or_else(|| vec![None], |line| line.split(',').map(Some).collect()))
        .collect();
    hops.into_iter()
}

/// An address, perhaps with a port, as proxies write it.
fn parse_hop(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let plain = text.parse::<IpAddr>().ok();
    let bracketed = || text.strip_prefix('[')?.split_once(']')?.0.parse().ok();
    let with_port = || text.parse::<std::net::SocketAddr>().ok().map(|address| address.ip());
    plain.or_else(with_port).or_else(bracketed).map(|ip| ip.to_canonical())
}

fn last_word<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let line = headers.get_all(name).iter().next_back()?.to_str().ok()?;
    line.rsplit(',').next().map(str::trim)
}

/// `X-Forwarded-For` for the app: what a trusted proxy said, and the peer.
/// `None` if that cannot be said in a header.
pub(crate) fn forwarded_for(link: &Link, headers: &HeaderMap, client: &Client) -> Option<HeaderValue> {
    if !client.through_proxy {
        return Some(link.peer_text.clone());
    }
    let mut chain: Vec<&str> = hops(headers).flatten().map(str::trim).collect();
    chain.push(link.peer_text.to_str().ok()?);
    HeaderValue::from_str(&chain.join(", ")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(peer: &str, trusted: &str, lines: &[&str]) -> Option<IpAddr> {
        let link = Link::new(format!("{peer}:1").parse().unwrap(), Door::Plain);
        let trusted = trusted.split(' ').filter(|n| !n.is_empty()).map(|n| n.parse().unwrap()).collect();
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        client(&link, &headers, &Networks::new(trusted)).map(|c| c.ip)
    }

    #[test]
    fn only_trusted_proxies_are_believed_from_right_to_left() {
        let ip = |text: &str| Some(text.parse().unwrap());
        assert_eq!(judged("192.0.2.1", "", &["10.1.1.1"]), ip("192.0.2.1"), "nobody is trusted by default");
        assert_eq!(judged("192.0.2.1", "10.0.0.0/8", &["10.1.1.1"]), ip("192.0.2.1"));
        assert_eq!(judged("10.0.0.1", "10.0.0.0/8", &[]), ip("10.0.0.1"));
        assert_eq!(judged("10.0.0.1", "10.0.0.0/8", &["198.51.100.7"]), ip("198.51.100.7"));
        assert_eq!(judged("10.0.0.1", "10.0.0.0/8", &["6.6.6.6, 198.51.100.7, 10.0.0.2"]), ip("198.51.100.7"));
        assert_eq!(judged("10.0.0.1", "10.0.0.0/8", &["6.6.6.6", "198.51.100.7"]), ip("198.51.100.7"));
        assert_eq!(judged("10.0.0.1", "10.0.0.0/8", &["[2001:db8::1]:99"]), ip("2001:db8::1"));
        assert_eq!(judged("10.0.0.1", "10.0.0.0/8", &["::ffff:198.51.100.7"]), ip("198.51.100.7"));
    }

    #[test]
    fn what_is_no_address_is_refused_not_skipped() {
        for line in ["unknown", "198.51.100.7, bogus", "", "1.2.3.4, ,10.0.0.2"] {
            assert_eq!(judged("10.0.0.1", "10.0.0.0/8", &[line]), None, "{line:?}");
        }
    }
}
