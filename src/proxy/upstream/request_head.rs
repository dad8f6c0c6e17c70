//! What a request looks like to the app: what of the client's head it gets to see, and what we tell about the client.
//!
//! Strip first, on every route: each alias of a header that we or proxies use to speak about the client, our cookies,
//! our bearer tokens. Then add ours. What is nominated by `Connection` is gone before that, so no client can delete
//! what is added here.

use bytes::{Bytes, BytesMut};
use http::header::{self, AUTHORIZATION, CONTENT_LENGTH, COOKIE, HOST, ORIGIN, REFERER};
use http::{HeaderName, HeaderValue, Method, Version};
use pingora_error::{Error, Result};
use pingora_http::{HeaderNameVariant, RequestHeader};

use super::identity_headers::{self, Forwarded, HeaderLine, IdentityHeaders, VouchError};
use super::rewrite::{Fate, Inward, Public};
use crate::auth::proof::RiskLevel;
use crate::auth::proof::decision::Permit;
use crate::auth::reserved_names::{is_our_bearer, without_our_cookies};
use crate::auth::session::Session;
use crate::proxy::context::Ctx;
use crate::proxy::error_response;
use crate::proxy::gateway::Gateway;
use crate::proxy::parts::Signer;
use crate::proxy::request::judge::Pass;
use crate::proxy::request::related;

/// What most heads fit into, in bytes.
const WIRE: usize = 1024;

/// What the app gets to see, but for the lines of the client's that just pass.
pub(crate) struct UpstreamHead<'a> {
    identity_headers: &'a IdentityHeaders,
    target: &'a [u8],
    host: HeaderValue,
    /// The client's cookies without ours, in one line (RFC 9113 §8.2.3).
    cookie: Option<HeaderValue>,
    /// Whether the client's `Authorization` passes.
    authorization: bool,
    /// Whether its `Origin` passes.
    origin: bool,
    /// Whether its `Referer` passes.
    referer: bool,
    ours: Vec<HeaderLine>,
}

impl Gateway {
    /// What the app shall see of a request with this head.
    ///
    /// # Errors
    /// It has no leave to go there, or nothing can be vouched for.
    pub(crate) fn upstream_head<'a>(&self, head: &RequestHeader, ctx: &'a Ctx) -> Result<UpstreamHead<'a>> {
        let (Some(site), Some(resource), Some(authority)) =
            (&ctx.judgement.site, &ctx.judgement.resource, &ctx.arrival.authority)
        else {
            return Error::e_explain(error_response::NO_PASS, "a request without a site reached the upstream stage");
        };
        let public = authority.text();
        let unsendable = |_| Error::explain(error_response::NO_PASS, "the host cannot be sent");
        let received = head.headers.get(HOST).filter(|host| *host == &*public).cloned();
        let asked = received.map_or_else(|| HeaderValue::from_str(&public).map_err(unsendable), Ok)?;
        let forwarded = Forwarded {
            chain: &ctx.arrival.chain,
            https: ctx.arrival.https,
            host: &asked,
            request_id: &ctx.arrival.request_id,
        };
        let who = ctx.judgement.permit().and_then(Permit::subject);
        let host = match site.settings.upstream.host_header.as_deref() {
            Some(host) => HeaderValue::from_str(host).map_err(unsendable)?,
            None => asked.clone(),
        };
        let made = UpstreamHead::new(
            &site.identity_headers,
            head,
            resource.as_target(),
            host,
            &forwarded,
            who.map(|who| (&**who, ctx.judgement.risk.map(|risk| risk.level), &self.signer)),
        );
        let made = made.map(|upstream_head| match ctx.judgement.pass() {
            // A browser sends none with a preflight (Fetch §4.8), so the app shall not act on any.
            Some(Pass::Preflight(_)) => UpstreamHead { cookie: None, authorization: false, ..upstream_head },
            _ => upstream_head,
        });
        let mut made = made.map_err(|cause| {
            tracing::error!(target: "proxy", request_id = %ctx.arrival.request_id, %cause, "cannot vouch");
            Error::explain(error_response::NO_VOUCHER, "cannot vouch")
        })?;
        let tls = site.pool.is_tls(ctx.upstream.tried.last());
        related::write(&mut made.ours, resource, &head.headers, (tls, &made.host));
        Ok(made.inward(site.rewriting.inward(&head.headers, Public { https: ctx.arrival.https, authority })))
    }

    /// Makes the request what the app shall see.
    pub(crate) fn prepare_request(
        &self,
        received: &RequestHeader,
        request: &mut RequestHeader,
        ctx: &Ctx,
    ) -> Result<()> {
        self.upstream_head(request, ctx)?.apply_to(request)?;
        let both = [received.version, request.version] == [Version::HTTP_2; 2];
        if both && received.headers.get(header::TE).is_some_and(|te| te.as_bytes() == b"trailers") {
            // Pingora takes it for a matter of one hop, as it is in HTTP/1; gRPC asks for it on every hop.
            request.insert_header(header::TE, "trailers")?;
        }
        Ok(())
    }
}

