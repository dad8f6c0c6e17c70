//! What the account commands share: settings, stores, one account by its name.

use std::time::Duration;

use super::args::{ConfigFile, OneUser};
use super::exit::{CONFIG, CommandResult, Failure};
use super::output::terminal::{self, UnreadableRows};
use super::output::text::escape;
use crate::auth::address::mail_address;
use crate::auth::text::similar::nearest;
use crate::auth::user::{Group, Username};
use crate::config::{self, Settings};
use crate::flow::ports::{Account, Answer, Ports};
use crate::store::Stores;

/// The message about a master key that was made.
pub(crate) const KEY_CREATED: &str = "a master key was made; keep a copy of it, apart from the backups of the database: \
    without it nobody's second factor can be read, and with it everybody's";

/// The settings of a file; every problem of it at once.
pub(crate) fn settings(file: &ConfigFile) -> CommandResult<Settings> {
    config::load(&file.config).map_err(|report| {
        terminal::write_stderr(&report.text);
        Failure::new(CONFIG, "")
    })
}

/// Settings and stores.
pub(crate) struct OpenStores {
    pub(crate) settings: Settings,
    pub(crate) ports: Ports,
    pub(crate) stores: Stores,
}

/// Opens the stores of a configuration file.
pub(crate) async fn open(file: &ConfigFile) -> CommandResult<OpenStores> {
    let settings = settings(file)?;
    let stores = store_result(Stores::open(&settings.store).await)?;
    if let Some(file) = &stores.made_key {
        terminal::write_stderr(&format!("{}: {}", file.display(), KEY_CREATED));
    }
    Ok(OpenStores { settings, ports: stores.ports.clone(), stores })
}

/// What a store answered; a fault ends the command.
pub(crate) fn store_result<T>(answer: Answer<T>) -> CommandResult<T> {
    answer.map_err(|fault| Failure::store(&fault))
}

/// How often a state store that does not answer is asked, and how long between two times: some five seconds.
const TRIES: usize = 20;
const PAUSE: Duration = Duration::from_millis(250);

/// Asks a state store that may be away for a moment. What follows from a change in the database is told to nodes by this
/// store alone: one that was away when a command asked it would leave open what lasts.
pub(crate) async fn insist<T, F: Future<Output = Answer<T>>>(ask: impl Fn() -> F) -> Answer<T> {
    let mut answer = ask().await;
    for tried in 1..TRIES {
        let Err(fault) = &answer else { break };
        if tried == 1 {
            terminal::write_stderr(&format!("{fault}; asking again for some seconds"));
        }
        tokio::time::sleep(PAUSE).await;
        answer = ask().await;
    }
    answer
}

/// The stores and the account that a command is about.
pub(crate) async fn open_for(user: &OneUser) -> CommandResult<(OpenStores, Account)> {
    let opened = open(&user.file).await?;
    let account = find(&opened.ports, &user.name).await?;
    Ok((opened, account))
}

/// A user name as the operator typed it.
pub(crate) fn username(text: &str) -> CommandResult<Username> {
    Username::parse(text).ok_or_else(|| {
        Failure::usage(format!(
            "{} cannot be a user name: it must not be empty, longer than 256 bytes, or hold spaces, commas or control characters",
            escape(text)
        ))
    })
}

/// The name of a new account: one that cannot pass for another to the eye.
pub(crate) fn new_username(text: &str) -> CommandResult<Username> {
    let name = username(text)?;
    match name.first_invisible() {
        None => Ok(name),
        Some(c) => Err(Failure::usage(format!(
            "{} cannot be a user name: it holds U+{:04X}, which nobody sees or which turns text around",
            escape(text),
            u32::from(c)
        ))),
    }
}

/// Names for people and mail addresses as the operator typed them.
pub(crate) fn plain_texts<'a>(texts: impl Iterator<Item = &'a String>) -> CommandResult {
    for text in texts {
        if text.chars().any(char::is_control) {
            return Err(Failure::usage("names and mail addresses must not hold control characters"));
        }
    }
    Ok(())
}

/// What is noted of somebody's mail must be an address, where it is not empty.
pub(crate) fn mail_address_or_none(given: Option<&str>) -> CommandResult {
    match given.map(str::trim) {
        Some(text) if !text.is_empty() && mail_address::parse(text).is_none() => {
            Err(Failure::usage(format!("{} is no mail address; write one as ann@example.com", escape(text))))
        }
        _ => Ok(()),
    }
}

/// The groups of an account as the operator typed them.
pub(crate) fn groups(names: &[String]) -> CommandResult<Vec<Group>> {
    let group = |name: &String| match name.trim().is_empty() || name.contains(',') || name.chars().any(char::is_control)
    {
        true => Err(Failure::usage(format!("{} cannot be a group name", escape(name)))),
        // as in `allow`
        false => Ok(Group(name.trim().to_owned())),
    };
    names.iter().map(group).collect()
}

/// The account of that name, or a failure that names the nearest one.
pub(crate) async fn find(ports: &Ports, text: &str) -> CommandResult<Account> {
    let name = username(text)?;
    if let Some(account) = store_result(ports.accounts.find(&name).await)? {
        return Ok(account);
    }
    let all = store_result(ports.accounts.list().await)?;
    let names = all.iter().flatten().map(|account| account.identity.username.as_str());
    let hint = nearest(name.as_str(), names).map_or_else(
        || "; `stepgate user list` says whom there is".to_owned(),
        |near| format!("; did you mean {near}?"),
    );
    Err(Failure::failed(format!("no user {name}{hint}")))
}

/// Every account that can be read.
pub(crate) async fn all(opened: &OpenStores, unreadable: &mut UnreadableRows) -> CommandResult<Vec<Account>> {
    let all = store_result(opened.ports.accounts.list().await)?;
    Ok(all.into_iter().filter_map(|account| unreadable.readable(account, || "an account".to_owned())).collect())
}
