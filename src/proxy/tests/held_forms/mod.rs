//! Forms that meet a challenge: what is kept, what is sent in its place, and how often.

mod carried;
mod foreign;
mod kept;
mod reframed;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use http::Request;
use tokio::io::AsyncWriteExt;

use super::front::{Front, read};
use super::rig::*;
use crate::auth::held_request::{REPLAY_BYTES, REPLAY_FIELD};
use crate::auth::policy::pattern::PathPattern;
use crate::auth::policy::rule::{Access, Audience, Rule};
use crate::auth::policy::{AppPolicy, Policy};
use crate::auth::proof::{Method, Proofs};
use crate::auth::session::{Session, SessionToken};
use crate::auth::user::{Group, Identity};
use crate::flow::ports::Clock;
use crate::flow::testing::World;
use crate::proxy::settings::ProxySettings;

const FORM: &str = "application/x-www-form-urlencoded";
const BODY: &str = "text=a+b&sum=%C3%A9";

/// People with sessions, and what a browser sends.
struct Stage {
    world: Arc<World>,
    settings: ProxySettings,
    rig: Rig,
}

impl Stage {
    async fn before(servers: &[SocketAddr]) -> Self {
        let (world, settings) = (World::new(), settings(servers));
        let rig = Rig::start_over(settings.clone(), world.ports()).await;
        Self { world, settings, rig }
    }

    /// A gateway beside this one, on the same stores.
    async fn beside(&self, servers: &[SocketAddr]) -> Rig {
        Rig::start_over(settings(servers), self.world.ports()).await
    }

    /// Somebody's session, in which these were proved; its token.
    fn session(&self, name: &str, byte: u8, proved: &[Method]) -> SessionToken {
        let now = Clock::now(&*self.world);
        let proofs = proved.iter().fold(Proofs::none(), |proofs, method| proofs.with(*method, now));
        let session = session(name, &[]);
        let identity = Identity { id: self.world.person(name), ..session.identity };
        let id = format!("01SESSION{byte}");
        let session = Session { id, identity, proofs, created_at: now, seen_at: now, ..session };
        let token = SessionToken::mint(&[byte; 32]);
        let ends = now.plus(Duration::from_secs(10_000));
        self.world.look(|s| s.sessions.insert(token.key(), (Arc::new(session), ends)));
        token
    }

    /// The session of a token has proved all that is asked.
    fn step_up(&self, token: &SessionToken) {
        let now = Clock::now(&*self.world);
        self.world.look(|s| {
            let (session, _) = s.sessions.get_mut(&token.key()).unwrap();
            let proofs = session.proofs.clone().with(Method::Password, now).with(Method::Totp, now);
            *session = Arc::new(Session { proofs, ..Session::clone(session) });
        });
    }
}

/// A form as browsers send one.
fn post(target: &str, cookies: &str, kind: &str, body: &str) -> String {
    with(
        target,
        cookies,
        &format!("Content-Type: {kind}\r\nSec-Fetch-Site: same-origin\r\nReferer: http://app.test/page\r\n"),
        body,
    )
}

fn with(target: &str, cookies: &str, more: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {target} HTTP/1.1\r\nHost: app.test\r\nAccept: text/html\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n\
         Cookie: {cookies}\r\nContent-Length: {length}\r\n{more}\r\n{body}"
    )
}

/// The form that stands for one.
fn replay(target: &str, cookies: &str, id: &str) -> String {
    let body = format!("{REPLAY_FIELD}={id}");
    assert_eq!(body.len() as u64, REPLAY_BYTES);
    with(target, cookies, &format!("Content-Type: {FORM}\r\nSec-Fetch-Site: same-origin\r\nOrigin: null\r\n"), &body)
}

fn status(answer: &str) -> &str {
    answer.get(9..12).unwrap_or_default()
}

/// The identifiers of a form that was kept: that of the address, and the cookie.
fn kept(answer: &str) -> (String, String) {
    assert_eq!(status(answer), "303", "{answer}");
    let to = field(answer, "location").unwrap();
    let id = to.split("form=").nth(1).unwrap_or_else(|| panic!("{to}")).to_owned();
    let cookie = answer.lines().find_map(|line| line.split_once("__Host-stepgate-held=")).unwrap().1;
    let cookie = cookie.split(';').next().unwrap();
    (id, format!("__Host-stepgate-held={cookie}"))
}

fn cookie(token: &SessionToken) -> String {
    format!("__Host-stepgate={}", token.expose())
}

