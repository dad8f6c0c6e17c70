//! The style sheet, the script and the logo: names that change with their content, so that browsers may keep them for good, and
//! packed once, when the portal is made.
//!
//! Nothing else of ours is packed. A page that holds a secret (a key, backup codes, a count in a cookie) beside something
//! that came with the request would tell the secret by its length (BREACH); pages are small enough as they are.

use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::pages::Shell;
use super::reply::Reply;
use super::settings::PortalSettings;
use super::support_contact::SupportContact;

const CSS: &str = include_str!("assets/stepgate.css");
const SCRIPT: &str =
    concat!(include_str!("assets/stepgate.js"), include_str!("assets/popup.js"), include_str!("assets/passkeys.js"));
const STEP_UP: &str = include_str!("assets/step-up.js");
const FOR_GOOD: &str = "public, max-age=31536000, immutable";
/// Of what has the same name in every version: asked for again once an hour.
const FOR_AN_HOUR: &str = "public, max-age=3600";
const JAVASCRIPT: HeaderValue = HeaderValue::from_static("text/javascript; charset=utf-8");

/// What all pages share, made once from the settings.
pub(crate) struct Theme {
    css: Asset,
    script: Asset,
    /// For scripts of apps, which name it by a name that stays.
    step_up: Asset,
    logo: Option<Asset>,
    name: String,
    support: Option<SupportContact>,
}

struct Asset {
    name: String,
    kind: HeaderValue,
    plain: EncodedBody,
    /// Packed with gzip, if that makes it smaller.
    packed: Option<EncodedBody>,
}

struct EncodedBody {
    bytes: Bytes,
    /// A strong validator (RFC 9110 §8.8.3): each encoding has its own.
    etag: HeaderValue,
}

impl Theme {
    /// Makes the assets of these settings.
    pub(crate) fn new(settings: &PortalSettings) -> Self {
        // Words on the accent take the colour of the paper, which it is readable on, and the other way round.
        let css = settings.accent.map_or_else(
            || CSS.to_owned(),
            |accent| {
                let (light, dark) = (accent.light(), accent.dark());
                format!(
                    "{CSS}:root{{--accent:{light};--on-accent:var(--paper)}}\n\
                     @media (prefers-color-scheme:dark){{:root{{--accent:{dark}}}}}\n"
                )
            },
        );
        let logo = settings.logo.as_ref().and_then(|(kind, bytes)| {
            let ending = if kind == "image/png" { "png" } else { "svg" };
            Some(Asset::new("logo", ending, HeaderValue::from_str(kind).ok()?, bytes.clone().into()))
        });
        Self {
            css: Asset::new("stepgate", "css", HeaderValue::from_static("text/css; charset=utf-8"), css.into()),
            script: Asset::new("stepgate", "js", JAVASCRIPT, SCRIPT.into()),
            step_up: Asset::new("step-up", "js", JAVASCRIPT, STEP_UP.into()),
            logo,
            name: if settings.name.is_empty() { "Stepgate".to_owned() } else { settings.name.clone() },
            support: settings.support.as_deref().filter(|s| !s.is_empty()).map(SupportContact::new),
        }
    }

    /// The frame of a page about one request.
    pub(crate) fn shell(&self, request_id: &str) -> Shell {
        Shell {
            name: self.name.clone(),
            css: self.css.path(),
            script: self.script.path(),
            logo: self.logo.as_ref().map(Asset::path),
            support: self.support.clone(),
            request_id: request_id.to_owned(),
        }
    }

    /// The asset of that name, as this request can take it.
    pub(crate) fn asset(&self, name: &str, request: &HeaderMap) -> Option<Reply> {
        let asset = [&self.css, &self.script].into_iter().chain(self.logo.as_ref()).find(|a| a.name == name)?;
        Some(asset.answer(request, FOR_GOOD))
    }

    /// The script for scripts of apps.
    pub(crate) fn step_up_script(&self, request: &HeaderMap) -> Reply {
        self.step_up.answer(request, FOR_AN_HOUR)
    }
}

