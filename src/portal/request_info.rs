//! What the portal knows of a request: read once, by whoever received it.

use std::net::IpAddr;

use http::{HeaderMap, Method};

use super::cookies::Cookies;

/// What an answer needs to know of the request it answers.
#[derive(Clone)]
pub struct RequestInfo {
    /// The request id: on every answer, page and log line.
    pub request_id: String,
    /// `https` or `http`, as the client sees it.
    pub scheme: &'static str,
    /// The host as the client wrote it in canonical form, with the port if there was one.
    pub authority: String,
    /// The origin of our pages for links in letters; `None`: as the client wrote it.
    pub letter_origin: Option<String>,
    /// The canonical host of the app, without port.
    pub host: String,
    /// The client's address, after trusted proxies.
    pub client_ip: IpAddr,
    pub method: Method,
    /// Path and query as received; escape before showing.
    pub target: String,
    /// The headers as received.
    pub headers: HeaderMap,
    /// Our cookies among them.
    pub cookies: Cookies,
}

impl RequestInfo {
    /// The origin of our pages, as browsers write it: without the scheme's own port.
    pub(crate) fn origin(&self) -> String {
        let port = if self.scheme == "https" { ":443" } else { ":80" };
        let authority = self.authority.strip_suffix(port).unwrap_or(&self.authority);
        format!("{}://{authority}", self.scheme)
    }
}
