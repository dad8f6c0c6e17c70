//! Challenges, refusals and faults, by the kind of request.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::auth::proof::decision::{Challenged, Decision, Refusal, RefusalReason, decide};
use crate::auth::proof::{Proofs, Risk};
use crate::auth::session::{Channel, Session};
use crate::auth::time::Timestamp;
use crate::auth::user::{Group, Identity, UserId, Username};
use crate::portal::error::PortalError;

const NAVIGATION: [(&str, &str); 2] = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];

pub(super) fn session() -> Arc<Session> {
    Arc::new(Session {
        id: "01S".to_owned(),
        identity: Identity {
            id: UserId("01A".to_owned()),
            username: Username::parse("ann<b>").unwrap(),
            name: None,
            email: None,
            groups: vec![Group("staff".to_owned())],
        },
        proofs: Proofs::none().with(crate::auth::proof::Method::Password, Timestamp::from_secs(1)),
        host: HOST.to_owned(),
        channel: Channel::Cookie,
        created_at: Timestamp::from_secs(1),
        seen_at: Timestamp::from_secs(1),
        generation: 0,
        checked: Default::default(),
        pinned: None,
        previous_login: None,
        client_ip: "192.0.2.7".parse().unwrap(),
        user_agent: None,
    })
}

pub(super) fn challenged(who: Option<Arc<Session>>) -> Challenged {
    let rule = Arc::new(rule("admin <i>", "/**", Strength::TwoFactor, Some(300)));
    match decide(Some(&rule), who.as_ref(), &Risk::none(), None, Timestamp::from_secs(2)) {
        Decision::Challenge(challenged) => challenged,
        other => panic!("{other:?}"),
    }
}

/// The challenge of a rule that binds a proof to what is sent, for a session of these methods.
pub(super) fn unapproved(proved: &[crate::auth::proof::Method]) -> Challenged {
    use crate::auth::proof::{Binding, Requirement};
    let now = Timestamp::from_secs(2);
    let plain = rule("paid", "/**", Strength::TwoFactor, None);
    let requirement = Requirement { binding: Binding::Transaction, ..Requirement::of(Strength::TwoFactor) };
    let access = Access::Guarded { audience: Default::default(), requirement };
    let proofs = proved.iter().fold(Proofs::none(), |proofs, method| proofs.with(*method, now));
    let who = Arc::new(Session { proofs, ..(*session()).clone() });
    match decide(Some(&Arc::new(Rule { access, ..plain })), Some(&who), &Risk::none(), None, now) {
        Decision::Challenge(challenged) => challenged,
        other => panic!("{other:?}"),
    }
}

fn tell(method: &str, headers: &[(&str, &str)], who: Option<Arc<Session>>) -> Reply {
    Stage::new().portal.challenge(&info(method, "/erp/7?a=b&c", headers), &challenged(who))
}

#[test]
fn an_unusual_address_is_told_as_that_and_whom_to_ask() {
    let stage = Stage::new();
    for accept in ["text/html", "application/json"] {
        let info = info("GET", "/a//b", &[("accept", accept)]);
        let answer = stage.portal.error(&info, PortalError::OddAddress);
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
        let body = String::from_utf8_lossy(answer.body()).into_owned();
        // People are told whom to ask, scripts where the reason stands.
        let said = match accept {
            "text/html" => ["This address is unusual", "tell it-help@example.com which one"],
            _ => ["stepgate explain", "bad_request"],
        };
        assert!(said.iter().all(|said| body.contains(said)), "{body}");
        assert!(body.contains(&info.request_id), "{body}");
    }
}

#[test]
fn navigations_are_led_to_our_pages() {
    let answer = tell("GET", &NAVIGATION, None);
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    assert_eq!(location(&answer), "/.stepgate/login?to=%2Ferp%2F7%3Fa%3Db%26c");
    assert_eq!(location(&tell("GET", &NAVIGATION, Some(session()))), "/.stepgate/step-up?to=%2Ferp%2F7%3Fa%3Db%26c");
    assert_eq!(header(&answer, "cache-control"), "no-store");
    assert_eq!(header(&answer, "x-stepgate-response"), "challenge");
    assert_eq!(tell("GET", &[("accept", "text/html,*/*;q=0.8")], None).status(), StatusCode::SEE_OTHER);
}

