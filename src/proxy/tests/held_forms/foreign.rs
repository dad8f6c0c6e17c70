//! Forms that somebody plants, and identifiers in the place of others: nobody's form is sent for somebody else.

use super::*;
use crate::auth::event::What;
use crate::auth::held_request::{FormId, HolderToken};
use crate::auth::session::Channel;

/// A request of a browser to one of our own pages.
fn own(method: &str, target: &str, cookies: &str, body: &str) -> String {
    with(target, cookies, &format!("Content-Type: {FORM}\r\nSec-Fetch-Site: same-origin\r\n"), body)
        .replacen("POST", method, 1)
}

/// The forms that an attacker can make wait are of the attacker's own session, or of the attacker's own browser.
#[tokio::test]
async fn a_form_that_an_attacker_planted_is_never_sent_for_its_victim() {
    let (app, heard) = upstream(OK).await;
    let stage = Stage::before(&[app]).await;
    let whole = [Method::Password, Method::Totp];
    let (mallory, ann) = (stage.session("mallory", 1, &[Method::Password]), stage.session("ann", 2, &whole));
    // A page of the attacker's makes the victim's browser send it, signed in or not, the victim or as the attacker.
    for cookies in [String::new(), cookie(&stage.session("ann", 3, &[Method::Password])), cookie(&mallory)] {
        for site in ["cross-site", "same-site", "none"] {
            let planted =
                with("/guarded/a", &cookies, &format!("Content-Type: {FORM}\r\nSec-Fetch-Site: {site}\r\n"), BODY);
            let answer = stage.rig.exchange(&planted).await;
            assert!(status(&answer) == "401" && !answer.contains("__Host-stepgate-held"), "{site}: {answer}");
        }
    }
    // The victim was led to sign in as the attacker, sends a form, and then signs in again: it stays the attacker's.
    let (id, held) = kept(&stage.rig.exchange(&post("/guarded/a", &cookie(&mallory), FORM, "pay=mallory")).await);
    // A form of nobody's waits in the attacker's browser; the victim is led to its address, and has forms of hers.
    let (strays, _) = kept(&stage.rig.exchange(&post("/guarded/a", "", FORM, "pay=mallory")).await);
    let (_, hers) = kept(&stage.rig.exchange(&post("/guarded/a", "", FORM, "pay=ann")).await);
    for (form, cookies, expected) in [
        (&id, format!("{}; {held}", cookie(&ann)), "403"),
        (&id, format!("{}; {hers}", cookie(&ann)), "410"),
        (&strays, format!("{}; {hers}", cookie(&ann)), "410"),
        (&strays, cookie(&ann), "410"),
    ] {
        let answer = stage.rig.exchange(&replay("/guarded/a", &cookies, form)).await;
        assert_eq!(status(&answer), expected, "{answer}");
        let page = format!("/.stepgate/form?to=%2Fguarded%2Fa&for=POST&form={form}");
        let answer = stage.rig.exchange(&own("GET", &page, &cookies, "")).await;
        assert!(status(&answer) == expected && !answer.contains("Send it now"), "{answer}");
    }
    assert!(heard.lock().unwrap().is_empty(), "{:?}", heard.lock().unwrap());
}

