//! A run as JUnit XML, which build servers show.

use std::fmt::Write as _;
use std::path::Path;

use super::TestRun;

pub(super) fn report(run: &TestRun, path: &Path) -> String {
    let file = attribute(&path.display().to_string());
    let (tests, failures) = (run.cases.len(), run.failed);
    let counts = format!("name=\"{file}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"0\"");
    let mut out =
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {counts}>\n  <testsuite {counts}>\n");
    for case in &run.cases {
        let (name, host) = (attribute(&case.name), attribute(&case.host));
        let _ =
            write!(out, "    <testcase classname=\"{host}\" name=\"{name}\" file=\"{file}\" line=\"{}\"", case.line);
        if case.passed {
            out.push_str("/>\n");
            continue;
        }
        let misses = case.misses.iter().map(|m| format!("{}: expected {}, got {}", m.of, m.expected, m.got));
        let message = attribute(&misses.collect::<Vec<_>>().join("; "));
        let _ = writeln!(out, ">\n      <failure message=\"{message}\">{}</failure>", attribute(&case.sentence));
        out.push_str("    </testcase>\n");
    }
    out.push_str("  </testsuite>\n</testsuites>\n");
    out
}

/// Text for an attribute or an element; what XML 1.0 cannot hold is left out (its §2.2).
fn attribute(text: &str) -> String {
    let allowed =
        |c: &char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    let mut out = String::with_capacity(text.len());
    for c in text.chars().filter(allowed) {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // A reader of an attribute makes spaces of these otherwise.
            '\t' | '\n' | '\r' => {
                let _ = write!(out, "&#{};", u32::from(c));
            }
            other => out.push(other),
        }
    }
    out
}
