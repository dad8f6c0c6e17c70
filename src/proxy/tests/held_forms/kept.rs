//! Which forms are kept, and what is told of the others.

use super::*;
use crate::auth::held_request::HoldTerms;
use crate::flow::ports::TransientKind;

#[tokio::test]
async fn what_is_not_kept_is_told_before_the_sign_in() {
    let (app, heard) = upstream(OK).await;
    let mut own = settings(&[app]);
    own.apps[0].hold = Some(HoldTerms { max: 1000, ..HoldTerms::default() });
    let world = World::new();
    let rig = Rig::start_over(own.clone(), world.ports()).await;
    let kind = |kind: &str, site: &str| format!("Content-Type: {kind}\r\nSec-Fetch-Site: {site}\r\n");
    let form = |more: String, body: &str| with("/guarded/a", "", &more, body);
    let framed = form(kind(FORM, "same-origin"), BODY).replace("Dest: document", "Dest: iframe");
    let chunked = form(kind(FORM, "same-origin"), "").replace("Content-Length: 0", "Transfer-Encoding: chunked");
    let chunked = format!("{chunked}3e9\r\n{}\r\n0\r\n\r\n", "x".repeat(1001));
    for (request, told) in [
        (form(kind(FORM, "cross-site"), BODY), "It came from another site"),
        (form(kind(FORM, "same-site"), BODY), "It came from another site"),
        (form(format!("Content-Type: {FORM}\r\n"), BODY), "It came from another site"),
        (form(format!("Content-Type: {FORM}\r\nOrigin: https://evil.test\r\n"), BODY), "It came from another site"),
        // It names another method than a form's.
        (form(kind(FORM, "same-origin\r\nX-HTTP-Method-Override: DELETE"), BODY), "Your form was not sent"),
        // Told in two ways, or in no text.
        (form(kind(FORM, "same-origin\r\nSec-Fetch-Site: cross-site"), BODY), "It came from another site"),
        (form(kind(FORM, "same-origin\r\nSec-Fetch-Site: same-origin"), BODY), "It came from another site"),
        (form(kind(FORM, "\u{e9}\r\nOrigin: http://app.test"), BODY), "It came from another site"),
        (
            form(format!("Content-Type: {FORM}\r\nOrigin: http://app.test\r\nOrigin: http://app.test\r\n"), BODY),
            "It came from another site",
        ),
        (form(kind(FORM, "same-origin\r\nContent-Type: text/plain"), BODY), "of a type that is not kept"),
        (form(kind("application/json", "same-origin"), "{}"), "of a type that is not kept"),
        (form(kind(FORM, "same-origin"), &"x".repeat(1001)), "It is larger than 1000 bytes"),
        (chunked, "It is larger than 1000 bytes"),
        (framed, "is not kept: copy what you typed"),
        (
            with(&format!("/guarded/a?{}", "q".repeat(9000)), "", &kind(FORM, "same-origin"), BODY),
            "Its address is too long",
        ),
    ] {
        let answer = rig.exchange(&request).await;
        assert!(status(&answer) == "401" && answer.contains(told), "{told}: {answer}");
        assert!(!answer.contains("__Host-stepgate-held"), "{answer}");
    }
    // By the origin, where the browser says nothing of sites.
    let own_origin = form(format!("Content-Type: {FORM}\r\nOrigin: http://app.test\r\n"), BODY);
    kept(&rig.exchange(&own_origin).await);
    let waiting = world.look(|s| s.transient.keys().filter(|(kind, _)| *kind != TransientKind::Trace).count());
    assert_eq!(waiting, 1, "the others left nothing");
    own.apps[0].hold = None;
    let off = Rig::start_over(own, world.ports()).await;
    let answer = off.exchange(&own_origin).await;
    assert!(status(&answer) == "401" && answer.contains("Your form was not sent"), "{answer}");
    assert!(heard.lock().unwrap().is_empty());
}

#[tokio::test]
async fn as_many_wait_as_may_and_the_next_is_told_so() {
    let (app, _) = upstream(OK).await;
    let stage = Stage::before(&[app]).await;
    let ann = stage.session("ann", 1, &[Method::Password]);
    let request = post("/guarded/a", &cookie(&ann), FORM, BODY);
    let first = kept(&stage.rig.exchange(&request).await);
    for _ in 1..4 {
        kept(&stage.rig.exchange(&request).await);
    }
    let answer = stage.rig.exchange(&request).await;
    assert!(status(&answer) == "401" && answer.contains("As many forms wait"), "{answer}");
    stage.step_up(&ann);
    let sent = stage.rig.exchange(&replay("/guarded/a", &format!("{}; {}", cookie(&ann), first.1), &first.0)).await;
    assert_eq!(status(&sent), "200");
}

#[tokio::test]
async fn a_body_of_the_app_s_own_passes_however_much_it_looks_like_ours() {
    let (app, heard) = upstream(OK).await;
    let stage = Stage::before(&[app]).await;
    let body = format!("{REPLAY_FIELD}x={}", "y".repeat(46));
    assert_eq!(body.len() as u64, REPLAY_BYTES);
    let answer = stage.rig.exchange(&post("/open", "", FORM, &body)).await;
    assert_eq!(status(&answer), "200", "{answer}");
    assert!(heard.lock().unwrap()[0].ends_with(&format!("\r\n\r\n{body}")));
    // As a form that is kept it is one like any other.
    let ann = stage.session("ann", 1, &[Method::Password, Method::Totp]);
    let (id, held) = kept(&stage.rig.exchange(&post("/guarded/a", "", FORM, &body)).await);
    let answer = stage.rig.exchange(&replay("/guarded/a", &format!("{}; {held}", cookie(&ann)), &id)).await;
    assert_eq!(status(&answer), "200", "{answer}");
    assert!(heard.lock().unwrap()[1].ends_with(&format!("\r\n\r\n{body}")));
}
