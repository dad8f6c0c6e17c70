//! Numbers that other rooms count, told with our own: what the stores did, and how much they hold.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::metrics::Metrics;
use crate::flow::ports::Answer;

/// How often what the stores hold is counted.
const COUNT_EVERY: Duration = Duration::from_secs(60);

/// One kind of call to a store. Counters only grow.
#[derive(Clone, Debug, PartialEq)]
pub struct CallMetrics {
    /// Its name, of a closed set.
    pub op: &'static str,
    /// Calls answered or failed, by how long they took at most, in seconds; each call is in one bucket, those that
    /// took longer than the last in none.
    pub buckets: Vec<(f64, u64)>,
    /// All calls.
    pub calls: u64,
    /// Those that failed.
    pub errors: u64,
    /// The time of all calls together.
    pub total: Duration,
}

/// What a node knows of a Redis.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RedisMetrics {
    /// By kind of call.
    pub calls: Vec<CallMetrics>,
    /// Whether commands have a connection.
    pub connected: bool,
    /// Whether ended sessions are told of, so that the local cache is used.
    pub push_connected: bool,
    /// Sessions looked for in the local cache: found, not found, not asked because the push was down.
    pub cache: [u64; 3],
}

/// What a node knows of letters.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LetterMetrics {
    /// By channel and outcome.
    pub outcomes: Vec<(&'static str, &'static str, u64)>,
    /// How many wait, of all nodes.
    pub waiting: u64,
    /// How long the first of them has been due.
    pub overdue: Duration,
}

/// How the files are that say something of addresses.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlaceMetrics {
    pub databases: Vec<DatabaseMetrics>,
    /// By the name of the list: how many entries hold, and whether the file as it is now was refused.
    pub lists: Vec<(String, usize, bool)>,
}

/// How one database of places is.
#[derive(Clone, Debug, PartialEq)]
pub struct DatabaseMetrics {
    pub role: &'static str,
    /// When it was made, in seconds since the epoch.
    pub built: Option<u64>,
    /// Whether it is asked: it is there, and not too old.
    pub used: bool,
    /// Whether the file as it is now was refused.
    pub refused: bool,
}