#[tokio::test]
async fn a_form_is_kept_through_a_step_up_and_sent_once_as_it_came() {
    let (app, heard) = upstream(OK).await;
    let stage = Stage::before(&[app]).await;
    let ann = stage.session("ann", 1, &[Method::Password]);
    let answer = stage.rig.exchange(&post("/guarded/a?b=%20c", &cookie(&ann), FORM, BODY)).await;
    assert!(
        field(&answer, "location")
            .unwrap()
            .starts_with("/.stepgate/step-up?to=%2Fguarded%2Fa%3Fb%3D%2520c&for=POST&form=sgf_")
    );
    let (id, held) = kept(&answer);
    for flag in ["Path=/", "Secure", "HttpOnly", "SameSite=Lax", "Max-Age=900"] {
        assert!(answer.contains(flag), "{flag}: {answer}");
    }
    assert!(heard.lock().unwrap().is_empty());
    let cookies = format!("{}; {held}; theirs=1", cookie(&ann));
    // More is asked still: the same form waits on.
    let again = stage.rig.exchange(&replay("/guarded/a?b=%20c", &cookies, &id)).await;
    assert_eq!(kept(&again).0, id);
    let page = format!("/.stepgate/form?to=%2Fguarded%2Fa%3Fb%3D%2520c&for=POST&form={id}");
    let page = format!("GET {page} HTTP/1.1\r\nHost: app.test\r\nAccept: text/html\r\nCookie: {cookies}\r\n\r\n");
    let shown = stage.rig.exchange(&page).await;
    assert!(field(&shown, "location").unwrap().starts_with("/.stepgate/step-up?"), "{shown}");
    stage.step_up(&ann);
    assert!(stage.rig.exchange(&page).await.contains("Send it now"));
    let answer = stage.rig.exchange(&replay("/guarded/a?b=%20c", &cookies, &id)).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("ok"), "{answer}");
    {
        let heard = heard.lock().unwrap();
        let [sent] = heard.as_slice() else { panic!("{heard:?}") };
        assert!(
            sent.starts_with("POST /guarded/a?b=%20c HTTP/1.1\r\n") && sent.ends_with(&format!("\r\n\r\n{BODY}")),
            "{sent}"
        );
        assert_eq!(field(sent, "content-type").as_deref(), Some(FORM));
        assert_eq!(field(sent, "content-length"), Some(BODY.len().to_string()));
        assert_eq!(field(sent, "referer").as_deref(), Some("http://app.test/page"));
        assert_eq!((field(sent, "origin"), field(sent, "cookie").as_deref()), (None, Some("theirs=1")));
        assert!(!sent.contains(&id) && !sent.contains("sgk_"), "{sent}");
    }
    let answer = stage.rig.exchange(&replay("/guarded/a?b=%20c", &cookies, &id)).await;
    assert_eq!(status(&answer), "410", "{answer}");
    assert_eq!(heard.lock().unwrap().len(), 1);
    let quotas = stage.world.look(|s| s.quotas.values().map(|names| names.len()).sum::<usize>());
    assert_eq!(quotas, 0, "what was sent counts no more");
}

#[tokio::test]
async fn a_form_of_any_kind_and_size_arrives_byte_for_byte() {
    let large: String = (0..20_000).map(|n| format!("{n:x}\r\n")).collect();
    for (kind, body) in [
        (FORM, BODY),
        (FORM, ""),
        ("text/plain", "a=b\r\n"),
        ("multipart/form-data; boundary=----x", &large),
        (FORM, &large[..62]),
    ] {
        let (app, heard) = upstream(OK).await;
        let stage = Stage::before(&[app]).await;
        let ann = stage.session("ann", 1, &[Method::Password, Method::Totp]);
        // Nobody is signed in; who signs in then gets it.
        let (id, held) = kept(&stage.rig.exchange(&post("/guarded/a", "", kind, body)).await);
        let answer = stage.rig.exchange(&replay("/guarded/a", &format!("{}; {held}", cookie(&ann)), &id)).await;
        assert_eq!(status(&answer), "200", "{answer}");
        let heard = heard.lock().unwrap();
        assert!(heard.len() == 1 && heard[0].split_once("\r\n\r\n").unwrap().1 == body, "{kind} {}", body.len());
        assert_eq!(field(&heard[0], "content-type").as_deref(), Some(kind));
    }
}

