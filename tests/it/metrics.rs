//! What Prometheus' own tool thinks of our metrics.

use std::io::Write;
use std::process::{Command, Stdio};

use super::support::cluster::Cluster;
use super::support::front::{Front, ask};

/// What it has to say; nothing if all is well.
fn objections(metrics: &str) -> String {
    let mut command = Command::new("promtool");
    command.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("promtool, of Debian's package prometheus");
    child.stdin.take().unwrap().write_all(metrics.as_bytes()).unwrap();
    let ended = child.wait_with_output().unwrap();
    let said = [ended.stdout, ended.stderr].concat();
    let said = String::from_utf8(said).unwrap();
    assert_eq!(ended.status.success(), said.is_empty(), "{said}");
    said
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn promtool_has_nothing_to_say() {
    assert!(objections("metric_of_nobody 1\n").contains("no help text"), "it does look");
    let cluster = Cluster::start("").await;
    let person = cluster.person("ann");
    let mut api = cluster.nodes[0].api_client();
    let body = serde_json::json!({ "username": person.name, "password": "wrong" });
    assert_eq!(api.post_json("/.stepgate/api/v1/login", &body).await.status, 401);
    api.get("/public/echo").await;
    let told = reqwest::get(format!("{}/metrics", cluster.nodes[0].admin_url)).await.unwrap().text().await.unwrap();
    for name in ["stepgate_redis_connected", "stepgate_authn_attempts_total", "stepgate_upstream_up", "process_threads"]
    {
        assert!(told.contains(name), "{name}: {told}");
    }
    assert_eq!(objections(&told), "");
    let front = Front::start("").await;
    ask(&front.h2().await, http::Request::get("https://app.test/x").body(()).unwrap()).await.unwrap();
    assert_eq!(objections(&front.metrics().await), "");
}

/// The alerts fire when they should, and watch what the gateway tells.
#[tokio::test]
async fn alerts_are_good_rules_over_metrics_that_there_are() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy");
    for args in [["check", "rules", "alerts.yaml"], ["test", "rules", "alerts.test.yaml"]] {
        let ended = Command::new("promtool").args(args).current_dir(folder).output();
        let ended = ended.expect("promtool, of Debian's package prometheus");
        let said = [ended.stdout, ended.stderr].concat();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&said));
    }
    let rules = std::fs::read_to_string(format!("{folder}/alerts.yaml")).unwrap();
    let watched = rules.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|w| w.starts_with("stepgate_"));
    let watched: Vec<&str> = watched.collect();
    assert_eq!(watched, ["stepgate_letters_overdue_seconds"]);
    let front = Front::start("").await;
    let told = front.metrics().await;
    for name in watched {
        assert!(told.contains(&format!("\n{name} ")), "{name}: {told}");
    }
}
