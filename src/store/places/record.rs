//! What a record of a database says of a place, whoever wrote it: MaxMind nests (`country.iso_code`), others write flat keys
//! (`country_code`), numbers as texts, `AS64500`. What has another shape is left out, not refused.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::risk::{Country, Location};

/// The longest text that is looked at.
const TEXT_BYTES: usize = 64;
/// How many known keys of one map are kept; each stands in it once.
const KEYS: usize = 32;
/// How far off a place may be of which the database does not say it. Wide, so that nobody seems to have travelled.
const UNKNOWN_RADIUS: f64 = 100.0;
/// Half of the way around the earth, in kilometres.
const FARTHEST: f64 = 20_038.0;

/// What one record says.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct GeoRecord {
    country: Option<Country>,
    /// Of the owner of the addresses: it stands in where nothing is known of their use.
    registered: Option<Country>,
    pub(super) asn: Option<u32>,
    latitude: Option<f64>,
    longitude: Option<f64>,
    radius: Option<f64>,
}

impl GeoRecord {
    pub(super) fn country(&self) -> Option<Country> {
        self.country.or(self.registered)
    }

    pub(super) fn location(&self) -> Option<Location> {
        let within = |value: Option<f64>, most: f64| value.filter(|value| value.is_finite() && value.abs() <= most);
        let (latitude, longitude) = (within(self.latitude, 90.0)?, within(self.longitude, 180.0)?);
        let radius = within(self.radius, FARTHEST).filter(|radius| *radius > 0.0);
        Some(Location { latitude, longitude, radius_km: radius.unwrap_or(UNKNOWN_RADIUS) })
    }

    /// Takes what stands in a map. What was found first stays.
    fn take(&mut self, value: Value) {
        let Value::Map(entries) = value else { return };
        for (key, value) in entries {
            match key {
                Key::Country => self.country = self.country.or_else(|| value.country()),
                Key::Registered => self.registered = self.registered.or_else(|| value.country()),
                Key::Asn => self.asn = self.asn.or_else(|| value.asn()),
                Key::Latitude => self.latitude = self.latitude.or_else(|| value.number()),
                Key::Longitude => self.longitude = self.longitude.or_else(|| value.number()),
                Key::Radius => self.radius = self.radius.or_else(|| value.number()),
                Key::Within => self.take(value),
                Key::Code | Key::Other => {}
            }
        }
    }
}

impl<'de> Deserialize<'de> for GeoRecord {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let mut record = Self::default();
        record.take(Value::deserialize(d)?);
        Ok(record)
    }
}

/// A key that is known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Country,
    Registered,
    /// Of a country that is a map.
    Code,
    Asn,
    Latitude,
    Longitude,
    Radius,
    /// A map that holds some of these.
    Within,
    Other,
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Keys;
        impl Visitor<'_> for Keys {
            type Value = Key;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }
            fn visit_bytes<E>(self, key: &[u8]) -> Result<Key, E> {
                Ok(match key {
                    b"country" | b"country_code" => Key::Country,
                    b"registered_country" => Key::Registered,
                    b"iso_code" | b"code" => Key::Code,
                    b"autonomous_system_number" | b"asn" | b"as_number" => Key::Asn,
                    b"latitude" | b"lat" => Key::Latitude,
                    b"longitude" | b"lng" | b"lon" => Key::Longitude,
                    b"accuracy_radius" | b"radius" => Key::Radius,
                    b"location" | b"traits" => Key::Within,
                    _ => Key::Other,
                })
            }
        }
        d.deserialize_identifier(Keys)
    }
}

/// A value as far as it may matter.
pub(super) enum Value {
    Text(String),
    Unsigned(u64),
    Number(f64),
    /// What stands under known keys.
    Map(Vec<(Key, Self)>),
    Other,
}

impl Value {
    pub(super) const fn unsigned(&self) -> Option<u64> {
        match self {
            Self::Unsigned(number) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "degrees and kilometres are small")]
    fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Unsigned(number) => Some(*number as f64),
            Self::Text(text) => text.trim().parse().ok(),
            Self::Map(_) | Self::Other => None,
        }
    }

    fn asn(&self) -> Option<u32> {
        match self {
            Self::Unsigned(number) => u32::try_from(*number).ok().filter(|number| *number != 0),
            Self::Text(text) => asn(text),
            Self::Number(_) | Self::Map(_) | Self::Other => None,
        }
    }

    /// A code, or a map that has one.
    fn country(&self) -> Option<Country> {
        match self {
            Self::Text(code) => Country::parse(code),
            Self::Map(entries) => entries.iter().find(|(key, _)| *key == Key::Code).and_then(|(_, code)| match code {
                Self::Text(code) => Country::parse(code),
                _ => None,
            }),
            Self::Unsigned(_) | Self::Number(_) | Self::Other => None,
        }
    }
}

/// The number of an autonomous system, written as `AS64500` or `64500`.
pub(super) fn asn(text: &str) -> Option<u32> {
    let text = text.trim();
    let digits = text.strip_prefix("AS").or_else(|| text.strip_prefix("as")).unwrap_or(text);
    let number = if digits.bytes().all(|b| b.is_ascii_digit()) { digits.parse().ok() } else { None };
    number.filter(|number| *number != 0)
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Values;
        impl<'de> Visitor<'de> for Values {
            type Value = Value;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_bool<E>(self, _: bool) -> Result<Value, E> {
                Ok(Value::Other)
            }
            fn visit_bytes<E>(self, _: &[u8]) -> Result<Value, E> {
                Ok(Value::Other)
            }
            fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
                Ok(Value::Unsigned(number))
            }
            fn visit_u128<E>(self, number: u128) -> Result<Value, E> {
                Ok(u64::try_from(number).map_or(Value::Other, Value::Unsigned))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
                let negative = || i32::try_from(number).map_or(Value::Other, |number| Value::Number(number.into()));
                Ok(u64::try_from(number).map_or_else(|_| negative(), Value::Unsigned))
            }
            fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
                Ok(Value::Number(number))
            }
            fn visit_str<E>(self, text: &str) -> Result<Value, E> {
                Ok(if text.len() <= TEXT_BYTES { Value::Text(text.to_owned()) } else { Value::Other })
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
                while items.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Value::Other)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(key) = map.next_key::<Key>()? {
                    if key == Key::Other || entries.len() == KEYS {
                        map.next_value::<IgnoredAny>()?;
                    } else {
                        entries.push((key, map.next_value()?));
                    }
                }
                Ok(Value::Map(entries))
            }
        }
        d.deserialize_any(Values)
    }
}
