//! What an administrator does about recovery: a code for somebody who can prove nothing else, and the end of one that waits.

use std::time::Duration;

use serde_json::json;

use crate::auth::event::What;
use crate::cli::accounts::{self, store_result};
use crate::cli::args::OneUser;
use crate::cli::audit;
use crate::cli::exit::{CommandResult, Failure};
use crate::cli::output::terminal::{self, write_stderr, write_stdout};
use crate::flow::ports::RecoveryRef;
use crate::flow::recovery::issue_recovery_code;
use crate::flow::settings::RecoverySettings;

/// Prints a code, once.
pub(crate) async fn issue(user: &OneUser, valid: Duration, json: bool) -> CommandResult {
    if valid < Duration::from_secs(60) || valid > RecoverySettings::ISSUED_CODE_LIVES {
        return Err(Failure::usage("a code is good for 1m to 24h"));
    }
    let (opened, account) = accounts::open_for(user).await?;
    let identity = &account.identity;
    if account.disabled {
        let text = format!("{} is disabled: enable the account first", identity.username);
        return Err(Failure::failed(text));
    }
    let expires_at = opened.ports.clock.now().plus(valid);
    let records = audit::records(opened.ports.clock.as_ref(), &[What::RecoveryCodeIssued], identity);
    let code = store_result(issue_recovery_code(&opened.ports, &identity.id, expires_at, &records).await)?;
    audit::log(&records);
    if json {
        return terminal::write_json(&json!({
            "username": identity.username,
            "code": code.expose(),
            "expires_at": expires_at.rfc3339(),
        }));
    }
    write_stdout(&format!("{}\n", code.expose()))?;
    let until = expires_at.rfc3339();
    write_stderr(&format!("good once, until {until}, at /.stepgate/recover with the user name {}", identity.username));
    Ok(())
}

/// Ends what waits.
pub(crate) async fn cancel(user: &OneUser) -> CommandResult {
    let (opened, account) = accounts::open_for(user).await?;
    let identity = &account.identity;
    let records = audit::records(opened.ports.clock.as_ref(), &[What::RecoveryCancelled], identity);
    let (which, now) = (RecoveryRef::Of(&identity.id), opened.ports.clock.now());
    if !store_result(opened.ports.recoveries.end(which, now, &records).await)? {
        write_stderr(&format!("{}: no recovery waits", identity.username));
        return Ok(());
    }
    audit::log(&records);
    write_stderr(&format!("{}: the recovery that waited has ended", identity.username));
    Ok(())
}
