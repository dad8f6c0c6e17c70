//! The built gateway as a process: by a configuration file, or as the demo.

use std::path::Path;

use serde_json::Value;

use super::clients::Client;
use super::command::stepgate;
use super::process::{Process, wait_until};

/// A gateway that serves.
pub(crate) struct Gateway {
    /// As a browser opens it, without a slash at the end.
    pub(crate) url: String,
    /// The admin listener.
    pub(crate) admin_url: String,
    /// The demo's line, `null` for a gateway of a file.
    pub(crate) demo: Value,
    pub(crate) process: Process,
}

impl Gateway {
    /// `stepgate demo --json` on a port of the system's choice.
    pub(crate) fn demo() -> Self {
        let port = super::port::free_port().to_string();
        Self::of_demo(Process::start(stepgate().args(["demo", "--json", "--port", &port])))
    }

    /// The same, with everything logged.
    pub(crate) fn telling_demo() -> Self {
        let port = super::port::free_port().to_string();
        Self::of_demo(Process::start(stepgate().args(["--log", "info", "demo", "--json", "--port", &port])))
    }

    /// The same, with a stderr that nobody reads.
    pub(crate) fn unheard_demo() -> Self {
        let port = super::port::free_port().to_string();
        Self::of_demo(Process::start_unheard(stepgate().args(["demo", "--json", "--port", &port])))
    }

    /// The same, with everything logged to a stderr that is never read.
    pub(crate) fn unread_demo() -> Self {
        let port = super::port::free_port().to_string();
        Self::of_demo(Process::start_unread(stepgate().args(["--log", "info", "demo", "--json", "--port", &port])))
    }

    fn of_demo(process: Process) -> Self {
        let demo: Value = serde_json::from_str(&process.line()).expect("one line of JSON");
        let text = |key: &str| demo[key].as_str().unwrap().to_owned();
        Self { url: text("url"), admin_url: text("admin_url"), demo, process }
    }

    /// `stepgate run -c FILE`, waited for by `/readyz` of its admin listener.
    pub(crate) async fn run(config: &Path, url: &str, admin_url: &str) -> Self {
        Self::run_telling("info", config, url, admin_url).await
    }

    /// The same, as talkative as told.
    pub(crate) async fn run_telling(log: &str, config: &Path, url: &str, admin_url: &str) -> Self {
        let process = Process::start(stepgate().env("STEPGATE_LOG", log).arg("run").arg("-c").arg(config));
        let mut gateway = Self { url: url.to_owned(), admin_url: admin_url.to_owned(), demo: Value::Null, process };
        gateway.until_ready();
        gateway
    }

    fn until_ready(&mut self) {
        let address = self.admin_url.trim_start_matches("http://").to_owned();
        let ready = wait_until(|| {
            assert!(!self.process.has_ended(), "the gateway ended:\n{}", self.process.stderr());
            is_ready(&address).then_some(())
        });
        assert!(ready.is_some(), "the gateway does not become ready:\n{}", self.process.stderr());
    }

    /// One of the demo's users: password, TOTP secret.
    pub(crate) fn user(&self, name: &str) -> (String, Option<String>) {
        let users = self.demo["users"].as_array().expect("the demo's users");
        let user = users.iter().find(|u| u["username"] == name).expect("that user");
        (user["password"].as_str().unwrap().to_owned(), user["totp_secret"].as_str().map(str::to_owned))
    }

    /// Somebody who keeps no cookies and says nothing of a browser.
    pub(crate) fn anonymous(&self) -> Client {
        Client::anonymous(&self.url)
    }

    /// A person's browser.
    pub(crate) fn browser(&self) -> Client {
        Client::browser(&self.url)
    }

    /// A script.
    pub(crate) fn api_client(&self) -> Client {
        Client::api(&self.url)
    }
}

/// Whether `/readyz` answers 200.
fn is_ready(address: &str) -> bool {
    use std::io::{Read, Write};
    let Ok(mut stream) = std::net::TcpStream::connect(address) else { return false };
    let asked = write!(stream, "GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    let mut answer = String::new();
    asked.is_ok() && stream.read_to_string(&mut answer).is_ok() && answer.starts_with("HTTP/1.1 200")
}
