//! The dialogue with a mail server (RFC 5321). Connections are kept for the next letter, and never after a fault: one that
//! is in the middle of something would take the next letter for the rest of it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lettre::Message;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters, TlsParametersBuilder,
};
use lettre::transport::smtp::commands::{Data, Mail, Noop, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use tokio::time::timeout;

use super::mail;
use crate::auth::time::Timestamp;
use crate::flow::ports::{Bounce, Clock};
use crate::notify::redaction::redacted;
use crate::notify::settings::{Encryption, MailSettings};
use crate::notify::wording::Words;

/// How long connecting may take in all, and each later answer of the server.
const STEP: Duration = Duration::from_secs(10);
/// How long the server may take over a letter that it has read: it may look for viruses meanwhile, and whoever gives up
/// here sends the letter twice (RFC 5321 §4.5.3.2.6).
const ACCEPT: Duration = Duration::from_secs(30);
/// How long a connection is kept, and how many.
const IDLE: Duration = Duration::from_secs(30);
const KEPT: usize = 4;

/// A mail server.
pub(in crate::notify) struct SmtpClient {
    settings: MailSettings,
    tls: Option<TlsParameters>,
    clock: Arc<dyn Clock>,
    kept: Mutex<Vec<(AsyncSmtpConnection, Timestamp)>>,
}

impl SmtpClient {
    /// # Errors
    /// The authorities cannot be used.
    pub(in crate::notify) fn new(settings: MailSettings, clock: Arc<dyn Clock>) -> Result<Self, String> {
        let tls = match settings.encryption {
            Encryption::None => None,
            Encryption::Tls | Encryption::StartTls => Some(tls(&settings)?),
        };
        Ok(Self { settings, tls, clock, kept: Mutex::default() })
    }

    pub(in crate::notify) async fn send(&self, id: &str, to: &str, words: Words) -> Result<(), Bounce> {
        let message = mail(&self.settings.from, to, id, words, self.clock.now())
            .map_err(|cause| Bounce::Never { cause: cause.to_owned() })?;
        let mut connection = match self.reuse().await {
            Some(connection) => connection,
            None => {
                let connected = timeout(STEP, self.connect()).await;
                connected.map_err(|_| no_answer("to connecting")).and_then(|made| made.map_err(|e| later(&e, to)))?
            }
        };
        deliver(&mut connection, &message).await.map_err(|fault| fault.bounce(to))?;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT {
            kept.push((connection, self.clock.now()));
        }
        Ok(())
    }

    /// A kept connection that still answers.
    async fn reuse(&self) -> Option<AsyncSmtpConnection> {
        loop {
            let (mut connection, since) = self.kept.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
            let fresh = self.clock.now().since(since) < IDLE;
            if fresh && matches!(timeout(STEP, connection.command(Noop)).await, Ok(Ok(_))) {
                return Some(connection);
            }
        }
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Error> {
        let MailSettings { host, port, encryption, credentials, .. } = &self.settings;
        let wrapped = self.tls.clone().filter(|_| *encryption == Encryption::Tls);
        let hello = ClientId::default();
        let server = (host.trim_matches(['[', ']']), *port);
        let mut connection = AsyncSmtpConnection::connect_tokio1(server, Some(STEP), &hello, wrapped, None).await?;
        if let Some(tls) = self.tls.clone().filter(|_| *encryption == Encryption::StartTls) {
            connection.starttls(tls, &hello).await?;
        }
        if let Some((user, password)) = credentials {
            let credentials = Credentials::new(user.clone(), password.expose().to_owned());
            connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).await?;
        }
        Ok(connection)
    }
}

fn tls(settings: &MailSettings) -> Result<TlsParameters, String> {
    let mut parameters = TlsParametersBuilder::new(settings.host.trim_matches(['[', ']']).to_owned());
    if let Some(pem) = &settings.authorities {
        let authorities = Certificate::from_pem(pem).map_err(|e| e.to_string())?;
        parameters = parameters.certificate_store(CertificateStore::None).add_root_certificate(authorities);
    }
    parameters.build_rustls().map_err(|e| e.to_string())
}

/// Why a letter was not taken over a connection that stood.
enum DeliveryFault {
    Refused(Error),
    Silent(&'static str),
    /// The server cannot take a letter to this address at all.
    NeedsUtf8,
}

impl DeliveryFault {
    fn bounce(self, to: &str) -> Bounce {
        match self {
            Self::Refused(e) if e.is_permanent() => Bounce::Never { cause: redacted(&e.to_string(), to) },
            Self::Refused(e) => later(&e, to),
            Self::Silent(after) => no_answer(after),
            Self::NeedsUtf8 => Bounce::Never {
                cause: "the mail address is not ASCII before the @, and the server does not offer SMTPUTF8".to_owned(),
            },
        }
    }
}

/// What goes wrong before a letter is named concerns all letters, and an operator can mend it.
fn later(error: &Error, to: &str) -> Bounce {
    Bounce::Later { cause: redacted(&error.to_string(), to), after: None }
}

fn no_answer(after: &str) -> Bounce {
    Bounce::Later { cause: format!("no answer {after}"), after: None }
}

async fn deliver(connection: &mut AsyncSmtpConnection, message: &Message) -> Result<(), DeliveryFault> {
    let envelope = message.envelope();
    let text = message.formatted();
    let mut parameters = Vec::new();
    let addresses = envelope.to().iter().chain(envelope.from());
    if !addresses.map(AsRef::<str>::as_ref).all(str::is_ascii) {
        if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
            return Err(DeliveryFault::NeedsUtf8);
        }
        parameters.push(MailParameter::SmtpUtfEight);
        parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    let sender = envelope.from().cloned();
    step(connection.command(Mail::new(sender, parameters)), STEP, "to MAIL").await?;
    for to in envelope.to() {
        step(connection.command(Rcpt::new(to.clone(), Vec::new())), STEP, "to RCPT").await?;
    }
    step(connection.command(Data), STEP, "to DATA").await?;
    step(connection.message(&text), ACCEPT, "to the letter").await
}

async fn step<T>(
    asked: impl Future<Output = Result<T, Error>>,
    patience: Duration,
    after: &'static str,
) -> Result<(), DeliveryFault> {
    match timeout(patience, asked).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(e)) => Err(DeliveryFault::Refused(e)),
        Err(_) => Err(DeliveryFault::Silent(after)),
    }
}