impl<'a> UpstreamHead<'a> {
    /// For a head that asks for `target`; `who` asks, and is vouched for by whom.
    ///
    /// # Errors
    /// Nothing can be vouched for.
    pub(crate) fn new(
        identity_headers: &'a IdentityHeaders,
        head: &RequestHeader,
        target: &'a str,
        host: HeaderValue,
        forwarded: &Forwarded<'_>,
        who: Option<(&Session, Option<RiskLevel>, &Signer)>,
    ) -> std::result::Result<Self, VouchError> {
        let mut ours = Vec::with_capacity(10);
        identity_headers::forward(&mut ours, forwarded)?;
        let mut clients = head.headers.get_all(AUTHORIZATION).iter().peekable();
        let mut authorization = clients.peek().is_some() && !clients.any(|value| is_our_bearer(value.as_bytes()));
        if let Some((who, risk, signer)) = who {
            identity_headers.vouch(&mut ours, who, risk, signer)?;
            if let Some(credential) = identity_headers.credential(authorization) {
                authorization = false;
                ours.push((Bytes::from_static(b"Authorization"), credential.clone()));
            }
        }
        let cookies = without_our_cookies(head.headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes));
        let cookie = if cookies.is_empty() { None } else { HeaderValue::from_maybe_shared(Bytes::from(cookies)).ok() };
        let (origin, referer) = (true, true);
        Ok(Self { identity_headers, target: target.as_bytes(), host, cookie, authorization, origin, referer, ours })
    }

    /// With the names by which the app knows itself.
    fn inward(mut self, Inward { origin, referer }: Inward) -> Self {
        self.origin = origin == Fate::Passes;
        self.referer = referer == Fate::Passes;
        for (name, fate) in [(&b"Origin"[..], origin), (b"Referer", referer)] {
            if let Fate::Becomes(value) = fate {
                self.ours.push((Bytes::from_static(name), value));
            }
        }
        self
    }

    /// Whether a line of the client's reaches the app as it is.
    fn passes(&self, name: &str) -> bool {
        let is = |other: &HeaderName| name.eq_ignore_ascii_case(other.as_str());
        !self.identity_headers.is_ours(name)
            && !is(&HOST)
            && !is(&COOKIE)
            && (self.authorization || !is(&AUTHORIZATION))
            && (self.origin || !is(&ORIGIN))
            && (self.referer || !is(&REFERER))
    }

    /// Changes a head that Pingora sends.
    pub(crate) fn apply_to(self, request: &mut RequestHeader) -> Result<()> {
        let others: Vec<HeaderName> =
            request.headers.keys().filter(|name| **name != HOST && !self.passes(name.as_str())).cloned().collect();
        for name in &others {
            request.remove_header(name);
        }
        if request.headers.get(HOST) != Some(&self.host) {
            request.insert_header(HOST, self.host)?;
        }
        if let Some(cookie) = self.cookie {
            request.insert_header(COOKIE, cookie)?;
        }
        for (name, value) in self.ours {
            request.insert_header(name, value)?;
        }
        if request.headers.get(CONTENT_LENGTH).is_some_and(|v| is_idle_length(&request.method, "content-length", v)) {
            request.remove_header(&CONTENT_LENGTH);
        }
        if request.raw_path() != self.target {
            request.set_raw_path(self.target)?;
        }
        Ok(())
    }

    /// The head as it is sent over HTTP/1.1, before a body of `length` bytes; `None`: before none, and nothing is said of
    /// it. `last`: the connection ends with the answer.
    ///
    /// No head is made of one that announces another body, or holds what is a matter of one hop and more than whether
    /// the connection is kept.
    pub(crate) fn to_bytes(&self, received: &RequestHeader, length: Option<u64>, last: bool) -> Option<BytesMut> {
        let mut wire = BytesMut::with_capacity(WIRE);
        for part in [received.method.as_str().as_bytes(), b" ", self.target, b" HTTP/1.1\r\n"] {
            wire.extend_from_slice(part);
        }
        put_line(&mut wire, b"Host", &self.host);
        let mut simple = true;
        let walked = received.map(|name, value| {
            let spelled = match &name {
                HeaderNameVariant::Case(name) => name.as_slice(),
                HeaderNameVariant::Titled(name) => name.as_bytes(),
            };
            match std::str::from_utf8(spelled) {
                Ok(name) if is_special(name) => simple &= stays_here(name, value, length),
                Ok(name) if self.passes(name) => put_line(&mut wire, spelled, value),
                _ => {}
            }
            Ok(())
        });
        if let Some(cookie) = &self.cookie {
            put_line(&mut wire, b"Cookie", cookie);
        }
        for (name, value) in &self.ours {
            put_line(&mut wire, name, value);
        }
        if let Some(length) = length {
            put_line(&mut wire, b"Content-Length", &length.into());
        }
        if last {
            wire.extend_from_slice(b"Connection: close\r\n");
        }
        wire.extend_from_slice(b"\r\n");
        (simple && walked.is_ok()).then_some(wire)
    }
}

