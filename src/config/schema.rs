//! The JSON Schema of the configuration, made from the types that read it.

use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::sections::root::Root;

/// The JSON Schema (2020-12) of a configuration file, as text with a line break at its end.
///
/// Editors use it to complete and to check; the checker itself knows more than a schema can say.
pub fn json_schema() -> String {
    let mut text = serde_json::to_string_pretty(tree()).unwrap_or_default();
    text.push('\n');
    text
}

/// The same as a tree.
pub(crate) fn tree() -> &'static Value {
    static TREE: LazyLock<Value> = LazyLock::new(generate);
    &TREE
}

fn generate() -> Value {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Root>();
    schema.insert("title".to_owned(), "Stepgate configuration".into());
    schema.insert("required".to_owned(), json!(["apps", "users"]));
    let mut schema = schema.into();
    widen(&mut schema);
    schema
}

/// Scalars are taken as they are written, so a number may stand for text, and quotes around a number mean nothing:
/// what `check` takes is no fault in an editor.
fn widen(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            if !["enum", "const", "pattern"].iter().any(|k| map.contains_key(*k)) {
                let nullable = map.get("type").and_then(Value::as_array).is_some_and(|t| t.contains(&json!("null")));
                let named = match map.get("type") {
                    Some(Value::Array(types)) => types.first().and_then(Value::as_str),
                    other => other.and_then(Value::as_str),
                };
                let (types, pattern) = match named {
                    Some("string") => (vec!["string", "number", "boolean"], None),
                    Some("integer") => (vec!["integer", "string"], Some("^\\s*\\+?[0-9]+\\s*$")),
                    Some("boolean") => (
                        vec!["boolean", "string"],
                        Some("^([tT][rR][uU][eE]|[fF][aA][lL][sS][eE]|[oO]n|ON|[oO]ff|OFF|[yY]es|YES|[nN]o|NO)$"),
                    ),
                    _ => (Vec::new(), None),
                };
                if !types.is_empty() {
                    let types: Vec<&str> = types.into_iter().chain(nullable.then_some("null")).collect();
                    map.insert("type".to_owned(), json!(types));
                }
                if let Some(pattern) = pattern {
                    map.insert("pattern".to_owned(), json!(pattern));
                }
            }
            map.values_mut().for_each(widen);
        }
        Value::Array(items) => items.iter_mut().for_each(widen),
        _ => {}
    }
}
