//! A new account, as `user add` and the demo make it.

use super::accounts::answered;
use super::args::PasswordSource;
use super::audit;
use super::outcome::{Failure, Outcome};
use super::terminal;
use crate::auth::event::What;
use crate::auth::factor::password::{self, HashParams, PasswordRule, SALT_BYTES};
use crate::auth::proof::Method;
use crate::auth::secret::SecretText;
use crate::auth::user::{Group, Identity, UserId, Username};
use crate::config::Settings;
use crate::flow::Flows;
use crate::flow::ports::{Account, AccountChange, Entropy, Generation, Ports};
use crate::flow::reply::PendingTotp;
use crate::flow::settings::{FlowSettings, PasswordSettings};
use crate::store::Stores;

/// Who is to get an account.
pub(crate) struct Newcomer {
    pub(crate) username: Username,
    pub(crate) password: NewPassword,
    pub(crate) name: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) groups: Vec<Group>,
    /// Whether to enrol a TOTP authenticator.
    pub(crate) totp: bool,
}

/// The account made.
pub(crate) struct Made {
    pub(crate) identity: Identity,
    /// The authenticator made; shown once.
    pub(crate) totp: Option<PendingTotp>,
}

/// Makes the account, and its authenticator if wanted.
pub(crate) async fn make(stores: &Stores, settings: &FlowSettings, who: Newcomer) -> Outcome<Made> {
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
    if !answered(ports.accounts.create(&account).await)? {
        return Err(Failure::failed(format!("there is a user {} already; nothing was changed", identity.username)));
    }
    audit::record(stores, What::AccountCreated, &identity, None).await;
    if who.password.forced {
        audit::record(stores, What::PasswordForced, &identity, None).await;
    }
    let totp = if who.totp { Some(enrol(stores, settings, &identity).await?) } else { None };
    Ok(Made { identity, totp })
}

/// Binds an authenticator by the flow that knows how its key is sealed.
async fn enrol(stores: &Stores, settings: &FlowSettings, who: &Identity) -> Outcome<PendingTotp> {
    let flows = Flows::new(stores.ports.clone(), settings.clone());
    let made = answered(flows.provision_totp(who).await)?;
    audit::record(stores, What::AuthenticatorAdded { method: Method::Totp }, who, None).await;
    Ok(made)
}

/// Sets the password of an account.
pub(crate) async fn set_password(
    stores: &Stores,
    settings: &FlowSettings,
    account: &Account,
    password: &NewPassword,
) -> Outcome<bool> {
    let (ports, identity) = (&stores.ports, &account.identity);
    let hash = hash(&password.text, &settings.password, ports.entropy.as_ref())?;
    let set = answered(ports.accounts.change(&identity.id, AccountChange::PasswordHash(hash)).await)?;
    if set {
        audit::record(stores, What::PasswordSet, identity, None).await;
        if password.forced {
            audit::record(stores, What::PasswordForced, identity, None).await;
        }
    }
    Ok(set)
}

/// A new password that was judged.
pub(crate) struct NewPassword {
    pub(crate) text: SecretText,
    /// Whether it is one that the rule refuses, which an operator set all the same.
    pub(crate) forced: bool,
}

/// A new password of that user, judged: from stdin, a file or a terminal, where the rule is said before.
pub(crate) fn password(source: &PasswordSource, settings: &Settings, username: &str) -> Outcome<NewPassword> {
    let hosts = settings.policy.apps().map(|app| app.host.as_str());
    let flow = &settings.flow.password;
    let rule = PasswordRule::new(flow.min_length, flow.max_bytes, hosts.chain([settings.portal.name.as_str()]));
    judged(source, &rule, username)
}

/// As [`password`], by this rule.
pub(crate) fn judged(source: &PasswordSource, rule: &PasswordRule, username: &str) -> Outcome<NewPassword> {
    let judge = |new: &SecretText| match rule.judge(new, username) {
        Ok(()) => Ok(false),
        Err(unfit) if unfit.can_be_forced() && source.force => Ok(true),
        Err(unfit) if unfit.can_be_forced() => Err(format!("{unfit} To set it all the same: --force")),
        Err(unfit) => Err(unfit.to_string()),
    };
    terminal::new_password(source, &rule.sentence(), judge).map(|(text, forced)| NewPassword { text, forced })
}

/// Hashes a new password.
pub(crate) fn hash(new: &SecretText, settings: &PasswordSettings, entropy: &dyn Entropy) -> Outcome<SecretText> {
    let mut salt = [0; SALT_BYTES];
    answered(entropy.fill(&mut salt))?;
    let params = HashParams {
        memory_kib: settings.memory_kib,
        iterations: settings.iterations,
        parallelism: settings.parallelism,
    };
    password::hash(new, &salt, params).map_err(|fault| Failure::failed(fault.to_string()))
}

/// A new ULID of the clock and fresh randomness.
fn fresh_id(ports: &Ports) -> Outcome<String> {
    let mut random = [0; 16];
    answered(ports.entropy.fill(&mut random))?;
    Ok(ulid::Ulid::from_parts(ports.clock.now().as_millis(), u128::from_be_bytes(random)).to_string())
}
