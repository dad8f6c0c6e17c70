//! What the head of a request shows of who sends it, to be compared with where a session was opened.

use std::net::IpAddr;

use http::HeaderMap;
use http::header::{COOKIE, USER_AGENT};

use super::request_info::RequestInfo;
use crate::flow::risk::Seen;

/// The head of a request, and from where it came.
pub struct SeenHead<'a> {
    pub headers: &'a HeaderMap,
    pub client: IpAddr,
}

impl<'a> SeenHead<'a> {
    pub(crate) const fn of(info: &'a RequestInfo) -> Self {
        Self { headers: &info.headers, client: info.client_ip }
    }
}

impl Seen for SeenHead<'_> {
    fn address(&self) -> IpAddr {
        self.client
    }

    fn agent(&self) -> Option<&str> {
        self.headers.get(USER_AGENT)?.to_str().ok()
    }

    fn hints(&self) -> [Option<&str>; 3] {
        hints(self.headers)
    }

    fn carries(&self, device: &str) -> bool {
        // Nobody guesses the name of a mark, so wherever it stands among the cookies, the browser has it.
        self.headers.get_all(COOKIE).iter().any(|line| line.to_str().is_ok_and(|line| line.contains(device)))
    }
}

/// `Sec-CH-UA`, `Sec-CH-UA-Mobile`, `Sec-CH-UA-Platform`.
pub(crate) fn hints(headers: &HeaderMap) -> [Option<&str>; 3] {
    ["sec-ch-ua", "sec-ch-ua-mobile", "sec-ch-ua-platform"].map(|name| headers.get(name)?.to_str().ok())
}
