//! `portal`: look and words of our pages.

use schemars::JsonSchema;
use serde::Deserialize;

use super::registrable_domain::registrable_domain;
use super::tls::Coverage;
use crate::auth::host;
use crate::config::sections::checker::Checker;
use crate::config::yaml::Spanned;
use crate::portal::settings::{Accent, Colour, LowContrast, PortalSettings};

/// The largest logo, in bytes.
const LOGO_BYTES: u64 = 256 * 1024;

/// Where people sign in, look and words of our pages.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PortalOptions {
    /// A host of its own where people sign in once for all apps, under the registrable domain of these. Default: each
    /// app's own host.
    pub(crate) host: Option<Spanned<String>>,
    /// The name of the organisation. Default: Stepgate.
    pub(crate) name: Option<Spanned<String>>,
    /// A logo: an SVG, PNG, JPEG or WebP file of at most 256KiB.
    logo: Option<Spanned<String>>,
    /// The accent colour, as "#1f4fd8"; white text on it must be readable. The dark scheme gets a lighter shade of it,
    /// which `check` shows.
    accent: Option<Spanned<String>>,
    /// Where people get help: a mail address or a URL.
    support: Option<Spanned<String>>,
}

pub(crate) fn validate(options: Option<PortalOptions>, cx: &mut Checker) -> PortalSettings {
    let mut settings = PortalSettings::default();
    let Some(options) = options else { return settings };
    if let Some(name) = options.name {
        name.value.trim().clone_into(&mut settings.name);
    }
    settings.logo = options.logo.and_then(|l| logo(&l, cx));
    settings.accent = options.accent.and_then(|a| accent(&a, cx));
    settings.support = options.support.and_then(|s| support(&s, cx));
    settings
}

/// The host where people sign in, in its canonical form.
pub(crate) fn host(text: &Spanned<String>, coverage: Option<&Coverage>, cx: &mut Checker) -> Option<Spanned<String>> {
    const FIX: &str = "write the name alone, as login.example.com, without scheme, port and path";
    let Some(name) = host::from_operator(text.value.trim()) else {
        cx.error(text.at, "not a host", FIX);
        return None;
    };
    if registrable_domain(&name).is_none() {
        let fix = "name a host under the domain of the apps, as login.example.com: they must have one domain";
        cx.error(text.at, "this host is an address, a single name or a public suffix", fix);
        return None;
    }
    if let Some(line) = coverage.and_then(|coverage| coverage.line_without(&name, cx)) {
        let fix = format!(
            "browsers will refuse {name}, and nobody could sign in; add its certificate to `tls` (line {line})"
        );
        cx.error(text.at, "no certificate is good for this host", fix);
    }
    Some(Spanned { value: name, at: text.at })
}

fn logo(path: &Spanned<String>, cx: &mut Checker) -> Option<(String, Vec<u8>)> {
    let bytes = cx.read(path, LOGO_BYTES)?;
    let head = bytes.get(..bytes.len().min(1024)).unwrap_or_default();
    let media = match head {
        [0x89, b'P', b'N', b'G', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ if String::from_utf8_lossy(head).contains("<svg") => Some("image/svg+xml"),
        _ => None,
    };
    if media.is_none() {
        cx.error(path.at, "not a picture that browsers show", "give an SVG, PNG, JPEG or WebP file");
    }
    media.map(|m| (m.to_owned(), bytes))
}

fn support(text: &Spanned<String>, cx: &mut Checker) -> Option<String> {
    let value = text.value.trim();
    let url = url::Url::parse(value).is_ok_and(|u| matches!(u.scheme(), "https" | "http" | "mailto" | "tel"));
    let mail = value.split_once('@').is_some_and(|(a, b)| !a.is_empty() && b.contains('.'))
        && !value.contains(|c: char| c.is_whitespace() || c == ':');
    if !url && !mail {
        cx.error(text.at, "neither a mail address nor a URL", "write help@example.com or https://…");
        return None;
    }
    Some(value.to_owned())
}

fn accent(text: &Spanned<String>, cx: &mut Checker) -> Option<Accent> {
    let Some(colour) = Colour::parse(text.value.trim()) else {
        cx.error(text.at, "not a colour", "write it as \"#1f4fd8\", with quotes: # begins a comment");
        return None;
    };
    match Accent::new(colour) {
        Ok(accent) => Some(accent),
        Err(LowContrast { contrast, needed, nearest }) => {
            let what = "white text on this colour is hard to read";
            cx.error(
                text.at,
                format!("{what}: contrast {contrast:.1}:1, needed {needed}:1"),
                format!("the nearest that does is \"{nearest}\""),
            );
            None
        }
    }
}
