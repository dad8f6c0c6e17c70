//! `stepgate secret`: keys and password hashes, and the rotation of the master key.

use data_encoding::BASE64;
use serde_json::json;

use super::accounts::{self, store_result};
use super::args::{ConfigFile, Secret};
use super::exit::{CommandResult, Failure};
use super::output::table::columns;
use super::output::terminal::{self, write_stderr, write_stdout};
use super::prompt;
use super::user::new_password;
use crate::auth::factor::password::{PasswordOwner, PasswordRule};
use crate::auth::secret::SecretText;
use crate::flow::key_rotation::rotate_keys;
use crate::flow::ports::{Entropy, SealedAt};
use crate::flow::settings::PasswordSettings;
use crate::store::admin::key_usage::KeyUsage;
use crate::store::system::OsEntropy;
use crate::store::vault::Role;

/// Bytes of a master key.
const KEY_BYTES: usize = 32;

pub(crate) async fn run(command: &Secret) -> CommandResult {
    match command {
        Secret::Generate => {
            let mut key = zeroize::Zeroizing::new([0; KEY_BYTES]);
            store_result(OsEntropy.fill(key.as_mut_slice()))?;
            let line = SecretText::new(format!("{}\n", BASE64.encode(key.as_slice())));
            write_stdout(line.expose())
        }
        Secret::HashPassword { force } => {
            let settings = PasswordSettings::default();
            let (rule, whose) = (PasswordRule::default(), PasswordOwner::default());
            let password = new_password::read(&prompt::stdin_or_prompt(*force), &rule, None, &whose)?;
            let hash = new_password::hash(&password.text, &settings, &OsEntropy)?;
            write_stdout(&format!("{}\n", hash.expose()))
        }
        Secret::Status { file, json } => status(file, *json).await,
        Secret::Reseal { file, json } => reseal(file, *json).await,
    }
}

async fn status(file: &ConfigFile, json: bool) -> CommandResult {
    let opened = accounts::open(file).await?;
    let uses = store_result(opened.stores.key_usage().await)?;
    if json {
        let values: Vec<_> = uses.iter().map(value).collect();
        return terminal::write_json(&values);
    }
    let mut rows = vec![["KEY", "ROLE", "TOTP", "SIGNING KEYS", "LETTERS"].map(str::to_owned).to_vec()];
    rows.extend(uses.iter().map(|u| {
        [name(u).to_owned(), role(u).to_owned()].into_iter().chain(counts(u).map(|n| n.to_string())).collect()
    }));
    write_stdout(&columns(&rows))?;
    uses.iter().filter_map(KeyUsage::missing_key).for_each(|text| write_stderr(&format!("stepgate: {text}")));
    Ok(())
}

async fn reseal(file: &ConfigFile, json: bool) -> CommandResult {
    let opened = accounts::open(file).await?;
    let done = store_result(rotate_keys(&opened.ports).await)?;
    for (at, cause) in &done.lost {
        let whose = match at {
            SealedAt::Totp(user) => format!("the authenticator of account {user}"),
            SealedAt::Signing(kid) => format!("the signing key {kid}"),
            SealedAt::Letter(id) => format!("the letter {id} (it goes when it expires)"),
        };
        write_stderr(&format!("stepgate: {whose}: {cause}"));
    }
    if json {
        terminal::write_json(&json!({ "resealed": done.renewed, "kept": done.kept, "lost": done.lost.len() }))?;
    } else {
        write_stderr(&format!("sealed anew: {}; left as they are: {}", done.renewed, done.kept));
    }
    match done.lost.len() {
        0 => Ok(()),
        lost => Err(Failure::failed(format!("not opened: {lost}; `stepgate secret status` says which key is missing"))),
    }
}

fn value(u: &KeyUsage) -> serde_json::Value {
    json!({ "key": u.key, "role": role(u), "totp": u.totp, "signing_keys": u.signing_keys, "letters": u.letters })
}

const fn counts(u: &KeyUsage) -> [u64; 3] {
    [u.totp, u.signing_keys, u.letters]
}

fn name(u: &KeyUsage) -> &str {
    u.key.as_deref().unwrap_or("?")
}

const fn role(u: &KeyUsage) -> &'static str {
    match (u.role, &u.key) {
        (Some(Role::Seals), _) => "seals",
        (Some(Role::Opens), _) => "opens",
        (Some(Role::Next), _) => "next",
        (None, Some(_)) => "missing",
        (None, None) => "damaged",
    }
}
