//! Which parts of a file may be shown: only what stands where the schema knows that no secret stands.
//!
//! A secret ends up in odd places: below a mistyped key, in a list, as a name of a file. So nothing is struck out
//! for looking like one; everything is, unless its place is known.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde_json::Value as Json;

use super::checker::is_env_name;
use super::node::{At, Entry, Kind, Map, Node, Value};
use super::schema;
use super::trouble::nearest;

/// What of a file may be shown.
#[derive(Default)]
pub(super) struct Harmless {
    /// Keys, and values that are no secret.
    pub(super) shown: Vec<At>,
    /// What is struck out as one, also inside of what may be shown.
    pub(super) hidden: Vec<At>,
    /// The names of all keys.
    pub(super) words: BTreeSet<String>,
}

static SCHEMA: LazyLock<Json> = LazyLock::new(schema::tree);

/// How deep the schema is followed; it is not recursive.
const DEPTH: usize = 12;

impl Harmless {
    /// Of a file that is no tree: the names of keys alone.
    pub(super) fn words_only() -> Self {
        let mut all = Self::default();
        names(&SCHEMA, &mut all.words);
        all
    }

    /// Adds what may be shown of a tree.
    pub(super) fn look_through(&mut self, root: &Node) {
        self.see(root, &Schema { root: &SCHEMA, here: &SCHEMA });
    }

    fn see(&mut self, node: &Node, schema: &Schema<'_>) {
        let all = schema.alternatives(DEPTH);
        match &node.value {
            Value::Map(map) => match all.iter().find(|s| s.is_object()) {
                Some(object) => self.see_entries(map, object),
                None => self.hide(node),
            },
            Value::List(items) => match all.iter().find_map(|s| s.child("items")) {
                Some(item) => items.iter().for_each(|i| self.see(i, &item)),
                None => self.hide(node),
            },
            Value::Scalar(scalar) => {
                let kind = scalar.kind();
                let secret = all.iter().any(|s| s.here.get("writeOnly").is_some());
                let plain = if secret {
                    // the path of a file is no secret, and an operator wants to see it
                    let env = scalar.text.strip_prefix("env:").is_some_and(is_env_name);
                    scalar.text.starts_with("sqlite:") || env || kind == Kind::Null
                } else {
                    let fits = all.iter().any(|s| s.takes(&scalar.text, kind));
                    fits || !all.iter().any(|s| s.holds_secrets(DEPTH))
                };
                if plain && !is_telling(&scalar.text) { self.shown.push(node.at) } else { self.hidden.push(node.at) }
            }
        }
    }

    fn see_entries(&mut self, map: &Map, object: &Schema<'_>) {
        for Entry { key, value } in &map.entries {
            if let Some(known) = object.property(&key.text) {
                self.shown.push(key.at);
                // `users: { password: hunter2 }`: a section whose name invites a secret
                let takes = |text: &str| known.alternatives(DEPTH).iter().any(|s| s.takes(text, value.kind()));
                match &value.value {
                    Value::Scalar(s) if names_a_secret(&key.text) && !takes(&s.text) => self.hide(value),
                    _ => self.see(value, &known),
                }
                continue;
            }
            // `{ user: u, hunter2 }`: what stands there alone need not be a key
            let alone = value.kind() == Kind::Null && nearest(&key.text, object.keys()).is_none();
            if alone || is_telling(&key.text) {
                self.hidden.push(key.at)
            } else {
                self.shown.push(key.at)
            }
            self.hide(value);
        }
    }

    fn hide(&mut self, node: &Node) {
        self.hidden.push(node.at);
        match &node.value {
            Value::Scalar(_) => {}
            Value::List(items) => items.iter().for_each(|i| self.hide(i)),
            Value::Map(map) => {
                for entry in &map.entries {
                    self.hidden.push(entry.key.at);
                    self.hide(&entry.value);
                }
            }
        }
    }
}

