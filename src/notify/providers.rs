//! The providers in force. A reload replaces them; what is being sent goes on by those it began with.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::kept::KeptLetters;
use super::mail::SmtpClient;
use super::settings::NotifySettings;
use super::sms::SmsClient;
use super::wording::words;
use crate::flow::ports::{Bounce, Clock, Letter, Notifier, Recipient};

/// What carries the letters of one configuration.
pub struct Providers {
    name: Option<String>,
    mail: Option<SmtpClient>,
    sms: Option<SmsClient>,
    kept: Option<Arc<KeptLetters>>,
    clock: Arc<dyn Clock>,
}

impl Providers {
    /// # Errors
    /// The settings name something unusable: an authority.
    pub fn new(settings: NotifySettings, clock: Arc<dyn Clock>) -> Result<Self, String> {
        let NotifySettings { name, mail, sms, kept } = settings;
        let mail = mail.map(|mail| SmtpClient::new(mail, clock.clone())).transpose();
        Ok(Self {
            name,
            mail: mail.map_err(|cause| format!("mail: {cause}"))?,
            sms: sms.map(SmsClient::new).transpose().map_err(|cause| format!("sms: {cause}"))?,
            kept,
            clock,
        })
    }
}

#[async_trait::async_trait]
impl Notifier for Providers {
    async fn send(&self, id: &str, letter: &Letter) -> Result<(), Bounce> {
        let (Some(to), Some(words)) = (letter.recipient(), words(letter, self.name.as_deref())) else { return Ok(()) };
        if let Some(kept) = &self.kept {
            kept.keep(to, words, self.clock.now());
            return Ok(());
        }
        match (to, &self.mail, &self.sms) {
            (Recipient::Email(to), Some(mail), _) => mail.send(id, to, words).await,
            (Recipient::Phone(to), _, Some(sms)) => sms.send(id, to, &words.short, self.clock.now()).await,
            // A reload may bring one in time.
            (Recipient::Email(_), None, _) => Err(without("mail")),
            (Recipient::Phone(_), _, None) => Err(without("sms")),
        }
    }
}

fn without(key: &str) -> Bounce {
    Bounce::Later { cause: format!("the configuration has no `{key}`"), after: None }
}

/// The providers in force.
pub struct ActiveProviders(ArcSwap<Providers>);

impl ActiveProviders {
    pub fn new(providers: Providers) -> Self {
        Self(ArcSwap::from_pointee(providers))
    }

    pub fn replace(&self, providers: Providers) {
        self.0.store(Arc::new(providers));
    }
}

#[async_trait::async_trait]
impl Notifier for ActiveProviders {
    async fn send(&self, id: &str, letter: &Letter) -> Result<(), Bounce> {
        let providers = self.0.load_full();
        providers.send(id, letter).await
    }
}
