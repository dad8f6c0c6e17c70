//! Finds one request by its id among the access events of a JSON log.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal};
use std::net::IpAddr;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::cli::exit::{CommandResult, Failure};
use crate::cli::output::text::escape;

/// The longest line that is read as one event, in bytes.
const LINE_BYTES: usize = 64 * 1024;

/// The access event of a request. It holds no query, no cookie and no credential: none was ever written.
#[derive(Deserialize, Serialize)]
pub(crate) struct LoggedRequest {
    timestamp: Option<String>,
    request_id: String,
    pub(crate) client_ip: Option<IpAddr>,
    pub(crate) host: Option<String>,
    pub(crate) method: String,
    pub(crate) path: String,
    status: u16,
    pub(crate) decision: Option<String>,
    reason: Option<String>,
    rule: Option<String>,
    pub(crate) user: Option<String>,
    session: Option<String>,
}

impl LoggedRequest {
    /// What was decided then, in a line.
    pub(crate) fn sentence(&self) -> String {
        let text = |value: &Option<String>, none: &str| escape(value.as_deref().unwrap_or(none));
        format!(
            "{} {} {}{}, from {}: {} ({}), rule {}, answered {}, user {}\n",
            text(&self.timestamp, "-"),
            escape(&self.method),
            text(&self.host, "no app"),
            escape(&self.path),
            self.client_ip.map_or_else(|| "-".to_owned(), |ip| ip.to_string()),
            text(&self.decision, "undecided"),
            text(&self.reason, "no reason"),
            text(&self.rule, "none"),
            self.status,
            text(&self.user, "nobody"),
        )
    }
}

/// Finds the access event of a request in a log, or in what is piped in; `None`: there is none.
pub(crate) fn find(id: &str, log: Option<&Path>) -> CommandResult<Option<LoggedRequest>> {
    let unreadable = |what: &str, fault: io::Error| Failure::failed(format!("cannot read {what}: {fault}"));
    Ok(match log {
        Some(file) => {
            let name = file.display().to_string();
            let opened = File::open(file).map_err(|fault| unreadable(&name, fault))?;
            search(id, BufReader::new(opened)).map_err(|fault| unreadable(&name, fault))?
        }
        None if io::stdin().is_terminal() => None,
        None => search(id, io::stdin().lock()).map_err(|fault| unreadable("stdin", fault))?,
    })
}

/// The last event wins: an id names one request, so there is one.
fn search(id: &str, mut log: impl BufRead) -> io::Result<Option<LoggedRequest>> {
    let (mut found, mut line) = (None, Vec::new());
    loop {
        line.clear();
        if log.read_until(b'\n', &mut line)? == 0 {
            return Ok(found);
        }
        // Whatever is no access event is passed over: a log may hold anything.
        if line.len() <= LINE_BYTES
            && let Ok(event) = serde_json::from_slice::<LoggedRequest>(&line)
            && event.request_id == id
        {
            found = Some(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"timestamp":"2026-11-21T09:00:00Z","level":"INFO","message":"request","request_id":"01A","client_ip":"192.0.2.7","host":"erp.example.com","method":"GET","path":"/admin/","version":"HTTP/1.1","status":403,"decision":"refuse","reason":"audience","rule":"admin","target":"access"}"#;

    #[test]
    fn finds_the_event_among_anything() {
        let log = format!(
            "not JSON\n{{\"request_id\":\"01A\",\"target\":\"audit\"}}\n\u{0}\n{LINE}\n{}",
            LINE.replace("01A", "01B")
        );
        let found = search("01A", log.as_bytes()).unwrap().unwrap();
        assert_eq!((found.path.as_str(), found.rule.as_deref(), found.user), ("/admin/", Some("admin"), None));
        assert!(search("01B", log.as_bytes()).unwrap().is_some(), "a last line needs no end");
        assert!(search("01", log.as_bytes()).unwrap().is_none(), "a part of an id is no id");
        assert!(search("01A", &b"\xff\xfe\n"[..]).unwrap().is_none());
    }

    #[test]
    fn what_was_written_down_cannot_play_with_the_terminal() {
        let line = LINE.replace("/admin/", "/\\u001b[2J");
        let told = search("01A", line.as_bytes()).unwrap().unwrap().sentence();
        assert!(!told.contains('\u{1b}') && told.contains("refuse (audience), rule admin"), "{told}");
    }
}
