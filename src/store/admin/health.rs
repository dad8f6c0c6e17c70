//! Asks the stores and leaves them as they are, but for a key of a second in Redis: for `check --online`.

use crate::flow::ports::{Answer, StoreError};
use crate::store::embedded::Embedded;
use crate::store::settings::{KeySettings, StateSettings, StoreSettings};
use crate::store::sql::{Schema, inspect_accounts, inspect_file};
use crate::store::{key_file_is_missing, own_file, redis, vault};

/// What the stores answered.
#[derive(Default)]
pub struct Health {
    /// What does not answer or cannot be used.
    pub faults: Vec<StoreError>,
    /// What `run` would do at its start.
    pub notes: Vec<String>,
}

const POOLED: &str = "database: a pooler answers that gives the server away after each transaction (or keeps no settings); \
     every statement goes in a transaction of its own, which costs three more turns. Nothing need be set. With \
     a URL that leads to PostgreSQL itself, or to a pooler by session that lets `options` through, they are spared";

/// Asks every store that the settings name, and leaves it as it is.
pub async fn check(settings: &StoreSettings) -> Health {
    let mut health = Health::default();
    match inspect_accounts(settings.database.expose()).await {
        Err(fault) => health.faults.push(fault),
        Ok(found) => {
            health.note("database", found.schema);
            if found.pooled {
                health.notes.push(POOLED.to_owned());
            }
            health.keys(&settings.keys, found.sealed);
        }
    }
    match state(settings).await {
        Err(fault) => health.faults.push(fault),
        Ok(schema) => health.note("state", schema),
    }
    health
}

impl Health {
    fn note(&mut self, store: &str, schema: Schema) {
        match schema {
            Schema::Current => {}
            Schema::Absent => self.notes.push(format!("{store}: the schema is not there yet; `run` would make it")),
            Schema::Behind => {
                self.notes.push(format!("{store}: the schema is behind; `run` would bring it up to date"))
            }
        }
    }

    fn keys(&mut self, keys: &KeySettings, sealed: bool) {
        let KeySettings::Beside(path) = keys else { return };
        match vault::key_file_exists(path) {
            Ok(true) => {}
            Ok(false) if sealed => self.faults.push(key_file_is_missing(path)),
            Ok(false) => self.notes.push("vault: there is no key file yet; `run` would make one".to_owned()),
            Err(fault) => self.faults.push(fault),
        }
    }
}

async fn state(settings: &StoreSettings) -> Answer<Schema> {
    let StateSettings::Embedded(file) = &settings.state else {
        return redis::check(&settings.state).await.map(|()| Schema::Current);
    };
    let file = match file {
        Some(file) => file.clone(),
        None => own_file(settings)?,
    };
    inspect_file(&file, &Embedded::migrator()).await.map(|found| found.schema)
}
