//! What came in: who sent a request, over what, and whom it is for.

use std::net::IpAddr;

use http::{HeaderValue, Version};

use super::client_address::{self, Peer};
use super::head::{self, Authority, Head, Rejection, reject};
use super::websocket;
use crate::auth::network::Networks;
use crate::portal::error::PortalError;

/// Made once for each request, and never changed.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) request_id: String,
    /// `None`: no head could be read.
    pub(crate) client: Option<IpAddr>,
    /// `X-Forwarded-For` for the app.
    pub(crate) chain: HeaderValue,
    pub(crate) https: bool,
    /// The peer is a trusted proxy.
    pub(crate) through_proxy: bool,
    /// Nothing is served here; https is named instead.
    pub(crate) to_https: bool,
    /// Host and port as the client asked for them, be it us or a trusted proxy.
    pub(crate) authority: Option<Authority>,
}

impl Arrival {
    pub(crate) const fn new(request_id: String) -> Self {
        Self {
            request_id,
            client: None,
            chain: HeaderValue::from_static(""),
            https: false,
            through_proxy: false,
            to_https: false,
            authority: None,
        }
    }

    /// Reads a head that came from `peer`; and what speaks against judging it any further. As much as is known by then is
    /// known of a request that is rejected too, for it is answered and logged.
    pub(crate) fn read(
        request_id: String,
        head: &Head<'_>,
        peer: &Peer,
        trusted: &Networks,
        header_bytes: usize,
    ) -> (Self, Result<(), Rejection>) {
        let mut arrival = Self::new(request_id);
        (arrival.client, arrival.https) = (Some(peer.ip), peer.is_tls());
        let named = match head::authority(head) {
            Ok(authority) => {
                arrival.authority = Some(authority);
                Ok(())
            }
            Err(rejection) => Err(rejection),
        };
        let identified = arrival.identify(head, peer, trusted);
        let checked = identified.and_then(|()| check(head, header_bytes)).and(named);
        (arrival, checked)
    }

    fn identify(&mut self, head: &Head<'_>, peer: &Peer, trusted: &Networks) -> Result<(), Rejection> {
        let doubtful = |reason| reject(PortalError::BadRequest, reason);
        let who = client_address::identify(peer, head.headers, trusted).map_err(doubtful)?;
        (self.client, self.https, self.through_proxy) = (Some(who.ip), who.https, who.through_proxy);
        self.to_https = !client_address::may_be_served(peer, &who, trusted);
        self.chain = client_address::forwarded_for(peer, &who).ok_or_else(|| doubtful("forwarded_for"))?;
        if let Some(id) = client_address::request_id(head.headers, &who) {
            id.clone_into(&mut self.request_id);
        }
        if let Some(authority) = &mut self.authority {
            if let Some(host) = who.host {
                *authority = host;
            }
            authority.leave_out_default_port(self.https);
        }
        Ok(())
    }
}

fn check(head: &Head<'_>, header_bytes: usize) -> Result<(), Rejection> {
    head::examine(head)?;
    websocket::examine(head)?;
    if head.version == Version::HTTP_2 && head.list_size() > header_bytes {
        return Err(reject(PortalError::HeadersTooLarge, "head_too_large"));
    }
    Ok(())
}
