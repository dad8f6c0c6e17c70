//! Every state of a caller by every way of asking: one table, through the built gateway.

use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::support::clients::Client;
use crate::support::cluster::{Cluster, PASSWORD, Person};
use crate::support::gateway::Gateway;
use crate::support::mail_server::MailServer;
use crate::support::sent::code_in;
use crate::support::totp;

const LOGIN: &str = "/.stepgate/api/v1/login";
const SECOND: &str = "/.stepgate/api/v1/login/second-factor";
const CODES: &str = "/.stepgate/api/v1/codes";

/// How a caller shows who they are.
struct Caller {
    state: &'static str,
    header: Option<(&'static str, String)>,
}

fn navigation(request: RequestBuilder, dest: &str) -> RequestBuilder {
    request.header("sec-fetch-mode", "navigate").header("sec-fetch-dest", dest).header("accept", "text/html")
}

/// The ways of asking: name, path, how.
type Way = (&'static str, &'static str, fn(RequestBuilder) -> RequestBuilder);

const WAYS: [Way; 17] = [
    ("page", "/echo", |r| navigation(r, "document")),
    ("page-fresh", "/admin/", |r| navigation(r, "document")),
    ("page-weak", "/weak/", |r| navigation(r, "document")),
    ("page-steps", "/steps/", |r| navigation(r, "document")),
    ("closed", "/closed/", |r| navigation(r, "document")),
    ("vault", "/vault/", |r| navigation(r, "document")),
    ("vault-bare", "/vault/", |r| r),
    ("public", "/public/echo", |r| navigation(r, "document")),
    ("frame", "/echo", |r| navigation(r, "iframe")),
    ("fetch", "/echo", |r| r.header("sec-fetch-mode", "cors").header("sec-fetch-dest", "empty")),
    ("xhr", "/echo", |r| r.header("x-requested-with", "XMLHttpRequest").header("accept", "text/html")),
    ("bare", "/echo", |r| r),
    ("websocket", "/ws", |r| {
        r.header("connection", "Upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
    }),
    ("grpc", "/echo", |r| r.header("content-type", "application/grpc+proto").header("te", "trailers")),
    ("whoami", "/.stepgate/api/v1/whoami", |r| r),
    ("session", "/.stepgate/session", |r| r),
    ("sign-in", "/.stepgate/login?to=%2Fecho", |r| navigation(r, "document")),
];

/// What came back, in a word.
async fn outcome(node: &Gateway, caller: &Caller, way: &Way) -> String {
    let (name, path, how) = way;
    let client = Client::anonymous(&node.url);
    let mut request = how(client.request(reqwest::Method::GET, path));
    if let Some((header, value)) = &caller.header {
        request = request.header(*header, value);
    }
    let answer = request.send().await.unwrap();
    let header = |name: &str| answer.headers().get(name).map_or("", |v| v.to_str().unwrap()).to_owned();
    let cookie = header("set-cookie");
    // Who is sent on is counted, so that nobody is sent round for ever.
    let counted = answer.status() == 303 && cookie.starts_with("__Host-stepgate-turns=");
    assert!(cookie.is_empty() || counted, "{} {name}: asking changes no cookie: {cookie}", caller.state);
    let told = answer.status().as_u16();
    let kind = header("x-stepgate-response");
    if kind.is_empty() {
        return if told == 200 || told == 101 { "app".to_owned() } else { format!("app:{told}") };
    }
    if told == 303 {
        let to = header("location");
        let page = to.rsplit_once("/.stepgate/").map_or("away", |(_, rest)| rest.split('?').next().unwrap());
        let page = if to.starts_with("/echo") { "there" } else { page };
        return format!("303:{page}");
    }
    if header("grpc-status") == "16" {
        return "grpc:16".to_owned();
    }
    let scheme = header("www-authenticate").split(' ').next().unwrap_or_default().to_owned();
    if header("content-type").starts_with("application/problem+json") {
        let problem: Value = answer.json().await.unwrap();
        return format!("{told}:{}:{scheme}", problem["code"].as_str().unwrap()).trim_end_matches(':').to_owned();
    }
    let page = if header("content-type").starts_with("text/html") { "html" } else { kind.as_str() };
    format!("{told}:{page}")
}

async fn token(node: &Gateway, body: &Value) -> String {
    let login = node.api_client().post_json(LOGIN, body).await;
    assert_eq!(login.json()["status"], "ok", "{}", login.body);
    login.json()["access_token"].as_str().unwrap().to_owned()
}

fn with_strength(person: &Person, strength: &str) -> Value {
    json!({ "username": person.name, "password": PASSWORD, "strength": strength })
}

fn bearer(state: &'static str, token: &str) -> Caller {
    Caller { state, header: Some(("authorization", format!("Bearer {token}"))) }
}

fn cookie(state: &'static str, name: &str, value: &str) -> Caller {
    Caller { state, header: Some(("cookie", format!("{name}={value}"))) }
}

/// Gives the code that a mail brought, in an answer to a request for one.
async fn mailed(node: &Gateway, mail: &mut MailServer, ceremony: &Value) -> String {
    let mut script = node.api_client();
    let asked = script.post_json(CODES, &json!({ "channel": "email", "ceremony": ceremony })).await;
    assert_eq!(asked.status, 202, "{}", asked.body);
    code_in(&mail.next_asked().data, 6)
}

async fn callers(cluster: &Cluster, mail: &mut MailServer) -> Vec<Caller> {
    let node = &cluster.nodes[0];
    let (ann, dan) = (cluster.person("ann"), cluster.person("dan"));
    let address = ["user", "set-address", "ann", "--confirmed", "--email", "ann@example.com"];
    assert_eq!(cluster.command(&address).code, 0);
    let step = totp::step_now();
    let first = node.api_client().post_json(LOGIN, &ann.first()).await.json();
    let ceremony = first["ceremony"].as_str().unwrap().to_owned();
    let one = token(node, &with_strength(&ann, "one_factor")).await;
    let mut browser = node.browser();
    browser.sign_in("/echo", "ann", PASSWORD, Some((&ann.secret, step - 1))).await;
    let two = browser.cookie("__Host-stepgate").unwrap().to_owned();
    let mut weak = node.browser();
    weak.sign_in("/weak/", "ann", PASSWORD, None).await;
    let lone = weak.cookie("__Host-stepgate").unwrap().to_owned();
    let first = node.api_client().post_json(LOGIN, &with_strength(&ann, "two_steps")).await.json();
    let code = mailed(node, mail, &first["ceremony"]).await;
    let steps = json!({ "ceremony": first["ceremony"], "method": "email_code", "code": code });
    let steps = node.api_client().post_json(SECOND, &steps).await.json();
    let steps_token = steps["access_token"].as_str().unwrap_or_else(|| panic!("{steps}")).to_owned();
    let mut mailed_to = node.browser();
    let page = mailed_to.sign_in("/steps/", "ann", PASSWORD, None).await;
    let send = mailed_to.request(reqwest::Method::POST, &page.at).form(&[("op", "send"), ("method", "email_code")]);
    assert_eq!(mailed_to.send(send).await.status, 200, "{}", page.body);
    let code = code_in(&mail.next_asked().data, 6);
    let given = mailed_to.request(reqwest::Method::POST, &page.at).form(&[("method", "email_code"), ("code", &code)]);
    mailed_to.send(given).await;
    let steps = mailed_to.cookie("__Host-stepgate").expect("signed in by the code").to_owned();
    let script = token(node, &ann.login(step)).await;
    let mut left = ann.script(node, step + 1).await;
    let gone = left.token.clone().unwrap();
    assert_eq!(left.post_json("/.stepgate/api/v1/logout", &json!({})).await.status, 204);
    let revoked = token(node, &dan.login(step - 1)).await;
    assert_eq!(cluster.command(&["session", "revoke", "--user", "dan"]).code, 0);
    let disabled = token(node, &dan.login(step)).await;
    assert_eq!(cluster.command(&["user", "disable", "dan"]).code, 0);
    let mut bent = two.clone();
    bent.replace_range(10..11, if &two[10..11] == "A" { "B" } else { "A" });
    vec![
        Caller { state: "anonymous", header: None },
        cookie("ceremony", "__Host-stepgate-flow", &ceremony),
        cookie("ceremony-as-session", "__Host-stepgate", &ceremony),
        bearer("ceremony-as-token", &ceremony),
        cookie("one-factor", "__Host-stepgate", &lone),
        bearer("one-factor-token", &one),
        cookie("two-steps", "__Host-stepgate", &steps),
        bearer("two-steps-token", &steps_token),
        cookie("two-factor", "__Host-stepgate", &two),
        bearer("two-factor-token", &script),
        cookie("token-as-cookie", "__Host-stepgate", &script),
        bearer("cookie-as-token", &two),
        bearer("logged-out", &gone),
        bearer("revoked", &revoked),
        bearer("disabled", &disabled),
        cookie("bent", "__Host-stepgate", &bent),
        cookie("cut", "__Host-stepgate", &two[..two.len() - 1]),
        cookie("long", "__Host-stepgate", &format!("{two}A")),
        Caller {
            state: "two-cookies",
            header: Some(("cookie", format!("__Host-stepgate={two}; __Host-stepgate={two}"))),
        },
        Caller { state: "look-alike", header: Some(("cookie", format!("__host-stepgate={two}"))) },
    ]
}

async fn table(node: &Gateway, callers: &[Caller]) -> Vec<(String, Vec<String>)> {
    let mut rows = Vec::new();
    for caller in callers {
        let mut row = Vec::new();
        for way in &WAYS {
            row.push(format!("{}={}", way.0, outcome(node, caller, way).await));
        }
        rows.push((caller.state.to_owned(), row));
    }
    rows
}

/// What everybody meets who proved nothing; `SCHEME` is the one of the 401s.
const NOBODY: &str = "page=303:login page-fresh=303:login page-weak=303:login page-steps=303:login closed=403:html \
    vault=303:login vault-bare=401:login_required:SCHEME public=app frame=401:html fetch=401:login_required:SCHEME xhr=401:login_required:SCHEME bare=401:login_required:SCHEME \
    websocket=401:login_required:SCHEME grpc=grpc:16 whoami=401:not_signed_in:Bearer \
    session=401:not_signed_in:Bearer sign-in=200:html";
/// With a password alone. The sample app has no page at `/weak/`; what counts is that it is asked.
const ONE: &str = "page=303:step-up page-fresh=403:html page-weak=app:404 page-steps=303:step-up closed=403:html \
    vault=403:html vault-bare=403:factor_unavailable public=app frame=401:html fetch=401:step_up_required:SCHEME xhr=401:step_up_required:SCHEME \
    bare=401:step_up_required:SCHEME websocket=401:step_up_required:SCHEME grpc=grpc:16 whoami=200:api \
    session=200:api sign-in=303:step-up";
/// With a password and a code that was sent: no second factor.
const STEPS: &str = "page=303:step-up page-fresh=403:html page-weak=app:404 page-steps=app:404 closed=403:html \
    vault=403:html vault-bare=403:factor_unavailable public=app frame=401:html fetch=401:step_up_required:SCHEME xhr=401:step_up_required:SCHEME \
    bare=401:step_up_required:SCHEME websocket=401:step_up_required:SCHEME grpc=grpc:16 whoami=200:api \
    session=200:api sign-in=303:step-up";
/// With both factors, outside the group that `/admin/` asks for.
const TWO: &str = "page=app page-fresh=403:html page-weak=app:404 page-steps=app:404 closed=403:html \
    vault=403:html vault-bare=403:factor_unavailable public=app frame=app fetch=app \
    xhr=app bare=app websocket=app grpc=app whoami=200:api session=200:api sign-in=303:there";

const EXPECTED: [(&str, &str, &str); 20] = [
    ("anonymous", NOBODY, "StepUp"),
    ("ceremony", NOBODY, "StepUp"),
    ("ceremony-as-session", NOBODY, "StepUp"),
    ("ceremony-as-token", NOBODY, "Bearer"),
    ("one-factor", ONE, "StepUp"),
    ("one-factor-token", ONE, "Bearer"),
    ("two-steps", STEPS, "StepUp"),
    ("two-steps-token", STEPS, "Bearer"),
    ("two-factor", TWO, ""),
    ("two-factor-token", TWO, ""),
    ("token-as-cookie", NOBODY, "StepUp"),
    ("cookie-as-token", NOBODY, "Bearer"),
    ("logged-out", NOBODY, "Bearer"),
    ("revoked", NOBODY, "Bearer"),
    ("disabled", NOBODY, "Bearer"),
    ("bent", NOBODY, "StepUp"),
    ("cut", NOBODY, "StepUp"),
    ("long", NOBODY, "StepUp"),
    ("two-cookies", NOBODY, "StepUp"),
    ("look-alike", NOBODY, "StepUp"),
];

/// What `explain --exit-code` ends with for who proved what such a row says.
fn explained(cluster: &Cluster, row: &str, (name, path, _): &Way) -> i32 {
    let proved = match row {
        NOBODY => &[][..],
        ONE => &["--user", "ann", "--amr", "pwd"],
        STEPS => &["--user", "ann", "--amr", "pwd,email_code"],
        _ => &["--user", "ann", "--amr", "pwd,otp"],
    };
    let url = format!("http://localhost{path}");
    let opens: &[&str] = if *name == "websocket" { &["--websocket"] } else { &[] };
    cluster.command(&[&["explain", "--exit-code", "--url", &url][..], proved, opens].concat()).code
}

/// The exit code that stands for an answer: let in or ours, asked for more, refused.
fn exit_code(cell: &str) -> i32 {
    let (way, answer) = cell.split_once('=').unwrap();
    match answer {
        _ if matches!(way, "whoami" | "session" | "sign-in") => 0,
        _ if answer == "app" || answer.starts_with("app:") => 0,
        _ if answer.starts_with("403:") => 11,
        _ => 10,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_state_meets_every_way_of_asking_as_told() {
    let mut mail = MailServer::start(&[]);
    let settings = format!(
        "factors: {{ passkeys: off, email_code: on }}\n\
         mail: {{ smtp: \"smtp://127.0.0.1:{}\", starttls: off, from: no-reply@example.com }}",
        mail.port
    );
    let cluster = Cluster::start(&settings).await;
    let callers = callers(&cluster, &mut mail).await;
    for node in &cluster.nodes {
        let rows = table(node, &callers).await;
        assert_eq!(rows.len(), EXPECTED.len());
        for ((state, row), (expected, told, scheme)) in rows.iter().zip(EXPECTED) {
            assert_eq!((state.as_str(), row.join(" ")), (expected, told.replace("SCHEME", scheme)));
        }
    }
    // `explain` says of every cell what `run` does.
    for row in [NOBODY, ONE, STEPS, TWO] {
        for (cell, way) in row.split_whitespace().zip(&WAYS) {
            assert_eq!(explained(&cluster, row, way), exit_code(cell), "{cell}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_is_not_used_ends_wherever_it_was_warm() {
    let cluster = Cluster::start("session: { idle: 4s, absolute: 1h }").await;
    let ann = cluster.person("ann");
    let mut here = ann.script(&cluster.nodes[0], totp::step_now()).await;
    let mut there = here.at(&cluster.nodes[1]);
    assert_eq!((here.get("/echo").await.status, there.get("/echo").await.status), (200, 200));
    // Looking does not extend it.
    let end = (0..200).find(|_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        let look = here.get("/.stepgate/session");
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(look)).status == 401
    });
    assert!(end.is_some(), "it never ends");
    for client in [&mut here, &mut there] {
        assert_eq!((client.get("/echo").await.status, client.get("/.stepgate/session").await.status), (401, 401));
    }
}
