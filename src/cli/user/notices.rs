//! Letters to people about what an operator does to their account.

use crate::auth::factor::authenticator::AddressRecord;
use crate::auth::notice_kind::NoticeKind;
use crate::auth::user::Identity;
use crate::cli::accounts::{OpenStores, store_result};
use crate::cli::exit::CommandResult;
use crate::config::Settings;
use crate::flow::notices::{NoticeFacts, notice_records};
use crate::flow::ports::Records;

/// The records of a change and the letters about it, where there is mail; `new`: an address that comes with the change.
pub(crate) async fn with_letters(
    opened: &OpenStores,
    who: &Identity,
    kind: NoticeKind,
    new: Option<&AddressRecord>,
    records: Records,
) -> CommandResult<Records> {
    let (ports, settings) = (&opened.ports, &opened.settings);
    let Some(host) = host(settings).filter(|_| settings.flow.mail) else { return Ok(records) };
    let mut enrolled = store_result(ports.authenticators.of(&who.id).await)?;
    enrolled.addresses.extend(new.cloned());
    let (page_origin, at) = (settings.proxy.listen.origin_of(host), ports.clock.now());
    let (user, username, origin) = (&who.id, &who.username, None);
    let facts = NoticeFacts { user, username, kind, at, origin, host, page_origin: &page_origin };
    let Records { letters, .. } = store_result(notice_records(ports, facts, &enrolled).await)?;
    Ok(Records { letters, ..records })
}

/// Where people sign in.
fn host(settings: &Settings) -> Option<&str> {
    let proxy = &settings.proxy;
    proxy.portal_host.as_deref().or_else(|| proxy.apps.first().map(|app| app.host.as_str()))
}
