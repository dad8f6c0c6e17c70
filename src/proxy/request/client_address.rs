//! Who is at the other end: the peer, or whom trusted proxies say it speaks for.

use std::net::IpAddr;

use http::{HeaderMap, HeaderValue};

use super::forwarded::{self, ForwardedError, ForwardedInfo};
use super::head::Authority;
use crate::auth::network::Networks;

/// How a connection came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AcceptedOn {
    /// TLS, with the name the client asked for (lower case), if it asked for one.
    Https {
        /// SNI.
        sni: Option<String>,
    },
    /// Plain HTTP that only redirects.
    Redirect,
    /// Plain HTTP that serves.
    Plain,
}

/// The other end of a connection.
#[derive(Debug)]
pub(crate) struct Peer {
    /// v4-mapped addresses as v4.
    pub(crate) ip: IpAddr,
    /// The same as text.
    pub(crate) text: HeaderValue,
    pub(crate) accepted_on: AcceptedOn,
}

impl Peer {
    pub(crate) fn new(ip: IpAddr, accepted_on: AcceptedOn) -> Self {
        let ip = ip.to_canonical();
        Self { ip, text: text(ip), accepted_on }
    }

    pub(crate) const fn is_tls(&self) -> bool {
        matches!(self.accepted_on, AcceptedOn::Https { .. })
    }
}

fn text(ip: IpAddr) -> HeaderValue {
    // An address is digits, dots, colons and letters, all of which a header can hold.
    HeaderValue::from_str(&ip.to_string()).unwrap_or_else(|_| HeaderValue::from_static("unknown"))
}

/// The client as far as it can be believed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Client {
    pub(crate) ip: IpAddr,
    /// Whether it speaks https, be it to us or to a trusted proxy before us.
    pub(crate) https: bool,
    /// Whether the peer itself is a trusted proxy.
    pub(crate) through_proxy: bool,
    /// What it asked a trusted proxy for, where that says so.
    pub(crate) host: Option<Authority>,
    /// The addresses that were believed, the client's first, without the peer's.
    hops: Vec<IpAddr>,
}

/// Judges the connection and, if its peer is trusted, what it [tells](super::forwarded).
///
/// # Errors
/// A word for the log: a trusted proxy tells what cannot be believed.
pub(crate) fn identify(peer: &Peer, headers: &HeaderMap, trusted: &Networks) -> Result<Client, ForwardedError> {
    let (ip, tls) = (peer.ip, peer.is_tls());
    if trusted.is_empty() || !trusted.contains(ip) {
        return Ok(Client { ip, https: tls, through_proxy: false, host: None, hops: Vec::new() });
    }
    let ForwardedInfo { hops, https, host } = forwarded::read(headers, trusted)?;
    let ip = hops.first().copied().unwrap_or(ip);
    Ok(Client { ip, https: https.unwrap_or(tls), through_proxy: true, host, hops })
}

/// Whether pages and apps may be served to this client. In the clear only to this machine, and to the proxies that
/// end TLS for us where there are any: whoever comes past them is led to https, for a password sent here would be read.
pub(crate) fn may_be_served(peer: &Peer, client: &Client, trusted: &Networks) -> bool {
    match peer.accepted_on {
        AcceptedOn::Https { .. } => true,
        AcceptedOn::Redirect => false,
        AcceptedOn::Plain => client.through_proxy || trusted.is_empty() || peer.ip.is_loopback(),
    }
}

/// `X-Forwarded-For` for the app: the client that was judged, the trusted proxies it came through, and the peer.
/// What is said left of the client is its own word, and an app that reads the first address would believe it.
/// `None` if that cannot be said in a header.
pub(crate) fn forwarded_for(peer: &Peer, client: &Client) -> Option<HeaderValue> {
    if client.hops.is_empty() {
        return Some(peer.text.clone());
    }
    let mut chain: Vec<String> = client.hops.iter().map(IpAddr::to_string).collect();
    chain.push(peer.text.to_str().ok()?.to_owned());
    HeaderValue::from_str(&chain.join(", ")).ok()
}

