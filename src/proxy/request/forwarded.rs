//! What trusted proxies tell of the request that they received, in either of two ways: `X-Forwarded-For`, `-Proto` and
//! `-Host`, and `Forwarded` (RFC 7239). Nobody else's word is looked at.

use std::net::IpAddr;

use http::{HeaderMap, HeaderValue};

use super::head::Authority;
use crate::auth::forwarded::{Hop, Node, hops};
use crate::auth::network::Networks;
use crate::proxy::upstream::rewrite::default_port;

/// What is believed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ForwardedInfo {
    /// The addresses on the way, the client's first, without the peer's.
    pub(crate) hops: Vec<IpAddr>,
    /// Whether the client spoke https.
    pub(crate) https: Option<bool>,
    /// What the client asked for.
    pub(crate) host: Option<Authority>,
}

/// A word for the log: what a trusted proxy says cannot be believed.
pub(crate) type ForwardedError = &'static str;

/// What a trusted peer tells.
///
/// # Errors
/// It is out of its grammar, said twice, or differently in both ways.
pub(crate) fn read(headers: &HeaderMap, trusted: &Networks) -> Result<ForwardedInfo, ForwardedError> {
    let one = by_x_forwarded(headers, trusted)?;
    if !headers.contains_key(http::header::FORWARDED) {
        return Ok(one);
    }
    let (other, is_hidden) = by_forwarded(headers, trusted)?;
    if is_hidden && one.hops.is_empty() {
        // The proxy itself would be taken for its client, and have what the rules give to its network.
        return Err("forwarded_for");
    }
    merged(one, other)
}

fn by_x_forwarded(headers: &HeaderMap, trusted: &Networks) -> Result<ForwardedInfo, ForwardedError> {
    let mut info = ForwardedInfo::default();
    for hop in addresses(headers).rev() {
        let ip = hop.and_then(parse_hop).ok_or("forwarded_for")?;
        info.hops.push(ip);
        if !trusted.contains(ip) {
            break;
        }
    }
    info.hops.reverse();
    info.https = once(headers, "x-forwarded-proto", |proto| is_https(proto).ok_or("forwarded_proto"))?;
    info.host = once(headers, "x-forwarded-host", |host| Authority::parse(host).ok_or("forwarded_host"))?;
    Ok(info)
}

/// From right to left, as far as each hop was written by somebody trusted; of the scheme and the host the word of the
/// outermost counts that says one: it stands nearest to the client. And whether a proxy hides who asked it.
fn by_forwarded(headers: &HeaderMap, trusted: &Networks) -> Result<(ForwardedInfo, bool), ForwardedError> {
    let mut info = ForwardedInfo::default();
    for line in headers.get_all(http::header::FORWARDED).iter().rev() {
        let line = line.to_str().map_err(|_| "forwarded")?;
        for Hop { client, host, proto } in hops(line).ok_or("forwarded")?.into_iter().rev() {
            if let Some(proto) = proto {
                info.https = Some(is_https(&proto).ok_or("forwarded_proto")?);
            }
            if let Some(host) = host {
                info.host = Some(Authority::parse(&host).ok_or("forwarded_host")?);
            }
            match client {
                Some(Node::Address(ip)) => info.hops.push(ip),
                // Who does not name its client is the last that is known.
                hidden => return Ok((reversed(info), hidden.is_some())),
            }
            if info.hops.last().is_some_and(|ip| !trusted.contains(*ip)) {
                return Ok((reversed(info), false));
            }
        }
    }
    Ok((reversed(info), false))
}

fn reversed(mut info: ForwardedInfo) -> ForwardedInfo {
    info.hops.reverse();
    info
}

/// What both ways say together. One may tell of less of the way, or nothing; not of another client.
fn merged(one: ForwardedInfo, other: ForwardedInfo) -> Result<ForwardedInfo, ForwardedError> {
    const DIFFERENT: ForwardedError = "forwarded_differently";
    let (long, short) = if one.hops.len() < other.hops.len() { (other.hops, one.hops) } else { (one.hops, other.hops) };
    let same_scheme = one.https.zip(other.https).is_none_or(|(a, b)| a == b);
    let https = one.https.or(other.https);
    let port = |host: &Authority| host.port.unwrap_or_else(|| default_port(https.unwrap_or(false)));
    let hosts = one.host.as_ref().zip(other.host.as_ref());
    let same_host = hosts.is_none_or(|(a, b)| a.host == b.host && port(a) == port(b));
    if !same_scheme || !same_host || !long.ends_with(&short) {
        return Err(DIFFERENT);
    }
    Ok(ForwardedInfo { hops: long, https, host: one.host.or(other.host) })
}

