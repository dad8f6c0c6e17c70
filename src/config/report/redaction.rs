//! Which parts of a file may be shown: only what stands where the schema knows that no secret stands.
//!
//! A secret ends up in odd places: below a mistyped key, in a list, as a name of a file. So nothing is struck out
//! for looking like one; everything is, unless its place is known.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::config::credentials::{is_env_name, may_hold_secret, names_a_secret};
use crate::config::yaml::suggest::nearest;
use crate::config::yaml::tree::{Map, MapEntry, Node, NodeKind, Span, Value};

/// What of a file may be shown.
pub(crate) struct Redaction {
    /// The schema that says where no secret stands.
    schema: &'static Json,
    /// Keys, and values that are no secret.
    pub(crate) shown: SpanSet,
    /// What is struck out as one, also inside of what may be shown.
    pub(crate) hidden: SpanSet,
    /// The names of all keys.
    pub(crate) words: BTreeSet<String>,
}

/// Parts of a file. They lie in each other or apart, as the nodes of a tree do.
#[derive(Default)]
pub(crate) struct SpanSet(Vec<Span>);

impl SpanSet {
    pub(crate) fn push(&mut self, span: Span) {
        if span.start < span.end {
            self.0.push(span);
        }
    }

    /// Sorts the parts and joins those that overlap, for [`Self::end_at`].
    pub(crate) fn join(&mut self) {
        self.0.sort_unstable();
        self.0.dedup_by(|next, last| {
            let overlap = next.start < last.end;
            last.end = if overlap { last.end.max(next.end) } else { last.end };
            overlap
        });
    }

    /// The end of the part that holds an offset.
    pub(crate) fn end_at(&self, offset: usize) -> Option<usize> {
        let last = self.0.partition_point(|span| span.start <= offset).checked_sub(1)?;
        self.0.get(last).map(|span| span.end).filter(|end| offset < *end)
    }
}

/// How deep the schema is followed; it is not recursive.
const DEPTH: usize = 12;

impl Redaction {
    /// Of a file that is no tree: the names of keys alone.
    pub(crate) fn new(schema: &'static Json) -> Self {
        let mut words = BTreeSet::new();
        names(schema, &mut words);
        Self { schema, shown: SpanSet::default(), hidden: SpanSet::default(), words }
    }

    /// Adds what may be shown of a tree.
    pub(crate) fn mark(&mut self, root: &Node) {
        self.visit(root, &SchemaNode { root: self.schema, here: self.schema });
    }

    fn visit(&mut self, node: &Node, schema: &SchemaNode<'_>) {
        let all = schema.alternatives(DEPTH);
        match &node.value {
            Value::Map(map) => match all.iter().find(|s| s.is_object()) {
                Some(object) => self.visit_entries(map, object),
                None => self.hide(node),
            },
            Value::List(items) => match all.iter().find_map(|s| s.child("items")) {
                Some(item) => items.iter().for_each(|i| self.visit(i, &item)),
                None => self.hide(node),
            },
            Value::Scalar(scalar) => {
                let kind = scalar.kind();
                let secret = all.iter().any(|s| s.here.get("writeOnly").is_some());
                let plain = if secret {
                    // the path of a file is no secret, and an operator wants to see it
                    let env = scalar.text.strip_prefix("env:").is_some_and(is_env_name);
                    scalar.text.starts_with("sqlite:") || env || kind == NodeKind::Null
                } else {
                    let fits = all.iter().any(|s| s.takes(&scalar.text, kind));
                    fits || !all.iter().any(|s| s.holds_secrets(DEPTH))
                };
                if plain && !may_hold_secret(&scalar.text) {
                    self.shown.push(node.at)
                } else {
                    self.hidden.push(node.at)
                }
            }
        }
    }

    fn visit_entries(&mut self, map: &Map, object: &SchemaNode<'_>) {
        for MapEntry { key, value } in &map.entries {
            if let Some(known) = object.property(&key.text) {
                self.shown.push(key.at);
                // `users: { password: hunter2 }`: a section whose name invites a secret
                let takes = |text: &str| known.alternatives(DEPTH).iter().any(|s| s.takes(text, value.kind()));
                // `spend: { sms: hunter2 }`: a section of that name holds secrets, if in another place
                let root = SchemaNode { root: self.schema, here: self.schema };
                let section = root.property(&key.text);
                let holds = section.is_some_and(|s| s.alternatives(DEPTH).iter().any(|s| s.holds_secrets(DEPTH)));
                match &value.value {
                    Value::Scalar(s) if (holds || names_a_secret(&key.text)) && !takes(&s.text) => self.hide(value),
                    _ => self.visit(value, &known),
                }
                continue;
            }
            // `{ user: u, hunter2 }`: what stands there alone need not be a key
            let alone = value.kind() == NodeKind::Null && nearest(&key.text, object.keys()).is_none();
            if alone || may_hold_secret(&key.text) {
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
struct SchemaNode<'a> {
    root: &'a Json,
    here: &'a Json,
}

impl<'a> SchemaNode<'a> {
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
    fn takes(self, text: &str, kind: NodeKind) -> bool {
        if let Some(values) = self.here.get("enum").and_then(Json::as_array).filter(|_| self.here.get("type").is_none())
        {
            return kind == NodeKind::Null || matches!(kind, NodeKind::Bool(_)) || values.iter().any(|v| v == text);
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
