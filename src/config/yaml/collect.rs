//! Collects every mistake of a tree: decodes it again and again, each mistake reported and then removed.

use serde::de::DeserializeOwned;

use super::decode::Decoder;
use super::decode_error::DecodeError;
use super::tree::{Node, Span, Value};
use crate::config::report::Problems;

/// After so many mistakes the rest is left for the next run.
const MAX_MISTAKES: usize = 200;
/// What stands for the key of a list item.
pub(crate) const ITEM: &str = "-";

/// What was removed because it was wrong: the span of its collection, and its key, which is [`ITEM`] in a list.
pub(crate) struct Removed {
    pub(crate) places: Vec<(Span, String)>,
    mistakes: usize,
}

impl Removed {
    pub(crate) const fn new(places: Vec<(Span, String)>) -> Self {
        Self { places, mistakes: 0 }
    }
}

/// Decodes each item of a list by itself: a mistake in one of ten thousand has only that one decoded again.
pub(crate) fn collect_items<T: DeserializeOwned>(
    list: Span,
    items: Vec<Node>,
    problems: &mut Problems,
    removed: &mut Removed,
) -> Option<Vec<T>> {
    let mut values = Vec::with_capacity(items.len());
    for mut item in items {
        match collect(&mut item, problems, removed) {
            Some(value) => values.push(value),
            None if removed.mistakes < MAX_MISTAKES => removed.places.push((list, ITEM.to_owned())),
            None => {
                too_many(problems);
                return None;
            }
        }
    }
    Some(values)
}

/// Decodes `root` into `T`. Mistakes are added to `problems` and removed from the tree, so that `root` is
/// afterwards what `T` was made of. `None` if nothing decodable remains.
pub(crate) fn collect<T: DeserializeOwned>(
    root: &mut Node,
    problems: &mut Problems,
    removed: &mut Removed,
) -> Option<T> {
    while removed.mistakes < MAX_MISTAKES {
        let error = match T::deserialize(Decoder(root)) {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        removed.mistakes += 1;
        let (id, at) = error.node.unwrap_or((root.id, root.at));
        if !follows_from_removal(root, id, &error) {
            problems.error(at, error.message.clone(), error.fix.clone());
        }
        if !rename_key(root, id, &error) {
            removed.places.push(remove(root, id)?);
        }
    }
    too_many(problems);
    None
}

fn too_many(problems: &mut Problems) {
    problems.error(Span::default(), format!("more than {MAX_MISTAKES} mistakes"), "mend those below first");
}

/// Whether a key is missing only because its wrong value was removed.
fn follows_from_removal(root: &Node, id: usize, error: &DecodeError) -> bool {
    let Some(key) = error.missing else { return false };
    match find(root, id).map(|n| &n.value) {
        Some(Value::Map(map)) => map.removed.iter().any(|g| g == key),
        _ => false,
    }
}

fn find(node: &Node, id: usize) -> Option<&Node> {
    if node.id == id {
        return Some(node);
    }
    match &node.value {
        Value::Scalar(_) => None,
        Value::List(items) => items.iter().find_map(|n| find(n, id)),
        Value::Map(map) => map.entries.iter().find_map(|e| find(&e.value, id)),
    }
}

/// Gives a mistyped key the name that was meant, so that what stands below it is looked at too.
fn rename_key(node: &mut Node, id: usize, error: &DecodeError) -> bool {
    let Some(suggestion) = error.suggestion else { return false };
    match &mut node.value {
        Value::Scalar(_) => false,
        Value::List(items) => items.iter_mut().any(|n| rename_key(n, id, error)),
        Value::Map(map) => {
            let taken = map.entries.iter().any(|e| e.key.text == suggestion);
            match map.entries.iter_mut().find(|e| e.key.id == id) {
                Some(_) if taken => false,
                Some(entry) => {
                    suggestion.clone_into(&mut entry.key.text);
                    true
                }
                None => map.entries.iter_mut().any(|e| rename_key(&mut e.value, id, error)),
            }
        }
    }
}

/// Removes the item or the entry that is, or whose key is, the node `id`. Returns what was removed.
fn remove(node: &mut Node, id: usize) -> Option<(Span, String)> {
    let at = node.at;
    match &mut node.value {
        Value::Scalar(_) => None,
        Value::List(items) => match items.iter().position(|n| n.id == id) {
            Some(i) => {
                items.remove(i);
                Some((at, ITEM.to_owned()))
            }
            None => items.iter_mut().find_map(|n| remove(n, id)),
        },
        Value::Map(map) => match map.entries.iter().position(|e| e.key.id == id || e.value.id == id) {
            Some(i) => {
                let entry = map.entries.remove(i);
                map.removed.push(entry.key.text.clone());
                Some((at, entry.key.text))
            }
            None => map.entries.iter_mut().find_map(|e| remove(&mut e.value, id)),
        },
    }
}
