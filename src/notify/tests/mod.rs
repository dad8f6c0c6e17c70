mod mail;
#[path = "../../../tests/it/support/mail_server.rs"]
mod mail_server;
#[path = "../../../tests/it/support/text_provider.rs"]
mod provider;
mod sending;
mod sms;
mod words;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::auth::secret::SecretText;
use crate::auth::time::Timestamp;
use crate::flow::ports::{Answer, Clock, Entropy, Letter, LetterCode, Recipient};

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

/// A clock that the test moves.
struct TestClock(AtomicU64);

impl TestClock {
    fn new() -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(NOW.as_millis())))
    }

    fn pass(&self, by: Duration) {
        self.0.fetch_add(u64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// The least that chance can give.
struct NoEntropy;

impl Entropy for NoEntropy {
    fn fill(&self, buffer: &mut [u8]) -> Answer<()> {
        buffer.fill(0);
        Ok(())
    }
}

fn code(to: Recipient) -> LetterCode {
    let code = SecretText::new("123456".to_owned());
    LetterCode { to, code, host: "erp.example.com:8443".to_owned(), valid: Duration::from_secs(300) }
}

fn mail_to(address: &str) -> Letter {
    Letter::SignInCode(code(Recipient::Email(address.to_owned())))
}

fn text_to(number: &str) -> Letter {
    Letter::SignInCode(code(Recipient::Phone(number.to_owned())))
}