/// Each identifier in each place where another one is looked for, and each other one in theirs.
#[tokio::test]
async fn no_identifier_of_a_form_is_of_use_in_the_place_of_another_token_nor_the_other_way_round() {
    let (app, heard) = upstream(OK).await;
    let stage = Stage::before(&[app]).await;
    let ann = stage.session("ann", 1, &[Method::Password, Method::Totp]);
    let (id, held) = kept(&stage.rig.exchange(&post("/guarded/a", "", FORM, BODY)).await);
    let (_, holder) = held.split_once('=').unwrap();
    for token in [id.as_str(), holder] {
        for name in ["__Host-stepgate", "__Host-stepgate-flow", "__Host-stepgate-device", "__Host-stepgate-binding"] {
            let cookies = format!("{name}={token}; {held}");
            let answer = stage.rig.exchange(&replay("/guarded/a", &cookies, &id)).await;
            assert_eq!(status(&answer), "303", "{name} signs nobody in: {answer}");
            let who = stage.rig.exchange(&own("GET", "/.stepgate/account", &cookies, "")).await;
            assert_eq!(status(&who), "303", "{name}: {who}");
        }
        let bearer = format!("GET /guarded/a HTTP/1.1\r\nHost: app.test\r\nAuthorization: Bearer {token}\r\n\r\n");
        assert_eq!(status(&stage.rig.exchange(&bearer).await), "401");
        for (target, body) in [
            ("/.stepgate/api/v1/second-factor", format!("{{\"ceremony\":\"{token}\",\"code\":\"123456\"}}")),
            ("/.stepgate/api/v1/passkeys", format!("{{\"ceremony\":\"{token}\",\"name\":\"a\",\"credential\":{{}}}}")),
        ] {
            let call = own("POST", target, &held, &body).replace(FORM, "application/json");
            let answer = stage.rig.exchange(&call).await;
            assert!(!status(&answer).starts_with('2') && !answer.contains("access_token"), "{target}: {answer}");
        }
        for target in ["/.stepgate/arrive?ticket=", "/.stepgate/login?handoff=", "/.stepgate/confirm?token="] {
            let answer = stage.rig.exchange(&own("GET", &format!("{target}{token}"), &held, "")).await;
            assert!(!answer.contains("__Host-stepgate=sgs_") && status(&answer) != "500", "{target}: {answer}");
        }
    }
    // The other way round: nothing but the two finds the form.
    let others = ["sgs_", "sgc_", "sgt_", "sgh_", "sgd_", "sgp_", "sgk_", "sgf_"];
    for prefix in others {
        let (as_id, as_holder) = (format!("{prefix}{}", &id[4..]), format!("{prefix}{}", &holder[4..]));
        let signed_in = cookie(&ann);
        if prefix != "sgf_" {
            let answer = stage.rig.exchange(&replay("/guarded/a", &format!("{signed_in}; {held}"), &as_id)).await;
            // What is no identifier of a form is a field of the app's own.
            assert!(status(&answer) == "200" && heard.lock().unwrap().pop().unwrap().ends_with(&as_id), "{answer}");
        }
        if prefix != "sgk_" {
            let cookies = format!("{signed_in}; __Host-stepgate-held={as_holder}");
            assert_eq!(status(&stage.rig.exchange(&replay("/guarded/a", &cookies, &id)).await), "410", "{prefix}");
        }
    }
    for (as_id, as_holder) in [(holder, id.as_str()), (holder, holder), (id.as_str(), id.as_str())] {
        let cookies = format!("{}; __Host-stepgate-held={as_holder}", cookie(&ann));
        let _ = stage.rig.exchange(&replay("/guarded/a", &cookies, as_id)).await;
    }
    assert!(heard.lock().unwrap().iter().all(|heard| !heard.ends_with(BODY)));
    let answer = stage.rig.exchange(&replay("/guarded/a", &format!("{}; {held}", cookie(&ann)), &id)).await;
    assert!(status(&answer) == "200" && heard.lock().unwrap().last().unwrap().ends_with(BODY), "it waited: {answer}");
    assert!(FormId::parse(&id).is_some() && HolderToken::parse(holder).is_some());
}

/// What a script presents by a token keeps no form and takes none, though it bring what a browser has.
#[tokio::test]
async fn a_token_of_a_script_neither_keeps_nor_takes_a_form() {
    let (app, heard) = upstream(OK).await;
    let stage = Stage::before(&[app]).await;
    let (weak, whole) =
        (stage.session("ann", 1, &[Method::Password]), stage.session("ann", 2, &[Method::Password, Method::Totp]));
    for token in [&weak, &whole] {
        stage.world.look(|s| {
            let (session, _) = s.sessions.get_mut(&token.key()).unwrap();
            *session = Arc::new(Session { channel: Channel::Bearer, ..Session::clone(session) });
        });
    }
    let by = |token: &SessionToken, request: String| {
        request.replacen("Cookie:", &format!("Authorization: Bearer {}\r\nCookie:", token.expose()), 1)
    };
    let answer = stage.rig.exchange(&by(&weak, post("/guarded/a", "", FORM, BODY))).await;
    assert!(status(&answer) == "401" && !answer.contains("__Host-stepgate-held"), "{answer}");
    let (id, held) = kept(&stage.rig.exchange(&post("/guarded/a", "", FORM, BODY)).await);
    let answer = stage.rig.exchange(&by(&whole, replay("/guarded/a", &held, &id))).await;
    assert!(status(&answer) == "410" && heard.lock().unwrap().is_empty(), "{answer}");
    let page = format!("/.stepgate/form?to=%2Fguarded%2Fa&for=POST&form={id}");
    let answer = stage.rig.exchange(&by(&whole, own("GET", &page, &held, ""))).await;
    assert!(status(&answer) == "303" && !answer.contains("Send it now"), "{answer}");
}