#[tokio::test]
async fn a_form_over_http2_is_kept_and_sent_alike() {
    let (app, heard) = upstream(OK).await;
    let stage = Stage::before(&[app]).await;
    let front = Front::start_over(settings(&[app]), stage.world.ports()).await;
    let ann = stage.session("ann", 1, &[Method::Password, Method::Totp]);
    let send = front.h2().await;
    let ask = async |cookies: &str, length: Option<usize>, body: String| {
        let request = Request::post("https://app.test/guarded/a").header("accept", "text/html");
        let request =
            request.header("content-type", FORM).header("origin", "https://app.test").header("cookie", cookies);
        let request = match length {
            Some(length) => request.header("content-length", length),
            None => request,
        };
        let (answer, mut stream) = send.clone().send_request(request.body(()).unwrap(), false).unwrap();
        stream.send_data(Bytes::from(body), true).unwrap();
        read(within(answer).await.unwrap()).await.unwrap()
    };
    // HTTP/2 need not say how long a body is.
    let told = ask("theirs=1", None, BODY.to_owned()).await;
    let (to, set) = (told.header("location").to_owned(), told.header("set-cookie").to_owned());
    let (id, held) = (to.split("form=").nth(1).unwrap(), set.split(';').next().unwrap());
    let body = format!("{REPLAY_FIELD}={id}");
    let told = ask(&format!("{}; {held}", cookie(&ann)), Some(body.len()), body).await;
    assert_eq!((told.status, told.body.as_str()), (200, "ok"));
    let heard = heard.lock().unwrap();
    assert!(heard.len() == 1 && heard[0].ends_with(&format!("\r\n\r\n{BODY}")), "{heard:?}");
}

#[tokio::test]
async fn a_form_goes_to_nobody_else_nowhere_else_and_never_without_both_identifiers() {
    let (app, heard) = upstream(OK).await;
    let stage = Stage::before(&[app]).await;
    let ann = stage.session("ann", 1, &[Method::Password]);
    let (id, held) = kept(&stage.rig.exchange(&post("/guarded/a?b=1", &cookie(&ann), FORM, BODY)).await);
    stage.step_up(&ann);
    let whole = [Method::Password, Method::Totp];
    let (bob, later) = (stage.session("bob", 2, &whole), stage.session("ann", 3, &whole));
    let other = kept(&stage.rig.exchange(&post("/guarded/a?b=1", "", FORM, "other=1")).await);
    let hers = cookie(&ann);
    for (target, cookies, id, expected) in [
        // Another person, and the same one after a sign-out.
        ("/guarded/a?b=1", format!("{}; {held}", cookie(&bob)), &id, "403"),
        ("/guarded/a?b=1", format!("{}; {held}", cookie(&later)), &id, "403"),
        // Another address: of the rule, of the app, of nobody's rule.
        ("/guarded/a?b=2", format!("{hers}; {held}"), &id, "410"),
        ("/guarded/a", format!("{hers}; {held}"), &id, "410"),
        ("/guarded/A?b=1", format!("{hers}; {held}"), &id, "410"),
        ("/open?b=1", format!("{hers}; {held}"), &id, "410"),
        ("/shut/a", format!("{hers}; {held}"), &id, "403"),
        // One identifier, or those of two forms.
        ("/guarded/a?b=1", hers.clone(), &id, "410"),
        ("/guarded/a?b=1", format!("{hers}; {}", other.1), &id, "410"),
        ("/guarded/a?b=1", format!("{hers}; {held}"), &other.0, "410"),
        ("/guarded/a?b=1", format!("{hers}; {held}; {held}"), &id, "410"),
        // Nobody: it waits on, for the sign-in.
        ("/guarded/a?b=1", held.clone(), &id, "303"),
    ] {
        let answer = stage.rig.exchange(&replay(target, &cookies, id)).await;
        assert_eq!(status(&answer), expected, "{target} {cookies}: {answer}");
    }
    // A header that names another method was not sent with the form.
    let request = replay("/guarded/a?b=1", &format!("{hers}; {held}"), &id);
    let request = request.replace("Origin: null\r\n", "X-HTTP-Method-Override: DELETE\r\n");
    assert_eq!(status(&stage.rig.exchange(&request).await), "410");
    assert!(heard.lock().unwrap().is_empty(), "{:?}", heard.lock().unwrap());
    let answer = stage.rig.exchange(&replay("/guarded/a?b=1", &format!("{hers}; {held}"), &id)).await;
    assert_eq!(status(&answer), "200", "it waited all the while: {answer}");
}

