//! `secrets`: the master key ring.

use std::path::Path;

use schemars::JsonSchema;
use serde::Deserialize;

use super::users::Database;
use crate::auth::secret::SecretBytes;
use crate::config::sections::checker::Checker;
use crate::config::yaml::Spanned;
use crate::store::inspect;
use crate::store::settings::KeySettings;
use crate::store::vault::parse_ring;

/// The master keys, which seal TOTP secrets and signing keys.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SecretOptions {
    /// One key in each line, 32 bytes as base64 or hex, newest first; `next:` before a key that opens and does not
    /// seal yet. Default: made beside the SQLite file.
    key_file: Option<Spanned<String>>,
}

const FORMAT: &str = "one key in each line, newest first: 32 bytes as base64 or hex (`stepgate secret generate`)";

/// Judges `secrets`; `None` if there is no key to work with.
pub(crate) fn validate(
    options: Option<Spanned<SecretOptions>>,
    database: Option<&Database>,
    cx: &mut Checker,
) -> Option<KeySettings> {
    if let Some(file) = options.and_then(|o| o.value.key_file) {
        let bytes = SecretBytes::new(cx.read_secret(&file, 64 * 1024)?);
        let ring = std::str::from_utf8(bytes.expose()).map_err(|_| "it is not text".to_owned()).and_then(parse_ring);
        return match ring {
            Ok(ring) => Some(KeySettings::Ring(ring)),
            Err(why) => {
                cx.error(file.at, format!("this is no key file: {why}"), FORMAT);
                None
            }
        };
    }
    let database = database?;
    match &database.file {
        Some(file) => {
            let keys = beside(file);
            if let Err(why) = inspect::key_file(&keys) {
                cx.error(database.at, format!("the key file beside this database cannot be used: {why}"), FORMAT);
            }
            Some(KeySettings::Beside(keys))
        }
        None => {
            if !cx.was_removed_anywhere("key_file") && !cx.was_removed_anywhere("secrets") {
                let fix = "add `secrets: { key_file: … }`; every machine that shares the database needs the same keys";
                cx.error(database.at, "PostgreSQL needs a master key that all machines share", fix);
            }
            None
        }
    }
}

/// The key file of a SQLite file: `stepgate.db` has `stepgate.db.key`.
fn beside(file: &Path) -> std::path::PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".key");
    name.into()
}
