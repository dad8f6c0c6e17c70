//! `policy.candidate`: the rules of another file, tried beside those in force.

use std::path::PathBuf;
use std::sync::Arc;

use super::sections::checker::Checker;
use super::settings::Settings;
use super::yaml::Spanned;
use crate::auth::policy::{AppPolicy, Policy};

/// Where the file of a candidate is; `None` if it cannot be one, which is reported.
pub(super) fn path(key: &Spanned<String>, cx: &mut Checker) -> Option<PathBuf> {
    let path = cx.path(key.value.trim());
    let fix = "name a whole configuration file; relative paths start at the directory of this one";
    let why = match std::fs::metadata(&path) {
        Err(cause) => cause.to_string(),
        Ok(meta) if !meta.is_file() => "this is not a regular file".to_owned(),
        Ok(_) => return Some(path),
    };
    cx.error(key.at, format!("cannot read {}: {why}", path.display()), fix);
    None
}

/// Settings whose rules have those of the candidate beside them.
pub(super) fn beside(
    settings: Option<Settings>,
    candidate: Option<Settings>,
    key: &Spanned<String>,
    cx: &mut Checker,
) -> Option<Settings> {
    let Some(candidate) = candidate else {
        let message = format!("the candidate cannot be used: there are errors in {}", key.value.trim());
        cx.error(key.at, message, "mend that file, or leave `candidate` out; `stepgate check -c` tells all of it");
        return settings;
    };
    let settings = settings?;
    tell_hosts(&settings.policy, &candidate.policy, key, cx);
    let policy = settings.policy.beside(&candidate.policy);
    Some(Settings { policy, ..settings })
}

/// Warns of the hosts that only one of the two files has.
fn tell_hosts(in_force: &Policy, candidate: &Policy, key: &Spanned<String>, cx: &mut Checker) {
    let only = |here: &Policy, there: &Policy| {
        let hosts = here.apps().map(|app: &Arc<AppPolicy>| app.host.as_str());
        let mut only: Vec<String> = hosts.filter(|host| there.app(host).is_none()).map(str::to_owned).collect();
        only.sort_unstable();
        only.join(", ")
    };
    let (here, there) = (only(in_force, candidate), only(candidate, in_force));
    if !here.is_empty() {
        let fix = "give them rules there too, if the file is to take the place of this one";
        cx.warn(key.at, format!("the candidate has no such hosts, so nothing is tried there: {here}"), fix);
    }
    if !there.is_empty() {
        let fix = "nobody asks for them yet: nothing is compared there";
        cx.warn(key.at, format!("only the candidate has these hosts: {there}"), fix);
    }
}
