//! The matrix finds handlers that forget something: each of these is one.

use serde_json::Value;

use super::{Asked, Hole, Matrix, Scene};
use crate::auth::reserved_names::{FLOW, SESSION};

const LOGIN: &str = "/.stepgate/login";
const SECOND_FACTOR: &str = "/.stepgate/second-factor";
const API_LOGIN: &str = "/.stepgate/api/v1/login";
const API_SECOND_FACTOR: &str = "/.stepgate/api/v1/login/second-factor";
const ELEVATE: &str = "/.stepgate/api/v1/elevate";

/// The value of a cookie, where there is exactly this one.
fn cookie(asked: &Asked, name: &str) -> Option<String> {
    asked.info.headers.get("cookie")?.to_str().ok()?.strip_prefix(name)?.strip_prefix('=').map(str::to_owned)
}

fn present(mut asked: Asked, header: &'static str, value: &str) -> Asked {
    asked.info.headers.remove("cookie");
    asked.info.headers.insert(header, value.parse().unwrap());
    asked.info.cookies = crate::portal::cookies::Cookies::read(&asked.info.headers);
    asked
}

/// Takes the token of a browser for one of a script.
fn any_way(_: &Scene, asked: Asked) -> Asked {
    match asked.info.headers.get("authorization").and_then(|v| v.to_str().ok()?.strip_prefix("Bearer ")) {
        Some(token) if asked.info.target.contains("elevate") => {
            let cookie = format!("{SESSION}={token}");
            let mut asked = present(asked, "cookie", &cookie);
            asked.info.headers.remove("authorization");
            asked.info.cookies = crate::portal::cookies::Cookies::read(&asked.info.headers);
            asked
        }
        _ => asked,
    }
}

/// Takes the session cookie for the one of a sign-in under way.
fn any_cookie(_: &Scene, asked: Asked) -> Asked {
    match cookie(&asked, SESSION) {
        Some(token) => present(asked, "cookie", &format!("{FLOW}={token}")),
        None => asked,
    }
}

/// Takes any method for POST.
fn any_method(_: &Scene, mut asked: Asked) -> Asked {
    if asked.info.method == "PUT" {
        asked.info.method = http::Method::POST;
    }
    asked
}

/// Reads any type of body.
fn any_type(_: &Scene, mut asked: Asked) -> Asked {
    if asked.info.headers.contains_key("content-type") && asked.info.target.contains("/api/") {
        asked.info.headers.insert("content-type", "application/json".parse().unwrap());
    }
    asked
}

/// Lets the last of two fields count.
fn last_field(_: &Scene, mut asked: Asked) -> Asked {
    if let Ok(body @ Value::Object(_)) = serde_json::from_slice::<Value>(&asked.body) {
        asked.body = body.to_string().into();
    }
    asked
}

/// Asks for no code where none was given.
fn no_code(scene: &Scene, mut asked: Asked) -> Asked {
    if asked.info.target.contains("login/second-factor")
        && let Ok(Value::Object(mut body)) = serde_json::from_slice::<Value>(&asked.body)
        && body.get("code").is_none_or(Value::is_null)
    {
        body.insert("code".to_owned(), scene.stage.code(0).into());
        asked.body = Value::Object(body).to_string().into();
    }
    asked
}

/// Does not look from where a form was sent.
fn any_site(_: &Scene, mut asked: Asked) -> Asked {
    asked.info.headers.remove("origin");
    asked.info.headers.remove("sec-fetch-site");
    asked
}

#[tokio::test]
async fn a_handler_that_forgets_a_check_is_found() {
    let holes: [(&str, Hole, &str, &str); 7] = [
        ("the way of a token", any_way, ELEVATE, "session cookie in Bearer"),
        (
            "the name of a cookie",
            any_cookie,
            SECOND_FACTOR,
            "ceremony of a browser in __Host-stepgate: POST /.stepgate/second-factor",
        ),
        ("the method", any_method, LOGIN, "PUT /.stepgate/login"),
        ("the type of a body", any_type, API_LOGIN, "as \"text/plain\""),
        ("a field given twice", last_field, API_LOGIN, "twice"),
        ("the code", no_code, API_SECOND_FACTOR, "with code left out"),
        ("where it comes from", any_site, LOGIN, "from another site"),
    ];
    for (forgotten, hole, at, seen) in holes {
        let found = Matrix::new(hole).await.walk([at.to_owned()]).await;
        assert!(found.wrong.iter().any(|told| told.contains(seen)), "{forgotten} is not missed: {:#?}", found.wrong);
    }
}