/// Whether a text may hold a credential wherever it stands: a URL with one, or `password=…`.
pub(super) fn is_telling(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let credential = text.split_once(':').is_some_and(|(_, rest)| rest.contains('@'));
    let url = text.contains("://") && text.contains(['@', '?', '#']);
    let pair = lower.match_indices(['=', ':']).any(|(i, _)| {
        let name = lower.get(..i).unwrap_or_default().trim_end();
        let name = name.rsplit(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).next().unwrap_or_default();
        names_a_secret(name)
    });
    credential || url || pair
}

fn names_a_secret(name: &str) -> bool {
    ["pass", "pwd", "secret", "token", "cred", "apikey", "api_key", "auth"].iter().any(|w| name.contains(w))
}

fn names(schema: &Json, all: &mut BTreeSet<String>) {
    match schema {
        Json::Object(map) => {
            if let Some(properties) = map.get("properties").and_then(Json::as_object) {
                all.extend(properties.keys().cloned());
            }
            map.values().for_each(|v| names(v, all));
        }
        Json::Array(items) => items.iter().for_each(|v| names(v, all)),
        _ => {}
    }
}

/// A place in the schema.
#[derive(Clone, Copy)]
struct Schema<'a> {
    root: &'a Json,
    here: &'a Json,
}

impl<'a> Schema<'a> {
    fn at(self, here: &'a Json) -> Self {
        Self { here, ..self }
    }

    fn child(self, key: &str) -> Option<Self> {
        self.here.get(key).map(|c| self.at(c))
    }

    /// What may stand here, with references and choices followed.
    fn alternatives(self, depth: usize) -> Vec<Self> {
        if depth == 0 {
            return Vec::new();
        }
        let name = self.here.get("$ref").and_then(Json::as_str).and_then(|r| r.strip_prefix('#'));
        if let Some(target) = name.and_then(|path| self.root.pointer(path)) {
            return self.at(target).alternatives(depth - 1);
        }
        match ["anyOf", "oneOf"].iter().find_map(|k| self.here.get(*k)).and_then(Json::as_array) {
            Some(choices) => choices.iter().flat_map(|c| self.at(c).alternatives(depth - 1)).collect(),
            None => vec![self],
        }
    }

    fn is_object(self) -> bool {
        self.here.get("properties").is_some() || self.here.get("additionalProperties").is_some_and(Json::is_object)
    }

    fn keys(self) -> impl Iterator<Item = &'a str> {
        let properties = self.here.get("properties").and_then(Json::as_object);
        properties.into_iter().flat_map(|p| p.keys().map(String::as_str))
    }

    fn property(self, key: &str) -> Option<Self> {
        let named = self.here.get("properties").and_then(|p| p.get(key));
        named.or_else(|| self.here.get("additionalProperties").filter(|a| a.is_object())).map(|s| self.at(s))
    }

    /// Whether a scalar is what is expected here.
    fn takes(self, text: &str, kind: Kind) -> bool {
        if let Some(values) = self.here.get("enum").and_then(Json::as_array).filter(|_| self.here.get("type").is_none())
        {
            return kind == Kind::Null || matches!(kind, Kind::Bool(_)) || values.iter().any(|v| v == text);
        }
        let scalar = |t: &Json| !matches!(t.as_str(), Some("object" | "array" | "null") | None);
        match self.here.get("type") {
            Some(Json::Array(types)) => types.iter().any(scalar),
            Some(one) => scalar(one),
            None => self.here.get("const").is_some(),
        }
    }

    /// Whether a secret, or the name of a file with one, is expected somewhere below.
    fn holds_secrets(self, depth: usize) -> bool {
        self.alternatives(depth).into_iter().any(|s| {
            let below = || {
                s.keys().any(|k| {
                    k.ends_with("_file") || s.property(k).is_some_and(|p| depth > 0 && p.holds_secrets(depth - 1))
                })
            };
            let listed = || s.child("items").is_some_and(|i| depth > 0 && i.holds_secrets(depth - 1));
            // what this version does not know may mean anything
            let later = s.here.get("enum").is_some() && s.here.get("type").is_none();
            s.here.get("writeOnly").is_some() || later || below() || listed()
        })
    }
}
