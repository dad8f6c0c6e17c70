//! What an app is told about who is asking, and under which names nobody else may tell it anything.

use bytes::Bytes;
use data_encoding::BASE64;
use http::header::SET_COOKIE;
use http::{HeaderName, HeaderValue};
use pingora_http::ResponseHeader;

use crate::auth::header_names::Reserved;
use crate::auth::proof::RiskLevel;
use crate::auth::reserved_names::{ANSWER_HEADERS, sets_our_cookie};
use crate::auth::session::Session;
use crate::auth::text::percent::push_triplet;
use crate::flow::ports::StoreError;
use crate::proxy::parts::{BuildError, Signer};
use crate::proxy::settings::{IdentitySettings, JwtSettings};

/// What one app is told.
pub(crate) struct IdentityHeaders {
    reserved: Reserved,
    user: Option<Bytes>,
    groups: Option<Bytes>,
    email: Option<Bytes>,
    name: Option<Bytes>,
    jwt: Option<(Bytes, JwtSettings)>,
    basic: Option<Basic>,
}

struct Basic {
    credential: HeaderValue,
    override_client: bool,
}

/// A header as it is told: its name as it is spelled, and its value.
pub(crate) type HeaderLine = (Bytes, HeaderValue);

/// What is added to every request, public or not.
pub(crate) struct Forwarded<'a> {
    pub(crate) chain: &'a HeaderValue,
    pub(crate) https: bool,
    pub(crate) host: &'a HeaderValue,
    pub(crate) request_id: &'a str,
}

impl IdentityHeaders {
    /// Prepares the headers of an app.
    ///
    /// # Errors
    /// A configured name is no header name, or a credential cannot be sent.
    pub(crate) fn new(settings: &IdentitySettings) -> Result<Self, BuildError> {
        let name = |text: &Option<String>| text.as_deref().map(header_name).transpose();
        let jwt = settings.jwt.as_ref().map(|jwt| Ok((header_name(&jwt.header)?, jwt.clone()))).transpose()?;
        let configured = [&settings.user, &settings.groups, &settings.email, &settings.name]
            .into_iter()
            .flatten()
            .chain(settings.jwt.as_ref().map(|jwt| &jwt.header));
        let mut names: Vec<&str> = configured.map(String::as_str).collect();
        names.push("x-request-id");
        let basic = settings.basic_auth.as_ref().map(|basic| {
            let pair = format!("{}:{}", basic.username, basic.password.expose());
            let mut credential = HeaderValue::from_str(&format!("Basic {}", BASE64.encode(pair.as_bytes())))
                .map_err(|_| BuildError("basic_auth cannot be sent as a header".to_owned()))?;
            credential.set_sensitive(true);
            Ok(Basic { credential, override_client: basic.override_client })
        });
        Ok(Self {
            reserved: Reserved::new(names).passing(&settings.pass),
            user: name(&settings.user)?,
            groups: name(&settings.groups)?,
            email: name(&settings.email)?,
            name: name(&settings.name)?,
            jwt,
            basic: basic.transpose()?,
        })
    }

    /// Whether a header of this name, in any spelling, speaks in our name: no client's reaches the app.
    pub(crate) fn is_ours(&self, name: &str) -> bool {
        self.reserved.is_reserved(name)
    }

    /// The credential that the app knows us by, unless the client's own is to reach it.
    pub(crate) fn credential(&self, clients: bool) -> Option<&HeaderValue> {
        self.basic.as_ref().filter(|basic| basic.override_client || !clients).map(|basic| &basic.credential)
    }

    /// Tells who is asking: what is not told here is absent.
    ///
    /// # Errors
    /// The assertion cannot be signed; the request must not go on.
    pub(crate) fn vouch(
        &self,
        lines: &mut Vec<HeaderLine>,
        session: &Session,
        risk: Option<RiskLevel>,
        signer: &Signer,
    ) -> Result<(), VouchError> {
        let who = &session.identity;
        let mut tell = |name: &Bytes, value: String| {
            lines.push((name.clone(), HeaderValue::try_from(value).map_err(VouchError::Value)?));
            Ok(())
        };
        if let Some(header) = &self.user {
            tell(header, header_safe(who.username.as_str(), false))?;
        }
        if let Some(header) = &self.groups {
            let mut groups = String::new();
            for (number, group) in who.groups.iter().enumerate() {
                if number > 0 {
                    groups.push(',');
                }
                groups.push_str(&header_safe(&group.0, true));
            }
            tell(header, groups)?;
        }
        if let (Some(header), Some(email)) = (&self.email, &who.email) {
            tell(header, header_safe(email, false))?;
        }
        if let (Some(header), Some(name)) = (&self.name, &who.name) {
            tell(header, header_safe(name, false))?;
        }
        if let Some((name, jwt)) = &self.jwt {
            let assertion = signer(session, risk.filter(|_| jwt.risk), jwt).map_err(VouchError::Signer)?;
            let mut assertion = HeaderValue::try_from(assertion).map_err(VouchError::Value)?;
            assertion.set_sensitive(true);
            lines.push((name.clone(), assertion));
        }
        Ok(())
    }
}