#[test]
fn what_the_gate_accepts_is_asked_for_and_what_cannot_be_kept_is_told() {
    let to = |target: &str| {
        let answer = Stage::new().portal.challenge(&info("GET", target, &NAVIGATION), &challenged(Some(session())));
        (answer.status(), location(&answer), text(&answer))
    };
    let (status, there, _) = to("/erp?f=C:\\y");
    assert_eq!((status, there.as_str()), (StatusCode::SEE_OTHER, "/.stepgate/step-up?to=%2Ferp%3Ff%3DC%3A%5Cy"));
    let (status, there, _) = to(&format!("/erp?{}", "x".repeat(5000)));
    assert!(status == StatusCode::SEE_OTHER && there.len() > 5000);
    let (status, there, page) = to(&format!("/erp?{}", "x".repeat(20_000)));
    assert_eq!((status, there.as_str()), (StatusCode::UNAUTHORIZED, ""));
    assert!(page.contains("too long") && page.contains("href=\"/.stepgate/step-up?to=%2Ferp\""), "{page}");
}

#[test]
fn frames_get_a_page_that_may_be_framed_and_leads_out() {
    let answer = tell("GET", &[("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")], None);
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert!(text(&answer).contains("target=\"_top\"") && !text(&answer).contains("<form"));
    assert!(!answer.headers().contains_key("x-frame-options"));
    assert!(!header(&answer, "content-security-policy").contains("frame-ancestors"));
}

#[test]
fn a_lost_form_is_told_and_its_method_is_kept_for_the_step_up() {
    let answer = tell("POST", &NAVIGATION, Some(session()));
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert!(text(&answer).contains("send the form again"));
    assert!(text(&answer).contains("/.stepgate/step-up?to=%2Ferp%2F7%3Fa%3Db%26c&#38;for=POST"), "{}", text(&answer));
}

#[test]
fn pages_instead_of_a_redirect_say_what_is_missing() {
    let frame = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")];
    for (who, said, unsaid) in
        [(None, "A sign-in is needed", "second step"), (Some(session()), "A second step is needed", "ign in")]
    {
        for (method, headers, target) in [("GET", frame, "_top"), ("POST", NAVIGATION, "_blank")] {
            let page = text(&tell(method, &headers, who.clone()));
            assert!(page.contains(said) && !page.contains(unsaid), "{page}");
            // What was typed is one page back: the way on does not leave this window.
            assert!(page.contains(&format!("target=\"{target}\"")), "{page}");
            assert_eq!(page.contains("session ended"), who.is_none() && method == "GET", "{page}");
        }
    }
}

#[test]
fn machines_get_a_401_they_can_act_on() {
    let fetch = tell("GET", &[("sec-fetch-mode", "cors"), ("origin", "https://spa.example.com")], Some(session()));
    assert_eq!(fetch.status(), StatusCode::UNAUTHORIZED);
    let expected = "StepUp realm=\"erp.example.com\", error=\"insufficient_user_authentication\", \
                    acr_values=\"urn:stepgate:acr:2\", max_age=\"300\"";
    assert_eq!(header(&fetch, "www-authenticate"), expected);
    assert_eq!(header(&fetch, "content-type"), "application/problem+json");
    assert_eq!(header(&fetch, "access-control-allow-origin"), "https://spa.example.com");
    assert!(header(&fetch, "access-control-expose-headers").contains("WWW-Authenticate"));
    assert!(!fetch.headers().contains_key("set-cookie"));
    let body: serde_json::Value = serde_json::from_slice(fetch.body()).unwrap();
    assert_eq!(body["login_url"], "https://erp.example.com:8443/.stepgate/step-up?to=%2Ferp%2F7%3Fa%3Db%26c");
    assert_eq!((&body["request_id"], &body["max_age"]), (&"01JREQUEST".into(), &300.into()));
    assert_eq!(body["methods"], serde_json::json!(["totp", "backup_code"]));
    let other = tell("GET", &[("sec-fetch-mode", "cors"), ("origin", "https://evil.example")], None);
    assert!(!other.headers().contains_key("access-control-allow-origin"));
    let none = tell("GET", &[("sec-fetch-mode", "cors")], None);
    for answer in [&fetch, &other, &none] {
        let vary: Vec<_> = answer.headers().get_all("vary").iter().map(|v| v.to_str().unwrap()).collect();
        assert_eq!(vary, ["Cookie, Accept, Sec-Fetch-Mode, Sec-Fetch-Dest", "Origin"], "whoever asks");
    }
    assert!(header(&other, "www-authenticate").contains("error=\"insufficient_user_authentication\""));
    let script = tell("GET", &[("authorization", "Bearer sgs_x")], None);
    assert!(
        header(&script, "www-authenticate").starts_with("Bearer realm=\"erp.example.com\", error=\"invalid_token\"")
    );
    assert_eq!(tell("GET", &[("accept", "*/*")], None).status(), StatusCode::UNAUTHORIZED);
    assert_eq!(tell("GET", &[("upgrade", "websocket")], None).status(), StatusCode::UNAUTHORIZED);
}

