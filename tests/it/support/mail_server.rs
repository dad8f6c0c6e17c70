//! A real mail server: aiosmtpd, by `tests/support/smtp.py`, which says what it can be told to do.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use data_encoding::BASE64;
use serde_json::Value;

/// The server; ends when dropped.
pub(crate) struct MailServer {
    child: Child,
    lines: BufReader<ChildStdout>,
    pub(crate) port: u16,
}

impl MailServer {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/smtp.py");
        let mut child = Command::new("/usr/bin/python3")
            .arg(script)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3-aiosmtpd is installed");
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut port = String::new();
        lines.read_line(&mut port).unwrap();
        Self { child, lines, port: port.trim().parse().expect("python3-aiosmtpd is installed") }
    }

    pub(crate) fn next(&mut self) -> Taken {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap();
        let data = BASE64.decode(told["data"].as_str().unwrap().as_bytes()).unwrap();
        Taken { data: String::from_utf8(data).unwrap(), told }
    }

    /// Everything that it took and nobody looked at.
    pub(crate) fn end(mut self) -> String {
        let _ = self.child.kill();
        let mut rest = String::new();
        self.lines.read_to_string(&mut rest).unwrap();
        rest
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A letter that arrived.
pub(crate) struct Taken {
    pub(crate) data: String,
    /// `to`, `sender`, `options`, `tls`, `login`, `connection`.
    pub(crate) told: Value,
}

impl Taken {
    pub(crate) fn to(&self) -> &str {
        self.told["to"][0].as_str().unwrap()
    }

    pub(crate) fn field(&self, name: &str) -> Vec<&str> {
        let head = self.data.split("\r\n\r\n").next().unwrap();
        head.lines().filter_map(|line| line.split_once(": ").filter(|(n, _)| *n == name).map(|(_, v)| v)).collect()
    }
}
