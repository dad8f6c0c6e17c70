//! A new password: read, judged by the rule, hashed and set.

use crate::auth::event::What;
use crate::auth::factor::password::{self, HashParams, PasswordOwner, PasswordRule, SALT_BYTES, Unfit};
use crate::auth::notice_kind::NoticeKind;
use crate::auth::secret::SecretText;
use crate::cli::accounts::{OpenStores, store_result};
use crate::cli::args::PasswordSource;
use crate::cli::exit::{CommandResult, Failure};
use crate::cli::user::notices::with_letters;
use crate::cli::{audit, prompt};
use crate::config::Settings;
use crate::flow::ports::{Account, AccountChange, Entropy};
use crate::flow::settings::PasswordSettings;
use crate::store::breached_passwords::BreachedList;

/// Sets the password of an account.
pub(crate) async fn set(opened: &OpenStores, account: &Account, password: &NewPassword) -> CommandResult<bool> {
    let (ports, identity) = (&opened.ports, &account.identity);
    let hash = hash(&password.text, &opened.settings.flow.password, ports.entropy.as_ref())?;
    let whats: &[What] =
        if password.forced { &[What::PasswordSet, What::PasswordForced] } else { &[What::PasswordSet] };
    let records = audit::records(ports.clock.as_ref(), whats, identity);
    let records = with_letters(opened, identity, NoticeKind::PasswordChanged, None, records).await?;
    let change = AccountChange::PasswordHash(hash);
    let set = store_result(ports.accounts.change_recorded(&identity.id, change, &records).await)?;
    if set {
        audit::log(&records);
    }
    Ok(set)
}

/// A new password that was judged.
pub(crate) struct NewPassword {
    pub(crate) text: SecretText,
    /// Whether it is one that the rule refuses, which an operator set all the same.
    pub(crate) forced: bool,
}

/// A new password of this person, judged: from stdin, a file or a terminal, where the rule is said before.
pub(crate) fn read_for(
    source: &PasswordSource,
    settings: &Settings,
    whose: &PasswordOwner<'_>,
) -> CommandResult<NewPassword> {
    read(source, &settings.flow.new_passwords, settings.store.breached_passwords.as_ref(), whose)
}

/// As [`read_for`], by this rule and this list.
pub(crate) fn read(
    source: &PasswordSource,
    rule: &PasswordRule,
    breached: Option<&BreachedList>,
    whose: &PasswordOwner<'_>,
) -> CommandResult<NewPassword> {
    let is_breached = |new: &SecretText| match breached.map(|list| list.contains(new)) {
        Some(Ok(true)) => Ok(Err(Unfit::Breached)),
        Some(Err(fault)) if !source.force => Err(format!("{fault}\nTo set it all the same: --force")),
        _ => Ok(Ok(())),
    };
    let judge =
        |new: &SecretText| match rule.judge(new, whose).map_or_else(|unfit| Ok(Err(unfit)), |()| is_breached(new))? {
            Ok(()) => Ok(false),
            Err(unfit) if unfit.can_be_forced() && source.force => Ok(true),
            Err(unfit) if unfit.can_be_forced() => Err(format!("{unfit} To set it all the same: --force")),
            Err(unfit) => Err(unfit.to_string()),
        };
    prompt::new_password(source, &rule.sentence(), judge).map(|(text, forced)| NewPassword { text, forced })
}

pub(crate) fn hash(new: &SecretText, settings: &PasswordSettings, entropy: &dyn Entropy) -> CommandResult<SecretText> {
    let mut salt = [0; SALT_BYTES];
    store_result(entropy.fill(&mut salt))?;
    let params = HashParams {
        memory_kib: settings.memory_kib,
        iterations: settings.iterations,
        parallelism: settings.parallelism,
    };
    password::hash(new, &salt, params).map_err(|fault| Failure::failed(fault.to_string()))
}
