//! `user enrol-code`: lets somebody set up their first second factor, where `enroll: invitation` asks for that.

use serde_json::json;

use crate::auth::event::What;
use crate::cli::accounts::{self, store_result};
use crate::cli::args::OneUser;
use crate::cli::audit;
use crate::cli::exit::{CommandResult, Failure};
use crate::cli::output::terminal::{write_json, write_stderr, write_stdout};
use crate::flow::Flows;
use crate::flow::settings::EnrolmentProof;

pub(crate) async fn run(user: &OneUser, as_json: bool) -> CommandResult {
    let (opened, account) = accounts::open_for(user).await?;
    let identity = &account.identity;
    if opened.settings.flow.enroll != EnrolmentProof::Invitation {
        let text =
            "nothing asks for such a code; write `enroll: invitation` into the configuration, or let them sign in";
        return Err(Failure::failed(text.to_owned()));
    }
    let flows = Flows::new(opened.ports.clone(), opened.settings.flow.clone());
    let code = store_result(flows.issue_enrolment_code(&identity.id).await)?;
    let code = code.ok_or_else(|| Failure::failed(format!("{} is disabled; nothing was made", identity.username)))?;
    audit::record(&opened.stores, What::EnrolmentCodeIssued, identity, None).await;
    if as_json {
        return write_json(&json!({ "username": identity.username, "code": code.expose(), "valid_hours": 24 }));
    }
    write_stdout(&format!("{}\n", code.expose()))?;
    write_stderr(&format!(
        "{}: give this code to them in a way that nobody else reads. It is shown once, and good once, for 24 hours.",
        identity.username
    ));
    Ok(())
}
