//! Whatever is sent, the answer is a stated one, and nobody is signed in by it.

use proptest::prelude::*;

use super::*;

const FORMS: [&str; 6] = ["login", "second-factor", "enroll", "step-up", "logout", "account"];
const CALLS: [&str; 6] = ["login", "login/second-factor", "logout", "elevate", "totp", "totp/confirm"];

fn stated(answer: &Reply) -> bool {
    let granted =
        answer.headers().get_all("set-cookie").iter().any(|c| c.to_str().unwrap().starts_with("__Host-stepgate=sgs_"))
            || text(answer).contains("sgs_");
    !granted
        && matches!(answer.status().as_u16(), 200 | 204 | 303 | 400 | 401 | 403 | 404 | 405 | 413 | 415 | 422 | 429)
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[tokio::test]
async fn odd_forms_have_stated_outcomes() {
    let stage = Stage::new();
    let form = "application/x-www-form-urlencoded";
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a [u8], u16);
    let cases: [Case<'_>; 9] = [
        (&[("content-type", form)], b"username=a&username=b&password=c", 400),
        (&[("content-type", form)], b"password=a&password=b", 400),
        (&[("content-type", "text/plain")], b"username=ann&password=x", 415),
        (&[("content-type", "multipart/form-data; boundary=x")], b"--x", 415),
        (&[("content-type", "application/json")], b"{}", 415),
        (&[("content-type", form), ("content-type", form)], b"username=a", 415),
        (&[], b"username=a&password=b", 415),
        (&[("content-type", form)], b"", 422),
        (&[("content-type", form)], b"\xff\xfe=%%%&&&==", 422),
    ];
    for (headers, body, status) in cases {
        let answer = send(&stage.portal, &info("POST", "/.stepgate/login", headers), body.to_vec()).await;
        assert_eq!(answer.status().as_u16(), status, "{headers:?} {body:?}");
    }
    let huge = vec![b'a'; crate::portal::forms::MAX_BODY + 1];
    let answer = send(&stage.portal, &info("POST", "/.stepgate/login", &[("content-type", form)]), huge).await;
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn odd_json_is_malformed() {
    let stage = Stage::new();
    for body in [
        "",
        "{}",
        "null",
        "[]",
        "7",
        "{\"username\":",
        "{\"username\":7,\"password\":\"x\"}",
        "{\"username\":[\"ann\"],\"password\":\"x\"}",
        "{\"username\":null,\"password\":null}",
        "{\"username\":\"ann\"}",
        "{\"username\":\"ann\",\"username\":\"bob\",\"password\":\"x\"}",
        "{\"username\":\"ann\",\"password\":\"x\",\"strength\":\"none\"}",
        "{\"username\":\"ann\",\"password\":\"x\",\"otp\":123456}",
    ] {
        let info = info("POST", "/.stepgate/api/v1/login", &[("content-type", "application/json")]);
        let answer = send(&stage.portal, &info, body).await;
        let told: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
        assert_eq!((answer.status().as_u16(), &told["code"]), (400, &"malformed_request".into()), "{body}");
    }
    let deep = "[".repeat(10_000);
    let info = info("POST", "/.stepgate/api/v1/login", &[("content-type", "application/json")]);
    assert_eq!(send(&stage.portal, &info, deep).await.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn other_sites_cannot_send_forms_or_calls() {
    let stage = Stage::new();
    let form = ("content-type", "application/x-www-form-urlencoded");
    for evil in [
        &[form, ("sec-fetch-site", "cross-site")][..],
        &[form, ("sec-fetch-site", "same-site")],
        &[form, ("origin", "https://evil.example")],
        &[form, ("origin", "null")],
        &[form, ("origin", "https://erp.example.com.evil.example:8443")],
        &[form, ("origin", "https://evil.example"), ("authorization", "Bearer other")],
    ] {
        for target in ["/.stepgate/login", "/.stepgate/logout", "/.stepgate/api/v1/login"] {
            let answer = send(&stage.portal, &info("POST", target, evil), "op=here").await;
            assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{target} {evil:?}");
        }
    }
    let own = [form, ("origin", "https://erp.example.com:8443")];
    assert_ne!(send(&stage.portal, &info("POST", "/.stepgate/login", &own), "").await.status(), StatusCode::FORBIDDEN);
    let token = crate::auth::session::SessionToken::mint(&[1; 32]);
    let bearer = format!("Bearer {}", token.expose());
    let script = [("authorization", bearer.as_str()), ("origin", "https://evil.example")];
    let answer = send(&stage.portal, &info("POST", "/.stepgate/api/v1/logout", &script), "").await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn unknown_addresses_and_methods() {
    let stage = Stage::new();
    for (method, target, status) in [
        ("GET", "/.stepgate/", 404),
        ("GET", "/.stepgate/nothing", 404),
        ("GET", "/.stepgate/assets/../login", 404),
        ("GET", "/.stepgate/assets/stepgate.css", 404),
        ("DELETE", "/.stepgate/login", 405),
        ("GET", "/.stepgate/api/v1/login", 405),
        ("OPTIONS", "/.stepgate/api/v1/login", 405),
        ("POST", "/.stepgate/signed-out", 405),
    ] {
        let answer = send(&stage.portal, &info(method, target, &[("accept", "text/html")]), "").await;
        assert_eq!(answer.status().as_u16(), status, "{method} {target}");
        assert_eq!(answer.headers().contains_key("allow"), status == 405, "{method} {target}");
        assert!(text(&answer).contains("01JREQUEST"));
    }
    let head = send(&stage.portal, &info("HEAD", "/.stepgate/login", &[]), "").await;
    assert!(head.status() == StatusCode::OK && head.body().is_empty());
}

proptest! {
    #![proptest_config(crate::auth::generated::cases(96))]

    #[test]
    fn no_bytes_break_a_form_or_sign_anybody_in(
        page in proptest::sample::select(&FORMS[..]),
        query in "[ -~]{0,40}",
        fields in proptest::collection::vec(
            (proptest::sample::select(vec!["username", "password", "code", "method", "op", "way", "x"]), "\\PC{0,20}"), 0..6),
        raw in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..200)),
        cookie in proptest::collection::vec(any::<u8>().prop_filter("visible", |b| *b >= 32 && *b != 127), 0..60),
    ) {
        let stage = Stage::new();
        let query = crate::auth::text::percent::encode(&query).replace("%3D", "=").replace("%26", "&");
        let target = format!("/.stepgate/{page}?to={query}");
        let mut info = info("POST", &target, &[("content-type", "application/x-www-form-urlencoded")]);
        info.headers.insert("cookie", HeaderValue::from_bytes(&cookie).unwrap());
        let encode = crate::auth::text::percent::encode;
        let body = raw.unwrap_or_else(|| {
            fields.iter().map(|(n, v)| format!("{n}={}", encode(v))).collect::<Vec<_>>().join("&").into_bytes()
        });
        let answer = run(send(&stage.portal, &info, body));
        prop_assert!(stated(&answer), "{} {}", answer.status(), target);
    }

    #[test]
    fn no_bytes_break_a_call_or_sign_anybody_in(
        call in proptest::sample::select(&CALLS[..]),
        values in proptest::collection::vec(
            (proptest::sample::select(vec!["username", "password", "otp", "code", "method", "ceremony", "strength"]),
             proptest::sample::select(vec!["null", "1", "\"\"", "[]", "{}", "true", "\"ann\"", "\"totp\"", "\"sgc_x\"", "1e999", "\"\\ud800\""])), 0..6),
        raw in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..100)),
        auth in "[ -~]{0,40}",
    ) {
        let stage = Stage::new();
        let target = format!("/.stepgate/api/v1/{call}");
        let info = info("POST", &target, &[("content-type", "application/json"), ("authorization", &auth)]);
        let members: Vec<String> = values.iter().map(|(n, v)| format!("\"{n}\":{v}")).collect();
        let body = raw.unwrap_or_else(|| format!("{{{}}}", members.join(",")).into_bytes());
        let answer = run(send(&stage.portal, &info, body));
        prop_assert!(stated(&answer), "{}", answer.status());
    }
}

