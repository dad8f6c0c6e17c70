//! What is decided of a request, as tables: no socket, and nobody who serves.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, Method, Version};

use super::rig::{policy, settings};
use crate::auth::network::Networks;
use crate::flow::Flows;
use crate::flow::destination::Destinations;
use crate::flow::settings::FlowSettings;
use crate::flow::testing::{World, client};
use crate::portal::Portal;
use crate::portal::settings::PortalSettings;
use crate::proxy::observe::metrics::Metrics;
use crate::proxy::request::arrival::Arrival;
use crate::proxy::request::client_address::{AcceptedOn, Peer};
use crate::proxy::request::head::Head;
use crate::proxy::request::judge::{Judgement, OwnAnswer, Verdict};
use crate::proxy::snapshot::{Snapshot, SnapshotBuilder};
use crate::proxy::upstream::pool_registry::PoolRegistry;

/// All that a request is judged by, over stores that do not answer.
fn snapshot() -> Snapshot {
    let settings = settings(&[([127, 0, 0, 1], 1).into()]);
    let policy = policy(&settings);
    let pools = PoolRegistry::new(Arc::new(Metrics::new(crate::auth::time::Timestamp::default()).unwrap()));
    let flows = Arc::new(Flows::new(World::failing(), FlowSettings::default()));
    let portal = Arc::new(Portal::new(flows.clone(), Destinations::new(policy.clone()), PortalSettings::default()));
    SnapshotBuilder::new(&settings, &policy, &pools).unwrap().build(flows, portal).snapshot
}

/// A head as text: request line without version, then fields.
struct Parsed<'a> {
    method: Method,
    target: &'a str,
    headers: HeaderMap,
    raw: Vec<u8>,
}

fn parse(text: &str) -> Parsed<'_> {
    let mut lines = text.split(" | ");
    let (method, target) = lines.next().unwrap().split_once(' ').unwrap();
    let mut headers = HeaderMap::new();
    for line in lines.clone() {
        let (name, value) = line.split_once(": ").unwrap();
        headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
    }
    let raw = lines.map(|line| format!("{line}\r\n")).collect::<String>().into_bytes();
    Parsed { method: method.parse().unwrap(), target, headers, raw }
}

/// What is known and decided of a request from `peer`, as far as that goes without the stores.
fn judge(snapshot: &Snapshot, trusted: &Networks, peer: &Peer, text: &str) -> (Arrival, Judgement, bool) {
    let parsed = parse(text);
    let raw = || parsed.raw.clone();
    let head = Head {
        method: &parsed.method,
        version: Version::HTTP_11,
        headers: &parsed.headers,
        authority: None,
        target: parsed.target.as_bytes(),
        raw: &raw,
    };
    let is_whole = !parsed.headers.contains_key("content-length");
    let (arrival, checked) = Arrival::read("ours".to_owned(), &head, peer, trusted, 64 * 1024);
    let (judgement, open) = match checked {
        Ok(()) => Judgement::begin(&head, &arrival, &peer.accepted_on, &snapshot.sites, 8443, is_whole),
        Err(rejection) => (Judgement::rejected(rejection), None),
    };
    (arrival, judgement, open.is_some())
}

const WEBSOCKET: &str = "Upgrade: websocket | Connection: Upgrade | Sec-WebSocket-Version: 13 | Sec-WebSocket-Key: a";

