//! Counters and gauges, with a closed set of labels: no paths, no users, no free text.

mod risk_threshold;
mod trial;

use std::collections::HashMap;
use std::sync::OnceLock;
use std::time::Duration;

use http::Method;
use prometheus::core::Collector;
use prometheus::{
    Encoder, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

use risk_threshold::RiskThreshold;
use trial::TrialMetrics;

use crate::auth::policy::AppPolicy;
use crate::auth::time::Timestamp;
use crate::proxy::parts::BuildError;

const BUCKETS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
/// Every other method is told as `other`.
const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"];
/// Hundreds of status codes, and how many are in each. What is above them all is counted as the last one.
const CLASSES: usize = 6;
const CLASS: usize = 100;
/// As they are counted.
const DECISIONS: [&str; 3] = ["allow", "challenge", "deny"];
/// Where no rule matched.
pub(crate) const NO_RULE: &str = "none";
/// In place of an app, where a request belongs to none.
const STRAY: &str = "none";
/// What an answer is counted by.
const PER_ANSWER: [&str; 3] = ["route", "method", "code"];

/// The registry and what is in it.
pub(crate) struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    durations: HistogramVec,
    upstream_durations: HistogramVec,
    pub(crate) upstream_up: IntGaugeVec,
    decisions: IntCounterVec,
    pub(crate) attempts: IntCounterVec,
    pub(crate) attempt_durations: HistogramVec,
    pub(crate) sessions: IntGaugeVec,
    pub(crate) users_enrolled: IntGaugeVec,
    pub(crate) challenges: IntCounterVec,
    pub(crate) forms_held: IntCounterVec,
    pub(crate) rate_limited: IntCounterVec,
    pub(crate) factors_locked: IntCounterVec,
    pub(crate) risk_assessments: IntCounterVec,
    pub(crate) risk_session_assessments: IntCounterVec,
    pub(crate) risk_reasons: IntCounterVec,
    pub(crate) risk_shadow: IntCounterVec,
    pub(crate) trials: TrialMetrics,
    pub(crate) traces: IntCounterVec,
    pub(crate) risk_threshold: RiskThreshold,
    pub(crate) risk_shared_address: IntGauge,
    pub(crate) certificate_expiry: IntGaugeVec,
    pub(crate) certificate_reload_successful: IntGauge,
    pub(crate) config_reload_successful: IntGauge,
    config_read_at: IntGauge,
    pub(crate) connections: IntGauge,
    pub(crate) connections_refused: IntCounterVec,
    pub(crate) streams_refused: IntCounterVec,
}

impl Metrics {
    /// A registry of our own.
    ///
    /// # Errors
    /// Two metrics of one name (a mistake of ours).
    pub(crate) fn new(started: Timestamp) -> Result<Self, BuildError> {
        let registry = Registry::new();
        let info = gauges(&registry, "build_info", "Which build this is.", &["version", "commit", "rustc"])?;
        let (commit, rustc) = (option_env!("STEPGATE_COMMIT"), option_env!("STEPGATE_RUSTC"));
        let known = |text: Option<&'static str>| text.filter(|t| !t.is_empty()).unwrap_or("unknown");
        info.with_label_values(&[env!("CARGO_PKG_VERSION"), known(commit), known(rustc)]).set(1);
        Ok(Self {
            config_reload_successful: gauge(
                &registry,
                "config_last_reload_successful",
                "Whether the configuration could be read when it was last read.",
                1,
            )?,
            config_read_at: gauge(
                &registry,
                "config_last_reload_success_timestamp_seconds",
                "When the configuration in force was read.",
                seconds(started),
            )?,
            requests: counters(&registry, "http_requests_total", "Requests answered.", &PER_ANSWER)?,
            durations: histograms(&registry, "http_request_duration_seconds", "Until the answer ended.", &PER_ANSWER)?,
            upstream_durations: histograms(
                &registry,
                "upstream_request_duration_seconds",
                "Until the app's answer began.",
                &["upstream"],
            )?,
            upstream_up: gauges(&registry, "upstream_up", "Whether a server is well.", &["upstream", "server"])?,
            decisions: counters(&registry, "authz_decisions_total", "Decisions.", &["route", "decision", "rule"])?,
            attempts: counters(&registry, "authn_attempts_total", "Proofs offered.", &["factor", "outcome", "reason"])?,
            attempt_durations: histograms(
                &registry,
                "authn_duration_seconds",
                "How long the request took in which a proof was offered.",
                &["factor", "outcome"],
            )?,
            sessions: gauges(&registry, "sessions", "Sessions of all nodes, about.", &["strength"])?,
            users_enrolled: gauges(&registry, "users_enrolled", "Accounts that have a factor.", &["factor"])?,
            challenges: counters(&registry, "challenges_total", "Challenges, by how they were told.", &["kind"])?,
            forms_held: counters(
                &registry,
                "forms_held_total",
                "Forms that met a challenge, by what became of them.",
                &["result"],
            )?,
            rate_limited: counters(&registry, "rate_limited_total", "Attempts not evaluated.", &["scope"])?,
            risk_assessments: counters(&registry, "risk_assessments_total", "Sign-ins assessed.", &["level"])?,
            risk_session_assessments: counters(
                &registry,
                "risk_session_assessments_total",
                "Assessments of sessions used from elsewhere.",
                &["level"],
            )?,
            risk_reasons: counters(&registry, "risk_reasons_total", "The strongest reasons of these.", &["signal"])?,
            risk_threshold: RiskThreshold::new(&registry)?,
            risk_shadow: counters(&registry, "risk_shadow_total", "What risk would have done.", &["action"])?,
            trials: TrialMetrics::new(&registry)?,
            traces: counters(
                &registry,
                "decision_traces_total",
                "Traces of challenges and refusals, by what became of them.",
                &["result"],
            )?,
            risk_shared_address: gauge(
                &registry,
                "risk_shared_address",
                "Whether everybody who signed in of late came from one address, so that networks say nothing.",
                0,
            )?,
            factors_locked: counters(
                &registry,
                "factors_locked_total",
                "Factors switched off after too many wrong codes.",
                &["factor"],
            )?,
            certificate_expiry: gauges(
                &registry,
                "certificate_expiry_timestamp_seconds",
                "When a certificate ends.",
                &["name"],
            )?,
            certificate_reload_successful: gauge(
                &registry,
                "certificate_last_reload_successful",
                "Whether the certificate files could be read when they last changed.",
                1,
            )?,
            connections: gauge(&registry, "connections", "Connections of clients.", 0)?,
            connections_refused: counters(
                &registry,
                "connections_refused_total",
                "Connections for which there was no place, by the limit.",
                &["limit"],
            )?,
            streams_refused: counters(
                &registry,
                "http2_streams_refused_total",
                "HTTP/2 requests for which there was no place, by the limit.",
                &["limit"],
            )?,
            registry,
        })
    }

