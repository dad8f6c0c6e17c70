//! `${…}`: what other programs put the environment in for. Here nothing is put in, and an address with it leads nowhere.

use super::collect::ITEM;
use super::tree::{Node, Span, Value};
use crate::config::report::Problems;

/// What is wrong.
pub(crate) const MESSAGE: &str = "`${…}` is not filled in here";
/// What to do.
pub(crate) const FIX: &str = "write the value out; a secret may be `env:NAME`, which is read from the environment, or stand in a file \
    that the key with `_file` names";

/// Reports every value with a placeholder and removes it. Returns what was removed: the span of its collection and its
/// key, which is [`ITEM`] in a list.
pub(crate) fn remove_placeholders(node: &mut Node, problems: &mut Problems) -> Vec<(Span, String)> {
    let at = node.at;
    let mut removed = Vec::new();
    match &mut node.value {
        Value::Scalar(_) => {}
        Value::List(items) => {
            items.retain(|item| {
                let stays = !is_placeholder(item, problems);
                if !stays {
                    removed.push((at, ITEM.to_owned()));
                }
                stays
            });
            removed.extend(items.iter_mut().flat_map(|item| remove_placeholders(item, problems)));
        }
        Value::Map(map) => {
            let found: Vec<String> =
                map.entries.iter().filter(|e| is_placeholder(&e.value, problems)).map(|e| e.key.text.clone()).collect();
            map.entries.retain(|entry| !found.contains(&entry.key.text));
            removed.extend(map.entries.iter_mut().flat_map(|entry| remove_placeholders(&mut entry.value, problems)));
            removed.extend(found.iter().map(|key| (at, key.clone())));
            map.removed.extend(found);
        }
    }
    removed
}

fn is_placeholder(node: &Node, problems: &mut Problems) -> bool {
    let Value::Scalar(scalar) = &node.value else { return false };
    let found = scalar.text.split_once("${").is_some_and(|(_, rest)| rest.contains('}'));
    if found {
        problems.error(node.at, MESSAGE, FIX);
    }
    found
}
