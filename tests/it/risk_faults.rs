//! What becomes of risk where what it rests on is damaged, old, gone or silent.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;
use stepgate::store::places::mmdb::{self, MmdbValue};

use crate::support::gateway::Gateway;
use crate::support::process::wait_until;
use crate::support::raw::{Answer, Wire};
use crate::support::small::{PASSWORD, start};

fn login(gateway: &Gateway) -> Answer {
    let body = json!({ "username": "ann", "password": PASSWORD, "strength": "one_factor" }).to_string();
    let head = "POST /.stepgate/api/v1/login HTTP/1.1\r\nHost: app.test\r\nContent-Type: application/json\r\n";
    let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
    Wire::to(&gateway.url).send(request.as_bytes())
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
