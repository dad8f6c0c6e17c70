//! Our cookies and our bearer tokens, as far as the proxy must know them. How they are written and read is the
//! portal's affair; here they are kept from the apps.

use http::HeaderValue;

use crate::auth::session::SessionToken;
use crate::portal::cookies;

/// Whether an `Authorization` holds a token of ours, which no app may see.
pub(crate) fn is_our_bearer(value: &HeaderValue) -> bool {
    let Some((scheme, token)) = value.to_str().ok().and_then(|text| text.split_once(' ')) else { return false };
    scheme.eq_ignore_ascii_case("bearer") && SessionToken::parse(token.trim()).is_some()
}

/// Whether a `Set-Cookie` of an app sets a cookie of ours, or what could be taken for one.
pub(crate) fn sets_ours(value: &HeaderValue) -> bool {
    let name = value.as_bytes().split(|b| matches!(b, b';' | b'=')).next().unwrap_or_default();
    cookies::is_ours(String::from_utf8_lossy(name).trim())
}
