//! Letters that are kept instead of being sent, for the demo.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use super::wording::Words;
use crate::auth::time::Timestamp;
use crate::flow::ports::Recipient;

/// More than a person reads; the oldest go first.
const MOST: usize = 1000;

/// A letter as it would have been sent.
#[derive(Clone, Serialize)]
pub struct KeptLetter {
    /// When it would have gone out (RFC 3339).
    pub at: String,
    /// `email` or `sms`.
    pub channel: &'static str,
    pub to: String,
    /// Of a mail.
    pub subject: Option<String>,
    pub text: String,
    /// Of a mail.
    pub html: Option<String>,
}

/// The letters, oldest first.
#[derive(Default)]
pub struct KeptLetters(Mutex<VecDeque<KeptLetter>>);

impl KeptLetters {
    pub fn all(&self) -> Vec<KeptLetter> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    pub(super) fn keep(&self, to: &Recipient, words: Words, now: Timestamp) {
        let Words { subject, text, html, short } = words;
        let at = now.rfc3339();
        let letter = match to {
            Recipient::Email(to) => {
                KeptLetter { at, channel: "email", to: to.clone(), subject: Some(subject), text, html: Some(html) }
            }
            Recipient::Phone(to) => {
                KeptLetter { at, channel: "sms", to: to.clone(), subject: None, text: short, html: None }
            }
        };
        let mut letters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        letters.push_back(letter);
        if letters.len() > MOST {
            letters.pop_front();
        }
    }
}
