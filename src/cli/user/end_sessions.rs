//! The end of somebody's sessions after a change of their account.

use std::fmt;

use crate::auth::event::What;
use crate::cli::accounts::{self, OpenStores};
use crate::cli::audit;
use crate::cli::exit::{CommandResult, Failure};
use crate::flow::ports::Account;

/// How many sessions ended.
#[derive(Clone, Copy)]
pub(crate) struct EndedSessions(pub(crate) u64);

/// Ends every session of the account; `so_far` tells what was done if that fails.
pub(crate) async fn end_sessions(opened: &OpenStores, account: &Account, so_far: &str) -> CommandResult<EndedSessions> {
    let identity = &account.identity;
    let count = accounts::insist(|| opened.ports.sessions.revoke_all(&identity.id)).await.map_err(|fault| {
        let Failure { code, text } = Failure::store(&fault);
        let name = &identity.username;
        Failure::new(code, format!("{text}\n{name}: {so_far}, but its sessions could not be ended; run this again"))
    })?;
    audit::record(&opened.stores, What::SessionsRevoked, identity, None).await;
    Ok(EndedSessions(count))
}

impl fmt::Display for EndedSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("no session was open"),
            1 => f.write_str("1 session ended"),
            n => write!(f, "{n} sessions ended"),
        }
    }
}
