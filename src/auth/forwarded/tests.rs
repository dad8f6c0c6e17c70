use proptest::prelude::*;

use super::*;

/// Each hop as `client host proto`, what is missing as `-`.
fn read(line: &str) -> Option<Vec<String>> {
    let told = |hop: Hop<'_>| {
        let client = match hop.client {
            None => "-".to_owned(),
            Some(Node::Hidden) => "hidden".to_owned(),
            Some(Node::Address(ip)) => ip.to_string(),
        };
        format!("{client} {} {}", hop.host.as_deref().unwrap_or("-"), hop.proto.as_deref().unwrap_or("-"))
    };
    hops(line).map(|hops| hops.into_iter().map(told).collect())
}

#[test]
fn what_the_rfc_shows_is_read() {
    for (line, told) in [
        ("", &[][..]),
        (" , ,\t,", &[]),
        ("for=\"_gazonk\"", &["hidden - -"]),
        ("For=\"[2001:db8:cafe::17]:4711\"", &["2001:db8:cafe::17 - -"]),
        ("for=192.0.2.60;proto=http;by=203.0.113.43", &["192.0.2.60 - http"]),
        ("for=192.0.2.43, for=198.51.100.17", &["192.0.2.43 - -", "198.51.100.17 - -"]),
        ("for=_hidden, for=_SEVKISEK", &["hidden - -", "hidden - -"]),
        (
            "for=192.0.2.43,for=\"[2001:db8:cafe::17]\",for=unknown",
            &["192.0.2.43 - -", "2001:db8:cafe::17 - -", "hidden - -"],
        ),
        ("for=\"192.0.2.43:_port\";HOST=\"a.test:8443\";ProTo=HTTPS", &["192.0.2.43 a.test:8443 HTTPS"]),
        ("for=\"unknown:4711\";by=\"_x:_y\"", &["hidden - -"]),
        ("proto=https;;host=a.test;", &["- a.test https"]),
        ("secret=x;for=1.2.3.4;more=\"a,b;c\\\"=d\"", &["1.2.3.4 - -"]),
        ("for=\"1\\.2.3.\\4\"", &["1.2.3.4 - -"]),
        ("for=\"[::ffff:1.2.3.4]\"", &["1.2.3.4 - -"]),
        // Not by the grammar, but with one reading.
        ("for=1.2.3.4 ; proto=https ,\tfor=5.6.7.8", &["1.2.3.4 - https", "5.6.7.8 - -"]),
        ("for=1.2.3.4:80;host=a.test:8443", &["1.2.3.4 a.test:8443 -"]),
        ("for=[2001:db8::1]:80", &["2001:db8::1 - -"]),
        ("for=\"2001:db8::1\"", &["2001:db8::1 - -"]),
    ] {
        assert_eq!(
            read(line).as_deref(),
            Some(&told.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>()[..]),
            "{line}"
        );
    }
}

#[test]
fn what_is_out_of_the_grammar_is_nothing() {
    for line in [
        "for",
        "for=",
        "for= 1.2.3.4",
        "for =1.2.3.4",
        "=1.2.3.4",
        "1.2.3.4",
        "for=1.2.3.4 proto=https",
        "for=1.2.3.4;for=1.2.3.4",
        "host=a;Host=a",
        "proto=http;proto=https",
        "by=_a;by=_a",
        "for=\"1.2.3.4",
        "for=\"1.2.3.4\\",
        "for=\"1.2.3.4\"x",
        "for=\"\u{e9}\"",
        "for=bogus",
        "for=_",
        "for=\"_a b\"",
        "for=hidden",
        "for=256.0.0.1",
        "for=\"1.2.3.4:\"",
        "for=\"1.2.3.4:99999\"",
        "for=\"1.2.3.4:x\"",
        "for=\"[1.2.3.4]\"",
        "for=\"[2001:db8::1\"",
        "for=\"[2001:db8::1]80\"",
        "by=bogus",
        "for=1.2.3.4,for",
        "host=\"a\u{0}b\"",
    ] {
        assert_eq!(read(line), None, "{line:?}");
    }
}

fn written(value: &str, quoted: bool) -> String {
    if !quoted && !value.is_empty() && value.chars().all(is_token) {
        return value.to_owned();
    }
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

proptest! {
    #[test]
    fn whatever_is_written_by_the_grammar_is_read_again(
        told in proptest::collection::vec((any::<Option<IpAddr>>(), "[ -~]{0,9}", "[a-z]{1,5}", any::<bool>()), 1..4)
    ) {
        let line: Vec<String> = told.iter().map(|(ip, host, proto, quoted)| {
            let client = match ip {
                None => "_h".to_owned(),
                Some(IpAddr::V6(ip)) => format!("[{ip}]"),
                Some(ip) => ip.to_string(),
            };
            format!("x=1;host={};FOR={};proto={}", written(host, *quoted), written(&client, *quoted), written(proto, *quoted))
        }).collect();
        let again: Vec<Hop<'_>> = told.iter().map(|(ip, host, proto, _)| Hop {
            client: Some(ip.map_or(Node::Hidden, |ip| Node::Address(ip.to_canonical()))),
            host: Some(host.as_str().into()),
            proto: Some(proto.as_str().into()),
        }).collect();
        let line = line.join(", ");
        prop_assert_eq!(hops(&line), Some(again));
    }

    /// A client writes anything; its proxy appends what it saw. Either all of it is refused, or the proxy's word is the
    /// last, and whole.
    #[test]
    fn nothing_on_the_left_hides_or_changes_the_last_hop(
        left in "[ -~]{0,24}|(for|host|proto|x|,|;|=|\"|\\\\|_a|1\\.2\\.3\\.4){0,9}",
        kind in 0..3_u8,
    ) {
        let (own, client) = match kind {
            0 => ("for=198.51.100.7", "198.51.100.7"),
            1 => ("for=\"[2001:db8::1]:4711\";host=\"a.test:8443\";proto=https", "2001:db8::1"),
            _ => ("by=_gate;for=\"198.51.100.7:80\";x=\"1\"", "198.51.100.7"),
        };
        if let Some(hops) = hops(&format!("{left}, {own}")) {
            let last = hops.last().unwrap();
            prop_assert_eq!(last.client, Some(Node::Address(client.parse().unwrap())));
            prop_assert_eq!(last.host.as_deref(), (kind == 1).then_some("a.test:8443"));
            prop_assert_eq!(last.proto.as_deref(), (kind == 1).then_some("https"));
        }
    }

    #[test]
    fn anything_is_read_or_refused(line in "\\PC{0,40}|[a-z=;,\"\\\\:\\[\\]0-9._ ]{0,40}") {
        let _ = hops(&line);
    }
}
