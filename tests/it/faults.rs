//! A store that hangs or is gone, through the built binary and a real Redis.

use super::support::gateway::Gateway;
use super::support::process::wait_until;
use super::support::raw::{Answer, Wire};
use super::support::servers::Redis;
use super::support::small::{PASSWORD, start};

/// Asks on a connection of its own, so that none is kept over a stop.
fn ask(url: &str, path: &str, more: &str) -> Answer {
    Wire::to(url).send(format!("GET {path} HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n{more}\r\n").as_bytes())
}

/// What the metrics page tells by now: by name, or by name and labels where they are the point.
fn everything_is_counted(gateway: &Gateway) {
    let wanted = [
        "stepgate_build_info{commit=\"",
        "stepgate_config_last_reload_successful 1",
        "stepgate_config_last_reload_success_timestamp_seconds 1",
        "stepgate_http_requests_total{code=\"503\",method=\"GET\",route=\"app.test\"}",
        "stepgate_http_request_duration_seconds_count{code=\"503\",method=\"GET\",route=\"app.test\"}",
        "stepgate_authz_decisions_total{decision=\"allow\"",
        "stepgate_authn_attempts_total{factor=\"password\",outcome=\"accepted\"",
        "stepgate_authn_duration_seconds_count{factor=\"password\",outcome=\"accepted\"} 1",
        "stepgate_redis_command_duration_seconds_bucket{op=\"replace\",le=\"+Inf\"} 1",
        "stepgate_redis_errors_total{op=\"load\"}",
        "stepgate_redis_connected{connection=\"commands\"} 1",
        "stepgate_session_cache_total{result=\"hit\"}",
        "stepgate_sessions{strength=\"one_factor\"} 0",
        "stepgate_users_enrolled{factor=\"password\"} 1",
        "stepgate_users_enrolled{factor=\"totp\"} 0",
    ];
    let scrape = || {
        let answer =
            Wire::to(&gateway.admin_url).send(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        String::from_utf8(answer.body).unwrap()
    };
    let missing = |text: &str| -> Vec<&str> {
        wanted.into_iter().filter(|want| !text.lines().any(|line| line.starts_with(want))).collect()
    };
    let complete = wait_until(|| Some(scrape()).filter(|text| missing(text).is_empty()));
    assert!(complete.is_some(), "missing: {:?}", missing(&scrape()));
    let known = ["rustc=\"1.", "version=\"0."];
    assert!(known.iter().all(|k| scrape().lines().any(|l| l.starts_with("stepgate_build_info") && l.contains(k))));
}

/// The log says once why our own page was a 503, and its access event says so in a word.
fn why_is_told(gateway: &Gateway, answer: &Answer) {
    assert_eq!(answer.status, 503);
    let id = answer.field("x-request-id").to_owned();
    let of_request = || -> Vec<serde_json::Value> {
        let log = gateway.process.stderr();
        let lines = log.lines().filter_map(|line| serde_json::from_str(line).ok());
        lines.filter(|line: &serde_json::Value| line["request_id"] == id.as_str()).collect()
    };
    let lines = wait_until(|| Some(of_request()).filter(|lines| lines.iter().any(|l| l["target"] == "access")));
    let lines = lines.expect("an access event");
    let errors: Vec<_> = lines.iter().filter(|line| line["level"] == "ERROR").collect();
    assert!(matches!(errors.as_slice(), [one] if one["cause"].as_str().unwrap().starts_with("redis: ")), "{lines:?}");
    let event = lines.iter().find(|line| line["target"] == "access").unwrap();
    assert_eq!((&event["decision"], &event["reason"]), (&"fault".into(), &"store".into()), "{event}");
}

/// Signs ann in, as a script; the header of her session.
fn signed_in(gateway: &Gateway) -> String {
    let body = format!("{{\"username\":\"ann\",\"password\":\"{PASSWORD}\"}}");
    let login = format!(
        "POST /.stepgate/api/v1/login HTTP/1.1\r\nHost: app.test\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = Wire::to(&gateway.url).send(login.as_bytes());
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    let told: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    format!("Authorization: Bearer {}\r\n", told["access_token"].as_str().unwrap())
}

/// No server of the app is up: 503 of the app's kind is the sign of a permit.
fn permitted(answer: &Answer) -> bool {
    String::from_utf8_lossy(&answer.body).contains("\"no_upstream\"")
}

#[tokio::test]
async fn a_session_that_cannot_be_read_is_signed_out_and_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let redis = Redis::start();
    let gateway = start(folder.path(), &format!("state: {}", redis.url())).await;
    let session = signed_in(&gateway);
    let keys = redis.say("KEYS stepgate:s1:*");
    let key = keys.lines().find(|line| line.starts_with("stepgate:s1:")).expect("a session");
    redis.say(&format!("HSET {key} d canary-of-a-value"));
    for _ in 0..3 {
        assert_eq!(ask(&gateway.url, "/guarded", &session).status, 401, "signed out, and no fault");
    }
    assert!(permitted(&ask(&gateway.url, "/guarded", &signed_in(&gateway))), "and can sign in again");
    let digest = key.trim_start_matches("stepgate:s1:");
    let about = || -> Vec<String> {
        gateway.process.stderr().lines().filter(|line| line.contains(digest)).map(str::to_owned).collect()
    };
    let told = wait_until(|| Some(about()).filter(|lines| !lines.is_empty())).expect("a warning");
    let line: serde_json::Value = serde_json::from_str(&told[0]).unwrap();
    assert_eq!((told.len(), &line["level"]), (1, &"WARN".into()), "{told:?}");
    assert!(line["cause"].as_str().unwrap().contains("cannot be read"), "{line}");
    assert!(!gateway.process.stderr().contains("canary-of-a-value"));
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the answer must come within a second of the real clock")]
async fn a_hanging_redis_stops_only_what_needs_it_and_nobody_is_signed_out() {
    let folder = tempfile::tempdir().unwrap();
    let redis = Redis::start();
    let gateway = start(folder.path(), &format!("state: {}", redis.url())).await;
    let session = signed_in(&gateway);

    assert!(permitted(&ask(&gateway.url, "/guarded", &session)));

    everything_is_counted(&gateway);
    redis.signal("STOP");
    // The local cache is left once the push is known to be down.
    let stopped = wait_until(|| Some(ask(&gateway.url, "/guarded", &session)).filter(|answer| !permitted(answer)));
    let answer = stopped.expect("the store is missed");
    assert_eq!(answer.status, 503);
    assert!(String::from_utf8_lossy(&answer.body).contains("\"unavailable\""));
    assert!(answer.field("set-cookie").is_empty() && !answer.field("retry-after").is_empty());
    let begun = std::time::Instant::now();
    assert_eq!(ask(&gateway.url, "/guarded", &session).status, 503);
    assert!(begun.elapsed().as_millis() < 1000, "{:?}", begun.elapsed());
    assert!(permitted(&ask(&gateway.url, "/open", &session)), "public rules need no store");
    assert_eq!(ask(&gateway.url, "/guarded", "").status, 401, "without a session there is nothing to look up");

    why_is_told(&gateway, &ask(&gateway.url, "/.stepgate/api/v1/whoami", &session));

    redis.signal("CONT");
    let back = wait_until(|| Some(ask(&gateway.url, "/guarded", &session)).filter(&permitted));
    assert!(back.is_some(), "recovers without a restart:\n{}", gateway.process.stderr());
}