impl Asset {
    fn new(stem: &str, ending: &str, kind: HeaderValue, bytes: Bytes) -> Self {
        let mark = format!("{:016x}", fingerprint(&bytes));
        let packed = gzip(&bytes).filter(|packed| packed.len() < bytes.len());
        let body = |bytes, etag: String| EncodedBody {
            bytes,
            etag: HeaderValue::from_str(&etag).unwrap_or(HeaderValue::from_static("\"\"")),
        };
        Self {
            name: format!("{stem}.{mark}.{ending}"),
            kind,
            packed: packed.map(|packed| body(packed.into(), format!("\"{mark}-gzip\""))),
            plain: body(bytes, format!("\"{mark}\"")),
        }
    }

    fn path(&self) -> String {
        format!("{}assets/{}", crate::auth::reserved_names::PREFIX, self.name)
    }

    fn answer(&self, request: &HeaderMap, kept: &'static str) -> Reply {
        let packed = self.packed.as_ref().filter(|_| takes_gzip(request));
        let body = packed.unwrap_or(&self.plain);
        let mut reply = Reply::empty(StatusCode::OK, "asset");
        let headers = reply.headers_mut();
        headers.insert(ETAG, body.etag.clone());
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(kept));
        if self.packed.is_some() {
            headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
        }
        if is_known(request, &body.etag) {
            *reply.response.status_mut() = StatusCode::NOT_MODIFIED;
        } else {
            headers.insert(CONTENT_TYPE, self.kind.clone());
            if packed.is_some() {
                headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            }
            *reply.response.body_mut() = body.bytes.clone();
        }
        reply
    }
}

fn gzip(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

/// Whether `Accept-Encoding` takes gzip (RFC 9110 §12.5.3): named itself, or else by `*`, and not with `q=0`.
fn takes_gzip(request: &HeaderMap) -> bool {
    let lines = request.get_all(ACCEPT_ENCODING).iter().filter_map(|v| v.to_str().ok());
    let (mut named, mut any) = (None, None);
    for item in lines.flat_map(|line| line.split(',')) {
        let mut parts = item.split(';').map(str::trim);
        let coding = parts.next().unwrap_or_default();
        let weight = parts.filter_map(|p| p.split_once('=')).find(|(name, _)| name.trim().eq_ignore_ascii_case("q"));
        // A weight that cannot be read is no consent.
        let wanted = weight.is_none_or(|(_, q)| q.trim().parse::<f32>().is_ok_and(|q| q > 0.0));
        if coding.eq_ignore_ascii_case("gzip") || coding.eq_ignore_ascii_case("x-gzip") {
            named = Some(wanted);
        } else if coding == "*" {
            any = Some(wanted);
        }
    }
    named.or(any).unwrap_or(false)
}

/// Whether `If-None-Match` names this validator (RFC 9110 §13.1.2: compared weakly).
fn is_known(request: &HeaderMap, etag: &HeaderValue) -> bool {
    let Ok(own) = etag.to_str() else { return false };
    let lines = request.get_all(IF_NONE_MATCH).iter().filter_map(|v| v.to_str().ok());
    let mut tags = lines.flat_map(|line| line.split(',')).map(str::trim);
    tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == own)
}