/// Who asks how, and what the 401 says: the scheme of those who came with it, and the exact error.
#[test]
fn a_401_speaks_the_scheme_of_the_caller() {
    let token = crate::auth::session::SessionToken::mint(&[7; 32]);
    let (cookie, ours) = (format!("__Host-stepgate={}", token.expose()), format!("Bearer {}", token.expose()));
    let foreign = ["Basic eDp5", "Bearer abc.def", "Negotiate x", "Digest username=\"x\""];
    let (cookie, ours) = (cookie.as_str(), ours.as_str());
    let mut cases = vec![
        (Some(cookie), None, true, "StepUp", "insufficient_user_authentication"),
        (Some(cookie), None, false, "StepUp", "insufficient_user_authentication"),
        (None, None, false, "StepUp", "insufficient_user_authentication"),
        (None, Some(ours), true, "Bearer", "insufficient_user_authentication"),
        (None, Some(ours), false, "Bearer", "invalid_token"),
        (None, Some("bearer sgs_cut"), false, "Bearer", "invalid_token"),
        (Some(cookie), Some(ours), true, "Bearer", "insufficient_user_authentication"),
    ];
    for app in foreign {
        cases.push((Some(cookie), Some(app), true, "StepUp", "insufficient_user_authentication"));
        cases.push((Some(cookie), Some(app), false, "StepUp", "insufficient_user_authentication"));
        cases.push((None, Some(app), false, "Bearer", "insufficient_user_authentication"));
    }
    for (cookie, authorization, known, scheme, error) in cases {
        let mut headers = vec![("sec-fetch-mode", "cors")];
        headers.extend(cookie.map(|c| ("cookie", c)));
        headers.extend(authorization.map(|a| ("authorization", a)));
        let told = tell("GET", &headers, known.then(session));
        let expected = format!("{scheme} realm=\"erp.example.com\", error=\"{error}\"");
        assert!(header(&told, "www-authenticate").starts_with(&expected), "{authorization:?} {expected}");
        let body: serde_json::Value = serde_json::from_slice(told.body()).unwrap();
        assert_eq!(body["error"], error);
    }
}

#[test]
fn grpc_is_told_in_trailers_only() {
    let answer = tell("POST", &[("content-type", "application/grpc+proto")], None);
    assert_eq!((answer.status(), header(&answer, "grpc-status")), (StatusCode::OK, "16"));
    assert!(answer.body().is_empty() && header(&answer, "grpc-message").contains("sign-in"));
    let refusal = Refusal { rule: None, reason: RefusalReason::NoRule, subject: None };
    let grpc = info("POST", "/s/m", &[("content-type", "application/grpc")]);
    assert_eq!(header(&Stage::new().portal.refusal(&grpc, &refusal), "grpc-status"), "7");
}

#[test]
fn refusals_say_who_what_why_and_what_to_do() {
    let stage = Stage::new();
    let mut audience = rule("admin <i>", "/**", Strength::TwoFactor, None);
    audience.access = Access::Guarded {
        audience: Audience { groups: vec![Group("fin<ance".to_owned())], users: Vec::new() },
        requirement: Requirement::of(Strength::TwoFactor),
    };
    let refusal =
        Refusal { rule: Some(Arc::new(audience)), reason: RefusalReason::NotInAudience, subject: Some(session()) };
    let page = stage.portal.refusal(&info("GET", "/erp?x=<script>", &NAVIGATION), &refusal);
    assert_eq!(page.status(), StatusCode::FORBIDDEN);
    for shown in
        ["ann&#60;b&#62;", "the group fin&#60;ance", "Changing &#60;master", "finance-it", "01JREQUEST", "admin &#60;i"]
    {
        assert!(text(&page).contains(shown), "{shown}");
    }
    assert!(text(&page).contains("/.stepgate/logout") && !text(&page).contains("<script"));
    let told = stage.portal.refusal(&info("GET", "/erp", &[]), &refusal);
    let body: serde_json::Value = serde_json::from_slice(told.body()).unwrap();
    assert_eq!((told.status(), &body["reason"]), (StatusCode::FORBIDDEN, &"not_in_audience".into()));
}

