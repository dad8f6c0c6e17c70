//! The outbox in memory, and what is written with a change.

use async_trait::async_trait;
use data_encoding::HEXLOWER;

use super::{State, World, unseal};
use crate::auth::time::Timestamp;
use crate::flow::ports::{
    Answer, CodeAttempt, Entropy as _, Fate, LeasedLetter, Letter, Outbox, Recipient, Records, SealedLetter, Vault,
    letter_context,
};

impl State {
    /// Writes what belongs to a change.
    pub(super) fn keep(&mut self, records: &Records) {
        self.trail.extend(records.entries.iter().map(|(at, _, event)| (*at, event.clone())));
        self.letters.extend(records.letters.iter().map(|sealed| (opened(sealed), sealed.expires_at)));
    }

    /// Takes back what was written with a count.
    pub(super) fn withdraw(&mut self, attempt: &CodeAttempt<'_>) {
        let letters = attempt.records.map_or(&[][..], |records| &records.letters);
        let withdrawn: Vec<_> = letters.iter().map(|sealed| opened(sealed).encode().unwrap()).collect();
        let stays = |letter: &Letter| withdrawn.iter().all(|gone| gone.expose() != letter.encode().unwrap().expose());
        self.letters.retain(|(letter, _)| stays(letter));
    }
}

fn opened(letter: &SealedLetter) -> Letter {
    Letter::decode(&unseal(&letter_context(&letter.id), &letter.sealed).unwrap()).unwrap()
}

/// Flows only ever put letters.
#[async_trait]
impl Outbox for World {
    fn seal(&self, letter: &Letter, due_at: Timestamp, expires_at: Timestamp) -> Answer<SealedLetter> {
        let mut id = [0; 16];
        self.fill(&mut id)?;
        let id = HEXLOWER.encode(&id);
        let sealed = Vault::seal(self, &letter_context(&id), &letter.encode()?)?;
        Ok(SealedLetter { id, sealed, due_at, expires_at })
    }

    async fn put(&self, letter: &Letter, _: Timestamp, expires_at: Timestamp) -> Answer<()> {
        self.call(|s| s.letters.push((letter.clone(), expires_at)))
    }

    async fn lease(&self, _: Timestamp, _: Timestamp, _: u32) -> Answer<Vec<LeasedLetter>> {
        Ok(Vec::new())
    }

    async fn done(&self, _: &LeasedLetter, _: Fate) -> Answer<()> {
        Ok(())
    }

    async fn drop_expired(&self, _: Timestamp) -> Answer<u64> {
        Ok(0)
    }

    async fn addressed_to(&self, recipients: &[Recipient]) -> Answer<Vec<String>> {
        self.call(|s| s.addressed_to(recipients))
    }

    async fn kinds_for(&self, recipients: &[Recipient]) -> Answer<Vec<&'static str>> {
        self.call(|s| {
            let meant = |letter: &&Letter| letter.recipient().is_some_and(|to| to.is_among(recipients));
            s.letters.iter().map(|(letter, _)| letter).filter(meant).map(Letter::kind).collect()
        })
    }

    async fn waiting(&self) -> Answer<(u64, Option<Timestamp>)> {
        self.call(|s| (s.letters.len() as u64, None))
    }

    async fn wake(&self) {
        std::future::pending().await
    }
}