#[tokio::test]
async fn a_form_of_which_nobody_can_tell_where_it_comes_from_is_refused_in_words_that_help() {
    let stage = Stage::new();
    let form = ("content-type", "application/x-www-form-urlencoded");
    let html = ("accept", "text/html");
    let body = format!("username=ann&password={}", crate::flow::testing::PASSWORD.replace(' ', "+"));
    for (scheme, told, said) in [
        (
            "https",
            &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")][..],
            "came from another site",
        ),
        ("https", &[("origin", "https://evil.example")], "came from another site"),
        ("https", &[("origin", "null")], "does not say where this form comes from"),
        ("http", &[("origin", "null")], "Open https://erp.example.com instead."),
        ("http", &[("sec-fetch-site", "cross-site"), ("origin", "null")], "came from another site"),
    ] {
        let headers = [&[form, html][..], told].concat();
        let asked = RequestInfo { scheme, ..info("POST", "/.stepgate/login?to=%2F", &headers) };
        let answer = send(&stage.portal, &asked, body.clone()).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{told:?}");
        assert!(text(&answer).contains(said), "{told:?}: {}", text(&answer));
        assert!(!answer.headers().contains_key("set-cookie"));
    }
    assert!(stage.world.look(|s| s.sessions.is_empty() && s.ceremonies().is_empty()));
}

#[tokio::test]
async fn a_full_hasher_is_the_cause_of_its_503() {
    use crate::portal::reply::Cause;
    let mut settings = crate::flow::testing::fast_settings();
    (settings.password.concurrent, settings.password.queue, settings.password.memory_kib) = (1, 0, 65_536);
    let portal = portal_with(Arc::new(Flows::new(World::new().ports(), settings)), Arc::new(policy()));
    let page = info("POST", "/.stepgate/login", &[("content-type", "application/x-www-form-urlencoded")]);
    let call = info("POST", "/.stepgate/api/v1/login", &[("content-type", "application/json")]);
    let asked = (0..16).map(|n| match n % 2 {
        0 => send(&portal, &page, "username=ann&password=x"),
        _ => send(&portal, &call, r#"{"username":"ann","password":"x"}"#),
    });
    let answers = futures_util::future::join_all(asked).await;
    for kinds in [0, 1] {
        let of_kind = answers.iter().skip(kinds).step_by(2);
        let busy: Vec<_> = of_kind.filter(|a| a.status() == StatusCode::SERVICE_UNAVAILABLE).collect();
        assert!(!busy.is_empty());
        for answer in busy {
            assert!(matches!(answer.cause, Some(Cause::Busy)));
            assert_eq!(answer.events.len(), 1);
        }
    }
}