#[test]
fn every_request_that_needs_nobody_has_its_verdict() {
    let (snapshot, nobody) = (snapshot(), Networks::default());
    let peer = Peer::new([127, 0, 0, 1].into(), AcceptedOn::Plain);
    for (request, decision, reason, rule) in [
        ("GET /", "fault", "no_host", None),
        ("GET / | Host: app.test | Host: app.test", "fault", "several_hosts", None),
        ("GET / | Host: a b", "fault", "host", None),
        ("GET / | Host: other.test", "fault", "unknown_host", None),
        ("GET /.stepgate/assets/a.css | Host: other.test", "own", "portal", None),
        ("GET /.stepgate/login | Host: other.test", "fault", "unknown_host", None),
        ("GET /.stepgate/login | Host: app.test", "own", "portal", None),
        ("GET /%2estepgate/login | Host: app.test", "fault", "reserved_prefix_disguised", None),
        ("OPTIONS * | Host: app.test", "own", "options", None),
        ("CONNECT app.test:443 | Host: app.test", "fault", "method", None),
        ("GET a | Host: app.test", "fault", "not_origin_form", None),
        ("POST / | Host: app.test | Content-Length: 9999999", "fault", "body_too_large", None),
        ("POST / | Host: app.test | Content-Length: x", "fault", "content_length", None),
        ("POST / | Host: app.test | Transfer-Encoding: gzip", "fault", "transfer_encoding", None),
        (
            "POST / | Host: app.test | Transfer-Encoding: chunked | Content-Length: 1",
            "fault",
            "length_and_encoding",
            None,
        ),
        ("GET / | Host: app.test | Upgrade: websocket", "fault", "upgrade_connection", None),
        ("MOVE /a | Host: app.test | Destination: http://app.test/.stepgate/x", "fault", "reserved_prefix_named", None),
        (
            "OPTIONS /passed/a | Host: app.test | Origin: https://spa.test | Access-Control-Request-Method: GET",
            "preflight",
            "passed",
            Some("passed"),
        ),
        (
            "OPTIONS /answered/a | Host: app.test | Origin: https://spa.test | Access-Control-Request-Method: PUT",
            "preflight",
            "granted",
            Some("answered"),
        ),
        (
            "OPTIONS /answered/a | Host: app.test | Origin: https://evil.test | Access-Control-Request-Method: PUT",
            "refuse",
            "cors_origin",
            Some("answered"),
        ),
    ] {
        let (_, judgement, open) = judge(&snapshot, &nobody, &peer, request);
        assert!(!open, "{request}");
        let outcome = judgement.outcome();
        assert_eq!((outcome.decision, outcome.reason), (decision, reason), "{request}");
        assert_eq!(judgement.rule().map(|rule| &*rule.id.0), rule, "{request}");
        assert!(judgement.permit().is_none(), "{request}");
    }
}

#[tokio::test]
async fn rules_decide_about_all_else() {
    let (snapshot, nobody) = (snapshot(), Networks::default());
    let peer = Peer::new([127, 0, 0, 1].into(), AcceptedOn::Plain);
    let body = "Origin: https://spa.test | Access-Control-Request-Method: GET | Content-Length: 2";
    for (request, decision, reason, rule) in [
        ("GET / | Host: app.test", "permit", "permitted", "open"),
        (&format!("GET / | Host: app.test | {WEBSOCKET}"), "permit", "permitted", "open"),
        ("GET /guarded/a | Host: app.test", "challenge", "login", "guarded"),
        ("GET /shut/a | Host: app.test", "refuse", "deny_rule", "shut"),
        ("DELETE /kept/a | Host: app.test", "refuse", "deny_rule", "kept"),
        ("POST /kept/a | Host: app.test | X-HTTP-Method-Override: DELETE", "refuse", "deny_rule", "kept"),
        ("GET /kept/a | Host: app.test", "permit", "permitted", "open"),
        (&format!("OPTIONS /passed/a | Host: app.test | {body}"), "challenge", "login", "passed"),
    ] {
        let parsed = parse(request);
        let raw = || parsed.raw.clone();
        let head = Head {
            method: &parsed.method,
            version: Version::HTTP_11,
            headers: &parsed.headers,
            authority: None,
            target: parsed.target.as_bytes(),
            raw: &raw,
        };
        let is_whole = !parsed.headers.contains_key("content-length");
        let (arrival, checked) = Arrival::read("ours".to_owned(), &head, &peer, &nobody, 64 * 1024);
        checked.unwrap();
        let accepted_on = &peer.accepted_on;
        let (mut judgement, open) = Judgement::begin(&head, &arrival, accepted_on, &snapshot.sites, 8443, is_whole);
        assert_eq!(
            judgement.outcome().reason,
            "unanswered",
            "{request}: nothing is permitted before the rules are asked"
        );
        assert_eq!(judgement.websocket, request.contains("websocket"), "{request}");
        let (site, resource) = (judgement.site.clone().unwrap(), judgement.resource.clone().unwrap());
        let token = judgement.credential.token();
        let decided =
            snapshot.flows.admit(&site.policy, &resource, &open.unwrap(), token, &client()).await.unwrap().decision;
        judgement.decide(decided);
        let outcome = judgement.outcome();
        assert_eq!((outcome.decision, outcome.reason), (decision, reason), "{request}");
        assert_eq!(judgement.rule().map(|found| &*found.id.0), Some(rule), "{request}");
        assert_eq!(judgement.permit().is_some(), decision == "permit", "{request}");
    }
}

