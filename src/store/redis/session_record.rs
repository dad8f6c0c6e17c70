//! A session as it lies in Redis: the sealed record, and in clear what scripts compare.

use std::sync::Arc;

use super::STORE;
use crate::auth::session::{Session, SessionKey};
use crate::auth::time::Timestamp;
use crate::flow::ports::{Answer, StoreError};
use crate::store::record_cipher::RecordCipher;
use crate::store::unreadable::ReadError;

/// The fields of a session's hash: the record, when it was seen, when it ends.
pub(super) type SessionFields = (Option<Vec<u8>>, Option<Vec<u8>>, Option<Vec<u8>>);

/// Reads a session as it stands now, with when it ends; `None` if there is none.
pub(super) fn session(
    cipher: &RecordCipher,
    key: &SessionKey,
    fields: &SessionFields,
) -> Result<Option<(Arc<Session>, Timestamp)>, ReadError> {
    match fields {
        (None, None, None) => Ok(None),
        (Some(body), Some(seen_at), Some(ends_at)) => {
            let mut session: Session = cipher.open(&key.encoded(), body)?;
            session.seen_at = time(seen_at).map_err(ReadError::Broken)?;
            Ok(Some((Arc::new(session), time(ends_at).map_err(ReadError::Broken)?)))
        }
        _ => Err(ReadError::Broken(broken("a field is missing"))),
    }
}

fn time(bytes: &[u8]) -> Answer<Timestamp> {
    let number = std::str::from_utf8(bytes).ok().and_then(|text| text.parse().ok());
    number.map(Timestamp::from_millis).ok_or_else(|| broken("a time is no number"))
}

/// A value that cannot be read.
pub(super) fn broken(why: &str) -> StoreError {
    StoreError::new(STORE, format!("a value cannot be read: {why}"))
}
