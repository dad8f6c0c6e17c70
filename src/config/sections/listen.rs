//! `listen`, `trusted_proxies`.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::auth::network::Networks;
use crate::config::sections::checker::Checker;
use crate::config::yaml::collect::ITEM;
use crate::config::yaml::{Span, Spanned};
use crate::proxy::settings::Listen;

/// Where to listen.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListenOptions {
    /// Addresses that speak TLS, as 0.0.0.0:443.
    https: Option<Vec<Spanned<String>>>,
    /// Addresses that only redirect to https, as 0.0.0.0:80.
    http: Option<Vec<Spanned<String>>>,
    /// Addresses that serve without TLS: localhost, or behind a TLS terminator in trusted_proxies.
    plain: Option<Vec<Spanned<String>>>,
    /// The address of metrics and probes, as 127.0.0.1:9180. Default: none.
    admin: Option<Spanned<String>>,
}

/// Whether certificates are given, and whom to believe.
pub(crate) struct ListenContext {
    /// `tls` is there.
    pub(crate) tls: bool,
    /// `trusted_proxies` names somebody.
    pub(crate) trusted: bool,
}

pub(crate) fn validate(options: Option<Spanned<ListenOptions>>, context: &ListenContext, cx: &mut Checker) -> Listen {
    let (options, at) = options.map_or_else(|| (ListenOptions::default(), Span::default()), |o| (o.value, o.at));
    let nothing = options.https.is_none() && options.http.is_none() && options.plain.is_none();
    let fault_told = ["https", "http", "plain"].iter().any(|k| cx.was_removed(at, k))
        || cx.was_removed_anywhere("listen")
        || cx.was_removed_anywhere(ITEM);
    let (asks_tls, plain) = (options.https.is_some(), options.plain.clone().unwrap_or_default());
    let mut seen = HashMap::new();
    let mut all = |list: Option<Vec<Spanned<String>>>, cx: &mut Checker| -> Vec<SocketAddr> {
        list.into_iter().flatten().filter_map(|a| address(&a, &mut seen, cx)).collect()
    };
    let mut listen = Listen {
        https: all(options.https.clone(), cx),
        http: all(options.http, cx),
        plain: all(options.plain, cx),
        admin: all(options.admin.clone().map(|a| vec![a]), cx).first().copied(),
    };
    if asks_tls && !context.tls {
        let at = options.https.and_then(|l| l.first().map(|a| a.at)).unwrap_or(at);
        cx.error(at, "`https` needs a certificate, and there is no `tls`", "add `tls: { cert: …, key: … }`");
    }
    if nothing && !fault_told {
        if context.tls {
            listen.https = vec![SocketAddr::from(([0, 0, 0, 0], 443))];
            listen.http = vec![SocketAddr::from(([0, 0, 0, 0], 80))];
        } else {
            let fix = "add `tls: { cert: …, key: … }`, or for localhost `listen: { plain: [\"127.0.0.1:8080\"] }`";
            cx.error(at, "there is nowhere to listen: neither `tls` nor `listen`", fix);
        }
    } else if !nothing && plain.is_empty() && !asks_tls && !fault_told {
        cx.error(at, "nothing is served: `http` only redirects", "add `https` or `plain`");
    }
    open_plain(&plain, context, cx);
    if let (Some(at), Some(address)) = (options.admin.map(|a| a.at), listen.admin)
        && !address.ip().is_loopback()
    {
        cx.warn(at, "metrics and probes are open to the network", "listen on 127.0.0.1, or keep a firewall before it");
    }
    listen
}

/// Serving in the clear is for this machine, or for a TLS terminator that is believed.
fn open_plain(plain: &[Spanned<String>], context: &ListenContext, cx: &mut Checker) {
    for entry in plain {
        let Ok(address) = entry.value.trim().parse::<SocketAddr>() else { continue };
        if address.ip().to_canonical().is_loopback() {
            continue;
        }
        if context.trusted {
            cx.warn(
                entry.at,
                "only `trusted_proxies` are served here; everybody else in the network is sent to https",
                "let nobody but the TLS terminator reach this address: a firewall, or a network of their own",
            );
        } else {
            cx.error(
                entry.at,
                "this would serve passwords in the clear to the network",
                "listen on 127.0.0.1, or name the TLS terminator before it in `trusted_proxies`",
            );
        }
    }
}

fn address(text: &Spanned<String>, seen: &mut HashMap<SocketAddr, usize>, cx: &mut Checker) -> Option<SocketAddr> {
    let Ok(address) = text.value.trim().parse::<SocketAddr>() else {
        cx.error(
            text.at,
            "not an address to listen on",
            "write address and port, as \"0.0.0.0:443\" or \"[::]:443\"; names are not looked up here",
        );
        return None;
    };
    let line = cx.problems.line_of(text.at);
    if address.port() != 0
        && let Some(first) = seen.insert(address, line)
    {
        cx.error(text.at, format!("{address} is here twice; the first is in line {first}"), "keep one of them");
        return None;
    }
    Some(address)
}

/// Judges a list of networks; an empty list is refused where it would mean "all".
pub(crate) fn networks(list: &[Spanned<String>], cx: &mut Checker) -> Networks {
    let parse = |text: &str| text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
    let mut all = Vec::new();
    for entry in list {
        match parse(entry.value.trim()) {
            Some(net) if net.trunc() != net => {
                let fix = format!("write {}, or {} for the one address", net.trunc(), net.addr());
                cx.error(entry.at, "this network has address bits behind its prefix", fix);
            }
            Some(net) => all.push(net),
            None => cx.error(entry.at, "not a network", "write it like 10.0.0.0/8, 2001:db8::/32 or 192.0.2.7"),
        }
    }
    Networks::new(all)
}

pub(crate) fn trusted(list: Option<&Vec<Spanned<String>>>, cx: &mut Checker) -> Networks {
    let list = list.map_or(&[][..], Vec::as_slice);
    for entry in list {
        if entry.value.trim().ends_with("/0") {
            cx.warn(entry.at, "everybody is believed about their address", "name only your own proxies");
        }
    }
    networks(list, cx)
}
