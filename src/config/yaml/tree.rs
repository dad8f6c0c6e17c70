//! The tree of a YAML file, where every node knows its place.

/// A place in the file: byte offsets, the end exclusive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// One node. No `Debug`: it may hold secrets.
#[derive(Clone)]
pub(crate) struct Node {
    /// Unique in the tree.
    pub(crate) id: usize,
    /// Where it stands; of a block collection: its first key or item.
    pub(crate) at: Span,
    pub(crate) value: Value,
}

#[derive(Clone)]
pub(crate) enum Value {
    /// Null, a boolean, a number or text: what it is depends on who asks.
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Map),
}

/// A scalar as written.
#[derive(Clone)]
pub(crate) struct Scalar {
    /// The text, without quotes.
    pub(crate) text: String,
    /// Whether it stood without quotes, so that it may be something other than text.
    pub(crate) plain: bool,
}

/// A mapping in the order of the file.
#[derive(Clone, Default)]
pub(crate) struct Map {
    pub(crate) entries: Vec<MapEntry>,
    /// Keys whose value was taken out because it was wrong.
    pub(crate) removed: Vec<String>,
}

#[derive(Clone)]
pub(crate) struct MapEntry {
    pub(crate) key: Key,
    pub(crate) value: Node,
}

#[derive(Clone)]
pub(crate) struct Key {
    /// Unique in the tree.
    pub(crate) id: usize,
    pub(crate) at: Span,
    pub(crate) text: String,
}

/// What a node looks like to a reader.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum NodeKind {
    /// Nothing, `~` or `null`.
    Null,
    Bool(bool),
    Number,
    Text,
    List,
    Map,
}

impl NodeKind {
    /// As messages name it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "true or false",
            Self::Number => "a number",
            Self::Text => "text",
            Self::List => "a list",
            Self::Map => "a mapping",
        }
    }
}

impl Scalar {
    /// What it looks like by the core schema of YAML 1.2.
    pub(crate) fn kind(&self) -> NodeKind {
        if !self.plain {
            return NodeKind::Text;
        }
        match self.text.as_str() {
            "" | "~" | "null" | "Null" | "NULL" => NodeKind::Null,
            "true" | "True" | "TRUE" => NodeKind::Bool(true),
            "false" | "False" | "FALSE" => NodeKind::Bool(false),
            text if looks_numeric(text) => NodeKind::Number,
            _ => NodeKind::Text,
        }
    }
}

fn looks_numeric(text: &str) -> bool {
    text.bytes().any(|b| b.is_ascii_digit())
        && text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'))
        && text.parse::<f64>().is_ok()
}

impl Node {
    pub(crate) fn kind(&self) -> NodeKind {
        match &self.value {
            Value::Scalar(s) => s.kind(),
            Value::List(_) => NodeKind::List,
            Value::Map(_) => NodeKind::Map,
        }
    }

    /// The value of a key, if this is a mapping that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        match &self.value {
            Value::Map(map) => map.entries.iter().find(|e| e.key.text == key).map(|e| &e.value),
            _ => None,
        }
    }

    /// Takes the items of the list under a key, which stays as an empty one.
    pub(crate) fn take_items(&mut self, key: &str) -> Vec<Self> {
        let Value::Map(map) = &mut self.value else { return Vec::new() };
        match map.entries.iter_mut().find(|e| e.key.text == key).map(|e| &mut e.value.value) {
            Some(Value::List(items)) => std::mem::take(items),
            _ => Vec::new(),
        }
    }

    /// The keys, if this is a mapping.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        let entries = match &self.value {
            Value::Map(map) => map.entries.as_slice(),
            _ => &[],
        };
        entries.iter().map(|e| e.key.text.as_str())
    }

    /// Values and keys below and including this one, and the levels they stand on.
    pub(crate) fn measure(&self) -> (usize, usize) {
        let add = |(nodes, depth): (usize, usize), (n, d): (usize, usize)| (nodes + n, depth.max(d));
        let (nodes, depth) = match &self.value {
            Value::Scalar(_) => (0, 0),
            Value::List(items) => items.iter().map(Self::measure).fold((0, 0), add),
            Value::Map(map) => {
                let below = map.entries.iter().map(|e| e.value.measure()).fold((0, 0), add);
                (below.0 + map.entries.len(), below.1)
            }
        };
        (nodes + 1, depth + 1)
    }
}
