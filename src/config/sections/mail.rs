//! `mail`: the server that takes mails.

use schemars::JsonSchema;
use serde::Deserialize;

use super::tls::PEM_BYTES;
use crate::auth::secret::SecretText;
use crate::config::sections::checker::Checker;
use crate::config::sections::one_or::{Detailed, OffOr};
use crate::config::sections::scalars::{HiddenText, Url};
use crate::config::yaml::{Span, Spanned};
use crate::notify::settings::{Encryption, MailSettings, Sender, is_loopback};
use crate::proxy::pem;

/// The server that takes mails.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MailOptions {
    /// smtps://host (TLS from the first byte, port 465) or smtp://host (STARTTLS, port 587).
    smtp: Option<Url>,
    /// With smtp://: required, or off, which is for the loopback alone. Default: required.
    starttls: Option<Spanned<String>>,
    /// The user name, where the server asks for one.
    username: Option<Spanned<String>>,
    /// The password.
    password: Option<Spanned<HiddenText>>,
    /// A file that holds the password.
    password_file: Option<Spanned<String>>,
    /// A PEM file of the authorities to trust. Default: the system's.
    ca: Option<Spanned<String>>,
    /// Who mails are from, as "Example Ltd <no-reply@example.com>".
    from: Option<Spanned<String>>,
}

impl Detailed for MailOptions {
    const EXPECTED: &'static str = "`off` or a mapping, as `mail: { smtp: \"smtps://mail.example.com\", from: … }`";
    const SCHEMA: &'static str = "MailSection";
}

impl MailOptions {
    /// `{}` means off, as everywhere.
    const fn is_empty(&self) -> bool {
        let Self { smtp, starttls, username, password, password_file, ca, from } = self;
        let server = smtp.is_none() && starttls.is_none() && ca.is_none() && from.is_none();
        server && username.is_none() && password.is_none() && password_file.is_none()
    }
}

const FIX: &str = "write `smtps://mail.example.com`, or `smtp://mail.example.com` for STARTTLS";

pub(crate) fn validate(options: Option<Spanned<OffOr<MailOptions>>>, cx: &mut Checker) -> Option<MailSettings> {
    let Spanned { value, at } = options?;
    let options = value.on().filter(|options| !options.is_empty())?;
    let server = cx.need(options.smtp, at, "smtp", FIX).and_then(|url| server(&url, cx));
    let starttls = options.starttls.and_then(|text| starttls(&text, server.as_ref(), cx)).unwrap_or(true);
    let credentials = credentials((options.username, options.password, options.password_file), at, cx);
    let ca = options.ca.and_then(|ca| {
        let bytes = cx.read(&ca, PEM_BYTES)?;
        if let Err(why) = pem::authorities(&bytes) {
            cx.error(ca.at, why, "the file must hold PEM certificates");
        }
        Some(bytes)
    });
    let from = cx.need(options.from, at, "from", "add `from: \"Example Ltd <no-reply@example.com>\"`");
    let from = from.and_then(|from| {
        let sender = Sender::parse(&from.value);
        sender.map_err(|why| cx.error(from.at, why, "write \"Example Ltd <no-reply@example.com>\"")).ok()
    });
    let (server, from) = (server?, from?);
    let encryption = match (server.wrapped, starttls) {
        (true, _) => Encryption::Tls,
        (false, true) => Encryption::StartTls,
        (false, false) => Encryption::None,
    };
    let Server { host, port, .. } = server;
    Some(MailSettings { host, port, encryption, credentials, authorities: ca, from })
}

struct Server {
    host: String,
    port: u16,
    /// TLS from the first byte.
    wrapped: bool,
    loopback: bool,
}

fn server(url: &Url, cx: &mut Checker) -> Option<Server> {
    let parsed = url::Url::parse(url.value.0.expose()).ok();
    let named = parsed.as_ref().and_then(|url| Some((url, url.host_str().filter(|host| !host.is_empty())?)));
    let Some((parsed, host)) = named else {
        cx.error(url.at, "this URL names no mail server", FIX);
        return None;
    };
    let wrapped = match parsed.scheme() {
        "smtps" => true,
        "smtp" => false,
        _ => {
            cx.error(url.at, "a mail server has a URL with `smtps://` or `smtp://`", FIX);
            return None;
        }
    };
    if !parsed.username().is_empty() || parsed.password().is_some() {
        cx.error(url.at, "this URL holds a user name", "write `username:` and `password_file:` beside `smtp`");
        return None;
    }
    if !matches!(parsed.path(), "" | "/") || parsed.query().is_some() || parsed.fragment().is_some() {
        cx.error(url.at, "this URL has more than a host and a port", FIX);
        return None;
    }
    // Of schemes that the web does not know, a host is read as it stands.
    let Ok(name) = url::Host::parse(host) else {
        cx.error(url.at, "the host of this URL is none", FIX);
        return None;
    };
    let port = parsed.port().unwrap_or(if wrapped { 465 } else { 587 });
    Some(Server { host: name.to_string(), port, wrapped, loopback: is_loopback(&name) })
}

/// Whether a connection is protected by STARTTLS.
fn starttls(text: &Spanned<String>, server: Option<&Server>, cx: &mut Checker) -> Option<bool> {
    match text.value.as_str() {
        "required" => return Some(true),
        "off" | "false" => {}
        _ => {
            cx.error(text.at, "not a setting of STARTTLS", "write `required`, or `off` for a server on this machine");
            return None;
        }
    }
    let server = server?;
    if server.wrapped {
        cx.warn(text.at, "`smtps://` knows no STARTTLS", "leave it out");
    } else if !server.loopback {
        let fix = "leave `starttls` out, or name a server on this machine, as `smtp://127.0.0.1:25`";
        cx.error(text.at, "codes would cross the network in the clear", fix);
    }
    Some(false)
}

type Given = (Option<Spanned<String>>, Option<Spanned<HiddenText>>, Option<Spanned<String>>);

fn credentials((username, password, file): Given, at: Span, cx: &mut Checker) -> Option<(String, SecretText)> {
    let given = password.is_some() || file.is_some();
    let password = cx.secret(password, file, "password");
    match (username, given) {
        (Some(name), _) if name.value.is_empty() || name.value.chars().any(char::is_control) => {
            cx.error(name.at, "not a user name", "it is not empty and has no control characters");
            None
        }
        (Some(name), true) => Some((name.value, password?.value)),
        (Some(name), false) => {
            if !cx.was_removed(at, "password_file") && !cx.was_removed(at, "password") {
                cx.error(name.at, "`username` needs a password", "add `password_file: …`");
            }
            None
        }
        (None, true) => {
            cx.need::<()>(None, at, "username", "add the user name, or leave the password out");
            None
        }
        (None, false) => None,
    }
}
