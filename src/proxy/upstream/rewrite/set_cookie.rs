//! `Set-Cookie` of an app: a domain that only the app knows goes, what keeps the cookie safe comes.

use super::names::{Names, Public};
use crate::proxy::settings::{CookieSettings, SameSite};

/// The cookie as the browser shall get it; `None`: as it is. With `names`, a domain of them is left out, so that the
/// cookie is the public host's.
pub(super) fn rewritten(
    cookie: &[u8],
    names: Option<&Names>,
    public: Public<'_>,
    cookies: CookieSettings,
) -> Option<Vec<u8>> {
    let seen = Attributes::of(cookie);
    let inner =
        names.zip(seen.domain).is_some_and(|(names, domain)| names.are_domain(unquoted(domain), public.authority));
    // `None` is refused without `Secure`, so in the clear nothing is said.
    let same_site = cookies.same_site.filter(|same| !seen.same_site && (public.https || *same != SameSite::None));
    let needs = cookies.secure || same_site == Some(SameSite::None);
    let secure = public.https && needs && !seen.secure;
    if !inner && !secure && same_site.is_none() {
        return None;
    }
    let mut out = Vec::with_capacity(cookie.len() + 32);
    for (number, part) in cookie.split(|b| *b == b';').enumerate() {
        if number > 0 && inner && attribute(part).0.eq_ignore_ascii_case(b"domain") {
            continue;
        }
        if number > 0 {
            out.push(b';');
        }
        out.extend_from_slice(part);
    }
    if secure {
        out.extend_from_slice(b"; Secure");
    }
    if let Some(same_site) = same_site {
        out.extend_from_slice(b"; SameSite=");
        out.extend_from_slice(same_site.word().as_bytes());
    }
    Some(out)
}

/// A value as frameworks mean it that quote every one.
fn unquoted(value: &[u8]) -> &[u8] {
    value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(value)
}

/// What a cookie says of itself. Of what it says twice, browsers take the last (RFC 6265 §5.2).
#[derive(Default)]
struct Attributes<'a> {
    domain: Option<&'a [u8]>,
    secure: bool,
    /// A word that browsers know; any other counts as none.
    same_site: bool,
}

impl<'a> Attributes<'a> {
    fn of(cookie: &'a [u8]) -> Self {
        let mut seen = Self::default();
        for part in cookie.split(|b| *b == b';').skip(1) {
            let (name, value) = attribute(part);
            if name.eq_ignore_ascii_case(b"domain") && !value.is_empty() {
                seen.domain = Some(value);
            }
            seen.secure |= name.eq_ignore_ascii_case(b"secure");
            if name.eq_ignore_ascii_case(b"samesite") {
                seen.same_site = SameSite::ALL.iter().any(|same| value.eq_ignore_ascii_case(same.word().as_bytes()));
            }
        }
        seen
    }
}

fn attribute(part: &[u8]) -> (&[u8], &[u8]) {
    let mut halves = part.splitn(2, |b| *b == b'=');
    let mut half = || halves.next().unwrap_or_default().trim_ascii();
    (half(), half())
}
