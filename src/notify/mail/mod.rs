//! Letters by mail: how one looks (RFC 5322). How it is carried: `smtp`.

pub(super) mod mailbox;
mod smtp;

use std::time::{Duration, SystemTime};

use lettre::Message;
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use mailbox::{Sender, recipient};

pub(super) use smtp::SmtpClient;

use super::wording::Words;
use crate::auth::time::Timestamp;

/// Says that no person wrote this, so that nobody's holiday answers it (RFC 3834).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// A mail. Its id is the letter's, so that a second copy of a letter is known for what it is.
fn mail(from: &Sender, to: &str, id: &str, words: Words, now: Timestamp) -> Result<Message, &'static str> {
    let to = recipient(to)?;
    let date = SystemTime::UNIX_EPOCH + Duration::from_secs(now.as_secs());
    let both = MultiPart::alternative().boundary(format!("={id}="));
    Message::builder()
        .from(from.0.clone())
        .to(Mailbox::new(None, to))
        .subject(words.subject.replace(char::is_control, " "))
        .date(date)
        .message_id(Some(format!("<{id}@{}>", from.domain())))
        .header(AutoSubmitted)
        .multipart(both.singlepart(SinglePart::plain(words.text)).singlepart(SinglePart::html(words.html)))
        .map_err(|_| "the mail cannot be written")
}
