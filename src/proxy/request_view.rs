//! A request as the portal sees it.

use pingora_proxy::Session;

use super::context::Ctx;
use super::request::arrival::Arrival;
use super::settings::Listen;
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
        letter_origin: letter_origin(&ctx.snapshot.listen, &ctx.arrival),
        host: ctx.arrival.authority.as_ref().map(|a| a.host.clone()).unwrap_or_default(),
        client_ip: ctx.arrival.client.unwrap_or(unspecified),
        method: request.method.clone(),
        target: String::from_utf8_lossy(request.raw_path()).into_owned(),
        headers: request.headers.clone(),
        cookies: Cookies::read(&request.headers),
    }
}

/// The origin for links in letters, where it is not the one that the client wrote. A letter may go to somebody else than the
/// client, who must not choose to which port its link leads.
fn letter_origin(listen: &Listen, arrival: &Arrival) -> Option<String> {
    let authority = arrival.authority.as_ref()?;
    let port = authority.port.unwrap_or(if arrival.https { 443 } else { 80 });
    let is_ours = arrival.through_proxy || listen.serves(arrival.https, port);
    (!is_ours).then(|| listen.origin_of(&authority.host))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::request::head::Authority;

    #[test]
    fn no_client_chooses_the_port_of_a_link() {
        let at = |ports: &[u16]| ports.iter().map(|port| ([0, 0, 0, 0], *port).into()).collect::<Vec<_>>();
        let listen = |https: &[u16], plain: &[u16]| Listen { https: at(https), plain: at(plain), ..Listen::default() };
        let (open, behind, demo) = (listen(&[443, 8443], &[]), listen(&[], &[8080]), listen(&[], &[9471]));
        let (app, own) = ("erp.example.com", "first.localhost");
        for (listen, https, through_proxy, host, port, origin) in [
            (&open, true, false, app, None, None),
            (&open, true, false, app, Some(8443), None),
            (&open, true, false, app, Some(1), Some("https://erp.example.com")),
            (&open, true, true, app, Some(9443), None),
            (&behind, false, false, app, Some(6666), Some("https://erp.example.com")),
            (&demo, false, false, own, Some(9471), None),
            (&demo, false, false, own, Some(6666), Some("http://first.localhost:9471")),
            (&demo, false, false, own, None, Some("http://first.localhost:9471")),
        ] {
            let authority = Some(Authority { host: host.to_owned(), port });
            let arrival = Arrival { https, through_proxy, authority, ..Arrival::new(String::new()) };
            assert_eq!(letter_origin(listen, &arrival).as_deref(), origin, "{host} {port:?}");
        }
    }
}
