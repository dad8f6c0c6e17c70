//! `${…}`: what other programs put the environment in for. Here nothing is put in, and an address with it leads nowhere.

use super::node::{At, Node, Value};
use super::problem::Problems;
use super::sweep::ITEM;

/// What is wrong.
pub(super) const MESSAGE: &str = "`${…}` is not filled in here";
/// What to do.
pub(super) const FIX: &str = "write the value out; a secret may be `env:NAME`, which is read from the environment, or stand in a file \
    that the key with `_file` names";

/// Tells every value with a placeholder and takes it out. Says what was taken out: the place of its collection and its
/// key, which is [`ITEM`] in a list.
pub(super) fn sweep(node: &mut Node, problems: &mut Problems) -> Vec<(At, String)> {
    let at = node.at;
    let mut gone = Vec::new();
    match &mut node.value {
        Value::Scalar(_) => {}
        Value::List(items) => {
            items.retain(|item| {
                let stays = !tell(item, problems);
                if !stays {
                    gone.push((at, ITEM.to_owned()));
                }
                stays
            });
            gone.extend(items.iter_mut().flat_map(|item| sweep(item, problems)));
        }
        Value::Map(map) => {
            let told: Vec<String> =
                map.entries.iter().filter(|e| tell(&e.value, problems)).map(|e| e.key.text.clone()).collect();
            map.entries.retain(|entry| !told.contains(&entry.key.text));
            gone.extend(map.entries.iter_mut().flat_map(|entry| sweep(&mut entry.value, problems)));
            gone.extend(told.iter().map(|key| (at, key.clone())));
            map.gone.extend(told);
        }
    }
    gone
}

fn tell(node: &Node, problems: &mut Problems) -> bool {
    let Value::Scalar(scalar) = &node.value else { return false };
    let found = scalar.text.split_once("${").is_some_and(|(_, rest)| rest.contains('}'));
    if found {
        problems.error(node.at, MESSAGE, FIX);
    }
    found
}
