//! Letters that wait, sealed each for its row.

use std::sync::Arc;

use async_trait::async_trait;
use data_encoding::BASE64URL_NOPAD;

use super::sql::{Database, OutboxRow};
use crate::auth::factor::authenticator::Sealed;
use crate::auth::time::Timestamp;
use crate::flow::ports::{
    Answer, Entropy, Fate, LeasedLetter, Letter, Outbox, Recipient, SealedLetter, Vault, letter_context,
};

/// The outbox over the database.
pub(crate) struct SealedOutbox {
    database: Database,
    vault: Arc<dyn Vault>,
    entropy: Arc<dyn Entropy>,
}

impl SealedOutbox {
    pub(crate) fn new(database: Database, vault: Arc<dyn Vault>, entropy: Arc<dyn Entropy>) -> Self {
        Self { database, vault, entropy }
    }

    /// Those that wait for these people and can be read, with their ids.
    async fn letters_for(&self, recipients: &[Recipient]) -> Answer<Vec<(String, Letter)>> {
        let read = |(id, sealed): (String, Answer<Sealed>)| {
            let plain = sealed.and_then(|sealed| self.vault.open(&letter_context(&id), &sealed));
            let letter = plain.and_then(|plain| Letter::decode(&plain)).ok()?;
            letter.recipient().is_some_and(|to| to.is_among(recipients)).then_some((id, letter))
        };
        Ok(self.database.kept_letters().await?.into_iter().filter_map(read).collect())
    }

    fn opened(&self, row: OutboxRow) -> LeasedLetter {
        let OutboxRow { id, letter, attempts, expires_at } = row;
        let letter = letter
            .and_then(|sealed| self.vault.open(&letter_context(&id), &sealed))
            .and_then(|plain| Letter::decode(&plain));
        LeasedLetter { id, letter, attempts, expires_at }
    }
}

#[async_trait]
impl Outbox for SealedOutbox {
    fn seal(&self, letter: &Letter, due_at: Timestamp, expires_at: Timestamp) -> Answer<SealedLetter> {
        let mut id = [0; 16];
        self.entropy.fill(&mut id)?;
        let id = BASE64URL_NOPAD.encode(&id);
        let sealed = self.vault.seal(&letter_context(&id), &letter.encode()?)?;
        Ok(SealedLetter { id, sealed, due_at, expires_at })
    }

    async fn put(&self, letter: &Letter, now: Timestamp, expires_at: Timestamp) -> Answer<()> {
        self.database.put_letter(&self.seal(letter, now, expires_at)?).await
    }

    async fn lease(&self, now: Timestamp, until: Timestamp, most: u32) -> Answer<Vec<LeasedLetter>> {
        let rows = self.database.lease_letters(now, until, most).await?;
        Ok(rows.into_iter().map(|row| self.opened(row)).collect())
    }

    async fn done(&self, leased: &LeasedLetter, fate: Fate) -> Answer<()> {
        self.database.settle_letter(&leased.id, leased.attempts, fate).await
    }

    async fn drop_expired(&self, now: Timestamp) -> Answer<u64> {
        self.database.drop_expired_letters(now).await
    }

    async fn addressed_to(&self, recipients: &[Recipient]) -> Answer<Vec<String>> {
        Ok(self.letters_for(recipients).await?.into_iter().map(|(id, _)| id).collect())
    }

    async fn kinds_for(&self, recipients: &[Recipient]) -> Answer<Vec<&'static str>> {
        Ok(self.letters_for(recipients).await?.iter().map(|(_, letter)| letter.kind()).collect())
    }

    async fn waiting(&self) -> Answer<(u64, Option<Timestamp>)> {
        self.database.letters_waiting().await
    }

    async fn wake(&self) {
        self.database.letter_written().await;
    }
}
