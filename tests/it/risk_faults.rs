//! What becomes of risk where what it rests on is damaged, old, gone or silent.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use stepgate::store::places::mmdb::{self, MmdbValue};

use crate::support::gateway::Gateway;
use crate::support::process::wait_until;
use crate::support::raw::{Answer, Wire};
use crate::support::servers::Redis;
use crate::support::small::{PASSWORD, start};

fn login(gateway: &Gateway) -> Answer {
    let body = json!({ "username": "ann", "password": PASSWORD, "strength": "one_factor" }).to_string();
    let head = "POST /.stepgate/api/v1/login HTTP/1.1\r\nHost: app.test\r\nContent-Type: application/json\r\n";
    let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
    Wire::to(&gateway.url).send(request.as_bytes())
}

fn told(answer: &Answer) -> (u16, String) {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    (answer.status, body["code"].as_str().or_else(|| body["status"].as_str()).unwrap_or_default().to_owned())
}

fn metrics(gateway: &Gateway) -> String {
    let asked = format!("GET /metrics HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", "localhost");
    String::from_utf8_lossy(&Wire::to(&gateway.admin_url).send(asked.as_bytes()).body).into_owned()
}

/// Whether the database is asked, and whether the file as it is now could be used.
fn database(gateway: &Gateway) -> (bool, bool) {
    let all = metrics(gateway);
    let of = |name: &str| all.contains(&format!("{name}{{database=\"asn\"}} 1"));
    (of("stepgate_geoip_used"), of("stepgate_geoip_reload_successful"))
}

/// Puts a file in its place, as updaters do.
fn put(path: &Path, bytes: &[u8]) {
    let new = path.with_extension("new");
    std::fs::write(&new, bytes).unwrap();
    std::fs::rename(&new, path).unwrap();
}

#[expect(clippy::disallowed_methods, reason = "a real gateway judges the age of a file by the real clock")]
fn built(days_ago: u64) -> Vec<u8> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let record = MmdbValue::Map(vec![("autonomous_system_number", MmdbValue::U32(64_500))]);
    mmdb::database("Test-ASN", now - days_ago * 86_400, &[("81.0.0.0/8".parse().unwrap(), record)])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_is_replaced_while_it_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("asn.mmdb");
    put(&file, &built(1));
    let risk = format!("risk: {{ mode: shadow, geoip: {{ asn: {} }} }}", file.display());
    let gateway = start(folder.path(), &risk).await;
    let becomes = |expected| wait_until(|| (database(&gateway) == expected).then_some(()));
    assert_eq!(database(&gateway), (true, true));
    for (name, bytes) in [("damaged", b"no database".to_vec()), ("cut short", built(0)[..200].to_vec())] {
        put(&file, &bytes);
        assert!(becomes((true, false)).is_some(), "{name}: the old one is kept: {:?}", database(&gateway));
        assert_eq!(login(&gateway).status, 200, "{name}");
        put(&file, &built(2));
        assert!(becomes((true, true)).is_some(), "after {name}");
    }
    put(&file, &built(100));
    assert!(becomes((false, true)).is_some(), "a stale one says nothing: {:?}", database(&gateway));
    put(&file, &built(3));
    assert!(becomes((true, true)).is_some());
    std::fs::remove_file(&file).unwrap();
    let gone = wait_until(|| (!database(&gateway).0).then_some(()));
    assert!(gone.is_some(), "one that is gone says nothing: {:?}", database(&gateway));
    assert_eq!(login(&gateway).status, 200);
    let log = gateway.process.stderr();
    assert!(log.contains("asn.mmdb"), "{log}");
}

/// The keys of profiles that stand in Redis.
fn profiles(redis: &Redis) -> Vec<String> {
    let all = redis.say("KEYS *");
    all.lines().filter(|line| line.contains(":r1:")).map(|key| key.trim().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_follows_where_a_profile_cannot_be_read_is_the_operators_choice() {
    for (fail, expected) in [("step_up", 403), ("allow", 200), ("deny", 503)] {
        let (folder, mut redis) = (tempfile::tempdir().unwrap(), Redis::start());
        let more = format!("state: {}\nrisk: {{ fail: {fail} }}", redis.url());
        let gateway = start(folder.path(), &more).await;
        let first = login(&gateway);
        assert_eq!(first.status, 200, "{fail}: {:?}", told(&first));
        let kept = profiles(&redis);
        assert_eq!(kept.len(), 1, "{fail}: {kept:?}");
        // Redis gives out everything but profiles.
        let ok = redis.say("ACL SETUSER default resetkeys ~stepgate:[^r]*");
        assert!(ok.starts_with("+OK"), "{ok}");
        let answer = login(&gateway);
        assert_eq!(answer.status, expected, "{fail}: {:?}", told(&answer));
        // Nobody signs in where the state is away, whatever is chosen.
        redis.stop();
        let answer = login(&gateway);
        assert_eq!(answer.status, 503, "{fail}: {:?}", told(&answer));
    }
}
