use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use askama::Template;
use fluent_syntax::ast::{Entry, Expression, InlineExpression, Pattern, PatternElement};
use regex::Regex;

use super::{CATALOGUE, ENGLISH, Markup, markup, text};

/// A message of the catalogue: the values it takes, with those of the messages in it.
struct Written {
    text: String,
    values: BTreeSet<String>,
    named: BTreeSet<String>,
}

fn catalogue() -> BTreeMap<String, Written> {
    let resource = fluent_syntax::parser::parse(CATALOGUE).map_err(|(_, errors)| errors).unwrap();
    let mut written = BTreeMap::new();
    for entry in &resource.body {
        let message = match entry {
            Entry::Message(message) => message,
            Entry::Comment(_) | Entry::GroupComment(_) | Entry::ResourceComment(_) => continue,
            other => panic!("{other:?}"),
        };
        let (mut values, mut named, mut text) = (BTreeSet::new(), BTreeSet::new(), String::new());
        read(message.value.as_ref().unwrap(), &mut values, &mut named, &mut text);
        assert!(message.attributes.is_empty(), "{}", message.id.name);
        let twice = written.insert(message.id.name.to_owned(), Written { text, values, named });
        assert!(twice.is_none(), "{} stands twice", message.id.name);
    }
    // Messages in messages: none is named before it is complete, and none names itself.
    for _ in 0..3 {
        let known: BTreeMap<_, _> = written.iter().map(|(key, w)| (key.clone(), w.values.clone())).collect();
        for message in written.values_mut() {
            let inner: Vec<_> = message.named.iter().flat_map(|key| known[key].clone()).collect();
            message.values.extend(inner);
        }
    }
    written
}

