//! The JSON Schema of the configuration, made from the types that read it.

use schemars::generate::SchemaSettings;

use super::sections::root::Root;

/// The JSON Schema (2020-12) of a configuration file, as text with a line break at its end.
///
/// Editors use it to complete and to check; the checker itself knows more than a schema can say.
pub fn json_schema() -> String {
    let mut text = serde_json::to_string_pretty(&tree()).unwrap_or_default();
    text.push('\n');
    text
}

/// The same as a tree.
pub(super) fn tree() -> serde_json::Value {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Root>();
    schema.insert("title".to_owned(), "Stepgate configuration".into());
    schema.insert("required".to_owned(), serde_json::json!(["apps", "users"]));
    schema.into()
}