/// Whether a header is a matter of one hop (RFC 9110 §7.6.1), or announces a body.
fn is_special(name: &str) -> bool {
    let any = |others: &[&str]| others.iter().any(|other| name.eq_ignore_ascii_case(other));
    match name.len() {
        2 => any(&["te"]),
        6 => any(&["expect"]),
        7 => any(&["upgrade", "trailer"]),
        10 => any(&["connection", "keep-alive"]),
        14 => any(&["content-length", "http2-settings"]),
        16 => any(&["proxy-connection"]),
        17 => any(&["transfer-encoding"]),
        18 => any(&["proxy-authenticate"]),
        19 => any(&["proxy-authorization"]),
        _ => false,
    }
}

/// Whether a [special](is_special) line asks for nothing that the head would not say without it. Trailers of an app over
/// HTTP/1.1 end with us, whoever takes them (`TE`).
fn stays_here(name: &str, value: &HeaderValue, length: Option<u64>) -> bool {
    let is = |other: &str| name.eq_ignore_ascii_case(other);
    let announced = || value.to_str().ok()?.parse::<u64>().ok();
    is("te")
        || (is("connection") && is_plain(value))
        || (is("content-length") && announced() == Some(length.unwrap_or_default()))
}

/// Whether a line says that a request has no body which would have none anyway (RFC 9110 §8.6): the app is told
/// nothing of it, so that what means the same looks the same.
fn is_idle_length(method: &Method, name: &str, value: &HeaderValue) -> bool {
    let may_have_one = matches!(*method, Method::POST | Method::PUT | Method::PATCH);
    !may_have_one && name.eq_ignore_ascii_case("content-length") && value.as_bytes() == b"0"
}

/// Whether `Connection` nominates nothing.
fn is_plain(connection: &HeaderValue) -> bool {
    [&b"keep-alive"[..], b"close"].iter().any(|word| connection.as_bytes().eq_ignore_ascii_case(word))
}

fn put_line(wire: &mut BytesMut, name: &[u8], value: &HeaderValue) {
    for part in [name, b": ", value.as_bytes(), b"\r\n"] {
        wire.extend_from_slice(part);
    }
}