#[tokio::test]
async fn a_form_is_not_sent_once_its_rule_refuses_or_its_session_has_ended() {
    let (app, heard) = upstream(OK).await;
    let stage = Stage::before(&[app]).await;
    let ann = stage.session("ann", 1, &[Method::Password]);
    let (id, held) = kept(&stage.rig.exchange(&post("/guarded/a", &cookie(&ann), FORM, BODY)).await);
    stage.step_up(&ann);
    let cookies = format!("{}; {held}", cookie(&ann));
    let requirement = crate::auth::proof::Requirement::of(crate::auth::proof::Strength::OneFactor);
    let groups = Audience { groups: vec![Group("nobody".to_owned())], users: Vec::new() };
    for access in [Access::Deny, Access::Guarded { audience: groups, requirement }] {
        let rule = Rule::new("stricter", PathPattern::glob("/**").unwrap(), access);
        let policy = AppPolicy {
            host: "app.test".to_owned(),
            tolerate: Default::default(),
            offer: Default::default(),
            rules: vec![Arc::new(rule)].into(),
        };
        let policy = Arc::new(Policy::new([policy]));
        let stricter = Rig::start_by(stage.settings.clone(), stage.world.ports(), policy).await;
        let answer = stricter.exchange(&replay("/guarded/a", &cookies, &id)).await;
        assert_eq!(status(&answer), "403", "{answer}");
    }
    stage.world.look(|s| s.sessions.remove(&ann.key()));
    let answer = stage.rig.exchange(&replay("/guarded/a", &cookies, &id)).await;
    assert_eq!(status(&answer), "303", "signed out: {answer}");
    assert!(heard.lock().unwrap().is_empty());
}

#[tokio::test]
async fn of_many_at_once_over_two_nodes_one_is_sent() {
    let (app, heard) = upstream(OK).await;
    let stage = Stage::before(&[app]).await;
    let other = stage.beside(&[app]).await;
    let ann = stage.session("ann", 1, &[Method::Password, Method::Totp]);
    let (id, held) = kept(&stage.rig.exchange(&post("/guarded/a", "", FORM, BODY)).await);
    let request = replay("/guarded/a", &format!("{}; {held}", cookie(&ann)), &id);
    let nodes = [&stage.rig, &other];
    let answers = join_all((0..40).map(|n| nodes[n % 2].exchange(&request))).await;
    let sent = answers.iter().filter(|answer| status(answer) == "200").count();
    assert_eq!((sent, heard.lock().unwrap().len()), (1, 1));
    assert!(answers.iter().all(|answer| matches!(status(answer), "200" | "410")));
}

#[tokio::test]
async fn a_form_for_which_no_connection_came_about_waits_again() {
    let (address, _held) = nobody();
    let stage = Stage::before(&[address]).await;
    let ann = stage.session("ann", 1, &[Method::Password, Method::Totp]);
    let (id, held) = kept(&stage.rig.exchange(&post("/guarded/a", "", FORM, BODY)).await);
    let request = replay("/guarded/a", &format!("{}; {held}", cookie(&ann)), &id);
    for _ in 0..2 {
        let answer = stage.rig.exchange(&request).await;
        assert_eq!(status(&answer), "503", "{answer}");
        assert!(
            answer.contains("It is kept again")
                && answer.contains(&format!("/.stepgate/form?to=%2Fguarded%2Fa&#38;for=POST&#38;form={id}")),
            "{answer}"
        );
    }
    let (app, heard) = upstream(OK).await;
    let answer = stage.beside(&[app]).await.exchange(&request).await;
    assert_eq!((status(&answer), heard.lock().unwrap().len()), ("200", 1));
}

#[tokio::test]
async fn a_form_that_may_have_arrived_is_never_sent_again() {
    // The app reads the head, or all, and says nothing.
    for whole in [false, true] {
        let heard = Heard::default();
        let all = heard.clone();
        let address = upstream_of(move |mut stream| {
            let heard = all.clone();
            async move {
                let asked = head(&mut stream).await;
                if asked.is_empty() {
                    return; // a look whether it is up
                }
                let mut body = vec![0; BODY.len()];
                if whole {
                    let _ = tokio::io::AsyncReadExt::read_exact(&mut stream, &mut body).await;
                }
                heard.lock().unwrap().push(asked);
                let _ = stream.shutdown().await;
            }
        })
        .await;
        let stage = Stage::before(&[address, address]).await;
        let ann = stage.session("ann", 1, &[Method::Password, Method::Totp]);
        let (id, held) = kept(&stage.rig.exchange(&post("/guarded/a", "", FORM, BODY)).await);
        let request = replay("/guarded/a", &format!("{}; {held}", cookie(&ann)), &id);
        let answer = stage.rig.exchange(&request).await;
        assert!(status(&answer) == "502" && answer.contains("Your form may have arrived"), "{answer}");
        assert!(!answer.to_lowercase().contains("try again") && field(&answer, "retry-after").is_none(), "{answer}");
        assert_eq!(status(&stage.rig.exchange(&request).await), "410");
        assert_eq!(heard.lock().unwrap().len(), 1);
    }
}
