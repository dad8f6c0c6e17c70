//! A new account, as `user add` and the demo make it.

use super::new_password::{NewPassword, hash};
use crate::auth::event::What;
use crate::auth::proof::Method;
use crate::auth::user::{Group, Identity, UserId, Username};
use crate::cli::accounts::store_result;
use crate::cli::audit;
use crate::cli::exit::{CommandResult, Failure};
use crate::flow::Flows;
use crate::flow::ports::{Account, Generation, Ports};
use crate::flow::reply::PendingTotp;
use crate::flow::settings::FlowSettings;
use crate::store::Stores;

/// Who is to get an account.
pub(crate) struct NewAccount {
    pub(crate) username: Username,
    pub(crate) password: NewPassword,
    pub(crate) name: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) groups: Vec<Group>,
    /// Whether to enrol a TOTP authenticator.
    pub(crate) totp: bool,
}

/// The account made.
pub(crate) struct CreatedAccount {
    pub(crate) identity: Identity,
    /// The authenticator made; shown once.
    pub(crate) totp: Option<PendingTotp>,
}

/// Makes the account, and its authenticator if wanted.
pub(crate) async fn create(stores: &Stores, settings: &FlowSettings, who: NewAccount) -> CommandResult<CreatedAccount> {
    let ports = &stores.ports;
    let hash = hash(&who.password.text, &settings.password, ports.entropy.as_ref())?;
    let mut groups = who.groups;
    groups.sort();
    groups.dedup();
    let identity =
        Identity { id: UserId(fresh_id(ports)?), username: who.username, name: who.name, email: who.email, groups };
    let account = Account {
        identity: identity.clone(),
        password_hash: Some(hash),
        disabled: false,
        created_at: ports.clock.now(),
        last_login_at: None,
        generation: Generation::default(),
    };
    let forced = who.password.forced;
    let whats: &[What] = if forced { &[What::AccountCreated, What::PasswordForced] } else { &[What::AccountCreated] };
    let records = audit::records(ports.clock.as_ref(), whats, &identity);
    if !store_result(ports.accounts.create_recorded(&account, &records).await)? {
        return Err(Failure::failed(format!("there is a user {} already; nothing was changed", identity.username)));
    }
    audit::log(&records);
    let totp = if who.totp { Some(enrol(stores, settings, &identity).await?) } else { None };
    Ok(CreatedAccount { identity, totp })
}

/// Binds an authenticator by the flow that knows how its key is sealed.
async fn enrol(stores: &Stores, settings: &FlowSettings, who: &Identity) -> CommandResult<PendingTotp> {
    let flows = Flows::new(stores.ports.clone(), settings.clone());
    let made = store_result(flows.provision_totp(who).await)?;
    audit::record(stores, What::AuthenticatorAdded { method: Method::Totp }, who, None).await;
    Ok(made)
}

/// A new ULID of the clock and fresh randomness.
pub(super) fn fresh_id(ports: &Ports) -> CommandResult<String> {
    let mut random = [0; 16];
    store_result(ports.entropy.fill(&mut random))?;
    Ok(ulid::Ulid::from_parts(ports.clock.now().as_millis(), u128::from_be_bytes(random)).to_string())
}