/// What is counted elsewhere. Labels come from closed sets.
#[async_trait]
pub trait StoreMetrics: Send + Sync {
    /// Redis, where there is one. Asked at each scrape; does no I/O.
    fn redis(&self) -> Option<RedisMetrics>;
    /// Letters. Asked at each scrape; does no I/O.
    fn letters(&self) -> LetterMetrics;
    /// The files of places. Asked at each scrape; does no I/O.
    fn places(&self) -> PlaceMetrics;
    /// Sessions, by strength. Asked once a minute.
    async fn sessions(&self) -> Answer<Vec<(&'static str, u64)>>;
    /// Accounts, by the factors they have. Asked once a minute.
    async fn enrolled(&self) -> Answer<Vec<(&'static str, u64)>>;
}

/// Counts what the stores hold, now and every minute. A store that does not answer leaves the last count.
pub(crate) async fn count(store_metrics: Arc<dyn StoreMetrics>, metrics: Arc<Metrics>) {
    let mut failing = HashSet::new();
    loop {
        let all = [("sessions", store_metrics.sessions().await), ("accounts", store_metrics.enrolled().await)];
        for ((what, counted), gauge) in all.into_iter().zip([&metrics.sessions, &metrics.users_enrolled]) {
            match counted {
                Ok(counts) => {
                    failing.remove(what);
                    for (label, count) in counts {
                        gauge.with_label_values(&[label]).set(i64::try_from(count).unwrap_or(i64::MAX));
                    }
                }
                Err(cause) if failing.insert(what) => {
                    tracing::warn!(target: "proxy", what, %cause, "cannot be counted; the last count stays");
                }
                Err(_) => {}
            }
        }
        tokio::time::sleep(COUNT_EVERY).await;
    }
}

/// The numbers of Redis in the text format.
pub(crate) fn redis_text(numbers: &RedisMetrics) -> String {
    let mut out = String::new();
    begin(&mut out, "redis_command_duration_seconds", "histogram", "Calls to Redis, answered or failed.");
    for CallMetrics { op, buckets, calls, total, .. } in &numbers.calls {
        let mut below = 0;
        for (bound, count) in buckets {
            below += count;
            let _ =
                writeln!(out, "stepgate_redis_command_duration_seconds_bucket{{op=\"{op}\",le=\"{bound}\"}} {below}");
        }
        let _ = writeln!(out, "stepgate_redis_command_duration_seconds_bucket{{op=\"{op}\",le=\"+Inf\"}} {calls}");
        let _ = writeln!(out, "stepgate_redis_command_duration_seconds_sum{{op=\"{op}\"}} {}", total.as_secs_f64());
        let _ = writeln!(out, "stepgate_redis_command_duration_seconds_count{{op=\"{op}\"}} {calls}");
    }
    begin(&mut out, "redis_errors_total", "counter", "Calls to Redis that failed.");
    for CallMetrics { op, errors, .. } in &numbers.calls {
        let _ = writeln!(out, "stepgate_redis_errors_total{{op=\"{op}\"}} {errors}");
    }
    begin(&mut out, "redis_connected", "gauge", "Whether the connection stands.");
    for (of, up) in [("commands", numbers.connected), ("push", numbers.push_connected)] {
        let _ = writeln!(out, "stepgate_redis_connected{{connection=\"{of}\"}} {}", u8::from(up));
    }
    begin(&mut out, "session_cache_total", "counter", "Sessions looked for in the local cache.");
    for (result, count) in ["hit", "miss", "bypass"].into_iter().zip(numbers.cache) {
        let _ = writeln!(out, "stepgate_session_cache_total{{result=\"{result}\"}} {count}");
    }
    out
}

/// The numbers of letters in the text format.
pub(crate) fn letters_text(LetterMetrics { outcomes, waiting, overdue }: &LetterMetrics) -> String {
    let mut out = String::new();
    begin(&mut out, "letters_total", "counter", "Attempts to send a letter, by what became of it.");
    for (channel, outcome, count) in outcomes {
        let _ = writeln!(out, "stepgate_letters_total{{channel=\"{channel}\",outcome=\"{outcome}\"}} {count}");
    }
    begin(&mut out, "letters_waiting", "gauge", "Letters in the outbox, of all nodes.");
    let _ = writeln!(out, "stepgate_letters_waiting {waiting}");
    begin(&mut out, "letters_overdue_seconds", "gauge", "How long the first letter has been due.");
    let _ = writeln!(out, "stepgate_letters_overdue_seconds {}", overdue.as_secs_f64());
    out
}

/// The numbers of places in the text format. Nothing where no file is named.
pub(crate) fn places_text(PlaceMetrics { databases, lists }: &PlaceMetrics) -> String {
    let mut out = String::new();
    if !databases.is_empty() {
        begin(&mut out, "geoip_used", "gauge", "Whether the database is asked: it is there, and not too old.");
        for DatabaseMetrics { role, used, .. } in databases {
            let _ = writeln!(out, "stepgate_geoip_used{{database=\"{role}\"}} {}", u8::from(*used));
        }
        begin(&mut out, "geoip_built_timestamp_seconds", "gauge", "When the database in force was made.");
        for (role, built) in databases.iter().filter_map(|one| Some((one.role, one.built?))) {
            let _ = writeln!(out, "stepgate_geoip_built_timestamp_seconds{{database=\"{role}\"}} {built}");
        }
        begin(&mut out, "geoip_reload_successful", "gauge", "Whether the file as it is now could be used.");
        for DatabaseMetrics { role, refused, .. } in databases {
            let _ = writeln!(out, "stepgate_geoip_reload_successful{{database=\"{role}\"}} {}", u8::from(!refused));
        }
    }
    if !lists.is_empty() {
        begin(&mut out, "risk_list_entries", "gauge", "What stands on a list of addresses.");
        for (list, entries, _) in lists {
            let _ = writeln!(out, "stepgate_risk_list_entries{{list=\"{list}\"}} {entries}");
        }
        begin(&mut out, "risk_list_reload_successful", "gauge", "Whether the file as it is now could be used.");
        for (list, _, refused) in lists {
            let _ = writeln!(out, "stepgate_risk_list_reload_successful{{list=\"{list}\"}} {}", u8::from(!refused));
        }
    }
    out
}

/// The head of one metric. Writing to a `String` cannot fail.
fn begin(out: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(out, "# HELP stepgate_{name} {help}\n# TYPE stepgate_{name} {kind}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_told_by_channel_and_outcome() {
        let outcomes = vec![("email", "sent", 3), ("sms", "never", 1)];
        let text = letters_text(&LetterMetrics { outcomes, waiting: 2, overdue: Duration::from_millis(1500) });
        for line in [
            "stepgate_letters_total{channel=\"email\",outcome=\"sent\"} 3",
            "stepgate_letters_total{channel=\"sms\",outcome=\"never\"} 1",
            "stepgate_letters_waiting 2",
            "stepgate_letters_overdue_seconds 1.5",
        ] {
            assert!(text.lines().any(|one| one == line), "{line}\n{text}");
        }
    }

    #[test]
    fn files_of_places_are_told_where_there_are_any() {
        assert_eq!(places_text(&PlaceMetrics::default()), "");
        let database = DatabaseMetrics { role: "city", built: Some(1_795_000_000), used: false, refused: true };
        let absent = DatabaseMetrics { role: "asn", built: None, used: true, refused: false };
        let lists = vec![("tor".to_owned(), 3, true)];
        let text = places_text(&PlaceMetrics { databases: vec![database, absent], lists });
        for line in [
            "stepgate_geoip_used{database=\"city\"} 0",
            "stepgate_geoip_used{database=\"asn\"} 1",
            "stepgate_geoip_built_timestamp_seconds{database=\"city\"} 1795000000",
            "stepgate_geoip_reload_successful{database=\"city\"} 0",
            "stepgate_risk_list_entries{list=\"tor\"} 3",
            "stepgate_risk_list_reload_successful{list=\"tor\"} 0",
        ] {
            assert!(text.lines().any(|one| one == line), "{line}\n{text}");
        }
        assert!(!text.contains("built_timestamp_seconds{database=\"asn\"}"));
    }

    #[test]
    fn buckets_are_cumulative_and_the_last_holds_all() {
        let calls = CallMetrics {
            op: "load",
            buckets: vec![(0.001, 3), (0.01, 2)],
            calls: 6,
            errors: 1,
            total: Duration::from_millis(1500),
        };
        let text = redis_text(&RedisMetrics { calls: vec![calls], connected: true, ..RedisMetrics::default() });
        let of = |name: &str| text.lines().find_map(|l| l.strip_prefix(name)).map(|rest| rest.trim().to_owned());
        let name = "stepgate_redis_command_duration_seconds";
        let bucket = |le: &str| of(&format!("{name}_bucket{{op=\"load\",le=\"{le}\"}}"));
        assert_eq!([bucket("0.001"), bucket("0.01"), bucket("+Inf")], ["3", "5", "6"].map(|n| Some(n.to_owned())));
        assert_eq!(of(&format!("{name}_sum{{op=\"load\"}}")).as_deref(), Some("1.5"));
        assert_eq!(of("stepgate_redis_errors_total{op=\"load\"}").as_deref(), Some("1"));
        assert_eq!(of("stepgate_redis_connected{connection=\"push\"}").as_deref(), Some("0"));
    }
}
