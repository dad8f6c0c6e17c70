//! The style sheet and the logo: names that change with their content, so that browsers may keep them for good.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response};

use super::headers::Kind;
use super::pages::{Shell, Support};
use super::settings::PortalSettings;

const CSS: &str = include_str!("assets/stepgate.css");

/// What all pages share, made once from the settings.
pub(crate) struct Skin {
    css: Asset,
    logo: Option<Asset>,
    name: String,
    support: Option<Support>,
}

struct Asset {
    name: String,
    kind: HeaderValue,
    bytes: Bytes,
}

impl Skin {
    /// Makes the assets of these settings.
    pub(crate) fn new(settings: &PortalSettings) -> Self {
        let accent = settings.accent.as_deref().filter(|a| is_colour(a));
        // The accent is checked against both schemes by the config; buttons then take the paper's colour as ink.
        let css =
            accent.map_or_else(|| CSS.to_owned(), |a| format!("{CSS}:root{{--accent:{a};--on-accent:var(--paper)}}\n"));
        let logo = settings.logo.as_ref().and_then(|(kind, bytes)| {
            let ending = if kind == "image/png" { "png" } else { "svg" };
            Some(Asset::new("logo", ending, HeaderValue::from_str(kind).ok()?, bytes.clone().into()))
        });
        Self {
            css: Asset::new("stepgate", "css", HeaderValue::from_static("text/css; charset=utf-8"), css.into()),
            logo,
            name: if settings.name.is_empty() { "Stepgate".to_owned() } else { settings.name.clone() },
            support: settings.support.as_deref().filter(|s| !s.is_empty()).map(Support::new),
        }
    }

    /// The frame of a page about one request.
    pub(crate) fn shell(&self, request_id: &str) -> Shell {
        Shell {
            name: self.name.clone(),
            css: self.css.path(),
            logo: self.logo.as_ref().map(Asset::path),
            support: self.support.clone(),
            request_id: request_id.to_owned(),
        }
    }

    /// The asset of that name.
    pub(crate) fn asset(&self, name: &str) -> Option<Response<Bytes>> {
        let asset = std::iter::once(&self.css).chain(self.logo.as_ref()).find(|a| a.name == name)?;
        let mut answer = Response::new(asset.bytes.clone());
        answer.headers_mut().insert(CONTENT_TYPE, asset.kind.clone());
        answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
        answer.extensions_mut().insert(Kind("asset"));
        Some(answer)
    }
}

impl Asset {
    fn new(stem: &str, ending: &str, kind: HeaderValue, bytes: Bytes) -> Self {
        Self { name: format!("{stem}.{:016x}.{ending}", fingerprint(&bytes)), kind, bytes }
    }

    fn path(&self) -> String {
        format!("{}assets/{}", super::PREFIX, self.name)
    }
}

/// FNV-1a: tells versions of a file apart, nothing more.
pub(crate) fn fingerprint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, b| (hash ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3))
}

fn is_colour(text: &str) -> bool {
    text.strip_prefix('#').is_some_and(|hex| hex.len() == 6 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
}
