//! Rules that no request can ever reach. Says so only where it is certain.

use super::rule::Rule;
use crate::auth::resource::Tolerances;

/// Methods that are refused before any rule.
pub const REFUSED_METHODS: [&str; 3] = ["TRACE", "TRACK", "CONNECT"];

/// Our own addresses: they are answered before any rule, in every letter case.
const OWN: &str = "/.stepgate";

/// Why no request can ever match a rule, if that is certain.
pub fn unreachable(rule: &Rule, tolerate: Tolerances) -> Option<&'static str> {
    let text = rule.pattern.as_str();
    let bare = |mark: &str| text.trim_start_matches('^').trim_start_matches("\\A").starts_with(mark);
    let required = if rule.pattern.is_regex() {
        if text.contains('|') {
            return None;
        }
        if !bare("/") && starts_with_a_letter(text.trim_start_matches('^')) {
            return Some("every path begins with `/`, and this expression must match the whole path");
        }
        let own = text.trim_start_matches('^').to_ascii_lowercase();
        if own.starts_with("/\\.stepgate/") && !own.starts_with("/\\.stepgate/?") && !own.starts_with("/\\.stepgate/*")
        {
            return Some("addresses under `/.stepgate` are the gateway's own and never reach a rule");
        }
        // brackets, groups and counts may make a part optional
        let plain = !text.contains(['[', '(', '{', '\\']);
        plain.then_some(text)
    } else {
        let lower = text.to_ascii_lowercase();
        if lower.strip_prefix(OWN).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
            return Some("addresses under `/.stepgate` are the gateway's own and never reach a rule");
        }
        Some(text)
    }?;
    let has = |marks: &[&str]| marks.iter().any(|m| is_required(&required.to_ascii_lowercase(), m));
    if !tolerate.path_parameters && has(if rule.pattern.is_regex() { &[";"] } else { &[";", "%3b"] }) {
        return Some("paths with `;` are refused before any rule; this app would need `tolerate: [path_parameters]`");
    }
    if !tolerate.encoded_slashes && has(&["%2f", "%5c"]) {
        return Some("encoded slashes are refused before any rule; this app would need `tolerate: [encoded_slashes]`");
    }
    if !tolerate.double_slashes && has(&["//"]) {
        return Some("`//` is refused before any rule; this app would need `tolerate: [double_slashes]`");
    }
    None
}

/// Whether an expression begins with a character that stands for itself, is no slash and cannot be left out.
fn starts_with_a_letter(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphanumeric() || "%_~;@&=,:".contains(c))
        && !matches!(chars.next(), Some('?' | '*' | '{'))
}

/// Whether `mark` stands in a text, and nothing behind it makes its last character optional.
fn is_required(text: &str, mark: &str) -> bool {
    text.match_indices(mark).any(|(i, _)| !text.get(i + mark.len()..).is_some_and(|rest| rest.starts_with(['?', '*'])))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::auth::policy::pattern::PathPattern;
    use crate::auth::policy::rule::Access;
    use crate::auth::resource::Resource;
    use crate::auth::resource::tests::{pieces, tolerances};

    fn rule(text: &str, regex: bool) -> Option<Rule> {
        let pattern = if regex { PathPattern::regex(text) } else { PathPattern::glob(text) };
        Some(Rule::new("r", pattern.ok()?, Access::Deny))
    }

    fn is_dead(text: &str, regex: bool, tolerate: Tolerances) -> bool {
        unreachable(&rule(text, regex).unwrap(), tolerate).is_some()
    }

    #[test]
    fn what_is_certain_is_said_and_nothing_else() {
        let (none, all) = (
            Tolerances::default(),
            Tolerances { path_parameters: true, encoded_slashes: true, double_slashes: true, ..Tolerances::default() },
        );
        for text in ["admin/.*", "^admin/.*", "a//b", "/a//b", "/a;b", "/a%2fb", "^/\\.stepgate/.*", "%2Fadmin"] {
            assert!(is_dead(text, true, none), "{text}");
        }
        for text in [
            "/a//b",
            "/a;b",
            "/a%2fb",
            "a?/b",
            ".*",
            "a*/x",
            "/admin|x",
            "/a//?b",
            "/a;?b",
            "(?:/)a",
            "/[;]?",
            "/.stepgate/x",
        ] {
            assert!(!is_dead(text, true, all), "{text}");
        }
        for text in ["a?/b", ".*", "/a//?b", "/a;*b", "(x|/a)//", "/a(//)?", "/a[;/]b"] {
            assert!(!is_dead(text, true, none), "{text}");
        }
        for text in ["/a;b", "/a/%3Bx", "/a%2fb", "/.stepgate/**", "/.Stepgate", "/a/%5c/**"] {
            assert!(is_dead(text, false, none), "{text}");
        }
        for text in ["/a", "/**", "/*/x", "/.stepgatex", "/.step*/x", "/a%252Fb"] {
            assert!(!is_dead(text, false, none), "{text}");
        }
    }

    proptest! {
        #![proptest_config(crate::auth::generated::cases(256))]

        #[test]
        fn a_rule_called_dead_never_matches(
            text in "(\\^|\\\\A)?/{0,2}([a-c]|;|%2F|%2f|%5c|/|\\.|\\*|\\?|\\[a;/\\]|\\(//\\)\\?|\\|){0,6}",
            regex in any::<bool>(), targets in prop::collection::vec(pieces(), 1..12), more in prop::collection::vec("/[a-cA-C;/%2F.]{0,6}/?", 1..12),
            tolerate in tolerances(),
        ) {
            let Some(rule) = rule(&text, regex) else { return Ok(()) };
            let Some(why) = unreachable(&rule, tolerate) else { return Ok(()) };
            for target in targets.iter().chain(&more) {
                let Ok(resource) = Resource::parse("a.example", "GET", target.as_bytes(), tolerate) else { continue };
                let own = |path: &str| path.to_ascii_lowercase().starts_with("/.stepgate");
                if resource.readings().any(own) {
                    continue;
                }
                prop_assert!(!rule.covers_path(&resource) && !rule.covers_path_loosely(&resource), "{text} is {why}, and {target} matches");
            }
        }
    }
}
