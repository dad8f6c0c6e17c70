use super::*;

const METHODS: [&str; 4] = ["GET", "HEAD", "POST", "OPTIONS"];

/// What a request says about itself, apart from its method.
fn asks() -> Vec<(&'static str, Asking<'static>)> {
    let none = Asking::default();
    let sent = |mode, dest| Asking { fetch_mode: Some(mode), fetch_dest: Some(dest), ..none };
    let accept = |value| Asking { accept: Some(value), ..none };
    let html = "text/html,application/xhtml+xml,*/*;q=0.8";
    vec![
        ("nothing", none),
        ("preflight", Asking { preflight: true, ..none }),
        ("websocket", Asking { websocket: true, ..none }),
        ("websocket of a page", Asking { websocket: true, ..sent("websocket", "websocket") }),
        ("grpc", Asking { content_type: Some("application/grpc"), ..none }),
        ("GRPC+proto", Asking { content_type: Some("Application/GRPC+proto"), ..none }),
        ("json", Asking { content_type: Some("application/json"), ..none }),
        ("navigate document", sent("navigate", "document")),
        ("navigate document + authorization", Asking { authorization: true, ..sent("navigate", "document") }),
        ("navigate iframe", sent("navigate", "iframe")),
        ("navigate frame", sent("navigate", "frame")),
        ("navigate embed", sent("navigate", "embed")),
        ("navigate object", sent("navigate", "object")),
        ("navigate, no dest", Asking { fetch_mode: Some("navigate"), ..none }),
        ("document, no mode", Asking { fetch_dest: Some("document"), ..none }),
        ("cors + html", Asking { accept: Some(html), ..sent("cors", "empty") }),
        ("no-cors image", sent("no-cors", "image")),
        ("same-origin script", sent("same-origin", "script")),
        ("xhr", Asking { requested_with: Some("xmlhttprequest"), ..accept(html) }),
        ("other requested-with", Asking { requested_with: Some("com.app"), ..accept(html) }),
        ("authorization + html", Asking { authorization: true, ..accept(html) }),
        ("html", accept(html)),
        ("HTML", accept("Text/HTML; level=1")),
        ("html q=0", accept("text/html;q=0, */*")),
        ("*/*", accept("*/*")),
        ("json", accept("application/json")),
        ("text/htmlx", accept("text/htmlx")),
    ]
}

const fn letter(telling: Telling) -> &'static str {
    match telling {
        Telling::WebSocket => "websocket",
        Telling::Grpc => "grpc",
        Telling::Redirect => "redirect",
        Telling::FormLost => "form",
        Telling::Frame => "frame",
        Telling::Problem => "401",
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
                    let told = Asking { method, style, api, ..asking }.telling();
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
                    let told = Asking { method, style, api, ..asking }.telling();
                    if told == Telling::Redirect {
                        assert!(matches!(method, "GET" | "HEAD"), "{name}");
                        assert!(asking.fetch_mode.is_none_or(|m| m == "navigate"), "{name}");
                        assert_ne!(style, ChallengeStyle::Status, "{name}");
                    }
                }
            }
        }
    }
}
