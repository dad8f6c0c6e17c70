//! Addresses that codes go to, as the operator vouches for them.

use super::end_sessions::end_sessions;
use crate::auth::address::mail_address;
use crate::auth::address::phone_number::{NumberRefusal, PhoneNumber};
use crate::auth::event::What;
use crate::auth::factor::authenticator::{AddressKind, AddressRecord};
use crate::auth::notice_kind::NoticeKind;
use crate::auth::user::{Identity, Username};
use crate::cli::accounts::{self, OpenStores, store_result};
use crate::cli::args::OneUser;
use crate::cli::audit;
use crate::cli::exit::{CommandResult, Failure};
use crate::cli::output::terminal::write_stderr;
use crate::cli::output::text::escape;
use crate::cli::user::create_user::fresh_id;
use crate::cli::user::notices::with_letters;
use crate::flow::ports::{Ports, Records};
use crate::flow::settings::FlowSettings;

/// Puts these in the place of all of their kind; an empty one takes them away.
pub(crate) async fn set(user: &OneUser, email: Option<String>, phone: Option<String>) -> CommandResult {
    let mut changes = Vec::new();
    if let Some(email) = email {
        let given = (!email.trim().is_empty()).then(|| mail(&email)).transpose()?;
        changes.push((AddressKind::Email, given));
    }
    if let Some(phone) = phone {
        let given = (!phone.trim().is_empty()).then(|| number(&phone)).transpose()?;
        changes.push((AddressKind::Sms, given.map(|number| number.e164)));
    }
    let (opened, account) = accounts::open_for(user).await?;
    let identity = &account.identity;
    for (kind, value) in changes {
        let address = value.map(|value| record(&opened.ports, kind, value)).transpose()?;
        let method = kind.method();
        let what =
            if address.is_some() { What::AuthenticatorAdded { method } } else { What::AuthenticatorRemoved { method } };
        let mut records = audit::records(opened.ports.clock.as_ref(), &[what], identity);
        if let Some(notice) = notice(&opened, identity, kind, address.as_ref()).await? {
            records = with_letters(&opened, identity, notice, address.as_ref(), records).await?;
        }
        let set = opened.ports.addresses.replace(&identity.id, kind, address.as_ref(), &records).await;
        let Some(address) = address else {
            store_result(set)?;
            audit::log(&records);
            write_stderr(&format!("{}: no address for {} codes", identity.username, kind.name()));
            continue;
        };
        if !store_result(set)? {
            return Err(taken(&address));
        }
        audit::log(&records);
        write_stderr(&format!("{}: {} codes go to {}", identity.username, kind.name(), escape(&address.value)));
        warn_of_country(&address, &opened.settings.flow);
    }
    let ended = end_sessions(&opened, &account, "its addresses are set").await?;
    write_stderr(&format!("set the addresses of {}; {ended}", identity.username));
    Ok(())
}

/// People are looked for by their user name and by their confirmed addresses: a name that is the address of somebody else would take
/// what is meant for them.
pub(crate) async fn refuse_name_of_another(ports: &Ports, username: &Username) -> CommandResult {
    let owner = ports.addresses.owner(AddressKind::Email, &mail_address::folded(username.as_str())).await;
    let Some(owner) = store_result(owner)? else { return Ok(()) };
    let account = store_result(ports.accounts.load(&owner).await)?;
    let name = account.map_or_else(|| "another account".to_owned(), |a| escape(a.identity.username.as_str()));
    let refused = format!("{} is the confirmed address of {name}: take another user name", escape(username.as_str()));
    Err(Failure::failed(refused))
}

/// What its person is told of another address of this kind, or of none; `None`: they have that already.
async fn notice(
    opened: &OpenStores,
    who: &Identity,
    kind: AddressKind,
    new: Option<&AddressRecord>,
) -> CommandResult<Option<NoticeKind>> {
    let enrolled = store_result(opened.ports.authenticators.of(&who.id).await)?;
    let mut old = enrolled.addresses.iter().filter(|address| address.kind == kind);
    Ok(match new {
        Some(new) if old.any(|old| old.folded() == new.folded()) => None,
        Some(new) => Some(NoticeKind::AddressAdded(new.masked())),
        None => old.next().map(|gone| NoticeKind::AddressRemoved(gone.masked())),
    })
}

/// Gives a new account its addresses, which the operator vouches for. A mail address that is another account's for codes
/// is told to apps all the same.
pub(crate) async fn give(
    ports: &Ports,
    identity: &Identity,
    phone: Option<PhoneNumber>,
    flow: &FlowSettings,
) -> CommandResult {
    if let Some(value) = identity.email.as_deref().and_then(mail_address::parse) {
        let address = record(ports, AddressKind::Email, value)?;
        if !store_result(
            ports.addresses.replace(&identity.id, AddressKind::Email, Some(&address), Records::NONE).await,
        )? {
            write_stderr(&format!("{}; no codes are sent there for {}", told_taken(&address), identity.username));
        }
    }
    let Some(phone) = phone else { return Ok(()) };
    let address = record(ports, AddressKind::Sms, phone.e164)?;
    if !store_result(ports.addresses.replace(&identity.id, AddressKind::Sms, Some(&address), Records::NONE).await)? {
        let text = format!("{}: the account is made, without the number", told_taken(&address));
        return Err(Failure::failed(text));
    }
    warn_of_country(&address, flow);
    Ok(())
}

/// A phone number as the operator typed it.
pub(crate) fn number(typed: &str) -> CommandResult<PhoneNumber> {
    PhoneNumber::parse(typed).map_err(|why| {
        let why = match why {
            NumberRefusal::Kind => "takes no text messages, or costs more than others",
            NumberRefusal::Malformed | NumberRefusal::Country => {
                "is no phone number; write it with its country code, as +12025550112"
            }
        };
        Failure::usage(format!("{} {why}", escape(typed)))
    })
}

fn mail(typed: &str) -> CommandResult<String> {
    mail_address::parse(typed)
        .ok_or_else(|| Failure::usage(format!("{} is no mail address; write one as ann@example.com", escape(typed))))
}

fn record(ports: &Ports, kind: AddressKind, value: String) -> CommandResult<AddressRecord> {
    Ok(AddressRecord { id: fresh_id(ports)?, kind, value, confirmed_at: ports.clock.now() })
}

fn taken(address: &AddressRecord) -> Failure {
    Failure::failed(format!("{}; nothing of that kind was changed", told_taken(address)))
}

fn told_taken(address: &AddressRecord) -> String {
    format!("{} is the address of another account", escape(&address.value))
}

fn warn_of_country(address: &AddressRecord, flow: &FlowSettings) {
    let Ok(number) = PhoneNumber::parse(&address.value) else { return };
    let country = number.country;
    if address.kind == AddressKind::Sms && number.of(&flow.codes.countries).is_err() {
        write_stderr(&format!("no text message goes there until `sms.countries` names {}", country.code()));
    }
}
