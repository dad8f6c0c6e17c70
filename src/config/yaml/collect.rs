//! Decodes a tree as often as it takes to have heard of every mistake: each is told, then taken out.

use serde::de::DeserializeOwned;

use super::decode::Decoder;
use super::node::{At, Node, Value};
use super::problem::Problems;
use super::trouble::Trouble;

/// After so many mistakes the rest is left for the next run.
const PATIENCE: usize = 200;
/// What stands for the key of a list item.
pub(super) const ITEM: &str = "-";

/// Decodes `root` into `T`. Mistakes are told to `problems` and taken out of the tree, so that `root` is
/// afterwards what `T` was made of. `None` if nothing decodable remained. Also what was taken out: the place of
/// its collection and its key, which is [`ITEM`] in a list.
pub(super) fn sweep<T: DeserializeOwned>(root: &mut Node, problems: &mut Problems) -> Option<(T, Vec<(At, String)>)> {
    let mut gone = Vec::new();
    for _ in 0..PATIENCE {
        let trouble = match T::deserialize(Decoder(root)) {
            Ok(value) => return Some((value, gone)),
            Err(trouble) => trouble,
        };
        let (id, at) = trouble.node.unwrap_or((root.id, root.at));
        if !follows(root, id, &trouble) {
            problems.error(at, trouble.message.clone(), trouble.fix.clone());
        }
        if !mend(root, id, &trouble) {
            gone.push(prune(root, id)?);
        }
    }
    problems.error(At::default(), format!("more than {PATIENCE} mistakes"), "mend those below first");
    None
}

/// Whether a missing key is missing only because its wrong value was taken out.
fn follows(root: &Node, id: usize, trouble: &Trouble) -> bool {
    let Some(key) = trouble.missing else { return false };
    match find(root, id).map(|n| &n.value) {
        Some(Value::Map(map)) => map.gone.iter().any(|g| g == key),
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
fn mend(node: &mut Node, id: usize, trouble: &Trouble) -> bool {
    let Some(meant) = trouble.meant else { return false };
    match &mut node.value {
        Value::Scalar(_) => false,
        Value::List(items) => items.iter_mut().any(|n| mend(n, id, trouble)),
        Value::Map(map) => {
            let taken = map.entries.iter().any(|e| e.key.text == meant);
            match map.entries.iter_mut().find(|e| e.key.id == id) {
                Some(_) if taken => false,
                Some(entry) => {
                    meant.clone_into(&mut entry.key.text);
                    true
                }
                None => map.entries.iter_mut().any(|e| mend(&mut e.value, id, trouble)),
            }
        }
    }
}

/// Takes out the item or the entry that is, or whose key is, the node `id`. Says what was taken out.
fn prune(node: &mut Node, id: usize) -> Option<(At, String)> {
    let at = node.at;
    match &mut node.value {
        Value::Scalar(_) => None,
        Value::List(items) => match items.iter().position(|n| n.id == id) {
            Some(i) => {
                items.remove(i);
                Some((at, ITEM.to_owned()))
            }
            None => items.iter_mut().find_map(|n| prune(n, id)),
        },
        Value::Map(map) => match map.entries.iter().position(|e| e.key.id == id || e.value.id == id) {
            Some(i) => {
                let entry = map.entries.remove(i);
                map.gone.push(entry.key.text.clone());
                Some((at, entry.key.text))
            }
            None => map.entries.iter_mut().find_map(|e| prune(&mut e.value, id)),
        },
    }
}
