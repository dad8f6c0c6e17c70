//! A request as the portal sees it.

use pingora_proxy::Session;

use super::context::Ctx;
use crate::portal::cookies::Cookies;
use crate::portal::request_info::RequestInfo;

/// What answers of ours need to know of the request.
pub(crate) fn request_info(session: &Session, ctx: &Ctx) -> RequestInfo {
    let request = session.req_header();
    let unspecified = std::net::IpAddr::from([0, 0, 0, 0]);
    RequestInfo {
        request_id: ctx.arrival.request_id.clone(),
        scheme: if ctx.arrival.https { "https" } else { "http" },
        authority: ctx.arrival.authority.as_ref().map(|a| a.text().into_owned()).unwrap_or_default(),
        host: ctx.arrival.authority.as_ref().map(|a| a.host.clone()).unwrap_or_default(),
        client_ip: ctx.arrival.client.unwrap_or(unspecified),
        method: request.method.clone(),
        target: String::from_utf8_lossy(request.raw_path()).into_owned(),
        headers: request.headers.clone(),
        cookies: Cookies::read(&request.headers),
    }
}
