//! A client that speaks bytes: what no library would send.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use super::process::PATIENCE;

/// One answer, as it came.
pub(crate) struct Answer {
    /// 0: the connection ended without one.
    pub(crate) status: u16,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The first field of this name (lower case); empty if there is none.
    pub(crate) fn field(&self, name: &str) -> &str {
        self.fields.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value)
    }

    /// Whether the gateway answered, not the app.
    pub(crate) fn is_ours(&self) -> bool {
        !self.field("x-stepgate-response").is_empty()
    }

    /// What the sample app's echo tells of the fields it received.
    pub(crate) fn received(&self) -> Vec<(String, String)> {
        let echo: Value = serde_json::from_slice(&self.body).expect("the echo's JSON");
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        echo["headers"].as_array().expect("headers").iter().map(|f| (text(&f[0]), text(&f[1]))).collect()
    }
}

/// A connection to a gateway, opened when needed.
pub(crate) struct Wire {
    address: String,
    stream: Option<BufReader<TcpStream>>,
}

impl Wire {
    /// To the address of a URL of the gateway.
    pub(crate) fn to(url: &str) -> Self {
        Self { address: url.trim_start_matches("http://").to_owned(), stream: None }
    }

    /// Host and port, for `Host`.
    pub(crate) fn host(&self) -> &str {
        &self.address
    }

    /// Sends bytes and reads one answer; a connection that was kept and is gone is opened once more.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> Answer {
        let kept = self.stream.is_some();
        let answer = self.try_send(bytes);
        match answer {
            Some(answer) => answer,
            None if kept => self.try_send(bytes).unwrap_or_else(Self::nothing),
            None => Self::nothing(),
        }
    }

    fn nothing() -> Answer {
        Answer { status: 0, fields: Vec::new(), body: Vec::new() }
    }

    fn try_send(&mut self, bytes: &[u8]) -> Option<Answer> {
        let mut stream = self.stream.take().unwrap_or_else(|| {
            let stream = TcpStream::connect(&self.address).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            BufReader::new(stream)
        });
        // A gateway that has heard enough may close before all is said; its answer counts.
        let _ = stream.get_mut().write_all(bytes);
        let mut line = String::new();
        stream.read_line(&mut line).ok()?;
        let status = line.split(' ').nth(1)?.parse().ok()?;
        let mut fields = Vec::new();
        loop {
            line.clear();
            stream.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            fields.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut answer = Answer { status, fields, body: Vec::new() };
        let length = answer.field("content-length").parse().unwrap_or(0);
        answer.body.resize(length, 0);
        stream.read_exact(&mut answer.body).ok()?;
        if !answer.field("connection").eq_ignore_ascii_case("close") {
            self.stream = Some(stream);
        }
        Some(answer)
    }
}
