//! Looks at the stores and leaves them as they are, but for a key of a second in Redis: for `check --online`.

use super::embedded::Embedded;
use super::settings::{KeySettings, StateSettings, StoreSettings};
use super::sql::{Schema, look_at_accounts, look_at_file};
use super::{own_file, redis, vault};
use crate::flow::ports::{Answer, StoreError};

/// What a look at the stores found.
#[derive(Default)]
pub struct Looked {
    /// What does not answer or cannot be used.
    pub faults: Vec<StoreError>,
    /// What `run` would do at its start.
    pub notes: Vec<String>,
}

const POOLED: &str = "database: a pooler answers that gives the server away after each transaction (or keeps no settings); \
     every statement goes in a transaction of its own, which costs three more turns. Nothing need be set. With \
     a URL that leads to PostgreSQL itself, or to a pooler by session that lets `options` through, they are spared";

/// Asks every store that the settings name, and leaves it as it is.
pub async fn look(settings: &StoreSettings) -> Looked {
    let mut looked = Looked::default();
    match look_at_accounts(settings.database.expose()).await {
        Err(fault) => looked.faults.push(fault),
        Ok(found) => {
            looked.note("database", found.schema);
            if found.pooled {
                looked.notes.push(POOLED.to_owned());
            }
            looked.keys(&settings.keys, found.sealed);
        }
    }
    match state(settings).await {
        Err(fault) => looked.faults.push(fault),
        Ok(schema) => looked.note("state", schema),
    }
    looked
}

impl Looked {
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
            Ok(false) if sealed => self.faults.push(super::key_file_is_gone(path)),
            Ok(false) => self.notes.push("vault: there is no key file yet; `run` would make one".to_owned()),
            Err(fault) => self.faults.push(fault),
        }
    }
}

async fn state(settings: &StoreSettings) -> Answer<Schema> {
    let StateSettings::Embedded(file) = &settings.state else {
        return redis::look(&settings.state).await.map(|()| Schema::Current);
    };
    let file = match file {
        Some(file) => file.clone(),
        None => own_file(settings)?,
    };
    look_at_file(&file, &Embedded::migrator()).await.map(|found| found.schema)
}
