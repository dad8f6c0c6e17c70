//! Other reverse proxies in front of an app, each with its own directory and port, as their packages install them.

use std::fs;
use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;

use super::port::free_port;
use super::process::{Process, wait_until};

/// Another reverse proxy.
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    pub(crate) port: u16,
    _process: Process,
    _folder: tempfile::TempDir,
}

/// Every peer that is installed, before this app. Who is missing is told, past what the harness of tests captures.
pub(crate) fn installed(app: SocketAddr) -> Vec<Peer> {
    let (mut peers, mut missing) = (Vec::new(), Vec::new());
    for name in ["nginx", "haproxy", "caddy"] {
        match Peer::start(name, app) {
            Some(peer) => peers.push(peer),
            None => missing.push(name),
        }
    }
    if !missing.is_empty() {
        let told = format!("\nNOT COMPARED with {}: not installed (tools/install test)\n", missing.join(", "));
        std::io::stderr().write_all(told.as_bytes()).unwrap();
    }
    peers
}

fn program(name: &str) -> Option<String> {
    let folders = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin", "/sbin", "/bin"];
    folders.map(|folder| format!("{folder}/{name}")).into_iter().find(|path| Path::new(path).exists())
}

impl Peer {
    fn start(name: &'static str, app: SocketAddr) -> Option<Self> {
        let mut command = Command::new(program(name)?);
        let folder = tempfile::tempdir().unwrap();
        let (at, port) = (folder.path(), free_port());
        let config = at.join("config");
        let text = match name {
            "nginx" => nginx(at, port, app),
            "haproxy" => haproxy(port, app),
            _ => caddy(port, app),
        };
        fs::write(&config, text).unwrap();
        match name {
            "nginx" => command.arg("-p").arg(at).arg("-c").arg(&config).args(["-e", "stderr"]),
            "haproxy" => command.arg("-db").arg("-f").arg(&config),
            _ => command.args(["run", "--adapter", "caddyfile", "--config"]).arg(&config),
        };
        command.env("HOME", at).env("XDG_CONFIG_HOME", at).env("XDG_DATA_HOME", at).current_dir(at);
        let mut process = Process::start(&mut command);
        let up = wait_until(|| TcpStream::connect(("127.0.0.1", port)).ok());
        assert!(up.is_some() && !process.has_ended(), "{name} does not start: {}", process.stderr());
        Some(Self { name, port, _process: process, _folder: folder })
    }
}

fn nginx(at: &Path, port: u16, app: SocketAddr) -> String {
    let at = at.display();
    let paths =
        ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|kind| format!("{kind}_temp_path {at}/{kind};"));
    format!(
        "daemon off; master_process off; pid {at}/pid;
events {{}}
http {{
  access_log off; {}
  ignore_invalid_headers off; underscores_in_headers on;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://{app}; proxy_http_version 1.1;
      proxy_set_header Host $http_host; proxy_set_header Connection close;
    }}
  }}
}}
",
        paths.join(" ")
    )
}

fn haproxy(port: u16, app: SocketAddr) -> String {
    format!(
        "defaults
  mode http
  timeout connect 5s
  timeout client 10s
  timeout server 10s
frontend front
  bind 127.0.0.1:{port}
  default_backend back
backend back
  server app {app}
"
    )
}

fn caddy(port: u16, app: SocketAddr) -> String {
    format!(
        "{{
  admin off
  auto_https off
}}
http://:{port} {{
  bind 127.0.0.1
  reverse_proxy {app}
}}
"
    )
}
