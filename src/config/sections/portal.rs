//! `portal`: look and words of our pages.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::checker::Checker;
use crate::config::placed::Placed;
use crate::config::scalars::Later;
use crate::portal::settings::PortalSettings;

/// The largest logo, in bytes.
const LOGO_BYTES: u64 = 256 * 1024;
/// What text needs against its ground (WCAG 2.2, 1.4.3).
const CONTRAST: f64 = 4.5;

/// Look and words of our pages.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct PortalOptions {
    /// Not available in this version.
    #[serde(default, rename = "host")]
    _host: Later,
    /// The name of the organisation. Default: Stepgate.
    pub(in crate::config) name: Option<Placed<String>>,
    /// A logo: an SVG, PNG, JPEG or WebP file of at most 256KiB.
    logo: Option<Placed<String>>,
    /// The accent colour, as "#1f4fd8"; white text on it must be readable.
    accent: Option<Placed<String>>,
    /// Where people get help: a mail address or a URL.
    support: Option<Placed<String>>,
}

/// Judges `portal`.
pub(in crate::config) fn settle(options: Option<PortalOptions>, cx: &mut Checker) -> PortalSettings {
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

fn logo(path: &Placed<String>, cx: &mut Checker) -> Option<(String, Vec<u8>)> {
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

fn support(text: &Placed<String>, cx: &mut Checker) -> Option<String> {
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

fn accent(text: &Placed<String>, cx: &mut Checker) -> Option<String> {
    let Some(rgb) = parse(text.value.trim()) else {
        cx.error(text.at, "not a colour", "write it as \"#1f4fd8\", with quotes: # begins a comment");
        return None;
    };
    if contrast_on_white(rgb) < CONTRAST {
        let found = contrast_on_white(rgb);
        cx.error(
            text.at,
            format!("white text on this colour is hard to read: contrast {found:.1}:1, needed {CONTRAST}:1"),
            format!("the nearest that does is \"{}\"", write(darker(rgb))),
        );
        return None;
    }
    Some(write(rgb))
}

fn parse(text: &str) -> Option<[u8; 3]> {
    let digits = text.strip_prefix('#')?;
    if digits.len() != 6 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let [_, r, g, b] = u32::from_str_radix(digits, 16).ok()?.to_be_bytes();
    Some([r, g, b])
}

fn write([r, g, b]: [u8; 3]) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// WCAG 2.2 contrast ratio against white.
fn contrast_on_white([r, g, b]: [u8; 3]) -> f64 {
    let channel = |c: u8| {
        let c = f64::from(c) / 255.0;
        if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    };
    1.05 / (0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b) + 0.05)
}

/// The lightest darker shade of a colour that white text can stand on.
fn darker(rgb: [u8; 3]) -> [u8; 3] {
    let shade = |per_mille: u32| rgb.map(|c| u8::try_from(u32::from(c) * per_mille / 1000).unwrap_or(c));
    (0..=1000).rev().map(shade).find(|c| contrast_on_white(*c) >= CONTRAST).unwrap_or([0; 3])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_suggested_shade_is_readable_and_black_is_the_darkest() {
        for rgb in [[255, 255, 0], [255, 255, 255], [0x8a, 0xb4, 0xf8], [0, 255, 128]] {
            assert!(contrast_on_white(darker(rgb)) >= CONTRAST);
        }
        assert!((contrast_on_white([0, 0, 0]) - 21.0).abs() < 0.01);
        assert!(contrast_on_white([0x1f, 0x4f, 0xd8]) >= CONTRAST);
    }
}
