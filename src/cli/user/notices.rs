//! Letters to people about what an operator does to their account.

use crate::auth::factor::authenticator::AddressRecord;
use crate::auth::notice_kind::NoticeKind;
use crate::auth::user::Identity;
use crate::cli::accounts::{OpenStores, store_result};
use crate::cli::exit::CommandResult;
use crate::cli::output::terminal::write_stderr;
use crate::config::Settings;
use crate::flow::notices::{NoticeFacts, notice_records};
use crate::flow::ports::Records;

/// The records of a change and the letters about it, where there is mail; `new`: an address that comes with the change. What an
/// operator has to do, such as to disable an account, does not wait for letters: one that cannot be made is missing.
pub(crate) async fn with_letters(
    opened: &OpenStores,
    who: &Identity,
    kind: NoticeKind,
    new: Option<&AddressRecord>,
    records: Records,
) -> CommandResult<Records> {
    Ok(match letters(opened, who, kind, new).await {
        Ok(letters) => Records { letters: letters.letters, ..records },
        Err(fault) => {
            write_stderr(&format!("warning: {} is not told of this by mail: {}", who.username, fault.text));
            records
        }
    })
}

async fn letters(
    opened: &OpenStores,
    who: &Identity,
    kind: NoticeKind,
    new: Option<&AddressRecord>,
) -> CommandResult<Records> {
    let (ports, settings) = (&opened.ports, &opened.settings);
    let Some(&host) = hosts(settings).first().filter(|_| settings.flow.mail) else { return Ok(Records::default()) };
    let mut enrolled = store_result(ports.authenticators.of(&who.id).await)?;
    enrolled.addresses.extend(new.cloned());
    let (page_origin, at) = (settings.proxy.listen.origin_of(host), ports.clock.now());
    let (user, username, origin) = (&who.id, &who.username, None);
    let facts = NoticeFacts { user, username, kind, at, origin, host, page_origin: &page_origin };
    store_result(notice_records(ports, facts, &enrolled).await)
}

/// The hosts where people sign in: one for all apps, or that of each.
pub(super) fn hosts(settings: &Settings) -> Vec<&str> {
    let proxy = &settings.proxy;
    match &proxy.portal_host {
        Some(host) => vec![host],
        None => proxy.apps.iter().map(|app| app.host.as_str()).collect(),
    }
}
