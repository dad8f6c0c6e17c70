//! A short form or a mapping: `upstream: http://…`, or `upstream: { servers: … }`.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, IntoDeserializer, MapAccess, SeqAccess, Visitor};

/// One value, or a mapping that says more.
pub(crate) enum OneOr<T, U> {
    One(T),
    More(Box<U>),
}

/// A mapping that has a short form.
pub(crate) trait Detailed {
    /// What is expected, as messages name it.
    const EXPECTED: &'static str;
    /// The name of both forms in the JSON Schema.
    const SCHEMA: &'static str;
}

impl<'de, T: Deserialize<'de>, U: Deserialize<'de> + Detailed> Deserialize<'de> for OneOr<T, U> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Forms<T, U>(PhantomData<(T, U)>);
        impl<'de, T: Deserialize<'de>, U: Deserialize<'de> + Detailed> Visitor<'de> for Forms<T, U> {
            type Value = OneOr<T, U>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(U::EXPECTED)
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<OneOr<T, U>, E> {
                let text: StrDeserializer<'_, E> = text.into_deserializer();
                T::deserialize(text).map(OneOr::One)
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<OneOr<T, U>, A::Error> {
                U::deserialize(MapAccessDeserializer::new(map)).map(|more| OneOr::More(Box::new(more)))
            }
        }
        d.deserialize_any(Forms(PhantomData))
    }
}

/// A section that may be `off`.
pub(crate) enum OffOr<U> {
    Off,
    On(Box<U>),
}

impl<U> OffOr<U> {
    pub(crate) fn on(self) -> Option<U> {
        match self {
            Self::Off => None,
            Self::On(options) => Some(*options),
        }
    }
}

impl<'de, U: Deserialize<'de> + Detailed> Deserialize<'de> for OffOr<U> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Section<U>(PhantomData<U>);
        impl<'de, U: Deserialize<'de> + Detailed> Visitor<'de> for Section<U> {
            type Value = OffOr<U>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(U::EXPECTED)
            }
            fn visit_unit<E: Error>(self) -> Result<OffOr<U>, E> {
                Ok(OffOr::Off)
            }
            fn visit_bool<E: Error>(self, on: bool) -> Result<OffOr<U>, E> {
                if on { Err(unfit::<U, E>()) } else { Ok(OffOr::Off) }
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<OffOr<U>, E> {
                match text {
                    "off" | "no" | "none" => Ok(OffOr::Off),
                    _ => Err(unfit::<U, E>()),
                }
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<OffOr<U>, A::Error> {
                match items.next_element::<IgnoredAny>()? {
                    Some(_) => Err(unfit::<U, A::Error>()),
                    None => Ok(OffOr::Off),
                }
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<OffOr<U>, A::Error> {
                U::deserialize(MapAccessDeserializer::new(map)).map(|options| OffOr::On(Box::new(options)))
            }
        }
        d.deserialize_any(Section(PhantomData))
    }
}

/// What is said of anything else.
fn unfit<U: Detailed, E: Error>() -> E {
    E::custom(format!("expected {}\nwrite it so, or leave it out", U::EXPECTED))
}

impl<U: JsonSchema + Detailed> JsonSchema for OffOr<U> {
    fn schema_name() -> Cow<'static, str> {
        U::SCHEMA.into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let on = generator.subschema_for::<U>();
        json_schema!({ "anyOf": [{ "enum": [null, false, "off", "no", "none", []] }, on] })
    }
}

impl<T: JsonSchema, U: JsonSchema + Detailed> JsonSchema for OneOr<T, U> {
    fn schema_name() -> Cow<'static, str> {
        U::SCHEMA.into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let more = generator.subschema_for::<U>();
        let one = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [one, more] })
    }
}
