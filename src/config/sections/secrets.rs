//! `secrets`: the master key ring.

use std::path::Path;

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD, HEXLOWER_PERMISSIVE};
use schemars::JsonSchema;
use serde::Deserialize;

use super::users::Database;
use crate::auth::secret::SecretBytes;
use crate::config::checker::Checker;
use crate::config::placed::Placed;
use crate::store::settings::KeySettings;

/// The master keys, which seal TOTP secrets and pepper hashes.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct SecretOptions {
    /// One key in each line, 32 bytes as base64 or hex, newest first. Default: made beside the SQLite file.
    key_file: Option<Placed<String>>,
}

const FORMAT: &str = "one key in each line, newest first: 32 bytes as base64 or hex (`stepgate secret generate`)";

/// Judges `secrets`; `None` if there is no key to work with.
pub(in crate::config) fn settle(
    options: Option<Placed<SecretOptions>>,
    database: Option<&Database>,
    cx: &mut Checker,
) -> Option<KeySettings> {
    if let Some(file) = options.and_then(|o| o.value.key_file) {
        let bytes = cx.read_secret(&file, 64 * 1024)?;
        return match parse_ring(&bytes) {
            Ok(ring) => Some(KeySettings::Ring(ring)),
            Err(why) => {
                cx.error(file.at, why, FORMAT);
                None
            }
        };
    }
    let database = database?;
    match &database.file {
        Some(file) => Some(KeySettings::Beside(beside(file))),
        None => {
            if !cx.is_gone_anywhere("key_file") && !cx.is_gone_anywhere("secrets") {
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

/// Reads a key ring. Says nothing of the keys themselves.
fn parse_ring(bytes: &[u8]) -> Result<Vec<SecretBytes>, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "this key file is not text".to_owned())?;
    let mut ring: Vec<SecretBytes> = Vec::new();
    for (i, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let key = decode(line.as_bytes()).ok_or_else(|| format!("line {} of this key file is not a key", i + 1))?;
        if ring.iter().any(|k| k.expose() == key) {
            return Err(format!("line {} of this key file repeats a key", i + 1));
        }
        ring.push(SecretBytes::new(key));
    }
    if ring.is_empty() { Err("this key file holds no key".to_owned()) } else { Ok(ring) }
}

fn decode(line: &[u8]) -> Option<Vec<u8>> {
    [HEXLOWER_PERMISSIVE, BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD]
        .iter()
        .filter_map(|e| e.decode(line).ok())
        .find(|k| k.len() == 32)
}
