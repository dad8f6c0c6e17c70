//! Passwords that became known by breaches of other services.

use async_trait::async_trait;

use super::Answer;
use crate::auth::secret::SecretText;

/// A list of passwords that became known.
#[async_trait]
pub trait BreachedPasswords: Send + Sync {
    /// Whether a password is on it.
    async fn contains(&self, password: &SecretText) -> Answer<bool>;
}
