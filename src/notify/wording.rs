//! The words of letters, from the catalogue.

mod notice;

use std::time::Duration;

use crate::flow::ports::{Letter, LetterCode, LetterLink, LinkPurpose};
use crate::portal::format;
use crate::portal::messages::{Markup, text};

/// The service, where the operator gave it no name.
const NAME: &str = "Stepgate";

/// A letter in words: as a mail, and as a text message.
pub(super) struct Words {
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: String,
    /// The whole of a text message.
    pub(super) short: String,
}

/// The words of a letter; `None` for one that goes nowhere.
pub(super) fn words(letter: &Letter, name: Option<&str>) -> Option<Words> {
    let name = name.unwrap_or(NAME);
    Some(match letter {
        Letter::SignInCode(code) => {
            let host = code.host.as_str();
            let lines = Lines {
                subject: text!("letter-code-subject", name = name, host = host),
                use_it: text!("letter-code-use", host = host),
                otherwise: text!("letter-code-otherwise"),
                short: text!(
                    "letter-code-short",
                    name = name,
                    host = host,
                    code = code.code.expose(),
                    minutes = minutes(code.valid)
                ),
            };
            lines.of(code)
        }
        Letter::AddressCode(code) => {
            let host = code.host.as_str();
            let lines = Lines {
                subject: text!("letter-confirm-subject", name = name, host = host),
                use_it: text!("letter-confirm-use", host = host),
                otherwise: text!("letter-confirm-otherwise"),
                short: text!(
                    "letter-confirm-short",
                    name = name,
                    host = host,
                    code = code.code.expose(),
                    minutes = minutes(code.valid)
                ),
            };
            lines.of(code)
        }
        Letter::Link(link) => of_link(link, name),
        Letter::Notice(about) => notice::words(about, name),
        Letter::Nobody => return None,
    })
}

/// What the letters of a kind say.
struct Lines {
    subject: String,
    use_it: String,
    otherwise: String,
    short: String,
}

impl Lines {
    fn of(self, LetterCode { code, host, valid, .. }: &LetterCode) -> Words {
        let Self { subject, use_it, otherwise, short } = self;
        let (code, good_for) = (code.expose(), text!("letter-good-for", minutes = minutes(*valid)));
        let secret = text!("letter-do-not-share");
        let text = format!("{use_it}\n\n    {code}\n\n{good_for}\n{secret}\n\n{otherwise}\n");
        let body = format!(
            "<p>{}</p>\n<p style=\"font-size:28px;font-weight:bold;letter-spacing:4px\">{}</p>\n\
<p>{}<br>\n<strong>{}</strong></p>\n<p>{}</p>\n",
            shown(&use_it),
            shown(code),
            shown(&good_for),
            shown(&secret),
            shown(&otherwise)
        );
        let html = page(&subject, &body);
        // The last line lets a browser fill the code in on this host and no other (WICG, origin-bound one-time codes).
        let short = format!("{short}\n{secret}\n@{} #{code}", without_port(host));
        Words { subject, text, html, short }
    }
}

/// The words around a link.
fn of_link(link: &LetterLink, name: &str) -> Words {
    let host = link.host.as_str();
    let (subject, use_it, otherwise) = match link.purpose {
        LinkPurpose::SignUp => (
            text!("letter-sign-up-subject", name = name, host = host),
            text!("letter-sign-up-use", host = host),
            text!("letter-sign-up-otherwise"),
        ),
        LinkPurpose::AddressTaken => (
            text!("letter-taken-subject", name = name, host = host),
            text!("letter-taken-use", host = host),
            text!("letter-taken-otherwise"),
        ),
        LinkPurpose::Invitation => (
            text!("letter-invitation-subject", name = name, host = host),
            text!("letter-invitation-use", host = host),
            text!("letter-invitation-otherwise"),
        ),
        LinkPurpose::SignIn => (
            text!("letter-link-subject", name = name, host = host),
            text!("letter-link-use", host = host),
            text!("letter-link-otherwise"),
        ),
        LinkPurpose::Recovery => (
            text!("letter-recovery-subject", name = name, host = host),
            text!("letter-recovery-use", host = host),
            text!("letter-recovery-otherwise"),
        ),
        LinkPurpose::RecoveryWaits => (
            text!("letter-recovery-waits-subject", name = name, host = host),
            text!("letter-recovery-waits-use", host = host, span = format::span(link.valid)),
            text!("letter-recovery-waits-otherwise"),
        ),
        LinkPurpose::Deletion => (
            text!("letter-deletion-subject", name = name, host = host),
            text!("letter-deletion-use", host = host),
            text!("letter-deletion-otherwise"),
        ),
    };
    let once = link.purpose != LinkPurpose::AddressTaken;
    let good_for = (once && link.purpose != LinkPurpose::RecoveryWaits)
        .then(|| text!("letter-link-good-for", span = format::span(link.valid)));
    let code = link.code.as_ref().map(|code| (text!("letter-link-code"), code.expose()));
    let secret = once.then(|| text!("letter-link-do-not-share"));
    let url = link.url.expose();
    let (mut text, mut html) = (format!("{use_it}\n\n{url}\n\n"), paragraph(&use_it));
    html += &format!("<p><a href=\"{0}\">{0}</a></p>\n", shown(url));
    if let Some((intro, code)) = code {
        text += &format!("{intro}\n\n    {code}\n\n");
        html += &paragraph(&intro);
        html += &format!("<p style=\"font-size:20px;font-weight:bold;word-break:break-all\">{}</p>\n", shown(code));
    }
    for line in good_for.iter().chain(&secret) {
        text += &format!("{line}\n\n");
        html += &paragraph(line);
    }
    text += &format!("{otherwise}\n");
    html += &paragraph(&otherwise);
    let html = page(&subject, &html);
    // No link goes by text message.
    Words { subject, text, html, short: String::new() }
}

fn paragraph(text: &str) -> String {
    format!("<p>{}</p>\n", shown(text))
}

/// The whole of a mail in HTML.
fn page(subject: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{}</title></head>\n\
<body style=\"font:16px/1.5 system-ui,sans-serif;max-width:34em;margin:1em\">\n{body}</body></html>\n",
        shown(subject)
    )
}

fn shown(text: &str) -> Markup {
    Markup::of_text(text)
}

fn without_port(host: &str) -> &str {
    host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit())).map_or(host, |(host, _)| host)
}

/// Whole minutes; a code that is good for less is said to be good for one.
fn minutes(time: Duration) -> u32 {
    u32::try_from(time.as_secs().div_ceil(60)).unwrap_or(u32::MAX).max(1)
}
