//! A serde decoder over [`Node`]: every error carries the node it is about.

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeSeed, IntoDeserializer, Visitor};

use super::decode_error::DecodeError;
use super::spanned::SPANNED;
use super::suggest::{possible, short};
use super::tree::{Key, Map, MapEntry, Node, NodeKind, Scalar, Value};

/// Decodes one node.
pub(crate) struct Decoder<'a>(pub(crate) &'a Node);

type Decoded<T> = Result<T, DecodeError>;

impl<'a> Decoder<'a> {
    /// Runs a step; an error that does not know its node yet is about this one.
    fn here<T>(&self, step: impl FnOnce() -> Decoded<T>) -> Decoded<T> {
        step().map_err(|mut error| {
            error.node.get_or_insert((self.0.id, self.0.at));
            error
        })
    }

    fn unfit<T>(&self, expected: &str, fix: impl Into<String>) -> Decoded<T> {
        match self.0.kind() {
            NodeKind::Null => Err(DecodeError::new(
                format!("no value here; expected {expected}"),
                "write one, or leave the key out to get the default",
            )),
            found => Err(DecodeError::new(format!("expected {expected}, found {}", found.name()), fix)),
        }
    }

    fn scalar(&self, expected: &str) -> Decoded<&'a Scalar> {
        match &self.0.value {
            Value::Scalar(s) if s.kind() != NodeKind::Null => Ok(s),
            _ => self.unfit(expected, "write one value behind the colon, on the same line"),
        }
    }

    fn number<T: std::str::FromStr + Copy>(&self, limits: (i128, i128)) -> Decoded<T> {
        let scalar = self.scalar("a whole number")?;
        let text = scalar.text.trim();
        text.parse::<T>().map_err(|_| match text.parse::<i128>() {
            Ok(n) if n < limits.0 => DecodeError::new("out of range", format!("write at least {}", limits.0.max(1))),
            Ok(_) => DecodeError::new("out of range", "write a smaller number"),
            Err(_) => DecodeError::new("expected a whole number", "write digits only, without a unit"),
        })
    }

    fn boolean(&self) -> Decoded<bool> {
        match self.scalar("true or false")?.text.to_ascii_lowercase().as_str() {
            "true" | "on" | "yes" => Ok(true),
            "false" | "off" | "no" => Ok(false),
            _ => self.unfit("true or false", "write true or false"),
        }
    }
}

macro_rules! whole_numbers {
    ($($method:ident $visit:ident $type:ident),*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Decoded<V::Value> {
            self.here(|| visitor.$visit(self.number(($type::MIN as i128, $type::MAX as i128))?))
        }
    )*};
}