fn read(pattern: &Pattern<&str>, values: &mut BTreeSet<String>, named: &mut BTreeSet<String>, text: &mut String) {
    for element in &pattern.elements {
        match element {
            PatternElement::TextElement { value } => text.push_str(value),
            PatternElement::Placeable { expression } => {
                let inline = match expression {
                    Expression::Inline(inline) => inline,
                    Expression::Select { selector, variants } => {
                        variants.iter().for_each(|variant| read(&variant.value, values, named, text));
                        selector
                    }
                };
                match inline {
                    InlineExpression::VariableReference { id } => drop(values.insert(id.name.to_owned())),
                    InlineExpression::MessageReference { id, attribute: None } => {
                        named.insert(id.name.to_owned());
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
    }
}

/// A use of a message: where, how, its key, and the values that are given.
type Use = (String, String, String, BTreeSet<String>);

/// Every use in a file.
fn uses(place: &str, source: &str) -> Vec<Use> {
    let start = Regex::new(r#"\b(text|markup)!\(\s*"([^"]+)""#).unwrap();
    let value = Regex::new(r"^\s*([a-z_]+)\s*=[^=]").unwrap();
    let mut found = Vec::new();
    for one in start.captures_iter(source) {
        let rest = &source[one.get(0).unwrap().end()..];
        let (mut depth, mut quoted, mut values) = (0, false, BTreeSet::new());
        for (at, c) in rest.char_indices() {
            match c {
                '"' => quoted = !quoted,
                _ if quoted => {}
                '(' | '[' | '{' => depth += 1,
                ')' if depth == 0 => break,
                ')' | ']' | '}' => depth -= 1,
                ',' if depth == 0 => {
                    values.extend(value.captures(&rest[at + 1..]).map(|name| name[1].to_owned()));
                }
                _ => {}
            }
        }
        found.push((place.to_owned(), one[1].to_owned(), one[2].to_owned(), values));
    }
    found
}

/// Files of ours with their text, without tests.
fn files() -> Vec<(String, String)> {
    fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { walk(&path, files) } else { files.push(path) }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    walk(&root.join("src/portal"), &mut paths);
    walk(&root.join("templates"), &mut paths);
    walk(&root.join("src/notify/wording"), &mut paths);
    paths.push(root.join("src/notify/wording.rs"));
    paths.sort();
    let shown = |path: &Path| path.strip_prefix(root).unwrap().display().to_string();
    let ours = paths.into_iter().filter(|path| {
        let name = shown(path);
        (name.ends_with(".rs") && !name.contains("tests")) || name.ends_with(".html")
    });
    ours.map(|path| (shown(&path), without_tests(fs::read_to_string(&path).unwrap()))).collect()
}

fn without_tests(text: String) -> String {
    match text.split_once("#[cfg(test)]\nmod tests {") {
        Some((code, _)) => code.to_owned(),
        None => text,
    }
}

/// What is wrong between the catalogue and its uses.
fn differences(catalogue: &BTreeMap<String, Written>, uses: &[Use]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut used: BTreeSet<&str> = catalogue.values().flat_map(|w| w.named.iter().map(String::as_str)).collect();
    for (place, _, key, values) in uses {
        used.insert(key);
        match catalogue.get(key) {
            None => wrong.push(format!("{place}: there is no message `{key}`")),
            Some(message) if message.values != *values => {
                wrong.push(format!("{place}: `{key}` takes {:?}, not {values:?}", message.values));
            }
            Some(_) => {}
        }
    }
    wrong.extend(catalogue.keys().filter(|key| !used.contains(key.as_str())).map(|key| format!("nobody uses `{key}`")));
    wrong
}

fn all_uses() -> Vec<Use> {
    files().iter().flat_map(|(place, text)| uses(place, text)).collect()
}

#[test]
fn every_message_is_used_with_the_values_that_it_takes() {
    let wrong = differences(&catalogue(), &all_uses());
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn a_missing_an_unused_and_a_misused_message_are_caught() {
    let mut uses = all_uses();
    uses.extend(self::uses(
        "x.rs",
        r#"text!("no-such-message"); markup!("logout-who", user = a(b, host = c), hots = "d)")"#,
    ));
    uses.retain(|(_, _, key, _)| key != "busy");
    assert_eq!(
        differences(&catalogue(), &uses),
        [
            "x.rs: there is no message `no-such-message`",
            "x.rs: `logout-who` takes {\"host\", \"user\"}, not {\"hots\", \"user\"}",
            "nobody uses `busy`",
        ]
    );
}

#[test]
fn every_message_is_in_the_bundle() {
    for key in catalogue().keys() {
        assert!(ENGLISH.get_message(key).is_some_and(|message| message.value().is_some()), "{key}");
    }
}

#[test]
fn markup_stands_only_where_a_page_takes_it() {
    let tag = Regex::new("<[^>]*>").unwrap();
    let (catalogue, uses) = (catalogue(), all_uses());
    for (place, how, key, _) in &uses {
        let tags: Vec<&str> = tag.find_iter(&catalogue[key].text).map(|found| found.as_str()).collect();
        if how == "markup" {
            let known = ["<strong>", "<strong class=\"place\">", "</strong>"];
            assert!(tags.iter().all(|tag| known.contains(tag)), "{place}: {key}: {tags:?}");
        } else {
            // Askama escapes it; the one in angle brackets is no tag.
            assert!(tags.is_empty() || key == "problem-not-signed-in", "{place}: {key}: {tags:?}");
        }
    }
}

#[test]
fn what_is_put_into_markup_is_escaped_as_askama_does() {
    #[derive(Template)]
    #[template(source = "{{ x }}", ext = "html")]
    struct Plain<'a> {
        x: &'a str,
    }
    #[derive(Template)]
    #[template(source = "{{ x }}", ext = "html")]
    struct Page {
        x: Markup,
    }
    let hostile = "<b>\"'&{ $x }";
    let plain = Plain { x: hostile }.render().unwrap();
    let page = Page { x: markup!("login-check", host = hostile) }.render().unwrap();
    assert!(page.contains(&format!("<strong>{plain}</strong>")) && !page.contains("<b>"), "{page}");
    let link = Page { x: markup!("login-ask", support = Markup::link(hostile, hostile)) }.render().unwrap();
    assert!(link.contains(&format!("ask <a href=\"{plain}\">{plain}</a>.")), "{link}");
}

#[test]
fn numbers_choose_the_plural_and_stand_as_they_are() {
    assert_eq!(text!("codes-left", count = 0), "You have no backup codes left.");
    assert_eq!(text!("codes-left", count = 1), "You have 1 backup code left.");
    assert_eq!(text!("codes-left", count = 1_234_567), "You have 1234567 backup codes left.");
}

/// Literals of Rust that have words and are for no person.
const NO_SENTENCES: [(&str, &str); 18] = [
    ("default-src ", "a policy for browsers"),
    ("text/", "a media type"),
    ("public, max-age", "a directive for caches"),
    ("{name}={value}; Path", "a cookie"),
    ("<!doctype", "the markup of a letter"),
    ("<partial-response>", "markup that a library reads"),
    ("<svg", "markup, which takes its label from the catalogue"),
    ("Cookie, Accept", "header names"),
    ("Origin, Access", "header names"),
    ("WWW-Authenticate", "header names"),
    ("Bearer", "a scheme of authentication"),
    ("StepUp", "a scheme of authentication"),
    ("Origin", "a header name"),
    ("Stepgate", "our name"),
    ("Authorization", "a header name"),
    ("Ceremony", "a scheme of authentication"),
    ("Basic", "a scheme of authentication"),
    ("missing field `", "what serde says, and nobody else reads"),
];

/// Files whose texts are documentation, or errors of the configuration for its operator.
const OTHER_READERS: [&str; 2] = ["src/portal/api/openapi.rs", "src/portal/settings/accent.rs"];

/// String literals of a Rust source with their lines; none from comments and attributes.
fn literals(source: &str) -> Vec<(usize, String)> {
    let token = Regex::new(
        r##"(?s)//[^\n]*|/\*.*?\*/|r#"(.*?)"#|"((?:[^"\\]|\\.)*)"|'(?:[^'\\]|\\.)'|#!?\[(?:[^\[\]"]|"(?:[^"\\]|\\.)*"|\[[^\]]*\])*\]"##,
    )
    .unwrap();
    let mut found = Vec::new();
    for one in token.captures_iter(source) {
        if let Some(text) = one.get(1).or_else(|| one.get(2)) {
            found.push((source[..text.start()].lines().count(), text.as_str().to_owned()));
        }
    }
    found
}

fn is_sentence(literal: &str) -> bool {
    let words = Regex::new(r"[A-Za-z]{2,}[,;:.?]?\s+(\\\s+)?[A-Za-z]+|^[A-Z][a-z]{2,}[.:?]?$").unwrap();
    let bare = Regex::new(r"\{[^}]*\}").unwrap().replace_all(literal, "").into_owned();
    words.is_match(&bare) && !NO_SENTENCES.iter().any(|(start, _)| literal.starts_with(start))
}

/// What a template says by itself: its text, and the attributes that people hear or read.
fn own_words(template: &str) -> Vec<String> {
    let code = Regex::new(r"(?s)\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}").unwrap();
    let attribute = Regex::new(r#"\b(?:aria-label|title|alt|placeholder)="([^"]*)""#).unwrap();
    let bare = code.replace_all(template, "").into_owned();
    let spoken: Vec<String> = attribute.captures_iter(&bare).map(|one| one[1].to_owned()).collect();
    let tags = Regex::new(r"(?s)<[^>]*>").unwrap();
    let texts = tags.split(&bare).map(str::to_owned);
    texts.chain(spoken).filter(|text| text.chars().any(char::is_alphabetic)).collect()
}

fn sentences(place: &str, text: &str) -> Vec<String> {
    if place.ends_with(".html") {
        return own_words(text).iter().map(|words| format!("{place}: {}", words.trim())).collect();
    }
    let literals = literals(text).into_iter().filter(|(_, literal)| is_sentence(literal));
    literals.map(|(line, literal)| format!("{place}:{line}: {literal}")).collect()
}

#[test]
fn no_sentence_stands_outside_the_catalogue() {
    let files = files();
    let ours = files.iter().filter(|(place, _)| !OTHER_READERS.contains(&place.as_str()));
    let left: Vec<String> = ours.flat_map(|(place, text)| sentences(place, text)).collect();
    assert!(left.is_empty(), "\n{}\n", left.join("\n"));
}

#[test]
fn a_sentence_outside_the_catalogue_is_caught() {
    for code in [
        r#"let x = "Try again";"#,
        r#"f("Password")"#,
        r##"f(r#"Wait a moment"#)"##,
        "f(\"It begins \\\n   here\")",
        r#"format!("{x} is closed")"#,
        r#"f('"', "Sign in")"#,
    ] {
        assert_eq!(sentences("x.rs", code).len(), 1, "{code}");
    }
    for code in [
        r#"// Say "Try again"."#,
        r#"#[doc(a = "Try again")]"#,
        r#"text!("page-failed")"#,
        r#"f("text/html; charset=utf-8", '"')"#,
    ] {
        assert_eq!(sentences("x.rs", code).len(), 0, "{code}");
    }
    for html in ["<p>Sign in</p>", "{% if a %}Error: {% endif %}", "<pre aria-label=\"Codes\">", "<p>{{ x }} or</p>"] {
        assert_eq!(sentences("x.html", html).len(), 1, "{html}");
    }
    assert!(sentences("x.html", "<p class=\"note\">{{ text!(\"busy\") }} – <b>…</b></p>").is_empty());
}
