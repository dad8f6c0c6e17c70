//! What is on, off, or on in a way that a mapping says.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Unexpected, Visitor};

use super::one_or::Detailed;

/// `on`, `off`, or a mapping, which means on.
pub(crate) enum Switch<U> {
    Off,
    On(Option<Box<U>>),
}

impl<'de, U: Deserialize<'de> + Detailed> Deserialize<'de> for Switch<U> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct SwitchForms<U>(PhantomData<U>);
        impl<'de, U: Deserialize<'de> + Detailed> Visitor<'de> for SwitchForms<U> {
            type Value = Switch<U>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(U::EXPECTED)
            }
            fn visit_unit<E: Error>(self) -> Result<Switch<U>, E> {
                Ok(Switch::Off)
            }
            fn visit_bool<E: Error>(self, on: bool) -> Result<Switch<U>, E> {
                Ok(if on { Switch::On(None) } else { Switch::Off })
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Switch<U>, E> {
                match text {
                    "on" | "yes" => Ok(Switch::On(None)),
                    "off" | "no" | "none" => Ok(Switch::Off),
                    _ => Err(E::invalid_value(Unexpected::Str(text), &U::EXPECTED)),
                }
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Switch<U>, A::Error> {
                U::deserialize(MapAccessDeserializer::new(map)).map(|more| Switch::On(Some(Box::new(more))))
            }
        }
        d.deserialize_any(SwitchForms(PhantomData))
    }
}

impl<U: JsonSchema + Detailed> JsonSchema for Switch<U> {
    fn schema_name() -> Cow<'static, str> {
        U::SCHEMA.into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let more = generator.subschema_for::<U>();
        json_schema!({ "anyOf": [{ "enum": [null, true, false, "on", "yes", "off", "no", "none"] }, more] })
    }
}