/// The id that a trusted proxy gave the request; only if it gave one, and that can be told in a header and a log.
pub(crate) fn request_id<'h>(headers: &'h HeaderMap, client: &Client) -> Option<&'h str> {
    if !client.through_proxy {
        return None;
    }
    let mut ids = headers.get_all("x-request-id").iter();
    let (Some(id), None) = (ids.next(), ids.next()) else { return None };
    let fine = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    id.to_str().ok().filter(|id| (1..=64).contains(&id.len()) && id.bytes().all(fine))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn judged(peer: &str, trusted: &str, lines: &[&str]) -> Option<IpAddr> {
        told(peer, trusted, lines).map(|(ip, _)| ip)
    }

    fn told(peer: &str, trusted: &str, lines: &[&str]) -> Option<(IpAddr, String)> {
        let peer = Peer::new(peer.parse().unwrap(), AcceptedOn::Plain);
        let trusted = trusted.split(' ').filter(|n| !n.is_empty()).map(|n| n.parse().unwrap()).collect();
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        let client = identify(&peer, &headers, &Networks::new(trusted)).ok()?;
        Some((client.ip, forwarded_for(&peer, &client)?.to_str().unwrap().to_owned()))
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
        for line in [
            "unknown",
            "198.51.100.7, bogus",
            "",
            "1.2.3.4, ,10.0.0.2",
            "[2001:db8::1]garbage",
            "[2001:db8::1]:",
            "[2001:db8::1",
            "[192.0.2.1]",
            "2001:db8::1]",
            "[2001:db8::1]:99999",
        ] {
            assert_eq!(judged("10.0.0.1", "10.0.0.0/8", &[line]), None, "{line:?}");
        }
    }

    #[test]
    fn the_app_is_told_the_judged_client_and_what_is_right_of_it() {
        for (lines, chain) in [
            (&[][..], "10.0.0.1"),
            (&["198.51.100.7"], "198.51.100.7, 10.0.0.1"),
            (&["6.6.6.6, 198.51.100.7, 10.0.0.2"], "198.51.100.7, 10.0.0.2, 10.0.0.1"),
            (&["<script>, , \u{e9}", "198.51.100.7:1234"], "198.51.100.7, 10.0.0.1"),
            (&["x, [2001:DB8::0:1]:99 ,10.0.0.2"], "2001:db8::1, 10.0.0.2, 10.0.0.1"),
            (&["10.0.0.3,10.0.0.2"], "10.0.0.3, 10.0.0.2, 10.0.0.1"),
        ] {
            assert_eq!(told("10.0.0.1", "10.0.0.0/8", lines).unwrap().1, chain, "{lines:?}");
            assert_eq!(told("192.0.2.1", "10.0.0.0/8", lines).unwrap().1, "192.0.2.1", "not from a stranger");
        }
    }

    #[test]
    fn one_well_formed_request_id_of_a_trusted_proxy_is_kept() {
        let identify = |through_proxy| Client {
            ip: [192, 0, 2, 1].into(),
            https: true,
            through_proxy,
            host: None,
            hops: Vec::new(),
        };
        let of = |ids: &[&str], through| {
            let mut headers = HeaderMap::new();
            for id in ids {
                headers.append("x-request-id", id.parse().unwrap());
            }
            request_id(&headers, &identify(through)).map(str::to_owned)
        };
        assert_eq!(of(&["abc-1"], true).as_deref(), Some("abc-1"));
        let long = "a".repeat(65);
        for odd in [&[][..], &[""], &["a", "b"], &["a", "a"], &["a,b"], &["a b"], &["<i>"], &[long.as_str()]] {
            assert_eq!(of(odd, true), None, "{odd:?}");
        }
        assert_eq!(of(&["abc-1"], false), None);
    }

    #[test]
    fn nobody_is_served_in_the_clear_past_the_proxies() {
        let served = |peer: &str, accepted_on: AcceptedOn, trusted: &str| {
            let peer = Peer::new(peer.trim_matches(['[', ']']).parse().unwrap(), accepted_on);
            let trusted =
                Networks::new(trusted.split(' ').filter(|n| !n.is_empty()).map(|n| n.parse().unwrap()).collect());
            let who = identify(&peer, &HeaderMap::new(), &trusted).unwrap();
            may_be_served(&peer, &who, &trusted)
        };
        assert!(served("10.0.0.1", AcceptedOn::Plain, "10.0.0.0/8"));
        assert!(
            served("127.0.0.1", AcceptedOn::Plain, "10.0.0.0/8") && served("[::1]", AcceptedOn::Plain, "10.0.0.0/8")
        );
        assert!(served("[::ffff:127.0.0.1]", AcceptedOn::Plain, "") && served("127.0.0.1", AcceptedOn::Plain, ""));
        for stranger in ["192.0.2.1", "11.0.0.1", "[2001:db8::1]"] {
            assert!(!served(stranger, AcceptedOn::Plain, "10.0.0.0/8"), "{stranger}");
            assert!(!served(stranger, AcceptedOn::Redirect, "10.0.0.0/8"), "{stranger}");
            assert!(served(stranger, AcceptedOn::Https { sni: None }, "10.0.0.0/8"), "{stranger}");
        }
    }

    proptest! {
        /// Whatever a client writes to the left of what the trusted proxy saw changes nothing.
        #[test]
        fn a_client_cannot_choose_its_address(lies in "[ -~]{0,60}", real: std::net::Ipv4Addr) {
            prop_assume!(real.octets()[0] != 10);
            let seen = judged("10.0.0.1", "10.0.0.0/8", &[&format!("{lies}, {real}")]);
            prop_assert_eq!(seen, Some(IpAddr::V4(real)));
        }
    }
}