#[test]
fn every_fault_has_its_page_and_its_problem() {
    let stage = Stage::new();
    for (fault, status) in pages::FAULTS {
        let page = stage.portal.error(&info("GET", "/<x>?<y>", &NAVIGATION), fault);
        let problem = stage.portal.error(&info("GET", "/<x>?<y>", &[]), fault);
        assert_eq!((page.status().as_u16(), problem.status().as_u16()), (status, status));
        assert!(text(&page).contains("01JREQUEST") && !text(&page).contains("<x>") && !text(&page).contains("<y>"));
        let body: serde_json::Value = serde_json::from_slice(problem.body()).unwrap();
        assert!(body["code"].is_string() && body["status"] == status && body["request_id"] == "01JREQUEST");
        let retries = matches!(fault, PortalError::TooMany(_)) || status >= 500;
        assert_eq!(page.headers().contains_key("retry-after"), retries, "{fault:?}");
    }
    let wait = stage.portal.error(&info("GET", "/", &NAVIGATION), PortalError::TooMany(Duration::from_millis(1200)));
    assert_eq!(header(&wait, "retry-after"), "2");
}

#[tokio::test]
async fn every_answer_carries_the_headers() {
    let stage = Stage::new();
    let mut answers = vec![tell("GET", &NAVIGATION, None), tell("GET", &[], None)];
    for target in ["/.stepgate/login", "/.stepgate/nothing", "/.stepgate/session", "/.stepgate/api/openapi.json"] {
        answers.push(send(&stage.portal, &info("GET", target, &[]), "").await);
    }
    let css = text(&send(&stage.portal, &info("GET", "/.stepgate/login", &[]), "").await);
    let css = css.split("href=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let asset = send(&stage.portal, &info("GET", &css, &[]), "").await;
    assert_eq!(header(&asset, "cache-control"), "public, max-age=31536000, immutable");
    let own = ":root{--accent:#1f4fd8;--on-accent:var(--paper)}\n@media (prefers-color-scheme:dark){:root{--accent:#849fea}}\n";
    assert!(text(&asset).ends_with(own));
    let gzip = [("accept-encoding", "gzip, br")];
    let packed = send(&stage.portal, &info("GET", &css, &gzip), "").await;
    assert_eq!((header(&packed, "content-encoding"), packed.headers().get_all("vary").iter().count()), ("gzip", 2));
    let again = [("accept-encoding", "gzip, br"), ("if-none-match", header(&packed, "etag"))];
    let kept = send(&stage.portal, &info("GET", &css, &again), "").await;
    assert!(kept.status() == StatusCode::NOT_MODIFIED && !kept.headers().contains_key("content-length"));
    assert!(kept.body().is_empty() && header(&kept, "cache-control").ends_with("immutable"));
    // Pages may hold secrets beside what was sent: they are never packed.
    for target in ["/.stepgate/login", "/.stepgate/api/openapi.json", "/.stepgate/nothing"] {
        let page = send(&stage.portal, &info("GET", target, &gzip), "").await;
        assert!(!page.headers().contains_key("content-encoding"), "{target}");
    }
    for answer in answers.iter().chain([&asset]) {
        let csp = header(answer, "content-security-policy");
        assert!(csp.contains("default-src 'none'") && csp.contains("require-trusted-types-for 'script'"));
        assert!(csp.contains("frame-ancestors 'none'") && !csp.contains("unsafe"));
        assert!(csp.contains("script-src 'self';"), "{csp}");
        assert_eq!(header(answer, "x-content-type-options"), "nosniff");
        assert_eq!(header(answer, "referrer-policy"), "no-referrer");
        assert_eq!(header(answer, "x-request-id"), "01JREQUEST");
        assert_eq!(header(answer, "vary"), "Cookie, Accept, Sec-Fetch-Mode, Sec-Fetch-Dest");
        assert!(answer.headers().contains_key("x-stepgate-response"));
        assert_eq!(header(answer, "cache-control") == "no-store", !std::ptr::eq(answer, &asset));
    }
}

#[tokio::test]
async fn head_tells_the_length_that_get_has() {
    let stage = Stage::new();
    for target in
        ["login", "session", "signed-out", "api/openapi.json", "jwks.json", "nothing", "api/v1/login", "account"]
    {
        let target = format!("/.stepgate/{target}");
        for accept in ["text/html", "*/*"] {
            let [get, head] = ["GET", "HEAD"].map(|method| info(method, &target, &[("accept", accept)]));
            let (get, head) = (send(&stage.portal, &get, "").await, send(&stage.portal, &head, "").await);
            assert_eq!(get.status(), head.status(), "{target}");
            assert_eq!(header(&get, "content-length"), get.body().len().to_string(), "{target}");
            assert_eq!(header(&head, "content-length"), header(&get, "content-length"), "{target}, {accept}");
            assert!(head.body().is_empty(), "{target}");
        }
    }
}

#[test]
fn nobody_is_led_to_a_page_that_could_not_show_what_is_sent() {
    use crate::auth::held_request::NotHeld;
    use crate::auth::proof::Method::{Password, Totp};
    use crate::portal::answers::challenge::FormOutcome;
    let frame = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")];
    let portal = Stage::new().portal;
    for proved in [&[Password, Totp][..], &[Password]] {
        let challenged = unapproved(proved);
        for (why, part) in [
            (NotHeld::TooLarge { limit: 9 }, "larger than 9"),
            (NotHeld::OtherType, "of a type that is not kept"),
            (NotHeld::CrossOrigin, "Send it from a page of the app itself"),
            (NotHeld::Full, "go back one page and send this form again"),
        ] {
            let form =
                portal.challenge_form(&info("POST", "/erp/7", &NAVIGATION), &challenged, &FormOutcome::NotHeld(why));
            assert_eq!(form.status(), StatusCode::UNAUTHORIZED);
            assert!(text(&form).contains("cannot be shown") && text(&form).contains(part), "{}", text(&form));
            assert!(!text(&form).contains("/.stepgate/step-up"), "{}", text(&form));
        }
        let page = text(&portal.challenge(&info("POST", "/erp/7", &frame), &challenged));
        assert!(page.contains("a window of its own") && !page.contains("/.stepgate/step-up"), "{page}");
        let page = text(&portal.challenge(&info("GET", "/erp/7", &frame), &challenged));
        assert!(page.contains("/.stepgate/step-up"), "what has no body is shown: {page}");
    }
    for (proved, method, led) in
        [(&[Password, Totp][..], "POST", false), (&[Password, Totp], "GET", true), (&[Password], "POST", true)]
    {
        let asked = info(method, "/erp/7", &[("sec-fetch-mode", "cors")]);
        let told: serde_json::Value =
            serde_json::from_slice(portal.challenge(&asked, &unapproved(proved)).body()).unwrap();
        assert_eq!((told["login_url"].is_string(), told["detail"].is_string()), (led, !led), "{told}");
    }
}

#[test]
fn where_one_factor_does_nobody_is_told_of_a_second_step() {
    let portal = Stage::new().portal;
    let plain = challenged(Some(session()));
    let requirement = Requirement { strength: Strength::OneFactor, ..plain.requirement };
    let one = Challenged { requirement, ..plain };
    let frame = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")];
    for headers in [&frame[..], &[("sec-fetch-mode", "cors")]] {
        let told = text(&portal.challenge(&info("GET", "/erp/7", headers), &one));
        assert!(told.contains("proof") && !told.contains("second step"), "{told}");
    }
    let grpc = [("content-type", "application/grpc")];
    for (asked, part) in [(one, "Another%20proof"), (challenged(Some(session())), "A%20second%20step")] {
        let answer = portal.challenge(&info("POST", "/erp/7", &grpc), &asked);
        assert!(header(&answer, "grpc-message").contains(part), "{}", header(&answer, "grpc-message"));
    }
}

#[test]
fn a_challenge_says_how_it_was_told() {
    let told =
        |method: &str, headers: &[(&str, &str)]| tell(method, headers, None).note.map(crate::portal::reply::Note::name);
    let frame = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")];
    assert_eq!(told("GET", &NAVIGATION), Some("redirect"));
    assert_eq!(told("POST", &NAVIGATION), Some("form"));
    assert_eq!(told("GET", &frame), Some("frame"));
    assert_eq!(told("GET", &[("content-type", "application/grpc")]), Some("grpc"));
    assert_eq!(told("GET", &[("sec-fetch-mode", "cors")]), Some("problem"));
}
