//! What was written down of a request: a trace in the state store, or else its line in the access log.

use std::net::IpAddr;

use serde::Serialize;
use serde_json::Value;

use super::access_log_search::{self, LoggedRequest};
use crate::auth::proof::MethodSet;
use crate::auth::text::wrap::{LongWord, wrap};
use crate::auth::trace::{DecisionTrace, TracedRisk};
use crate::cli::args::Explain;
use crate::cli::exit::{self, CommandResult, Failure};
use crate::cli::output::table::WIDTH;
use crate::cli::output::text::escape;
use crate::store::Stores;

/// A request that was written down.
pub(super) enum Recorded {
    Trace(Box<DecisionTrace>),
    Logged(Box<LoggedRequest>),
}

/// A trace by the names of the access log, and what the log has not.
#[derive(Serialize)]
struct TraceLine<'a> {
    timestamp: String,
    request_id: &'a str,
    client_ip: Option<IpAddr>,
    host: &'a str,
    method: &'a str,
    path: &'a str,
    status: u16,
    decision: &'a str,
    reason: &'a str,
    rule: Option<&'a str>,
    rule_at: Option<&'a str>,
    asked: Option<&'a str>,
    user: Option<&'a str>,
    session: Option<&'a str>,
    methods: Option<MethodSet>,
    risk: Option<&'a TracedRisk>,
}

impl Recorded {
    /// Looks in the state store first, which `stores` or why it could not be asked; then in a log.
    pub(super) async fn find(id: &str, args: &Explain, stores: &Result<Stores, String>) -> CommandResult<Self> {
        let traced = match stores {
            Ok(stores) => stores.ports.traces.load(id).await.map_err(|fault| fault.to_string()),
            Err(why) => Err(why.clone()),
        };
        if let Ok(Some(trace)) = traced {
            return Ok(Self::Trace(Box::new(trace)));
        }
        if let Some(logged) = access_log_search::find(id, args.log_file.as_deref())? {
            return Ok(Self::Logged(Box::new(logged)));
        }
        let code = if traced.is_ok() { exit::FAILED } else { exit::UNAVAILABLE };
        let state = match traced {
            Ok(_) => "the state store has no trace of it: challenges and refusals are kept for a day, permits are not"
                .to_owned(),
            Err(why) => format!("the state store could not be asked ({why})"),
        };
        let log = match &args.log_file {
            Some(file) => format!("{} has no access event of it", file.display()),
            None => "pipe the gateway's JSON log in, or name it with --log-file FILE".to_owned(),
        };
        Err(Failure::new(code, format!("nothing is known of request {}: {state}; {log}", escape(id))))
    }

    /// The same for a machine.
    pub(super) fn json(&self, id: &str) -> serde_json::Result<Value> {
        let trace = match self {
            Self::Logged(logged) => return serde_json::to_value(logged),
            Self::Trace(trace) => trace,
        };
        let (rule, subject) = (trace.rule.as_ref(), trace.subject.as_ref());
        serde_json::to_value(TraceLine {
            timestamp: trace.at.rfc3339(),
            request_id: id,
            client_ip: trace.client_ip,
            host: &trace.host,
            method: &trace.method,
            path: &trace.path,
            status: trace.status,
            decision: &trace.decision,
            reason: &trace.reason,
            rule: rule.map(|rule| rule.name.as_str()),
            rule_at: rule.and_then(|rule| rule.place.as_deref()),
            asked: rule.map(|rule| rule.asks.as_str()),
            user: subject.map(|subject| subject.username.as_str()),
            session: subject.map(|subject| subject.session.as_str()),
            methods: subject.map(|subject| subject.proofs.methods()),
            risk: trace.risk.as_ref(),
        })
    }

    /// The decision that was taken, as it was logged.
    pub(super) fn decision(&self) -> Option<&str> {
        match self {
            Self::Trace(trace) => Some(&trace.decision),
            Self::Logged(logged) => logged.decision.as_deref(),
        }
    }

    /// What was decided then.
    pub(super) fn text(&self) -> String {
        let trace = match self {
            Self::Logged(logged) => return logged.sentence(),
            Self::Trace(trace) => trace,
        };
        let client = trace.client_ip.map_or_else(|| "-".to_owned(), |ip| ip.to_string());
        let user = trace.subject.as_ref().map_or("nobody", |subject| &subject.username);
        let rule = match &trace.rule {
            None => "by no rule".to_owned(),
            Some(rule) => {
                let place = rule.place.as_deref().map_or_else(String::new, |place| format!(" ({place})"));
                format!("by rule {}{place}: {}", rule.name, rule.asks)
            }
        };
        let head = format!(
            "{} {} {}{}, from {client}, user {user}: {} ({}), answered {}, {rule}.",
            trace.at.rfc3339(),
            trace.method,
            trace.host,
            trace.path,
            trace.decision,
            trace.reason,
            trace.status,
        );
        let mut out = wrap(&escape(&head), "", "  ", WIDTH, LongWord::Cut);
        if let Some(risk) = &trace.risk {
            let changed = [("network", risk.network), ("country", risk.country), ("browser", risk.browser)];
            let changed: Vec<&str> = changed.iter().filter_map(|(name, changed)| changed.then_some(*name)).collect();
            let changed = if changed.is_empty() { "nothing".to_owned() } else { changed.join(", ") };
            let line =
                format!("Risk of the session then: {}; changed since it was opened: {changed}.", risk.level.name());
            out.push_str(&wrap(&line, "", "  ", WIDTH, LongWord::Cut));
        }
        if !trace.is_whole() {
            out.push_str("Only the beginning of the path was kept.\n");
        }
        out
    }
}
