//! What an administrator does about recovery: a code for somebody who can prove nothing else, and the end of one that waits.

use std::time::Duration;

use serde_json::json;

use crate::auth::event::What;
use crate::auth::notice_kind::NoticeKind;
use crate::cli::accounts::{self, store_result};
use crate::cli::args::OneUser;
use crate::cli::audit;
use crate::cli::exit::{CommandResult, Failure};
use crate::cli::output::terminal::{self, write_stderr, write_stdout};
use crate::cli::user::notices::with_letters;
use crate::flow::ports::AccountChange;
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

/// Ends what waits and what was granted, with all that was mailed or issued for it.
pub(crate) async fn cancel(user: &OneUser) -> CommandResult {
    let (opened, account) = accounts::open_for(user).await?;
    let identity = &account.identity;
    let records = audit::records(opened.ports.clock.as_ref(), &[What::RecoveryCancelled], identity);
    let records = with_letters(&opened, identity, NoticeKind::RecoveryCancelled, None, records).await?;
    let change = AccountChange::OutstandingEnded { ends_sessions: false };
    if !store_result(opened.ports.accounts.change_recorded(&identity.id, change, &records).await)? {
        return Err(Failure::failed(format!("{} is gone: somebody else deleted it meanwhile", identity.username)));
    }
    audit::log(&records);
    write_stderr(&format!(
        "{}: any recovery has ended, and every code that was mailed or issued for one",
        identity.username
    ));
    Ok(())
}
