//! The words about what happened to an account: what, when, from where, and what to do.

use super::{Words, page, paragraph, shown};
use crate::auth::notice_kind::NoticeKind;
use crate::flow::ports::{LetterNotice, NoticeOrigin};
use crate::portal::format;
use crate::portal::messages::text;

/// A subject, and a sentence that says what happened.
struct Heading {
    subject: String,
    what: String,
}

pub(super) fn words(about: &LetterNotice, name: &str) -> Words {
    let Heading { subject, what } = heading(about, name);
    let mut facts = vec![(text!("notice-when"), format::moment(about.at))];
    match &about.origin {
        Some(origin) => {
            facts.push((text!("notice-where"), place(origin)));
            facts.extend(agent(origin).map(|agent| (text!("notice-browser"), agent)));
        }
        None => facts.push((text!("notice-where"), text!("notice-by-operator"))),
    }
    let (known, unknown, link) = (known(about), text!("notice-not-you"), text!("notice-link-good-for"));
    let url = about.url.expose();
    let mut text = format!("{what}\n\n");
    let mut html = paragraph(&what);
    let mut lines = Vec::new();
    for (fact, value) in &facts {
        text += &format!("{fact} {value}\n");
        lines.push(format!("{} <strong>{}</strong>", shown(fact), shown(value)));
    }
    html += &format!("<p>{}</p>\n", lines.join("<br>\n"));
    text += &format!("\n{known}\n\n{unknown}\n\n{url}\n\n{link}\n");
    html += &format!("{}{}", paragraph(&known), paragraph(&unknown));
    html += &format!("<p><a href=\"{0}\">{0}</a></p>\n{1}", shown(url), paragraph(&link));
    // None goes by text message.
    Words { html: page(&subject, &html), subject, text, short: String::new() }
}

/// What to do for whoever did it themselves, or expects it.
fn known(about: &LetterNotice) -> String {
    match &about.kind {
        NoticeKind::FactorLocked(_) => text!("notice-known-locked"),
        NoticeKind::PasswordLocked => text!("notice-known-password-locked"),
        NoticeKind::BackupCodeUsed { left } => text!("notice-known-backup-code", left = *left),
        NoticeKind::RecoveryBegun { ready_at } => {
            text!("notice-known-recovery", moment = format::moment(*ready_at))
        }
        _ => text!("notice-known"),
    }
}

fn heading(LetterNotice { kind, username, host, .. }: &LetterNotice, name: &str) -> Heading {
    let (user, host) = (username.as_str(), host.as_str());
    let (subject, what) = match kind {
        NoticeKind::NewBrowser => (
            text!("notice-new-browser-subject", name = name, host = host),
            text!("notice-new-browser", user = user, host = host),
        ),
        NoticeKind::FactorAdded(method) => (
            text!("notice-factor-added-subject", name = name),
            text!("notice-factor-added", user = user, host = host, method = format::method(*method)),
        ),
        NoticeKind::FactorRemoved(method) => (
            text!("notice-factor-removed-subject", name = name),
            text!("notice-factor-removed", user = user, host = host, method = format::method(*method)),
        ),
        NoticeKind::MfaDisabled => {
            (text!("notice-mfa-disabled-subject", name = name), text!("notice-mfa-disabled", user = user, host = host))
        }
        NoticeKind::BackupCodesMade => {
            (text!("notice-codes-made-subject", name = name), text!("notice-codes-made", user = user, host = host))
        }
        NoticeKind::BackupCodeUsed { .. } => (
            text!("notice-code-used-subject", name = name, host = host),
            text!("notice-code-used", user = user, host = host),
        ),
        NoticeKind::PasswordChanged => {
            (text!("notice-password-subject", name = name), text!("notice-password", user = user, host = host))
        }
        NoticeKind::AddressAdded(address) => (
            text!("notice-address-added-subject", name = name),
            text!("notice-address-added", user = user, host = host, address = address.as_str()),
        ),
        NoticeKind::AddressRemoved(address) => (
            text!("notice-address-removed-subject", name = name),
            text!("notice-address-removed", user = user, host = host, address = address.as_str()),
        ),
        NoticeKind::RecoveryBegun { .. } => (
            text!("notice-recovery-begun-subject", name = name),
            text!("notice-recovery-begun", user = user, host = host),
        ),
        NoticeKind::RecoveryCancelled => (
            text!("notice-recovery-cancelled-subject", name = name),
            text!("notice-recovery-cancelled", user = user, host = host),
        ),
        NoticeKind::RecoveryFinished => (
            text!("notice-recovery-finished-subject", name = name),
            text!("notice-recovery-finished", user = user, host = host),
        ),
        NoticeKind::FactorLocked(method) => (
            text!("notice-locked-subject", name = name),
            text!("notice-locked", user = user, host = host, method = format::method(*method)),
        ),
        NoticeKind::PasswordLocked => (
            text!("notice-password-locked-subject", name = name),
            text!("notice-password-locked", user = user, host = host),
        ),
        NoticeKind::AccountDisabled => {
            (text!("notice-disabled-subject", name = name), text!("notice-disabled", user = user, host = host))
        }
        NoticeKind::AccountDeleted => {
            (text!("notice-deleted-subject", name = name), text!("notice-deleted", user = user, host = host))
        }
    };
    Heading { subject, what }
}

/// `192.0.2.7 (Example Net, DE)`.
fn place(NoticeOrigin { ip, country, network_owner, .. }: &NoticeOrigin) -> String {
    let known: Vec<&str> = network_owner.iter().chain(country).map(String::as_str).collect();
    if known.is_empty() { ip.clone() } else { text!("notice-place", address = ip.as_str(), known = known.join(", ")) }
}

/// `Firefox, Linux`; a script by its name.
fn agent(origin: &NoticeOrigin) -> Option<String> {
    let word = origin.agent.as_deref()?;
    let Some((browser, system)) = word.split_once('/') else { return Some(text!("notice-script")) };
    Some([browser, system].into_iter().filter(|name| !name.is_empty()).collect::<Vec<_>>().join(", "))
}