/// Why nothing could be vouched for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VouchError {
    /// No key, no signature.
    #[error("cannot sign an assertion: {0}")]
    Signer(StoreError),
    /// What is to be told is no header value.
    #[error("an identity header cannot be sent: {0}")]
    Value(http::header::InvalidHeaderValue),
}

/// Tells where the request came from. The only `X-Forwarded-*` an app ever sees.
///
/// # Errors
/// The request's id is no header value (ours always is one).
pub(crate) fn forward(lines: &mut Vec<HeaderLine>, forwarded: &Forwarded<'_>) -> Result<(), VouchError> {
    let scheme = HeaderValue::from_static(if forwarded.https { "https" } else { "http" });
    let id = HeaderValue::from_str(forwarded.request_id).map_err(VouchError::Value)?;
    lines.extend([
        (Bytes::from_static(b"X-Forwarded-For"), forwarded.chain.clone()),
        (Bytes::from_static(b"X-Forwarded-Proto"), scheme),
        (Bytes::from_static(b"X-Forwarded-Host"), forwarded.host.clone()),
        (Bytes::from_static(b"X-Request-Id"), id),
    ]);
    Ok(())
}

/// Removes what an app must not say in our name: cookies of our names, by which it could plant a session, and
/// the headers that mark answers of ours.
pub(crate) fn strip_answer(response: &mut ResponseHeader) -> pingora_error::Result<()> {
    let marks: Vec<HeaderName> =
        response.headers.keys().filter(|name| name.as_str().starts_with(ANSWER_HEADERS)).cloned().collect();
    for mark in &marks {
        response.remove_header(mark);
    }
    if !response.headers.get_all(SET_COOKIE).iter().any(|c| sets_our_cookie(c.as_bytes())) {
        return Ok(());
    }
    let kept: Vec<HeaderValue> =
        response.headers.get_all(SET_COOKIE).iter().filter(|c| !sets_our_cookie(c.as_bytes())).cloned().collect();
    response.remove_header(&SET_COOKIE);
    for cookie in kept {
        response.append_header(SET_COOKIE, cookie)?;
    }
    Ok(())
}

/// A header's name as the operator spelled it.
fn header_name(text: &str) -> Result<Bytes, BuildError> {
    HeaderName::from_bytes(text.as_bytes()).map_err(|_| BuildError(format!("{text}: not a header name")))?;
    Ok(Bytes::copy_from_slice(text.as_bytes()))
}

/// A value every parser reads alike: whatever is not printable ASCII, and `%`, is percent-encoded as UTF-8;
/// inside a list, the comma too, and spaces at either end, which parsers leave out. Apps decode as they decode URLs.
fn header_safe(text: &str, in_list: bool) -> String {
    let mut safe = String::with_capacity(text.len());
    let last = text.len().saturating_sub(1);
    for (i, byte) in text.bytes().enumerate() {
        match byte {
            b' ' if i == 0 || i == last => safe.push_str("%20"),
            b'%' => safe.push_str("%25"),
            b',' if in_list => safe.push_str("%2C"),
            b' '..=b'~' => safe.push(char::from(byte)),
            other => push_triplet(&mut safe, other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_safe_and_can_be_read_back() {
        assert_eq!(header_safe("ann", false), "ann");
        assert_eq!(header_safe("Ann Müller", false), "Ann M%C3%BCller");
        assert_eq!(header_safe("50%\r\nX: y", false), "50%25%0D%0AX: y");
        assert_eq!(header_safe("a,b", true), "a%2Cb");
        assert_eq!(header_safe(" night shift ", true), "%20night shift%20");
        assert_eq!(header_safe(" ", true), "%20");
    }

    fn decoded(item: &str) -> String {
        let mut parts = item.split('%');
        let mut bytes = parts.next().unwrap().as_bytes().to_vec();
        for part in parts {
            bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
            bytes.extend(&part.as_bytes()[2..]);
        }
        String::from_utf8(bytes).unwrap()
    }

    proptest::proptest! {
        /// No group of an account becomes another one where an app takes the list apart.
        #[test]
        fn a_list_is_read_as_it_was_meant(groups in proptest::collection::vec("[ ,%a-c\t\ré]{1,6}", 1..4)) {
            let list = groups.iter().map(|group| header_safe(group, true)).collect::<Vec<_>>().join(",");
            let read: Vec<String> = list
                .trim()
                .split(',')
                .map(|item| decoded(item.trim()))
                .collect();
            proptest::prop_assert_eq!(read, groups);
        }
    }
}