    /// Notes when the configuration in force was read.
    pub(crate) fn config_read_at(&self, now: Timestamp) {
        self.config_read_at.set(seconds(now));
    }

    /// The text format.
    ///
    /// # Errors
    /// The encoder fails.
    pub(crate) fn text(&self) -> Result<Vec<u8>, prometheus::Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }

    /// Handles for one app, so that counting takes no lock.
    pub(crate) fn site(&self, policy: &AppPolicy) -> SiteMetrics {
        let route = policy.host.as_str();
        let of = |rule: &str| DECISIONS.map(|d| self.decisions.with_label_values(&[route, d, rule]));
        SiteMetrics {
            route: policy.host.clone(),
            requests: self.requests.clone(),
            answers: unmade(METHODS.len() * CLASSES),
            durations: self.durations.clone(),
            upstream: self.upstream_durations.with_label_values(&[route]),
            decisions: policy.rules.iter().map(|rule| (rule.id.0.to_string(), of(&rule.id.0))).collect(),
            unruled: of(NO_RULE),
        }
    }

    /// Drops the answers of apps that are not known any more. It goes by what was counted: an app can answer in
    /// thousands of ways, and does in a few.
    pub(crate) fn keep_answers(&self, known: impl Fn(&str) -> bool) {
        for family in self.requests.collect() {
            for counter in family.get_metric() {
                let value = |name| counter.get_label().iter().find(|label| label.name() == name);
                let labels = PER_ANSWER.map(|name| value(name).map_or("", |label| label.value()));
                let [route, ..] = labels;
                if route != STRAY && !known(route) {
                    let _ = self.requests.remove_label_values(&labels);
                    let _ = self.durations.remove_label_values(&labels);
                }
            }
        }
    }

    /// Counts a request that belongs to no app.
    pub(crate) fn count_stray(&self, method: &Method, code: u16, took: Duration) {
        let (method, code) = (method_word(method), code.to_string());
        self.requests.with_label_values(&[STRAY, method, &code]).inc();
        self.durations.with_label_values(&[STRAY, method, &code]).observe(took.as_secs_f64());
    }
}

/// The handles of one app.
pub(crate) struct SiteMetrics {
    route: String,
    requests: IntCounterVec,
    durations: HistogramVec,
    /// By method and class of code, and then by code: most hosts answer in a few ways, and there may be many hosts.
    answers: Cells<Cells<Answered>>,
    upstream: Histogram,
    decisions: HashMap<String, [IntCounter; 3]>,
    unruled: [IntCounter; 3],
}

/// What counts the answers of one method and code.
struct Answered {
    requests: IntCounter,
    durations: Histogram,
}

/// They are made when they are first needed; after that, nobody locks.
type Cells<T> = Box<[OnceLock<T>]>;

fn unmade<T>(count: usize) -> Cells<T> {
    std::iter::repeat_with(OnceLock::new).take(count).collect()
}

/// A decision as it is counted.
#[derive(Clone, Copy)]
pub(crate) enum DecisionKind {
    Permit,
    Challenge,
    Refuse,
}

