//! Values as people write them: durations, sizes, secrets, off.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::auth::secret::SecretText;
use crate::config::yaml::Spanned;

/// Ten years: nothing here is meant to last longer.
const LONGEST: Duration = Duration::from_secs(10 * 366 * 24 * 3600);

/// A duration with units: `90s`, `5m`, `1h 30m`.
#[derive(Clone, Copy)]
pub(crate) struct HumanDuration(pub(crate) Duration);

impl<'de> Deserialize<'de> for HumanDuration {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = Text::deserialize(d)?.0;
        let text = text.trim();
        if text.parse::<f64>().is_ok() {
            return Err(D::Error::custom(format!(
                "a duration needs a unit\nwrite `{text}s` for seconds, `{text}m` for minutes, `{text}h` for hours, \
                 or `250ms`, `7d`"
            )));
        }
        // `M` would be months, which nobody means who writes `max_age: 5M`
        let time = humantime::parse_duration(text)
            .ok()
            .filter(|_| !text.contains(char::is_uppercase))
            .ok_or_else(|| D::Error::custom("not a duration\nwrite it like `90s`, `5m`, `1h 30m` or `7d`"))?;
        if time.is_zero() || time > LONGEST {
            return Err(D::Error::custom(
                "a duration must be longer than zero and at most ten years\nwrite it like `90s`, `5m`, `1h 30m` or `7d`",
            ));
        }
        Ok(Self(time))
    }
}

/// A size in bytes with units: `64KiB`, `10MB`; bare digits are bytes.
#[derive(Clone, Copy)]
pub(crate) struct HumanSize(pub(crate) u64);

impl<'de> Deserialize<'de> for HumanSize {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = Text::deserialize(d)?.0;
        size(text.trim()).map(Self).map_err(D::Error::custom)
    }
}

fn size(text: &str) -> Result<u64, &'static str> {
    let usable = text.is_ascii() && text.starts_with(|c: char| c.is_ascii_digit());
    let parsed = if usable { text.parse::<bytesize::ByteSize>().ok() } else { None };
    match parsed {
        None => Err("not a size\nwrite it like `64KiB`, `10MB` or `1GiB`; digits alone are bytes"),
        // beyond this the reader of sizes rounds down to what a number can hold
        Some(bytes) if bytes.0 == u64::MAX => {
            Err("a size too large to be one\nwrite it like `64KiB`, `10MB` or `1GiB`")
        }
        Some(bytes) if bytes.0 == 0 => Err("a size must be larger than zero\nwrite it like `64KiB`, `10MB` or `1GiB`"),
        Some(bytes) => Ok(bytes.0),
    }
}

/// A size, or `unlimited`.
#[derive(Clone, Copy)]
pub(crate) struct SizeLimit(pub(crate) Option<u64>);

impl<'de> Deserialize<'de> for SizeLimit {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = Text::deserialize(d)?.0;
        match text.trim() {
            "unlimited" => Ok(Self(None)),
            text => size(text).map(|s| Self(Some(s))).map_err(D::Error::custom),
        }
    }
}

/// A scalar taken as the text it was written as.
struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d).map(Self)
    }
}

/// A number with or without a fraction.
#[derive(Clone, Copy)]
pub(crate) struct Decimal(pub(crate) f64);

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = Text::deserialize(d)?.0;
        let number = text.trim().parse().ok().filter(|number: &f64| number.is_finite());
        number.map(Self).ok_or_else(|| D::Error::custom("not a number\nwrite it like `1.6` or `-1`"))
    }
}

/// A share of a whole as people write it: `1%`, `0.2 %`.
#[derive(Clone, Copy)]
pub(crate) struct Percent(pub(crate) f64);

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = Text::deserialize(d)?.0;
        let number = text.trim().strip_suffix('%').and_then(|number| number.trim_end().parse().ok());
        let number = number.filter(|number: &f64| (0.0..=100.0).contains(number));
        number
            .map(|number| Self(number / 100.0))
            .ok_or_else(|| D::Error::custom("not a percentage\nwrite it like `1%` or `0.2%`"))
    }
}

/// A secret.
#[derive(Clone)]
pub(crate) struct HiddenText(pub(crate) SecretText);

impl<'de> Deserialize<'de> for HiddenText {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d).map(|s| Self(SecretText::new(s)))
    }
}

/// A key of later versions: off is fine, anything else is refused.
#[derive(Clone, Copy, Default)]
pub(crate) struct Unavailable;

impl<'de> Deserialize<'de> for Unavailable {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Off;
        const REFUSED: &str = "not available in this version\nset it to `off` or leave it out; nothing here may look protected that is not";
        impl<'de> Visitor<'de> for Off {
            type Value = Unavailable;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("off")
            }
            fn visit_unit<E: Error>(self) -> Result<Unavailable, E> {
                Ok(Unavailable)
            }
            fn visit_bool<E: Error>(self, on: bool) -> Result<Unavailable, E> {
                if on { Err(E::custom(REFUSED)) } else { Ok(Unavailable) }
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Unavailable, E> {
                if matches!(text, "off" | "no" | "none") { Ok(Unavailable) } else { Err(E::custom(REFUSED)) }
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Unavailable, A::Error> {
                match items.next_element::<IgnoredAny>()? {
                    Some(_) => Err(A::Error::custom(REFUSED)),
                    None => Ok(Unavailable),
                }
            }
            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Unavailable, A::Error> {
                match entries.next_entry::<IgnoredAny, IgnoredAny>()? {
                    Some(_) => Err(A::Error::custom(REFUSED)),
                    None => Ok(Unavailable),
                }
            }
        }
        d.deserialize_any(Off)
    }
}

/// A URL that may hold a password.
pub(crate) type Url = Spanned<HiddenText>;

macro_rules! schemas {
    ($($type:ident: $schema:tt),* $(,)?) => {$(
        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    )*};
}

schemas! {
    HumanDuration: { "type": "string", "description": "a duration with units: 90s, 5m, 1h 30m",
        "pattern": "^\\s*([0-9]+(\\.[0-9]+)?\\s*[a-zA-Z\u{b5}]+\\s*)+$" },
    HumanSize: { "type": ["string", "number"], "description": "bytes, or a size with a unit: 64KiB, 10MB",
        "pattern": "^\\s*[0-9]", "minimum": 1 },
    SizeLimit: { "type": ["string", "number"], "description": "a size as 100MiB, or unlimited",
        "pattern": "^\\s*([0-9]|unlimited\\s*$)", "minimum": 1 },
    Percent: { "type": "string", "description": "a percentage, as 1%", "pattern": "^\\s*[0-9.]+\\s*%\\s*$" },
    Decimal: { "type": ["number", "string"], "description": "a number, as 1.6", "pattern": "^\\s*[+-]?[0-9.]" },
    HiddenText: { "type": ["string", "number", "boolean"], "writeOnly": true, "description": "a secret; better given as a file" },
    Unavailable: { "enum": [null, false, "off", "no", "none", [], {}], "description": "not available in this version" },
}