/// What a header says in one line. Each proxy on the way may have added its word to it, if that is the same.
fn once<T: PartialEq>(
    headers: &HeaderMap,
    name: &'static str,
    read: impl Fn(&str) -> Result<T, ForwardedError>,
) -> Result<Option<T>, ForwardedError> {
    let mut lines = headers.get_all(name).iter();
    let Some(line) = lines.next() else { return Ok(None) };
    if lines.next().is_some() {
        return Err("forwarded_twice");
    }
    let mut words = line.to_str().unwrap_or("\u{0}").split(',').map(|word| read(word.trim()));
    let first = words.next().transpose()?;
    for word in words {
        if Some(word?) != first {
            return Err("forwarded_twice");
        }
    }
    Ok(first)
}

/// Some proxies tell the scheme of a WebSocket.
fn is_https(proto: &str) -> Option<bool> {
    let is = |word: &str| proto.eq_ignore_ascii_case(word);
    if is("https") || is("wss") { Some(true) } else { (is("http") || is("ws")).then_some(false) }
}

/// Every hop in `X-Forwarded-For`, left to right; `None` for a line that is not text.
fn addresses(headers: &HeaderMap) -> impl DoubleEndedIterator<Item = Option<&str>> {
    let lines: Vec<_> = headers.get_all("x-forwarded-for").iter().map(HeaderValue::to_str).collect();
    let hops: Vec<_> = lines
        .into_iter()
        .flat_map(|line| line.map_or_else(|_| vec![None], |line| line.split(',').map(Some).collect()))
        .collect();
    hops.into_iter()
}

