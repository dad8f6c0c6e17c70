//! The resources that a request names beside its target: read from its head, and told to the app as it knows itself.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::head::{Rejection, reject};
use crate::auth::reserved_names::{ReservedTarget, reserved};
use crate::auth::resource::{Fields, Misnamed, Resource, Tolerances};
use crate::portal::error::PortalError;
use crate::proxy::upstream::identity_headers::HeaderLine;

const DESTINATION: HeaderName = HeaderName::from_static("destination");
const OVERWRITE: HeaderName = HeaderName::from_static("overwrite");
const IF: HeaderName = HeaderName::from_static("if");

/// Adds the other resources that a head names.
///
/// # Errors
/// They cannot be read in one way, are elsewhere, or are ours. What the app would have to tolerate comes along.
pub(crate) fn read(
    resource: Resource,
    headers: &HeaderMap,
    tolerate: Tolerances,
    port: Option<u16>,
) -> Result<Resource, (Rejection, Vec<&'static str>)> {
    if !headers.contains_key(DESTINATION) && !headers.contains_key(IF) {
        return Ok(resource);
    }
    let all = |name: HeaderName| headers.get_all(name).iter().map(HeaderValue::as_bytes).collect::<Vec<_>>();
    let (destinations, conditions) = (all(DESTINATION), all(IF));
    let fields = Fields {
        port,
        destinations: &destinations,
        overwrite: !matches!(all(OVERWRITE).as_slice(), [b"F" | b"f"]),
        conditions: &conditions,
    };
    let resource = resource
        .naming(&fields, tolerate)
        .map_err(|Misnamed { reason, lacking }| (reject(PortalError::OddAddress, reason), lacking))?;
    // Our own addresses are nobody's to write, and no app's.
    let is_ours = |other: &Resource| reserved(other, other.as_target().as_bytes()) != ReservedTarget::No;
    if resource.others().any(is_ours) {
        return Err((reject(PortalError::OddAddress, "reserved_prefix_named"), Vec::new()));
    }
    Ok(resource)
}

/// What the app gets of `Destination` and `If`: by the scheme that it is spoken to, under the name by which it is.
pub(crate) fn write(
    lines: &mut Vec<HeaderLine>,
    resource: &Resource,
    headers: &HeaderMap,
    (tls, host): (bool, &HeaderValue),
) {
    let untagged = || headers.get(IF).filter(|condition| !condition.is_empty()).cloned();
    if resource.others().next().is_none() {
        lines.extend(untagged().map(|condition| (Bytes::from_static(b"If"), condition)));
        return;
    }
    let base = format!("{}://{}", if tls { "https" } else { "http" }, host.to_str().unwrap_or_default());
    let destination = resource.destination(&base).and_then(|text| HeaderValue::try_from(text).ok());
    lines.extend(destination.map(|destination| (Bytes::from_static(b"Destination"), destination)));
    let condition = resource.condition(&base).and_then(|text| HeaderValue::try_from(text).ok());
    lines.extend(condition.map(|condition| (Bytes::from_static(b"If"), condition)));
}
