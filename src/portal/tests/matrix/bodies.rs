//! What is sent: the right body of an address, from its documentation or the fields of our forms, and what is made of it.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::Level;
use crate::flow::testing::PASSWORD;
use crate::portal::tests::*;

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";
/// The fields of forms without which there is no proof.
const PROOFS: [&str; 3] = ["username", "password", "code"];

/// A body of one cell.
#[derive(Clone)]
pub(super) struct Body {
    pub(super) name: String,
    kinds: Vec<&'static str>,
    text: Bytes,
    headers: Vec<(&'static str, &'static str)>,
    /// Nobody may get further by it.
    pub(super) breaks: bool,
}

/// A request, as the portal gets it.
pub(super) struct Asked {
    pub(super) info: RequestInfo,
    pub(super) body: Bytes,
}

impl Body {
    pub(super) fn none() -> Self {
        Self { name: "no body".to_owned(), kinds: Vec::new(), text: Bytes::new(), headers: Vec::new(), breaks: false }
    }

    /// Whether another site is made to send it.
    pub(super) fn is_far(&self) -> bool {
        !self.headers.is_empty()
    }

    fn broken(name: impl Into<String>, kind: &'static str, text: impl Into<Bytes>) -> Self {
        Self { name: name.into(), kinds: vec![kind], text: text.into(), headers: Vec::new(), breaks: true }
    }
}

/// The request of a cell.
pub(super) fn asked(level: &Level, method: &str, address: &str, body: Body) -> Asked {
    let token = level.ceremony.as_deref().unwrap_or("x");
    let address = address.replace(['{', '}'], "");
    let [_, sign_in, deletion] = &level.links;
    let link = match address.as_str() {
        "/.stepgate/login-link" => format!("&token={sign_in}"),
        "/.stepgate/delete" => format!("&token={deletion}"),
        _ => String::new(),
    };
    let target = format!("{address}?to=%2Fadmin%2Fx&ticket={token}&handoff={token}&ceremony={token}{link}");
    let mut headers = vec![("accept", "*/*")];
    headers.extend(level.headers.iter().map(|(name, value)| (*name, value.as_str())));
    headers.retain(|(name, _)| body.headers.iter().all(|(other, _)| other != name));
    headers.extend(body.headers.iter().copied());
    headers.extend(body.kinds.iter().map(|kind| ("content-type", *kind)));
    Asked { info: info(method, &target, &headers), body: body.text }
}

/// The right value of a field, where it has one.
fn value(name: &str, address: &str, level: &Level) -> Option<String> {
    Some(match name {
        "code" if address.contains("/addresses") => level.sent_code.clone(),
        "username" => level.username.to_owned(),
        "token" if address.contains("login/link") => level.links[0].clone(),
        "token" if address.contains("account/delete") => level.links[2].clone(),
        "email" if address.contains("link") => "ann@example.com".to_owned(),
        "password" => PASSWORD.to_owned(),
        "new_password" => "seven quiet otters swim".to_owned(),
        "otp" | "code" => level.code.clone(),
        "method" => "totp".to_owned(),
        "strength" => "two_factor".to_owned(),
        "ceremony" => level.ceremony.clone()?,
        "op" => operations(address)[0].to_owned(),
        _ => return of_owner(name, address, level),
    })
}

/// The right value of a field by which somebody changes what they own.
fn of_owner(name: &str, address: &str, level: &Level) -> Option<String> {
    let here = ["addresses", "passkey", "account", "backup-codes"].iter().any(|what| address.contains(what));
    Some(match name {
        _ if !here => return None,
        "credential" => level.credential.clone()?,
        "set" => level.backup_set.clone(),
        "id" | "passkey" => "id".to_owned(),
        "name" => "Another name".to_owned(),
        "channel" => "email".to_owned(),
        "address" => "another@example.com".to_owned(),
        _ => return None,
    })
}

/// What the forms of a page ask for.
fn operations(address: &str) -> &'static [&'static str] {
    match address {
        "/.stepgate/addresses" => &["add", "confirm", "remove"],
        "/.stepgate/login-link" => &["follow", "show-code", "send", "code"],
        "/.stepgate/delete" => &["delete", "ask"],
        "/.stepgate/backup-codes" => &["make"],
        "/.stepgate/password" => &["set"],
        "/.stepgate/sessions" => &["end", "end-others", "forget-browsers"],
        "/.stepgate/export" => &["export"],
        "/.stepgate/account" => &["rename-passkey", "delete-passkey"],
        "/.stepgate/recover" => &["finish", "ask", "issued", "code", "wait", "second"],
        "/.stepgate/recover-stop" => &["stop"],
        _ => &["code"],
    }
}

