//! The end of somebody's sessions after a change of their account.

use crate::auth::event::What;
use crate::cli::accounts::{self, OpenStores};
use crate::cli::audit;
use crate::cli::exit::{CommandResult, Failure};
use crate::flow::ports::Account;

/// Ends every session of the account and says how many; `so_far` tells what was done if that fails.
pub(crate) async fn end_sessions(opened: &OpenStores, account: &Account, so_far: &str) -> CommandResult<String> {
    let identity = &account.identity;
    let count = accounts::insist(|| opened.ports.sessions.revoke_all(&identity.id)).await.map_err(|fault| {
        let Failure { code, text } = Failure::store(&fault);
        let name = &identity.username;
        Failure::new(code, format!("{text}\n{name}: {so_far}, but its sessions could not be ended; run this again"))
    })?;
    audit::record(&opened.stores, What::SessionsRevoked, identity, None).await;
    Ok(ended(count))
}

/// How many sessions ended, in words.
pub(crate) fn ended(count: u64) -> String {
    match count {
        0 => "no session was open".to_owned(),
        1 => "1 session ended".to_owned(),
        n => format!("{n} sessions ended"),
    }
}