#[tokio::test]
async fn what_became_of_a_form_is_written_down_without_what_it_held() {
    let (app, _) = upstream(OK).await;
    let stage = Stage::before(&[app]).await;
    let ann = stage.session("ann", 1, &[Method::Password]);
    let (id, held) = kept(&stage.rig.exchange(&post("/guarded/a?secret=1", &cookie(&ann), FORM, BODY)).await);
    let (other, _) =
        kept(&stage.rig.exchange(&post("/guarded/b", &format!("{}; {held}", cookie(&ann)), FORM, "b=2")).await);
    kept(&stage.rig.exchange(&post("/guarded/c", "", "text/plain", "")).await);
    stage.step_up(&ann);
    let cookies = format!("{}; {held}", cookie(&ann));
    assert_eq!(status(&stage.rig.exchange(&replay("/guarded/a?secret=1", &cookies, &id)).await), "200");
    assert_eq!(status(&stage.rig.exchange(&replay("/guarded/a?secret=1", &cookies, &id)).await), "410");
    let page = format!("/.stepgate/form?to=%2Fguarded%2Fb&for=POST&form={other}");
    let answer = stage.rig.exchange(&own("POST", &page, &cookies, "op=discard")).await;
    assert!(status(&answer) == "200" && answer.contains("Nothing was sent"), "{answer}");
    let vault = stage.world.ports().vault;
    let digest = |body: &str| data_encoding::HEXLOWER.encode(&vault.digest("form body", body.as_bytes()));
    let guessed = data_encoding::HEXLOWER.encode(&<sha2::Sha256 as sha2::Digest>::digest(BODY));
    let told: Vec<_> = stage
        .rig
        .told
        .lock()
        .unwrap()
        .iter()
        .filter_map(|event| {
            let form = event.form.clone()?;
            Some((
                event.what,
                event.username.as_ref().map(|name| name.as_str().to_owned()),
                event.session.clone(),
                form,
            ))
        })
        .collect();
    let mut expected = Vec::new();
    for (what, who, rule, path, body) in [
        (What::FormHeld, Some("ann"), Some("guarded"), "/guarded/a", BODY),
        (What::FormHeld, Some("ann"), Some("guarded"), "/guarded/b", "b=2"),
        (What::FormHeld, None, Some("guarded"), "/guarded/c", ""),
        (What::FormSent, Some("ann"), Some("guarded"), "/guarded/a", BODY),
        (What::FormDiscarded, Some("ann"), None, "/guarded/b", "b=2"),
    ] {
        let form = crate::auth::event::FormRecord {
            rule: rule.map(str::to_owned),
            host: "app.test".to_owned(),
            method: "POST".to_owned(),
            path: path.to_owned(),
            hmac_sha256: digest(body),
            size: body.len(),
        };
        expected.push((what, who.map(str::to_owned), who.map(|_| "01SESSION1".to_owned()), Arc::new(form)));
    }
    assert_eq!(told, expected);
    let kept = serde_json::to_string(&*stage.rig.told.lock().unwrap()).unwrap();
    assert!(
        !kept.contains(&guessed)
            && !kept.contains("secret")
            && !kept.contains("text=")
            && !kept.contains("sgf_")
            && !kept.contains("sgk_"),
        "{kept}"
    );
}