/// The right bodies that ask for something else.
pub(super) fn further(address: &str, level: &Level) -> Vec<Body> {
    let body = |op: &&str| {
        let mut fields = right_form(address, level);
        fields.iter_mut().filter(|(name, _)| name == "op").for_each(|(_, value)| *value = (*op).to_owned());
        let body = Body::broken(format!("the right body to {op}"), FORM, encoded(&fields));
        Body { breaks: false, ..body }
    };
    operations(address)[1..].iter().map(body).collect()
}

/// The schema of the body of a call.
fn schema<'d>(document: &'d Value, address: &str) -> Option<&'d Value> {
    let call = &document["paths"][address];
    let call = ["post", "patch"].into_iter().find_map(|method| call.get(method))?;
    let body = &call["requestBody"]["content"][JSON]["schema"];
    let schema = resolved(document, body)?;
    match schema["oneOf"].as_array() {
        Some(branches) => branches.first().and_then(|first| resolved(document, first)),
        None => Some(schema),
    }
}

fn resolved<'d>(document: &'d Value, schema: &'d Value) -> Option<&'d Value> {
    match schema["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')),
        None => schema.is_object().then_some(schema),
    }
}

/// The fields of the body of a call with the right values, or what its example has.
fn right_json(document: &Value, address: &str, level: &Level) -> Option<Map<String, Value>> {
    let schema = schema(document, address)?;
    let properties = schema["properties"].as_object().cloned().unwrap_or_default();
    let fields = properties.keys().filter_map(|name| {
        let known =
            ["username", "password", "otp", "code", "method", "strength", "ceremony", "totp_code", "backup_codes"]
                .contains(&name.as_str());
        let example = (!known).then(|| schema["example"].get(name).cloned()).flatten();
        let text = value(name, address, level).map(|text| match name.as_str() {
            "credential" => serde_json::from_str(&text).unwrap(),
            _ => Value::String(text),
        });
        Some((name.clone(), text.or(example)?))
    });
    Some(fields.collect())
}

/// The names of all fields that a form of ours has.
fn form_fields() -> &'static [String] {
    static NAMES: std::sync::OnceLock<Vec<String>> = std::sync::OnceLock::new();
    NAMES.get_or_init(read_form_fields)
}

fn read_form_fields() -> Vec<String> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
    let mut names = std::collections::BTreeSet::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        for tag in text.split("<input").skip(1).chain(text.split("<button").skip(1)) {
            let name = tag.split('>').next().and_then(|tag| tag.split(" name=\"").nth(1));
            names.extend(name.and_then(|rest| rest.split('"').next()).map(str::to_owned));
        }
    }
    assert!(names.contains("password") && names.contains("code"), "{names:?}");
    names.into_iter().collect()
}

fn right_form(address: &str, level: &Level) -> Vec<(String, String)> {
    form_fields().iter().filter_map(|name| value(name, address, level).map(|value| (name.clone(), value))).collect()
}

fn encoded(fields: &[(String, String)]) -> String {
    let encode = crate::auth::text::percent::encode;
    fields.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect::<Vec<_>>().join("&")
}

/// The body that would do, were this the right place for it.
pub(super) fn right(document: &Value, address: &str, level: &Level) -> Body {
    let name = "the right body".to_owned();
    if document["paths"].get(address).is_none() {
        let text = encoded(&right_form(address, level)).into();
        return Body { name, kinds: vec![FORM], text, headers: Vec::new(), breaks: false };
    }
    let object = right_json(document, address, level).unwrap_or_default();
    let text = Value::Object(object).to_string().into();
    Body { name, kinds: vec![JSON], text, headers: Vec::new(), breaks: false }
}

/// Everything that is made of it.
pub(super) fn broken(document: &Value, address: &str, level: &Level) -> Vec<Body> {
    let right = right(document, address, level);
    let (kind, text) = (right.kinds[0], String::from_utf8(right.text.to_vec()).unwrap());
    let mut bodies = vec![
        Body::none(),
        Body::broken("an empty body", kind, ""),
        Body::broken("NUL", kind, "\0"),
        Body::broken("no UTF-8", kind, &b"\xff\xfe\xfd"[..]),
        Body { kinds: Vec::new(), ..Body::broken("no type", kind, text.clone()) },
        Body { kinds: vec![kind, kind], ..Body::broken("two types", kind, text.clone()) },
        Body {
            breaks: false,
            ..Body::broken(
                "a type with a parameter",
                if kind == JSON { "application/json; charset=utf-8" } else { FORM },
                text.clone(),
            )
        },
    ];
    for other in [JSON, FORM, "text/plain", "multipart/form-data; boundary=x", "text/json", "application/xml", ""] {
        if other != kind {
            bodies.push(Body::broken(format!("the right body as {other:?}"), other, text.clone()));
        }
    }
    let by_bearer = level.headers.iter().any(|(name, value)| *name == "authorization" && value.starts_with("Bearer"));
    if !by_bearer {
        let headers = vec![("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")];
        bodies.push(Body { name: "the right body from another site".to_owned(), headers, breaks: true, ..right });
    }
    if kind == FORM {
        bodies.extend(broken_forms(address, level));
    } else {
        bodies.extend(broken_json(document, address, level));
    }
    // A call that reads no body is not moved by one.
    if kind == JSON && schema(document, address).is_none() {
        bodies.iter_mut().for_each(|body| body.breaks = body.is_far());
    }
    // Nor is one that asks for no field held up by an empty one.
    let fields =
        schema(document, address).map(|schema| schema["properties"].as_object().is_some_and(|all| !all.is_empty()));
    if kind == JSON && fields == Some(false) {
        bodies.iter_mut().filter(|body| body.text.is_empty() && !body.is_far()).for_each(|body| body.breaks = false);
    }
    bodies
}

