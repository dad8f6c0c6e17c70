//! Apps that speak of themselves: where an answer names the app by a name of its own, the browser is told the one that
//! it asked. And towards an app that is told another `Host` than the browser asked, the browser's page gets that name.

mod inward;
mod names;
mod reference;
mod refresh;
mod set_cookie;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, Ordering};

use http::{HeaderMap, HeaderName, HeaderValue, header};
use pingora_error::Result;
use pingora_http::ResponseHeader;

pub(crate) use inward::{Fate, Inward};
use names::Names;
pub(crate) use names::Public;
use reference::Reference;
pub(crate) use reference::default_port;

use crate::proxy::settings::{AppSettings, CookieSettings};

/// What is rewritten for one app.
pub(crate) struct Rewriting {
    app: String,
    /// `None`: `rewrite: off`.
    names: Option<Names>,
    /// Scheme and authority as the app knows itself, where it is told a `Host` of its own.
    origin: Option<String>,
    cookies: CookieSettings,
    /// Whether it was told that the app asks for a file to be sent.
    warned: AtomicBool,
}

impl Rewriting {
    /// For an app; `hosts` are those that apps are served by.
    pub(crate) fn new(app: &AppSettings, hosts: &[&str]) -> Self {
        let upstream = &app.upstream;
        let tls = upstream.servers.first().is_some_and(|server| server.tls);
        let scheme = if tls { "https" } else { "http" };
        let header = upstream.host_header.as_ref().filter(|_| app.rewrite);
        Self {
            app: app.host.clone(),
            names: app.rewrite.then(|| Names::new(upstream, hosts)),
            origin: header.map(|host| format!("{scheme}://{host}")),
            cookies: app.cookies,
            warned: AtomicBool::new(false),
        }
    }

    /// What `Origin` and `Referer` of a request become towards the app.
    pub(crate) fn inward(&self, headers: &HeaderMap, public: Public<'_>) -> Inward {
        match (&self.origin, &self.names) {
            (Some(origin), Some(names)) => inward::inward(headers, names, origin, public),
            _ => Inward::default(),
        }
    }

    /// Rewrites an answer of the app.
    ///
    /// # Errors
    /// Never: what is written is a header.
    pub(crate) fn answer(&self, answer: &mut ResponseHeader, public: Public<'_>) -> Result<()> {
        let mut found = Found::default();
        for name in answer.headers.keys() {
            found.note(name);
        }
        for name in &found.file_headers {
            answer.remove_header(name);
            if !self.warned.swap(true, Ordering::Relaxed) {
                tracing::warn!(
                    target: "proxy", app = %self.app, header = %name,
                    "the app asks a web server in front of it to send a file, and there is none: the header was removed; \
                     let the app send its files itself (X-Sendfile and the like switched off)"
                );
            }
        }
        if let Some(names) = &self.names {
            for name in found.references.into_iter().flatten() {
                let outward = if name == header::REFRESH { refresh::rewritten } else { outward };
                change(answer, &name, |value| outward(value, names, public))?;
            }
        }
        if found.cookies {
            let rewritten = |value: &[u8]| set_cookie::rewritten(value, self.names.as_ref(), public, self.cookies);
            change(answer, &header::SET_COOKIE, rewritten)?;
        }
        Ok(())
    }
}

/// What of an answer is to be looked at.
#[derive(Default)]
struct Found {
    references: [Option<HeaderName>; 3],
    cookies: bool,
    /// By which apps ask a web server to send a file in their place.
    file_headers: Vec<HeaderName>,
}

impl Found {
    fn note(&mut self, name: &HeaderName) {
        let [location, content_location, refresh] = &mut self.references;
        match *name {
            header::LOCATION => *location = Some(header::LOCATION),
            header::CONTENT_LOCATION => *content_location = Some(header::CONTENT_LOCATION),
            header::REFRESH => *refresh = Some(header::REFRESH),
            header::SET_COOKIE => self.cookies = true,
            _ if asks_for_a_file(name.as_str()) => self.file_headers.push(name.clone()),
            _ => {}
        }
    }
}

/// Whether a header is an order to a web server in front: to send another file or page than the answer, or how to send
/// or keep it. `X-Accel-Buffering` stays: it only asks that a stream be passed on at once.
fn asks_for_a_file(name: &str) -> bool {
    const NAMES: [&str; 6] = [
        "x-sendfile",
        "x-sendfile2",
        "x-litespeed-location",
        "x-lighttpd-send-file",
        "x-lighttpd-send-tempfile",
        "x-reproxy-url",
    ];
    let of_x = name.starts_with("x-");
    of_x && (NAMES.contains(&name) || (name.starts_with("x-accel-") && name != "x-accel-buffering"))
}

/// Changes the values of a header, if any is to be changed.
fn change(answer: &mut ResponseHeader, name: &HeaderName, rewritten: impl Fn(&[u8]) -> Option<Vec<u8>>) -> Result<()> {
    let told = |value: &HeaderValue| HeaderValue::try_from(rewritten(value.as_bytes())?).ok();
    let mut values = answer.headers.get_all(name).iter();
    let Some((at, first)) = values.by_ref().enumerate().find_map(|(at, value)| Some((at, told(value)?))) else {
        return Ok(());
    };
    let rest: Vec<HeaderValue> = values.map(|value| told(value).unwrap_or_else(|| value.clone())).collect();
    let all: Vec<HeaderValue> =
        answer.headers.get_all(name).iter().take(at).cloned().chain([first]).chain(rest).collect();
    answer.remove_header(name);
    for value in all {
        answer.append_header(name.clone(), value)?;
    }
    Ok(())
}

/// A reference that names the app, as the browser shall read it; `None`: as it is.
fn outward(text: &[u8], names: &Names, public: Public<'_>) -> Option<Vec<u8>> {
    if text.contains(&b'\t') {
        // Browsers drop them wherever they stand.
        let plain: Vec<u8> = text.iter().copied().filter(|b| *b != b'\t').collect();
        return outward(&plain, names, public);
    }
    let reference = Reference::parse(text, public.https)?;
    let host = reference.host()?;
    if !names.are_meant(&reference, &host, public) {
        return None;
    }
    let scheme = match (reference.https, public.https) {
        (None, _) => "//",
        (_, true) => "https://",
        (_, false) => "http://",
    };
    let mut out = Vec::with_capacity(text.len() + public.authority.host.len());
    out.extend_from_slice(scheme.as_bytes());
    public.write_authority(&mut out);
    match reference.rest {
        // Behind a host there is one reading of a slash only.
        [b'\\', rest @ ..] => {
            out.push(b'/');
            out.extend_from_slice(rest);
        }
        rest => out.extend_from_slice(rest),
    }
    Some(out)
}
