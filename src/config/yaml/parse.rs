//! Text to [`Node`]: the only file that knows the YAML parser. Bounded: no file can make it grow without end.

use std::collections::HashMap;

use serde_saphyr::granit_parser::{self, Event, Options, Parser, ScalarStyle};

use super::placeholder;
use super::tree::{Key, Map, MapEntry, Node, Scalar, Span, Value};
use crate::config::report::Problems;

/// The largest file that is read, in bytes: 10,000 hosts need about a third of it.
pub(crate) const MAX_BYTES: usize = 16 * 1024 * 1024;
/// The most values of a file, keys included and every alias written out.
const MAX_NODES: usize = 1_000_000;
/// The most values that aliases may bring into a small file.
const MAX_ALIASED: usize = 50_000;
/// How many values aliases may bring into a larger one, for each that is written out: many hosts share rules.
const MAX_AMPLIFICATION: usize = 32;
/// The most levels of a tree.
const MAX_DEPTH: usize = 48;

/// Reads one YAML document. Mistakes are added to `problems`; `None` if nothing can be made of it.
pub(crate) fn parse(text: &str, problems: &mut Problems) -> Option<Node> {
    let mut options = Options::default();
    options.emit_comments = false;
    options.flow_nesting_limit = MAX_DEPTH;
    options.block_nesting_limit = MAX_DEPTH;
    let mut builder =
        Builder { open: Vec::new(), anchors: HashMap::new(), ids: 0, aliased: 0, root: None, documents: 0 };
    for next in Parser::new_from_str_with_options(text, options) {
        match next {
            Ok((event, span)) => {
                if let Err(error) = builder.take(event, span_of(&span), problems) {
                    problems.error(error.at, error.message, error.fix);
                    return None;
                }
            }
            Err(error) => {
                let start = error.marker().byte_offset().unwrap_or(text.len()).min(text.len());
                let mut reason = error.info();
                if reason.is_empty() {
                    "not YAML".clone_into(&mut reason);
                }
                // The parser stops at what stands before the tab.
                if let Some(at) = reason.contains("tab").then(|| tab_from(text, start)).flatten() {
                    problems.error(at, "a tab indents this line", "indent with spaces: YAML knows no tabs there");
                    return None;
                }
                // Inside of brackets it ends what it stands in.
                if let Some(at) = placeholder_in(text, start) {
                    problems.error(at, placeholder::MESSAGE, placeholder::FIX);
                    return None;
                }
                let fix = if reason.contains("`\\u{0}'") {
                    "save the file as UTF-8"
                } else {
                    "look at the colons, quotes, brackets and the indentation here and in the line above"
                };
                problems.error(Span { start, end: start }, format!("not YAML: {reason}"), fix);
                return None;
            }
        }
    }
    if builder.root.is_none() {
        problems.error(
            Span::default(),
            "the file is empty",
            "it needs at least `apps` and `users`; config/smallest.yaml is a working start",
        );
    }
    builder.root
}

/// A `${…}` in the line of `offset`.
fn placeholder_in(text: &str, offset: usize) -> Option<Span> {
    let start = line_start(text, offset);
    let line = text.get(start..)?.lines().next()?;
    let from = line.find("${")?;
    let length = line.get(from..)?.find('}')? + 1;
    Some(Span { start: start + from, end: start + from + length })
}

fn line_start(text: &str, offset: usize) -> usize {
    text.get(..offset).and_then(|t| t.rfind('\n')).map_or(0, |i| i + 1)
}

/// The first tab that indents a line, from the line of `offset` on.
fn tab_from(text: &str, offset: usize) -> Option<Span> {
    let mut start = line_start(text, offset);
    for line in text.get(start..)?.split_inclusive('\n') {
        let indent = line.find(|c| c != ' ' && c != '\t').unwrap_or(0);
        if let Some(tab) = line.get(..indent).and_then(|indent| indent.find('\t')) {
            return Some(Span { start: start + tab, end: start + tab + 1 });
        }
        start += line.len();
    }
    None
}

fn span_of(span: &granit_parser::Span) -> Span {
    span.byte_range().map_or_else(Span::default, |r| Span { start: r.start, end: r.end.max(r.start) })
}

struct ParseError {
    at: Span,
    message: String,
    fix: &'static str,
}

fn fail(at: Span, message: impl Into<String>, fix: &'static str) -> ParseError {
    ParseError { at, message: message.into(), fix }
}

/// A collection that is still open.
struct OpenCollection {
    at: Span,
    anchor: usize,
    flow: bool,
    kind: Collection,
}

enum Collection {
    List(Vec<Node>),
    Map { map: Map, keys: HashMap<String, Span>, pending: PendingKey },
}

/// What stands before the next value of a mapping.
enum PendingKey {
    Nothing,
    Key(Key),
    /// A key that was refused: its value is read and dropped.
    Refused,
}

