//! Values as they lie in Redis: JSON that says of what kind and version it is.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::STORE;
use crate::auth::session::Session;
use crate::auth::time::Timestamp;
use crate::flow::ports::{Answer, StoreError};

/// A value with its kind.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record<T> {
    v: String,
    d: T,
}

/// The fields of a session's hash: the record, when it was seen, when it ends.
pub(super) type SessionFields = (Option<Vec<u8>>, Option<Vec<u8>>, Option<Vec<u8>>);

/// Writes a value of a kind (`c1:`).
pub(super) fn write<T: Serialize>(kind: &str, value: &T) -> Answer<String> {
    serde_json::to_string(&Record { v: kind.to_owned(), d: value }).map_err(|e| StoreError::new(STORE, e))
}

/// Reads a value of a kind. The fault says where it broke, never what it held.
pub(super) fn read<T: DeserializeOwned>(kind: &str, bytes: &[u8]) -> Answer<T> {
    let record: Record<T> = serde_json::from_slice(bytes)
        .map_err(|e| broken(kind, &format!("{:?} error at line {} column {}", e.classify(), e.line(), e.column())))?;
    if record.v == kind { Ok(record.d) } else { Err(broken(kind, "it is of another kind or version")) }
}

/// Reads a session as it stands now, with when it ends; `None` if there is none.
pub(super) fn session(kind: &str, fields: &SessionFields) -> Answer<Option<(Arc<Session>, Timestamp)>> {
    match fields {
        (None, None, None) => Ok(None),
        (Some(body), Some(seen_at), Some(ends_at)) => {
            let mut session: Session = read(kind, body)?;
            session.seen_at = time(kind, seen_at)?;
            Ok(Some((Arc::new(session), time(kind, ends_at)?)))
        }
        _ => Err(broken(kind, "a field is missing")),
    }
}

fn time(kind: &str, bytes: &[u8]) -> Answer<Timestamp> {
    let number = std::str::from_utf8(bytes).ok().and_then(|text| text.parse().ok());
    number.map(Timestamp::from_millis).ok_or_else(|| broken(kind, "a time is no number"))
}

/// A value that cannot be read.
pub(super) fn broken(kind: &str, why: &str) -> StoreError {
    StoreError::new(STORE, format!("a value of kind `{kind}` cannot be read: {why}"))
}
