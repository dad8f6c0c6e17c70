//! Pinning a person at high risk, and clearing that.

use super::kept::pinned_words;
use crate::auth::event::What;
use crate::auth::proof::RiskAction;
use crate::cli::accounts::{self, OpenStores, store_result};
use crate::cli::args::OneUser;
use crate::cli::audit;
use crate::cli::exit::{CommandResult, Failure};
use crate::cli::output::terminal::write_stderr;
use crate::cli::user;
use crate::flow::destination::Destinations;
use crate::flow::risk::{clear_pin, pin_person, profile_summary};
use crate::risk::PinReason;
use crate::risk::settings::Mode;

pub(super) async fn pin(user: &OneUser) -> CommandResult {
    let (opened, account) = accounts::open_for(user).await?;
    let identity = &account.identity;
    let name = &identity.username;
    if opened.settings.flow.risk.is_none() {
        return Err(Failure::failed(format!(
            "{name} was not pinned: `risk` is off in this configuration, and nothing would ask for it; `stepgate user disable \
             {name}` shuts the account"
        )));
    }
    let pin = store_result(pin_person(&opened.ports, &identity.id, PinReason::Reported).await)?;
    audit::record(&opened.stores, What::RiskPinned, identity, None).await;
    let ended = user::end_sessions(&opened, &account, "it is pinned").await?;
    write_stderr(&format!("{name} counts as high risk ({}); {ended}", pinned_words(pin)));
    write_stderr(consequence(&opened));
    Ok(())
}

pub(super) async fn clear(user: &OneUser) -> CommandResult {
    let (opened, account) = accounts::open_for(user).await?;
    let identity = &account.identity;
    let name = &identity.username;
    let Some(pin) = store_result(clear_pin(&opened.ports, &identity.id).await)? else {
        write_stderr(&format!("{name} is not pinned"));
        return Ok(());
    };
    audit::record(&opened.stores, What::RiskPinCleared, identity, None).await;
    write_stderr(&format!("{name} is no longer pinned ({})", pinned_words(pin)));
    let kept = store_result(profile_summary(&opened.ports, &identity.id).await)?;
    if kept.is_some() {
        write_stderr("What is usual for them is kept; if somebody else taught it, `stepgate risk erase` forgets it.");
    }
    write_stderr("Sessions that were opened meanwhile stay at high risk until they are opened anew.");
    Ok(())
}

/// What follows from high risk by the rules of this configuration.
fn consequence(opened: &OpenStores) -> &'static str {
    let shadow = opened.settings.flow.risk.as_ref().is_some_and(|risk| risk.model.mode == Mode::Shadow);
    match Destinations::new(std::sync::Arc::new(opened.settings.policy.clone())).at_high_risk() {
        _ if shadow => "That decides nothing: `risk.mode` is shadow.",
        RiskAction::Permit => {
            "That asks for nothing here: no rule has `on_risk: { high: … }`, nor has `risk`. Add it, or use `stepgate user disable`."
        }
        RiskAction::StepUp => "Where rules say so, two factors are asked for at each new sign-in.",
        RiskAction::Deny => "Where rules say so, they are asked for two factors, or let nobody in.",
    }
}
