//! Opens the database that a URL names.

use std::path::PathBuf;

use super::{Database, fault, postgres, sqlite};
use crate::flow::ports::Answer;

impl Database {
    /// Opens it and brings its schema up to date.
    ///
    /// # Errors
    /// It is of no known kind, cannot be reached or made, or has another schema. The text holds no password.
    pub(crate) async fn open(url: &str) -> Answer<Self> {
        match url.split_once(':').map(|(scheme, _)| scheme) {
            Some("sqlite") => sqlite::open(&sqlite_path(url)?).await,
            Some("postgres" | "postgresql") => postgres::open(url).await,
            _ => Err(fault("the database must be `sqlite:///path` or `postgres://…`")),
        }
    }
}

/// The file of a `sqlite:` URL; an error if it is not a file.
pub(crate) fn sqlite_path(url: &str) -> Answer<PathBuf> {
    let rest = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:")).unwrap_or_default();
    if rest.contains('?') {
        return Err(fault("a `sqlite:` URL takes no `?` settings"));
    }
    if rest.is_empty() || rest.contains(":memory:") {
        return Err(fault("a `sqlite:` URL must name a file: `sqlite:///var/lib/stepgate/stepgate.db`"));
    }
    Ok(PathBuf::from(rest))
}