/// An address, perhaps with a port, as proxies write it.
fn parse_hop(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let plain = text.parse::<IpAddr>().ok();
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse::<std::net::Ipv6Addr>().ok().map(IpAddr::V6);
    let with_port = || text.parse::<std::net::SocketAddr>().ok().map(|address| address.ip());
    plain.or_else(with_port).or_else(bracketed).map(|ip| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONE: &str = "for=198.51.100.7";

    /// What is believed of these lines when 10.0.0.0/8 is trusted: `client https host`, or the doubt.
    fn believed(lines: &[(&'static str, &str)]) -> String {
        let trusted = Networks::new(vec!["10.0.0.0/8".parse().unwrap()]);
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        read(&headers, &trusted).map_or_else(str::to_owned, |info| {
            let client = info.hops.first().map_or_else(|| "-".to_owned(), ToString::to_string);
            let scheme = info.https.map_or("-", |https| if https { "https" } else { "http" });
            format!(
                "{client} {scheme} {}",
                info.host.as_ref().map_or_else(|| "-".into(), |host| host.text().into_owned())
            )
        })
    }

    #[test]
    fn either_way_is_believed() {
        for (lines, info) in [
            (&[][..], "- - -"),
            (&[("x-forwarded-host", "ERP.example.com.:8443")], "- - erp.example.com:8443"),
            (&[("x-forwarded-host", "a.test, a.test")], "- - a.test"),
            (&[("x-forwarded-proto", "HTTPS, https")], "- https -"),
            (&[("x-forwarded-proto", "wss")], "- https -"),
            (&[("x-forwarded-proto", "ws")], "- http -"),
            (&[("forwarded", "for=198.51.100.7;host=a.test;proto=https")], "198.51.100.7 https a.test"),
            (
                &[("forwarded", "For=\"[2001:db8::1]:80\";Host=\"a.test:8443\";Proto=Http")],
                "2001:db8::1 http a.test:8443",
            ),
            // Through several trusted hops the outermost counts; left of a stranger nothing does.
            (
                &[("forwarded", "for=198.51.100.7;host=a.test;proto=https, for=10.0.0.2;host=b.test;proto=http")],
                "198.51.100.7 https a.test",
            ),
            (&[("forwarded", "for=198.51.100.7;host=a.test, for=10.0.0.2;proto=https")], "198.51.100.7 https a.test"),
            (
                &[("forwarded", "for=6.6.6.6;host=evil.test;proto=http, for=198.51.100.7;proto=https")],
                "198.51.100.7 https -",
            ),
            (&[("forwarded", "for=6.6.6.6;host=evil.test"), ("forwarded", LONE)], "198.51.100.7 - -"),
            (&[("forwarded", "\"garbage"), ("forwarded", LONE)], "198.51.100.7 - -"),
            (&[("forwarded", "for=6.6.6.6;host=evil.test, host=a.test")], "- - a.test"),
            // Both, alike.
            (&[("forwarded", LONE), ("x-forwarded-for", "198.51.100.7")], "198.51.100.7 - -"),
            (&[("forwarded", "for=10.0.0.2"), ("x-forwarded-for", "198.51.100.7, 10.0.0.2")], "198.51.100.7 - -"),
            (&[("forwarded", "for=_x;proto=https"), ("x-forwarded-for", "198.51.100.7")], "198.51.100.7 https -"),
            (&[("forwarded", "host=A.test;proto=https"), ("x-forwarded-host", "a.test:443")], "- https a.test:443"),
            (&[("forwarded", ""), ("x-forwarded-proto", "https")], "- https -"),
        ] {
            assert_eq!(believed(lines), info, "{lines:?}");
        }
    }

    #[test]
    fn what_is_said_twice_differently_or_badly_is_doubted() {
        for (lines, doubt) in [
            (&[("x-forwarded-host", "a.test"), ("x-forwarded-host", "a.test")][..], "forwarded_twice"),
            (&[("x-forwarded-host", "a.test, b.test")], "forwarded_twice"),
            (&[("x-forwarded-proto", "https"), ("x-forwarded-proto", "http")], "forwarded_twice"),
            (&[("x-forwarded-proto", "http,https")], "forwarded_twice"),
            (&[("x-forwarded-proto", "")], "forwarded_proto"),
            (&[("x-forwarded-proto", "gopher")], "forwarded_proto"),
            (&[("x-forwarded-proto", "h\u{e9}")], "forwarded_proto"),
            (&[("x-forwarded-host", "")], "forwarded_host"),
            (&[("x-forwarded-host", "u@a.test")], "forwarded_host"),
            (&[("x-forwarded-host", "a.test,")], "forwarded_host"),
            (&[("forwarded", "for=198.51.100.7;for=198.51.100.7")], "forwarded"),
            (&[("forwarded", "host=a.test;host=a.test")], "forwarded"),
            (&[("forwarded", "garbage")], "forwarded"),
            // Whoever is hidden is not the proxy.
            (&[("forwarded", "for=unknown")], "forwarded_for"),
            (&[("forwarded", "for=\"_hidden:80\"")], "forwarded_for"),
            (&[("forwarded", "for=6.6.6.6;host=evil.test, for=unknown;host=a.test")], "forwarded_for"),
            (&[("forwarded", "for=6.6.6.6, for=_hidden, for=10.0.0.2;proto=https")], "forwarded_for"),
            (&[("forwarded", "for=_hidden"), ("x-forwarded-proto", "https")], "forwarded_for"),
            (&[("forwarded", "for=\u{e9}")], "forwarded"),
            (&[("forwarded", "host=\"a test\"")], "forwarded_host"),
            (&[("forwarded", "proto=gopher")], "forwarded_proto"),
            (&[("forwarded", LONE), ("x-forwarded-for", "198.51.100.8")], "forwarded_differently"),
            (&[("forwarded", "proto=http"), ("x-forwarded-proto", "https")], "forwarded_differently"),
            (&[("forwarded", "host=a.test"), ("x-forwarded-host", "b.test")], "forwarded_differently"),
            (&[("forwarded", "host=a.test;proto=https"), ("x-forwarded-host", "a.test:80")], "forwarded_differently"),
        ] {
            assert_eq!(believed(lines), doubt, "{lines:?}");
        }
    }
}
