//! What people are told of their account's sign-ins before this one: when the last one was, and what was strange since.

use crate::auth::history::Notice;
use crate::auth::time::Timestamp;
use crate::portal::format;
use crate::portal::pages::UnusualActivity;

/// How many strange sign-ins are told one by one.
const ONE_BY_ONE: usize = 3;

/// When the person signed in before. Shown once the first factor is proved; from where is told later.
pub(super) fn last_time(previous: Option<Timestamp>, now: Timestamp) -> String {
    match previous {
        Some(at) => format!("You last signed in {} ({}).", format::ago(now.since(at)), format::moment(at)),
        None => "You have not signed in here before.".to_owned(),
    }
}

/// What was strange, in sentences; `whom`: who is to be told if it was somebody else.
pub(super) fn unusual_activity(notice: &Notice, user: &str, whom: Option<&str>) -> UnusualActivity {
    let since = format!("This happened since {}:", format::moment(notice.since));
    let mut items = Vec::new();
    for sign_in in notice.strange.iter().take(ONE_BY_ONE) {
        items.push(format!(
            "Somebody signed in as {user} on {}, from the address {}. The browser and the network were both new.",
            format::moment(sign_in.at),
            sign_in.ip
        ));
    }
    match notice.strange.len().saturating_sub(ONE_BY_ONE) {
        0 => {}
        more => items.push(format!("There were {more} more like these, earlier.")),
    }
    items.extend(failed(notice, user));
    let whom = whom.unwrap_or("the people who run this service");
    let known = if !notice.strange.is_empty() || notice.knew_the_password() {
        "somebody knows your password"
    } else {
        "somebody may be guessing your password"
    };
    let advice = format!("If that was you, go on. If not, {known}: sign out everywhere and tell {whom}.");
    UnusualActivity { since, items, advice }
}

/// The failed attempts in one sentence.
fn failed(notice: &Notice, user: &str) -> Option<String> {
    let last = notice.failed.first()?;
    let (when, from) = (format::moment(last.at), last.ip);
    let got = match (notice.knew_the_password(), notice.failed.len()) {
        (false, _) => "",
        (true, 1) => " The password was right, the second step was not.",
        (true, _) => " The password was right at least once, the second step was not.",
    };
    Some(match notice.failed.len() {
        1 => format!("An attempt to sign in as {user} failed, on {when}, from the address {from}.{got}"),
        n => format!("{n} attempts to sign in as {user} failed, the last on {when}, from the address {from}.{got}"),
    })
}