impl<'de> de::Deserializer<'de> for Decoder<'de> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Decoded<V::Value> {
        self.here(|| match &self.0.value {
            Value::List(items) => visitor.visit_seq(Items(items.iter())),
            Value::Map(map) => visitor.visit_map(Entries::of(map)),
            Value::Scalar(s) => match s.kind() {
                NodeKind::Null => visitor.visit_unit(),
                NodeKind::Bool(b) => visitor.visit_bool(b),
                _ => visitor.visit_str(&s.text),
            },
        })
    }

    whole_numbers! {
        deserialize_i8 visit_i8 i8, deserialize_i16 visit_i16 i16, deserialize_i32 visit_i32 i32,
        deserialize_i64 visit_i64 i64, deserialize_u8 visit_u8 u8, deserialize_u16 visit_u16 u16,
        deserialize_u32 visit_u32 u32, deserialize_u64 visit_u64 u64
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Decoded<V::Value> {
        self.here(|| visitor.visit_bool(self.boolean()?))
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Decoded<V::Value> {
        self.here(|| visitor.visit_str(&self.scalar("text")?.text))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Decoded<V::Value> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Decoded<V::Value> {
        // a key without a value is no wish for the default: `allow:` must not mean "everybody"
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Decoded<V::Value> {
        if name == SPANNED {
            return self.here(|| visitor.visit_seq(SpannedParts { node: self.0, next: 0 }));
        }
        self.here(|| visitor.visit_newtype_struct(Decoder(self.0)))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Decoded<V::Value> {
        self.here(|| match &self.0.value {
            Value::List(items) => visitor.visit_seq(Items(items.iter())),
            _ => self.unfit("a list", "write it as `[…]`, or one `- …` in each line"),
        })
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Decoded<V::Value> {
        self.here(|| match &self.0.value {
            Value::Map(map) => visitor.visit_map(Entries::of(map)),
            _ => self.unfit("a mapping", "write it as `key: value` lines, indented"),
        })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Decoded<V::Value> {
        self.here(|| match &self.0.value {
            Value::Map(map) => visitor.visit_map(Entries::of(map)),
            _ => self.unfit("a mapping", possible(fields.iter().copied())),
        })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Decoded<V::Value> {
        self.here(|| match &self.0.value {
            Value::Scalar(s) if s.kind() != NodeKind::Null => {
                let text: StrDeserializer<'_, DecodeError> = s.text.as_str().into_deserializer();
                visitor.visit_enum(text)
            }
            _ => self.unfit("a word", possible(known.iter().copied())),
        })
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Decoded<V::Value> {
        self.deserialize_any(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Decoded<V::Value> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        f32 f64 char bytes byte_buf unit_struct tuple tuple_struct identifier
    }
}

/// The parts of a [`super::spanned::Spanned`]: start, end, value.
struct SpannedParts<'a> {
    node: &'a Node,
    next: u8,
}

impl<'de> de::SeqAccess<'de> for SpannedParts<'de> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Decoded<Option<T::Value>> {
        self.next += 1;
        let offset = |n: usize| u64::try_from(n).unwrap_or(u64::MAX).into_deserializer();
        match self.next {
            1 => seed.deserialize(offset(self.node.at.start)).map(Some),
            2 => seed.deserialize(offset(self.node.at.end)).map(Some),
            3 => decode_at(self.node, seed).map(Some),
            _ => Ok(None),
        }
    }
}

/// Decodes a node for whoever asked. A type that judges its own text (a duration, a size) does so after its decoder
/// is done: without this its error would be about the collection around it, and take all of that out.
fn decode_at<'de, T: DeserializeSeed<'de>>(node: &'de Node, seed: T) -> Decoded<T::Value> {
    Decoder(node).here(|| seed.deserialize(Decoder(node)))
}

struct Items<'a>(std::slice::Iter<'a, Node>);

impl<'de> de::SeqAccess<'de> for Items<'de> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Decoded<Option<T::Value>> {
        self.0.next().map(|node| decode_at(node, seed)).transpose()
    }
}

struct Entries<'a> {
    rest: std::slice::Iter<'a, MapEntry>,
    value: Option<&'a Node>,
}

impl<'a> Entries<'a> {
    fn of(map: &'a Map) -> Self {
        Self { rest: map.entries.iter(), value: None }
    }
}

impl<'de> de::MapAccess<'de> for Entries<'de> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Decoded<Option<K::Value>> {
        let Some(entry) = self.rest.next() else { return Ok(None) };
        self.value = Some(&entry.value);
        let key = KeyDecoder(&entry.key);
        let alone = entry.value.kind() == NodeKind::Null;
        seed.deserialize(key).map(Some).map_err(|error| if alone { error.without_value() } else { error })
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Decoded<T::Value> {
        match self.value.take() {
            Some(node) => decode_at(node, seed),
            None => Err(DecodeError::new("a key without a value", "write one behind the colon")),
        }
    }
}

/// Decodes the key of an entry.
struct KeyDecoder<'a>(&'a Key);

impl<'de> de::Deserializer<'de> for KeyDecoder<'de> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Decoded<V::Value> {
        visitor.visit_str(&self.0.text).map_err(|mut error: DecodeError| {
            if self.0.text == "<<" {
                error = DecodeError::new("merge keys (`<<`) mean nothing here", "use `key: *anchor`, or write it out");
            }
            error.node.get_or_insert((self.0.id, self.0.at));
            error
        })
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Decoded<V::Value> {
        if name != SPANNED {
            return visitor.visit_newtype_struct(self);
        }
        let node = Node {
            id: self.0.id,
            at: self.0.at,
            value: Value::Scalar(Scalar { text: self.0.text.clone(), plain: false }),
        };
        let parts = KeyParts { node, next: 0 };
        visitor.visit_seq(parts)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// [`SpannedParts`] of a key, which is no node of the tree.
struct KeyParts {
    node: Node,
    next: u8,
}

impl<'de> de::SeqAccess<'de> for KeyParts {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Decoded<Option<T::Value>> {
        self.next += 1;
        let offset = |n: usize| u64::try_from(n).unwrap_or(u64::MAX).into_deserializer();
        let text = match &self.node.value {
            Value::Scalar(s) => short(&s.text),
            _ => String::new(),
        };
        match self.next {
            1 => seed.deserialize(offset(self.node.at.start)).map(Some),
            2 => seed.deserialize(offset(self.node.at.end)).map(Some),
            3 => seed.deserialize(text.into_deserializer()).map(Some),
            _ => Ok(None),
        }
    }
}