struct Builder {
    open: Vec<OpenCollection>,
    anchors: HashMap<usize, Node>,
    ids: usize,
    /// How many of these came by aliases.
    aliased: usize,
    root: Option<Node>,
    documents: usize,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, at: Span, problems: &mut Problems) -> Result<(), ParseError> {
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(fail(at, "a second document begins here", "keep one document in one file"));
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain && tag.is_none();
                if tag.is_some() {
                    problems.error(at, "tags (`!…`) mean nothing here", "leave the tag out");
                }
                let value = Value::Scalar(Scalar { text: text.into_owned(), plain });
                self.complete(at, anchor, value, problems)?;
            }
            Event::SequenceStart(style, anchor, _) => {
                let flow = style == granit_parser::StructureStyle::Flow;
                self.begin(at, anchor, flow, Collection::List(Vec::new()))?;
            }
            Event::MappingStart(style, anchor, _) => {
                let flow = style == granit_parser::StructureStyle::Flow;
                self.begin(
                    at,
                    anchor,
                    flow,
                    Collection::Map { map: Map::default(), keys: HashMap::new(), pending: PendingKey::Nothing },
                )?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(open) = self.open.pop() else { return Ok(()) };
                let at = open.extent(at);
                let value = match open.kind {
                    Collection::List(items) => Value::List(items),
                    Collection::Map { map, .. } => Value::Map(map),
                };
                self.complete(at, open.anchor, value, problems)?;
            }
            Event::Alias(id) => {
                let Some(node) = self.anchors.get(&id).cloned() else {
                    return Err(fail(at, "an anchor cannot contain itself", "write the value out"));
                };
                let (nodes, depth) = node.measure();
                let aliased = self.aliased.saturating_add(nodes);
                let written = self.ids - self.aliased.min(self.ids);
                let most = MAX_ALIASED.max(written * MAX_AMPLIFICATION).min(MAX_NODES.saturating_sub(written));
                if aliased > most || self.open.len() + depth > MAX_DEPTH {
                    let message =
                        format!("aliases make this file too large: more than {most} values, or {MAX_DEPTH} levels");
                    return Err(fail(at, message, "write fewer aliases of aliases"));
                }
                self.aliased = aliased;
                let node = self.renumber(node);
                self.put(node, problems)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn begin(&mut self, at: Span, anchor: usize, flow: bool, kind: Collection) -> Result<(), ParseError> {
        if self.open.len() >= MAX_DEPTH {
            return Err(fail(at, "nested too deeply", "no setting of Stepgate needs so many levels"));
        }
        self.open.push(OpenCollection { at, anchor, flow, kind });
        Ok(())
    }

    fn complete(&mut self, at: Span, anchor: usize, value: Value, problems: &mut Problems) -> Result<(), ParseError> {
        let node = Node { id: self.id(at)?, at, value };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        self.put(node, problems)
    }

    fn id(&mut self, at: Span) -> Result<usize, ParseError> {
        self.ids += 1;
        if self.ids > MAX_NODES {
            let message = format!("this file has more than {MAX_NODES} values, keys included");
            return Err(fail(at, message, "that is the most that one gateway reads: serve some hosts by another one"));
        }
        Ok(self.ids)
    }

    /// Gives a copied tree ids of its own.
    fn renumber(&mut self, mut node: Node) -> Node {
        self.ids += 1;
        node.id = self.ids;
        node.value = match node.value {
            Value::Scalar(s) => Value::Scalar(s),
            Value::List(items) => Value::List(items.into_iter().map(|n| self.renumber(n)).collect()),
            Value::Map(map) => Value::Map(Map {
                entries: map
                    .entries
                    .into_iter()
                    .map(|mut e| {
                        self.ids += 1;
                        e.key.id = self.ids;
                        MapEntry { key: e.key, value: self.renumber(e.value) }
                    })
                    .collect(),
                removed: map.removed,
            }),
        };
        node
    }

    fn put(&mut self, node: Node, problems: &mut Problems) -> Result<(), ParseError> {
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut open.kind {
            Collection::List(items) => items.push(node),
            Collection::Map { map, keys, pending } => match std::mem::replace(pending, PendingKey::Nothing) {
                PendingKey::Nothing => *pending = as_key(node, keys, problems),
                // it is in no tree, so nobody else would know whether it is a secret
                PendingKey::Refused => problems.hide(node.at),
                PendingKey::Key(key) => map.entries.push(MapEntry { key, value: node }),
            },
        }
        Ok(())
    }
}

impl OpenCollection {
    /// Where the collection stands: from bracket to bracket, or its first key or item.
    fn extent(&self, end: Span) -> Span {
        if self.flow {
            return Span { start: self.at.start, end: end.end.max(self.at.end) };
        }
        match &self.kind {
            Collection::List(items) => items.first().map_or(self.at, |n| n.at),
            Collection::Map { map, .. } => map.entries.first().map_or(self.at, |e| e.key.at),
        }
    }
}

fn as_key(node: Node, keys: &mut HashMap<String, Span>, problems: &mut Problems) -> PendingKey {
    let Value::Scalar(scalar) = node.value else {
        problems.error(node.at, "a key must be text", "begin the line with the name of a setting");
        return PendingKey::Refused;
    };
    if let Some(first) = keys.get(&scalar.text) {
        let line = problems.line_of(*first);
        let name = if problems.knows(&scalar.text) { format!("`{}`", scalar.text) } else { "this key".to_owned() };
        problems.error(node.at, format!("{name} is here twice; the first is in line {line}"), "keep one of them");
        return PendingKey::Refused;
    }
    keys.insert(scalar.text.clone(), node.at);
    PendingKey::Key(Key { id: node.id, at: node.at, text: scalar.text })
}
