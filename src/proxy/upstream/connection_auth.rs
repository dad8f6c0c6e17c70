//! Schemes that sign a connection in and not a request: NTLM, and Negotiate as IIS speaks it (MS-NTHT, RFC 4559 §6).
//! Whatever comes over such a connection later is taken for the same person's.

use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue};

/// Credentials of such a scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Credentials {
    /// A step of NTLM: the next one must come over the same connection.
    Ntlm,
    /// Of Kerberos, as a rule: whole in one request.
    Negotiate,
}

/// Whether an answer offers such a scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offer {
    /// No.
    None,
    /// By its name alone.
    Scheme,
    /// With a token, which the next request answers.
    Token,
}

/// How NTLM's messages begin, in base64: `NTLMSSP` and a zero.
const NTLMSSP: &[u8] = b"TlRMTVNTUA";

/// The credentials of a request.
pub(crate) fn credentials(headers: &HeaderMap) -> Option<Credentials> {
    let mut found = None;
    // One field, as a rule; who sends several is taken at the strictest.
    for (scheme, token) in headers.get_all(AUTHORIZATION).iter().filter_map(challenge) {
        let ntlm = scheme.eq_ignore_ascii_case(b"ntlm") || token.starts_with(NTLMSSP);
        if ntlm {
            return Some(Credentials::Ntlm);
        }
        found = Some(Credentials::Negotiate);
    }
    found
}

/// What an answer offers. A comma within a quoted string is taken for the end of a challenge: that is once too often, at
/// worst.
pub(crate) fn offered(headers: &HeaderMap) -> Offer {
    let mut offer = Offer::None;
    for value in headers.get_all(WWW_AUTHENTICATE) {
        for (_, token) in value.as_bytes().split(|b| *b == b',').filter_map(scheme_and_token) {
            if !token.is_empty() {
                return Offer::Token;
            }
            offer = Offer::Scheme;
        }
    }
    offer
}

fn challenge(value: &HeaderValue) -> Option<(&[u8], &[u8])> {
    scheme_and_token(value.as_bytes())
}

/// The parts of a challenge, or of credentials, of a scheme that signs connections in.
fn scheme_and_token(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let value = value.trim_ascii();
    let end = value.iter().position(u8::is_ascii_whitespace).unwrap_or(value.len());
    let (scheme, token) = value.split_at_checked(end)?;
    let begins = |name: &[u8]| scheme.get(..name.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(name));
    // `Nego2` is Negotiate's successor.
    (begins(b"ntlm") || begins(b"nego") || begins(b"kerberos")).then(|| (scheme, token.trim_ascii()))
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    fn headers(name: HeaderName, values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (name.clone(), HeaderValue::from_str(value).unwrap())).collect()
    }

    #[test]
    fn offers_are_seen_in_every_spelling() {
        let cases: [(&[&str], Offer); 14] = [
            (&[], Offer::None),
            (&["Basic realm=\"x\""], Offer::None),
            (&["Bearer error=\"invalid_token\"", "Digest realm=\"ntlm\""], Offer::None),
            (&["NTLM"], Offer::Scheme),
            (&["ntlm "], Offer::Scheme),
            (&["NEGOTIATE"], Offer::Scheme),
            (&["Nego2"], Offer::Scheme),
            (&["Kerberos"], Offer::Scheme),
            (&["Basic realm=\"x\"", "Negotiate", "NTLM"], Offer::Scheme),
            (&["Basic realm=\"x\", NTLM"], Offer::Scheme),
            (&["Basic realm=\"x\",Negotiate,NTLM"], Offer::Scheme),
            (&["NTLM TlRMTVNTUAACAAAA"], Offer::Token),
            (&["Negotiate oYG2MIGz"], Offer::Token),
            (&["Basic realm=\"x\"", "negotiate\toYG2MIGz=="], Offer::Token),
        ];
        for (values, offer) in cases {
            assert_eq!(offered(&headers(WWW_AUTHENTICATE, values)), offer, "{values:?}");
        }
        let of_a_proxy = headers(http::header::PROXY_AUTHENTICATE, &["NTLM"]);
        assert_eq!(offered(&of_a_proxy), Offer::None);
    }

    #[test]
    fn credentials_are_told_apart() {
        let cases: [(&[&str], Option<Credentials>); 8] = [
            (&[], None),
            (&["Basic bnRsbTp4"], None),
            (&["Bearer NTLM"], None),
            (&["NTLM TlRMTVNTUAABAAAA"], Some(Credentials::Ntlm)),
            (&["ntlm x"], Some(Credentials::Ntlm)),
            (&["Negotiate TlRMTVNTUAABAAAA"], Some(Credentials::Ntlm)),
            (&["Negotiate YIIKdgYGKwYBBQUC"], Some(Credentials::Negotiate)),
            (&["Negotiate YIIK", "NTLM x"], Some(Credentials::Ntlm)),
        ];
        for (values, expected) in cases {
            assert_eq!(credentials(&headers(AUTHORIZATION, values)), expected, "{values:?}");
        }
    }
}
