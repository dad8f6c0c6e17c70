//! Nobody learns from an answer, or from the work behind it, whether somebody has a name: at every address that takes one.

use serde_json::{Value, json};

use super::*;
use crate::flow::testing::Blow;
use crate::portal::router;

/// What can be told from outside: status, headers, body; and how often a store was asked.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
    calls: usize,
}

/// A call or a form that takes a name.
struct Place {
    target: String,
    kind: &'static str,
    body: Box<dyn Fn(&str) -> String>,
}

/// Every address that takes the name of an account, by the document and the forms.
fn places() -> Vec<Place> {
    let document = serde_json::to_value(router::build().1).unwrap();
    let mut places = vec![Place {
        target: "/.stepgate/login?to=%2Flist".to_owned(),
        kind: "application/x-www-form-urlencoded",
        body: Box::new(|name| format!("username={}&password=wrong", crate::auth::text::percent::encode(name))),
    }];
    for (path, item) in document["paths"].as_object().unwrap() {
        let schema = &item["post"]["requestBody"]["content"]["application/json"]["schema"];
        let named = |reference: &Value| {
            let name = reference["$ref"].as_str()?.rsplit('/').next()?;
            Some(document["components"]["schemas"][name].clone())
        };
        let Some(schema) = named(schema) else { continue };
        let branches = schema["oneOf"].as_array().cloned().unwrap_or_default();
        let all = branches.iter().filter_map(named).chain([schema]);
        for schema in all.filter(|schema| schema["properties"].get("username").is_some()) {
            let mut without = schema["example"].clone();
            without.as_object_mut().unwrap().remove("otp");
            for example in [schema["example"].clone(), without] {
                let body = move |name: &str| {
                    let mut body = example.clone();
                    body["username"] = json!(name);
                    if body.get("password").is_some() {
                        body["password"] = json!("wrong");
                    }
                    body.to_string()
                };
                places.push(Place { target: path.clone(), kind: "application/json", body: Box::new(body) });
            }
        }
    }
    places
}

/// What is drawn at random is left out: the challenge of a passkey, and what keeps it.
fn without_random(body: &str) -> String {
    let Ok(mut told) = serde_json::from_str::<Value>(body) else { return body.to_owned() };
    for (path, member) in [("", "ceremony"), ("/publicKey", "challenge")] {
        if let Some(Value::String(text)) = told.pointer_mut(path).and_then(|at| at.get_mut(member)) {
            *text = text.len().to_string();
        }
    }
    told.to_string()
}

/// The answer to a name, in a world where nothing was asked before. What is written of the name is left out.
async fn told(place: &Place, name: &str, early: bool) -> Told {
    let stage = Stage::with_all();
    let dan = stage.world.person("dan");
    stage.world.disable(&dan, true);
    for name in ["ann", "dan"] {
        sent_codes::with_mail(&stage, name);
    }
    let asked = info("POST", &place.target, &[("content-type", place.kind), ("sec-fetch-site", "same-origin")]);
    stage.world.fail(0, Blow::Before);
    let known = stage.world.look(|s| s.accounts.values().any(|a| a.identity.username.as_str() == name));
    // The early return that the test must see: one whose answer alone is the same.
    let answer = if early && !known {
        let other = Stage::with_all();
        send(&other.portal, &asked, (place.body)(name)).await
    } else {
        send(&stage.portal, &asked, (place.body)(name)).await
    };
    let drawn = |name: &str, value: &str| match name {
        "set-cookie" => format!("{} of {} bytes", value.split('=').next().unwrap_or_default(), value.len()),
        _ => value.to_owned(),
    };
    let headers = answer.headers().iter();
    let headers = headers.map(|(n, v)| (n.to_string(), drawn(n.as_str(), v.to_str().unwrap()))).collect();
    let body = without_random(&text(&answer)).replace(&format!("\"{name}\""), "\"NAME\"");
    Told { status: answer.status().as_u16(), headers, body, calls: stage.world.calls() }
}

#[tokio::test]
async fn a_name_that_somebody_has_is_answered_like_one_that_nobody_has() {
    let places = places();
    assert!(places.len() >= 3, "{}", places.len());
    let mut looked = 0;
    for place in &places {
        let nobody = told(place, "tom", false).await;
        for name in ["ann", "bob", "dan", "zoe"] {
            assert_eq!(told(place, name, false).await, nobody, "{}: {name}", place.target);
        }
        // Where no store is asked of anybody, there is nothing to leave out.
        if nobody.calls > 0 {
            looked += 1;
            assert_ne!(told(place, "tom", true).await, nobody, "{}: an early return is seen", place.target);
        }
    }
    assert!(looked >= 3, "{looked}");
}

#[tokio::test]
async fn a_mail_address_that_somebody_has_is_answered_like_one_that_nobody_has() {
    let form = "application/x-www-form-urlencoded";
    let typed = |email: &str| format!("op=send&email={}", crate::auth::text::percent::encode(email));
    let page = Place { target: "/.stepgate/login-link?to=%2Flist".to_owned(), kind: form, body: Box::new(typed) };
    let call = Place {
        target: "/.stepgate/api/v1/login/link".to_owned(),
        kind: "application/json",
        body: Box::new(|email| json!({ "email": email }).to_string()),
    };
    for place in [page, call] {
        let nobody = told(&place, "tom@example.com", false).await;
        assert!(nobody.calls > 5, "{}", place.target);
        for email in ["ann@example.com", "ANN@example.com", "dan@example.com"] {
            assert_eq!(told(&place, email, false).await, nobody, "{}: {email}", place.target);
        }
        assert_ne!(told(&place, "tom@example.com", true).await, nobody, "{}: an early return is seen", place.target);
    }
}