impl SiteMetrics {
    /// Counts an answered request.
    pub(crate) fn count(&self, method: &Method, code: u16, took: Duration) {
        let (row, permit) = (method_index(method), usize::from(code).min(CLASSES * CLASS - 1));
        let class = self.answers.get(row * CLASSES + permit / CLASS);
        if let Some(cell) = class.and_then(|class| class.get_or_init(|| unmade(CLASS)).get(permit % CLASS)) {
            let answered = cell.get_or_init(|| self.answered(method_word(method), code));
            answered.requests.inc();
            answered.durations.observe(took.as_secs_f64());
        }
    }

    fn answered(&self, method: &str, code: u16) -> Answered {
        let labels = [self.route.as_str(), method, &code.to_string()];
        let (requests, durations) =
            (self.requests.with_label_values(&labels), self.durations.with_label_values(&labels));
        Answered { requests, durations }
    }

    /// Drops what nobody counts any more: the rules that `next` does not have, or all of them if the app has gone.
    pub(crate) fn forget(&self, metrics: &Metrics, next: Option<&Self>) {
        let gone = |rule: &&String| next.is_none_or(|next| !next.decisions.contains_key(*rule));
        let none = NO_RULE.to_owned();
        let rules = self.decisions.keys().filter(gone).chain(next.is_none().then_some(&none));
        for (rule, decision) in rules.flat_map(|rule| DECISIONS.map(|decision| (rule, decision))) {
            let _ = metrics.decisions.remove_label_values(&[self.route.as_str(), decision, rule]);
        }
        if next.is_none() {
            let _ = metrics.upstream_durations.remove_label_values(&[self.route.as_str()]);
        }
    }

    /// Notes how long the app took to begin its answer.
    pub(crate) fn upstream(&self, took: Duration) {
        self.upstream.observe(took.as_secs_f64());
    }

    /// Counts a decision.
    pub(crate) fn decided(&self, decision: DecisionKind, rule: Option<&str>) {
        let row = rule.and_then(|rule| self.decisions.get(rule)).unwrap_or(&self.unruled);
        let [permit, challenge, refuse] = row;
        match decision {
            DecisionKind::Permit => permit.inc(),
            DecisionKind::Challenge => challenge.inc(),
            DecisionKind::Refuse => refuse.inc(),
        }
    }
}

fn seconds(at: Timestamp) -> i64 {
    i64::try_from(at.as_secs()).unwrap_or(i64::MAX)
}

/// A method as it may be told whatever it is.
pub(crate) fn method_word(method: &Method) -> &'static str {
    METHODS.get(method_index(method)).copied().unwrap_or("other")
}

fn method_index(method: &Method) -> usize {
    METHODS.iter().position(|known| *known == method.as_str()).unwrap_or(METHODS.len() - 1)
}

fn fault(cause: prometheus::Error) -> BuildError {
    BuildError(format!("metrics: {cause}"))
}

fn named(name: &str, help: &str) -> Opts {
    Opts::new(format!("stepgate_{name}"), help)
}

fn counters(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec, BuildError> {
    let vec = IntCounterVec::new(named(name, help), labels).map_err(fault)?;
    registry.register(Box::new(vec.clone())).map_err(fault)?;
    Ok(vec)
}

fn gauges(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> Result<IntGaugeVec, BuildError> {
    let vec = IntGaugeVec::new(named(name, help), labels).map_err(fault)?;
    registry.register(Box::new(vec.clone())).map_err(fault)?;
    Ok(vec)
}

fn gauge(registry: &Registry, name: &str, help: &str, value: i64) -> Result<IntGauge, BuildError> {
    let gauge = IntGauge::with_opts(named(name, help)).map_err(fault)?;
    gauge.set(value);
    registry.register(Box::new(gauge.clone())).map_err(fault)?;
    Ok(gauge)
}

fn histograms(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> Result<HistogramVec, BuildError> {
    let opts = HistogramOpts::from(named(name, help)).buckets(BUCKETS.to_vec());
    let vec = HistogramVec::new(opts, labels).map_err(fault)?;
    registry.register(Box::new(vec.clone())).map_err(fault)?;
    Ok(vec)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(host: &str) -> AppPolicy {
        AppPolicy {
            offer: Default::default(),
            host: host.to_owned(),
            tolerate: Default::default(),
            rules: Vec::new().into(),
        }
    }

    #[test]
    fn answers_of_apps_that_have_gone_are_dropped() {
        let metrics = Metrics::new(Timestamp::default()).unwrap();
        let hosts: Vec<String> = (0..500).map(|number| format!("app{number}.test")).collect();
        for host in &hosts {
            let site = metrics.site(&app(host));
            site.count(&Method::GET, 200, Duration::from_millis(1));
            site.count(&Method::POST, 999, Duration::from_millis(1));
        }
        metrics.count_stray(&Method::GET, 421, Duration::from_millis(1));
        let answers = |metrics: &Metrics| {
            let text = String::from_utf8(metrics.text().unwrap()).unwrap();
            let of = |word: &str| text.lines().filter(|line| line.starts_with(word)).count();
            [of("stepgate_http_requests_total{"), of("stepgate_http_request_duration_seconds_count{")]
        };
        assert_eq!(answers(&metrics), [1001, 1001]);
        metrics.keep_answers(|host| host == "app7.test");
        assert_eq!(answers(&metrics), [3, 3], "two of the app that is left, and what belongs to none");
    }
}