/// What is done to the fields of a form.
type FormChange<'a> = &'a dyn Fn(&mut Vec<(String, String)>);

fn broken_forms(address: &str, level: &Level) -> Vec<Body> {
    let fields = right_form(address, level);
    let mut bodies = Vec::new();
    for (at, (name, value)) in fields.iter().enumerate() {
        let mut put = |what: &str, breaks: bool, change: FormChange<'_>| {
            let mut changed = fields.clone();
            change(&mut changed);
            let body = Body::broken(format!("{name} {what}"), FORM, encoded(&changed));
            bodies.push(Body { breaks, ..body });
        };
        let needed = PROOFS.contains(&name.as_str());
        put("left out", false, &|all| drop(all.remove(at)));
        put("twice", true, &|all| all.push((name.clone(), value.clone())));
        put("twice, the first empty", true, &|all| all.insert(0, (name.clone(), String::new())));
        put("as a list", false, &|all| all[at].0 = format!("{name}[]"));
        put("in capitals", false, &|all| all[at].0 = name.to_uppercase());
        if needed {
            put("null", false, &|all| all[at].1 = "null".to_owned());
            put("empty", false, &|all| all[at].1 = String::new());
            put("blank", false, &|all| all[at].1 = "   ".to_owned());
            put("with a zero", false, &|all| all[at].1.push('\0'));
        }
    }
    bodies
}

fn broken_json(document: &Value, address: &str, level: &Level) -> Vec<Body> {
    let mut bodies = Vec::new();
    let right = right_json(document, address, level).unwrap_or_default();
    let text = Value::Object(right.clone()).to_string();
    let values: Vec<&Value> = right.values().collect();
    for (name, text) in [
        ("null", "null".to_owned()),
        ("a list", "[]".to_owned()),
        ("a list of the values", json!(values).to_string()),
        ("a list of the body", format!("[{text}]")),
        ("a text", "\"x\"".to_owned()),
        ("the body as a text", json!(text).to_string()),
        ("a number", "7".to_owned()),
        ("half a body", text.get(..text.len() / 2).unwrap().to_owned()),
        ("two bodies", format!("{text}{text}")),
        ("a mark before it", format!("\u{feff}{text}")),
        ("a comment", format!("{text}/**/")),
        ("too deep", "[".repeat(5_000)),
    ] {
        bodies.push(Body::broken(name, JSON, text));
    }
    let required = schema(document, address).map(|schema| schema["required"].clone()).unwrap_or_default();
    for (name, value) in &right {
        let needed = required.as_array().is_some_and(|all| all.iter().any(|one| one == name));
        let mut put = |what: &str, breaks: bool, change: Option<Value>| {
            let mut changed = right.clone();
            changed.remove(name);
            changed.extend(change.map(|value| (name.clone(), value)));
            let body = Body::broken(format!("{name} {what}"), JSON, Value::Object(changed).to_string());
            bodies.push(Body { breaks, ..body });
        };
        // A script may begin an enrolment or a sign-in without it.
        put("left out", needed, None);
        put("null", needed, Some(Value::Null));
        put(
            "as a number",
            true,
            Some(value.as_str().and_then(|v| v.parse::<u64>().ok()).map_or_else(|| json!(1), |n| json!(n))),
        );
        put("as a flag", true, Some(json!(true)));
        put("in a list", true, Some(json!([value])));
        put("in an object", true, Some(json!({ "$ne": value })));
        put("as an empty object", true, Some(json!({})));
        put("empty", needed, Some(json!("")));
        for (what, other) in [("twice", value.clone()), ("twice, once null", Value::Null)] {
            let doubled = format!("{{{}:{other},{}", json!(name), text.get(1..).unwrap());
            bodies.push(Body::broken(format!("{name} {what}"), JSON, doubled));
        }
    }
    bodies
}
