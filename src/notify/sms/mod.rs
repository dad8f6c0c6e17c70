//! Text messages, by HTTP: an API that speaks as Twilio's does, or an address that takes them as the operator says.

mod answer;
pub(super) mod template;
mod twilio;
mod webhook;

use std::error::Error as _;
use std::time::Duration;

use reqwest::{Client, Request};

use super::settings::SmsSettings;
use crate::auth::time::Timestamp;
use crate::flow::ports::Bounce;
use answer::judge;

/// How long an answer may take in all, and connecting.
const PATIENCE: Duration = Duration::from_secs(10);
const CONNECT: Duration = Duration::from_secs(5);

/// What sends text messages.
pub(super) struct SmsClient {
    settings: SmsSettings,
    http: Client,
}

impl SmsClient {
    /// # Errors
    /// No client can be made: the system has no authorities to trust.
    pub(super) fn new(settings: SmsSettings) -> Result<Self, String> {
        let http = Client::builder()
            .user_agent(concat!("stepgate/", env!("CARGO_PKG_VERSION")))
            .timeout(PATIENCE)
            .connect_timeout(CONNECT)
            // A letter goes where the operator says, and nowhere else.
            .redirect(reqwest::redirect::Policy::none())
            .build();
        Ok(Self { settings, http: http.map_err(|e| cause_of(&e))? })
    }

    pub(super) async fn send(&self, id: &str, to: &str, text: &str, now: Timestamp) -> Result<(), Bounce> {
        let request = match &self.settings {
            SmsSettings::Twilio(twilio) => twilio::request(&self.http, twilio, to, text),
            SmsSettings::Webhook(webhook) => webhook::request(&self.http, webhook, id, to, text),
        };
        self.ask(request.map_err(|cause| Bounce::Never { cause })?, to, now).await
    }

    async fn ask(&self, request: Request, to: &str, now: Timestamp) -> Result<(), Bounce> {
        match self.http.execute(request).await {
            Ok(response) => judge(response, to, now).await,
            Err(e) => Err(Bounce::Later { cause: cause_of(&e), after: None }),
        }
    }
}

/// What went wrong, down to its cause, and without the address that was asked: it may hold a key.
fn cause_of(error: &reqwest::Error) -> String {
    let mut text = if error.is_timeout() { "no answer".to_owned() } else { "no connection".to_owned() };
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
