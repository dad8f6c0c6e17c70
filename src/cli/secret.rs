//! `stepgate secret`: keys and password hashes, and the rotation of the master key.

use data_encoding::BASE64;
use serde_json::json;

use super::accounts::{self, answered};
use super::args::{ConfigFile, Secret};
use super::newcomer;
use super::outcome::{Failure, Outcome};
use super::terminal::{self, columns, data, say};
use crate::auth::factor::password::PasswordRule;
use crate::auth::secret::SecretText;
use crate::flow::ports::{Entropy, SealedAt};
use crate::flow::reseal::reseal_all;
use crate::flow::settings::PasswordSettings;
use crate::store::admin::key_usage::KeyUsage;
use crate::store::system::OsEntropy;
use crate::store::vault::Role;

/// Bytes of a master key.
const KEY_BYTES: usize = 32;

pub(crate) async fn run(command: &Secret) -> Outcome {
    match command {
        Secret::Generate => {
            let mut key = zeroize::Zeroizing::new([0; KEY_BYTES]);
            answered(OsEntropy.fill(key.as_mut_slice()))?;
            let line = SecretText::new(format!("{}\n", BASE64.encode(key.as_slice())));
            data(line.expose())
        }
        Secret::HashPassword { force } => {
            let settings = PasswordSettings::default();
            let rule = PasswordRule::new(settings.min_length, settings.max_bytes, [""; 0]);
            let password = newcomer::judged(&terminal::stdin_or_prompt(*force), &rule, "")?;
            let hash = newcomer::hash(&password.text, &settings, &OsEntropy)?;
            data(&format!("{}\n", hash.expose()))
        }
        Secret::Status { file, json } => status(file, *json).await,
        Secret::Reseal { file, json } => reseal(file, *json).await,
    }
}

async fn status(file: &ConfigFile, json: bool) -> Outcome {
    let opened = accounts::open(file).await?;
    let uses = answered(opened.stores.key_usage().await)?;
    if json {
        let values: Vec<_> = uses.iter().map(value).collect();
        return terminal::json(&values);
    }
    let mut rows = vec![["KEY", "ROLE", "TOTP", "SIGNING KEYS"].map(str::to_owned).to_vec()];
    rows.extend(
        uses.iter()
            .map(|u| vec![name(u).to_owned(), role(u).to_owned(), u.totp.to_string(), u.signing_keys.to_string()]),
    );
    data(&columns(&rows))?;
    uses.iter().filter_map(KeyUsage::missing_key).for_each(|text| say(&format!("stepgate: {text}")));
    Ok(())
}

async fn reseal(file: &ConfigFile, json: bool) -> Outcome {
    let opened = accounts::open(file).await?;
    let done = answered(reseal_all(&opened.ports).await)?;
    for (at, cause) in &done.lost {
        let whose = match at {
            SealedAt::Totp(user) => format!("the authenticator of account {user}"),
            SealedAt::Signing(kid) => format!("the signing key {kid}"),
        };
        say(&format!("stepgate: {whose}: {cause}"));
    }
    if json {
        terminal::json(&json!({ "resealed": done.renewed, "kept": done.kept, "lost": done.lost.len() }))?;
    } else {
        say(&format!("sealed anew: {}; left as they are: {}", done.renewed, done.kept));
    }
    match done.lost.len() {
        0 => Ok(()),
        lost => Err(Failure::failed(format!("not opened: {lost}; `stepgate secret status` says which key is missing"))),
    }
}

fn value(u: &KeyUsage) -> serde_json::Value {
    json!({ "key": u.key, "role": role(u), "totp": u.totp, "signing_keys": u.signing_keys })
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
