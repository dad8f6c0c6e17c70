//! `Origin` and `Referer` towards an app that is told another `Host` than the browser asked: they name what the app
//! takes for itself where they named the public origin, and only there.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::names::{Names, Public};
use super::reference::Reference;

/// What becomes of these two headers.
#[derive(Debug, Default)]
pub(crate) struct Inward {
    pub(crate) origin: Fate,
    pub(crate) referer: Fate,
}

/// What becomes of a header.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It passes as it is, if it is there.
    #[default]
    Passes,
    /// The app does not see it.
    Dropped,
    /// The app sees this instead.
    Becomes(HeaderValue),
}

pub(super) fn inward(headers: &HeaderMap, names: &Names, origin: &str, public: Public<'_>) -> Inward {
    let judge = |name: HeaderName| judge(headers, name, names, origin, public);
    Inward {
        origin: match judge(header::ORIGIN) {
            // An origin that is nobody's (Fetch §3.2).
            Fate::Dropped => Fate::Becomes(HeaderValue::from_static("null")),
            other => other,
        },
        referer: judge(header::REFERER),
    }
}

/// The public origin becomes the app's own. Another page that has the app's own name is foreign all the same, and the
/// app could not see that.
fn judge(headers: &HeaderMap, name: HeaderName, names: &Names, origin: &str, public: Public<'_>) -> Fate {
    let mut values = headers.get_all(name).iter();
    let Some(first) = values.next() else { return Fate::Passes };
    let Some(second) = values.next() else { return judge_one(first.as_bytes(), names, origin, public) };
    // No browser sends two; the app may read either.
    let mut all = [first, second].into_iter().chain(values);
    let odd = all.any(|value| judge_one(value.as_bytes(), names, origin, public) == Fate::Dropped);
    if odd { Fate::Dropped } else { Fate::Passes }
}

fn judge_one(value: &[u8], names: &Names, origin: &str, public: Public<'_>) -> Fate {
    // Absolute, whatever the page.
    let Some(reference) = Reference::parse(value, public.https).filter(|reference| reference.https.is_some()) else {
        return Fate::Passes;
    };
    let Some(host) = reference.host() else { return Fate::Passes };
    if public.is(&reference, &host) {
        let told = [origin.as_bytes(), reference.rest].concat();
        return HeaderValue::try_from(told).map_or(Fate::Passes, Fate::Becomes);
    }
    if names.are_told(&host) { Fate::Dropped } else { Fate::Passes }
}
