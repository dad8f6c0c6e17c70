//! `user unlock`: second factors that were switched off after too many wrong codes, and counters of attempts.

use std::net::IpAddr;

use serde_json::json;

use crate::auth::event::What;
use crate::auth::proof::Method;
use crate::cli::accounts::{self, store_result};
use crate::cli::args::OneUser;
use crate::cli::audit;
use crate::cli::exit::{CommandResult, Failure};
use crate::cli::output::terminal::{write_json, write_stderr};
use crate::flow::Flows;

pub(crate) async fn run(user: &OneUser, ips: &[IpAddr], as_json: bool) -> CommandResult {
    let (opened, account) = accounts::open_for(user).await?;
    let identity = &account.identity;
    let unlocked = store_result(opened.ports.lockouts.unlock(&identity.id).await)?;
    for method in unlocked.iter() {
        audit::record(&opened.stores, What::FactorUnlocked { method }, identity, None).await;
    }
    let names: Vec<&str> = unlocked.iter().map(Method::name).collect();
    let done = if names.is_empty() {
        "no factor was switched off".to_owned()
    } else {
        format!("switched on {}", names.join(", "))
    };
    let flows = Flows::new(opened.ports.clone(), opened.settings.flow.clone());
    flows.forgive_all(&identity.username, ips).await.map_err(|fault| {
        let Failure { code, text } = Failure::store(&fault);
        let name = &identity.username;
        Failure::new(code, format!("{text}\n{name}: {done}, but counters were not cleared; run this again"))
    })?;
    if as_json {
        return write_json(&json!({ "id": identity.id, "username": identity.username, "unlocked": names }));
    }
    let name = &identity.username;
    write_stderr(&format!("{name}: {done}; the counters of the account are cleared"));
    if !names.is_empty() {
        write_stderr("Whoever entered the wrong codes knew the password: set another one, unless it was its owner.");
    }
    if ips.is_empty() {
        write_stderr(
            "Attempts from one network are also counted by themselves: --ip ADDRESS clears those of a network.",
        );
    }
    Ok(())
}