#[test]
fn what_an_app_would_have_to_tolerate_is_told() {
    let (snapshot, nobody) = (snapshot(), Networks::default());
    let peer = Peer::new([127, 0, 0, 1].into(), AcceptedOn::Plain);
    for (target, lacking) in [("/a%2fb", &["encoded_slashes"][..]), ("//a", &["double_slashes"]), ("/%zz", &[])] {
        let (_, judgement, _) = judge(&snapshot, &nobody, &peer, &format!("GET {target} | Host: app.test"));
        assert_eq!((judgement.outcome().decision, &*judgement.lacking), ("fault", lacking), "{target}");
    }
}

#[test]
fn who_asks_over_what_is_known_also_of_what_is_rejected() {
    let (snapshot, trusted) = (snapshot(), Networks::new(vec!["10.0.0.0/8".parse().unwrap()]));
    let tls = || AcceptedOn::Https { sni: Some("app.test".to_owned()) };
    let via = "X-Forwarded-For: 198.51.100.7 | X-Forwarded-Proto: https | X-Request-Id: theirs";
    for (ip, accepted_on, request, client, https, authority, id, reason) in [
        ("192.0.2.1", tls(), "GET / | Host: App.test:443", "192.0.2.1", true, "app.test", "ours", "unanswered"),
        ("192.0.2.1", tls(), "GET / | Host: b.test", "192.0.2.1", true, "b.test", "ours", "host_is_not_sni"),
        ("192.0.2.1", AcceptedOn::Plain, "GET /a | Host: app.test", "192.0.2.1", false, "app.test", "ours", "to_https"),
        ("10.0.0.1", AcceptedOn::Plain, via, "198.51.100.7", true, "app.test", "theirs", "unanswered"),
        ("192.0.2.1", tls(), via, "192.0.2.1", true, "app.test", "ours", "unanswered"),
        ("10.0.0.1", AcceptedOn::Plain, "X-Forwarded-For: x", "10.0.0.1", false, "app.test", "ours", "forwarded_for"),
    ] {
        let request =
            if request.starts_with("GET") { request.to_owned() } else { format!("GET / | Host: app.test | {request}") };
        let peer = Peer::new(ip.parse().unwrap(), accepted_on);
        let (arrival, judgement, _) = judge(&snapshot, &trusted, &peer, &request);
        assert_eq!(arrival.client, Some(client.parse().unwrap()), "{request}");
        assert_eq!((arrival.https, arrival.request_id.as_str()), (https, id), "{request}");
        assert_eq!(arrival.authority.unwrap().text(), authority, "{request}");
        assert_eq!(judgement.outcome().reason, reason, "{request}");
    }
}

#[test]
fn forms_that_were_sent_in_the_clear_are_not_repeated() {
    let (snapshot, nobody) = (snapshot(), Networks::default());
    let peer = Peer::new([127, 0, 0, 1].into(), AcceptedOn::Redirect);
    let (_, get, _) = judge(&snapshot, &nobody, &peer, "GET /a?b | Host: app.test");
    let Verdict::Respond(OwnAnswer::ToHttps(location)) = get.verdict else { panic!("{:?}", get.verdict) };
    assert_eq!(location, "https://app.test:8443/a?b");
    let (_, post, _) = judge(&snapshot, &nobody, &peer, "POST /a | Host: app.test");
    assert!(matches!(post.verdict, Verdict::Respond(OwnAnswer::PlainHttp)));
}
