//! What keeps a schema from being brought up to date.

use sqlx::migrate::MigrateError;

pub(super) const NEWER: &str = "the schema is newer than this program; use the program that wrote it, or a later one";

/// The text for the operator.
pub(super) fn migration_error(why: &MigrateError) -> String {
    match why {
        MigrateError::VersionMissing(_) => NEWER.to_owned(),
        why => why.to_string(),
    }
}
