use super::*;

const METHODS: [&str; 4] = ["GET", "HEAD", "POST", "OPTIONS"];

/// What a request says about itself, apart from its method.
fn asks() -> Vec<(&'static str, RequestTraits<'static>)> {
    let none = RequestTraits::default();
    let sent = |mode, dest| RequestTraits { fetch_mode: Some(mode), fetch_dest: Some(dest), ..none };
    let accept = |value| RequestTraits { accept: Some(value), ..none };
    let html = "text/html,application/xhtml+xml,*/*;q=0.8";
    vec![
        ("nothing", none),
        ("preflight", RequestTraits { preflight: true, ..none }),
        ("websocket", RequestTraits { websocket: true, ..none }),
        ("websocket of a page", RequestTraits { websocket: true, ..sent("websocket", "websocket") }),
        ("grpc", RequestTraits { content_type: Some("application/grpc"), ..none }),
        ("GRPC+proto", RequestTraits { content_type: Some("Application/GRPC+proto"), ..none }),
        ("json", RequestTraits { content_type: Some("application/json"), ..none }),
        ("navigate document", sent("navigate", "document")),
        ("navigate document + authorization", RequestTraits { authorization: true, ..sent("navigate", "document") }),
        ("navigate iframe", sent("navigate", "iframe")),
        ("navigate frame", sent("navigate", "frame")),
        ("navigate embed", sent("navigate", "embed")),
        ("navigate object", sent("navigate", "object")),
        ("navigate, no dest", RequestTraits { fetch_mode: Some("navigate"), ..none }),
        ("document, no mode", RequestTraits { fetch_dest: Some("document"), ..none }),
        ("cors + html", RequestTraits { accept: Some(html), ..sent("cors", "empty") }),
        ("no-cors image", sent("no-cors", "image")),
        ("same-origin script", sent("same-origin", "script")),
        ("xhr", RequestTraits { requested_with: Some("xmlhttprequest"), ..accept(html) }),
        ("other requested-with", RequestTraits { requested_with: Some("com.app"), ..accept(html) }),
        ("authorization + html", RequestTraits { authorization: true, ..accept(html) }),
        ("html", accept(html)),
        ("HTML", accept("Text/HTML; level=1")),
        ("html q=0", accept("text/html;q=0, */*")),
        ("*/*", accept("*/*")),
        ("json", accept("application/json")),
        ("text/htmlx", accept("text/htmlx")),
        ("htmx by fetch", RequestTraits { dialect: Some(Dialect::Htmx), ..sent("cors", "empty") }),
        ("htmx + html", RequestTraits { dialect: Some(Dialect::Htmx), ..accept("text/html") }),
        ("htmx that navigates", RequestTraits { dialect: Some(Dialect::Htmx), ..sent("navigate", "document") }),
        ("faces by xhr", RequestTraits { dialect: Some(Dialect::Faces), ..sent("cors", "empty") }),
        ("faces that upgrades", RequestTraits { dialect: Some(Dialect::Faces), websocket: true, ..none }),
    ]
}

const fn letter(telling: ChallengeKind) -> &'static str {
    match telling {
        ChallengeKind::WebSocket => "websocket",
        ChallengeKind::Grpc => "grpc",
        ChallengeKind::Redirect => "redirect",
        ChallengeKind::Form => "form",
        ChallengeKind::Frame => "frame",
        ChallengeKind::Dialect(Dialect::Htmx) => "htmx",
        ChallengeKind::Dialect(Dialect::Faces) => "faces",
        ChallengeKind::Problem => "401",
    }
}

/// The whole table, in one picture: a line for each request, a column for each rule.
#[test]
fn the_table_of_challenges() {
    let mut table = String::new();
    for method in METHODS {
        let columns = ["auto", "auto api", "redirect", "redirect api", "status", "status api"];
        table.push_str(&format!("{method:<35}{}\n", columns.map(|c| format!("{c:<13}")).concat().trim_end()));
        for (name, asking) in asks() {
            table.push_str(&format!("  {name:<33}"));
            let mut line = String::new();
            for style in [ChallengeStyle::Auto, ChallengeStyle::Redirect, ChallengeStyle::Status] {
                for api in [false, true] {
                    let told = RequestTraits { method, style, api, ..asking }.challenge_kind();
                    line.push_str(&format!("{:<13}", letter(told)));
                }
            }
            table.push_str(line.trim_end());
            table.push('\n');
        }
    }
    insta::assert_snapshot!(table);
}

/// Nothing but a plain navigation is ever sent away, and never a body with it.
#[test]
fn redirects_are_for_people_only() {
    for method in METHODS.into_iter().chain(["PUT", "DELETE", "X"]) {
        for (name, asking) in asks() {
            for style in [ChallengeStyle::Auto, ChallengeStyle::Redirect, ChallengeStyle::Status] {
                for api in [false, true] {
                    let told = RequestTraits { method, style, api, ..asking }.challenge_kind();
                    if told == ChallengeKind::Redirect {
                        assert!(matches!(method, "GET" | "HEAD"), "{name}");
                        assert!(asking.fetch_mode.is_none_or(|m| m == "navigate"), "{name}");
                        assert_ne!(style, ChallengeStyle::Status, "{name}");
                    }
                }
            }
        }
    }
}
