//! `path` and `path_regex`: the paths that a rule covers.

use crate::auth::policy::pattern::PathPattern;
use crate::config::sections::checker::Checker;
use crate::config::yaml::{Span, Spanned};

/// The pattern of a rule that stands at `at`.
pub(super) fn pattern(
    at: Span,
    path: Option<Spanned<String>>,
    regex: Option<Spanned<String>>,
    cx: &mut Checker,
) -> Option<PathPattern> {
    if let (Some(_), Some(regex)) = (&path, &regex) {
        cx.error(regex.at, "`path` and `path_regex` are both given", "keep one of them");
    } else if path.is_none() && regex.is_none() && !cx.was_removed(at, "path_regex") {
        cx.need::<()>(None, at, "path", "write `path: /**` to cover everything");
    }
    let glob = path.and_then(|path| glob(&path, cx));
    let regex = regex.and_then(|regex| expression(&regex, cx));
    glob.xor(regex)
}

fn glob(path: &Spanned<String>, cx: &mut Checker) -> Option<PathPattern> {
    if !path.value.starts_with('/') {
        cx.error(
            path.at,
            "a path begins with `/`",
            format!("write `/{}`", crate::config::yaml::suggest::short(&path.value)),
        );
        return None;
    }
    let fix = "write it like `/reports/*/edit` or `/admin/**`";
    PathPattern::glob(&path.value).map_err(|why| cx.error(path.at, why.to_string(), fix)).ok()
}

fn expression(regex: &Spanned<String>, cx: &mut Checker) -> Option<PathPattern> {
    // told here as well, so that a mistake in the expression never waits for the first request
    if let Err(e) = regex::Regex::new(&regex.value) {
        let why = e.to_string();
        let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        let fix = "write it like \"/v[0-9]+/.*\"; a backslash before a sign lets it stand for itself";
        cx.error(regex.at, format!("not a regular expression: {why}"), fix);
        return None;
    }
    if regex.value.trim_matches(['^', '$']).is_empty() {
        cx.error(regex.at, "an empty expression covers no path", "write `/.*` to cover everything");
        return None;
    }
    let fix = "write a simpler one, or several rules";
    PathPattern::regex(&regex.value).map_err(|why| cx.error(regex.at, why.to_string(), fix)).ok()
}