/// FNV-1a: tells versions of a file apart, nothing more.
pub(crate) fn fingerprint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, b| (hash ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn asking(headers: &[(&'static str, &str)]) -> HeaderMap {
        headers.iter().map(|(n, v)| (http::HeaderName::from_static(n), HeaderValue::from_str(v).unwrap())).collect()
    }

    #[test]
    fn gzip_is_sent_to_those_who_take_it() {
        let takes = |value: &str| takes_gzip(&asking(&[("accept-encoding", value)]));
        for yes in ["gzip", "gzip, deflate, br, zstd", "br;q=1.0, GZIP;q=0.5", "*", "identity;q=0.5, *;q=0.1", "x-gzip"]
        {
            assert!(takes(yes), "{yes}");
        }
        for no in ["", "br", "identity", "gzip;q=0", "gzip; Q=0.000", "gzip;q=0, *", "*;q=0", "gzip;q=x", "gzipped"] {
            assert!(!takes(no), "{no}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }

    #[test]
    fn each_encoding_has_its_own_validator_and_one_content() {
        let logo = ("image/svg+xml".to_owned(), b"<svg></svg>".to_vec());
        let theme = Theme::new(&PortalSettings { logo: Some(logo), ..PortalSettings::default() });
        let name = theme.css.name.clone();
        let (plain, packed) = (
            theme.asset(&name, &asking(&[])).unwrap(),
            theme.asset(&name, &asking(&[("accept-encoding", "gzip")])).unwrap(),
        );
        let mut unpacked = String::new();
        flate2::read::GzDecoder::new(packed.body().as_ref()).read_to_string(&mut unpacked).unwrap();
        assert_eq!((unpacked.as_bytes(), unpacked.as_str()), (plain.body().as_ref(), CSS));
        assert!(packed.body().len() * 2 < plain.body().len());
        assert_eq!(packed.headers()["content-encoding"], "gzip");
        assert!(!plain.headers().contains_key("content-encoding"));
        assert_ne!(plain.headers()["etag"], packed.headers()["etag"]);
        for answer in [&plain, &packed] {
            assert_eq!(
                (&answer.headers()["vary"], &answer.headers()["cache-control"]),
                (&"Accept-Encoding".parse().unwrap(), &FOR_GOOD.parse().unwrap())
            );
        }
        // What would not get smaller is sent as it is.
        let logo = theme.asset(&theme.logo.as_ref().unwrap().name, &asking(&[("accept-encoding", "gzip")])).unwrap();
        assert!(!logo.headers().contains_key("content-encoding") && !logo.headers().contains_key("vary"));
        assert!(theme.asset("stepgate.css", &asking(&[])).is_none());
    }

    #[test]
    fn the_one_script_is_small() {
        let packed = Theme::new(&PortalSettings::default()).script.packed.unwrap();
        assert!(packed.bytes.len() <= 4096, "{} bytes", packed.bytes.len());
    }

    #[test]
    fn the_script_for_apps_is_smaller_yet() {
        let theme = Theme::new(&PortalSettings::default());
        let packed = theme.step_up.packed.as_ref().unwrap();
        assert!(packed.bytes.len() <= 1500, "{} bytes", packed.bytes.len());
        let answer = theme.step_up_script(&asking(&[("accept-encoding", "gzip")]));
        assert_eq!((&answer.headers()["etag"], answer.headers()["cache-control"] == FOR_AN_HOUR), (&packed.etag, true));
        let known = asking(&[("accept-encoding", "gzip"), ("if-none-match", packed.etag.to_str().unwrap())]);
        assert_eq!(theme.step_up_script(&known).status(), StatusCode::NOT_MODIFIED);
    }

    #[test]
    fn a_kept_copy_is_confirmed_without_a_body() {
        let theme = Theme::new(&PortalSettings::default());
        let name = theme.css.name.clone();
        let tag =
            |headers: &HeaderMap| theme.asset(&name, headers).unwrap().headers()["etag"].to_str().unwrap().to_owned();
        let (plain, packed) = (tag(&asking(&[])), tag(&asking(&[("accept-encoding", "gzip")])));
        for (encoding, sent, known) in [
            ("", plain.clone(), true),
            ("gzip", packed.clone(), true),
            ("gzip", format!("\"other\", W/{packed}"), true),
            ("", "*".to_owned(), true),
            ("gzip", plain.clone(), false),
            ("", packed, false),
            ("", plain.replace('"', ""), false),
        ] {
            let answer =
                theme.asset(&name, &asking(&[("accept-encoding", encoding), ("if-none-match", &sent)])).unwrap();
            assert_eq!(
                (answer.status() == StatusCode::NOT_MODIFIED, answer.body().is_empty()),
                (known, known),
                "{sent}"
            );
        }
    }
}
