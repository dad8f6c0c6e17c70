//! A form under a rule that binds a proof to what is sent: kept, shown, approved, and sent once as it came.

use super::*;
use crate::auth::text::percent;

const FORM: &str = "application/x-www-form-urlencoded";
const BODY: &str = "to=7&sum=%C3%A9+12";

pub(super) struct Browser<'a> {
    stage: &'a Stage,
    cookies: Vec<(String, String)>,
}

impl<'a> Browser<'a> {
    pub(super) fn new(stage: &'a Stage, token: String) -> Self {
        Self { stage, cookies: vec![("__Host-stepgate".to_owned(), token)] }
    }

    /// Sends a form, and approves of it; what the page then sends in its place.
    pub(super) async fn approve(&mut self, kind: &str, body: &str) -> String {
        let page = to(&self.send(kind, body).await);
        self.stage.world.pass(Duration::from_secs(60));
        let shown = self.go("GET", &page, "").await;
        let value = |name: &str| {
            let of = format!("name=\"{name}\" value=\"");
            shown.split(&of).nth(1).unwrap_or_else(|| panic!("{shown}")).split('"').next().unwrap().to_owned()
        };
        let (tag, digest) = (value("of"), value("transaction"));
        let code = self.stage.world.code(&self.stage.key, 0);
        let tag = percent::encode(&tag);
        let proof = format!("op=code&of={tag}&method=totp&code={}&transaction={digest}", code.expose());
        let next = to(&self.go("POST", &page, &proof).await);
        assert!(next.starts_with("/.stepgate/form?"), "{next}");
        page.split("form=").nth(1).unwrap().to_owned()
    }

    /// A form of this type under the rule.
    pub(super) async fn send(&mut self, kind: &str, body: &str) -> String {
        self.ask("POST", "/paid/a?b=1", kind, body).await
    }

    async fn go(&mut self, method: &str, target: &str, body: &str) -> String {
        self.ask(method, target, FORM, body).await
    }

    async fn ask(&mut self, method: &str, target: &str, kind: &str, body: &str) -> String {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = format!(
            "{method} {target} HTTP/1.1\r\nHost: app.test\r\nAccept: text/html\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n\
             Sec-Fetch-Site: same-origin\r\nCookie: {}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
            cookies.join("; "),
            body.len()
        );
        let answer = self.stage.rig.exchange(&request).await;
        for line in answer.lines().filter(|line| line.to_ascii_lowercase().starts_with("set-cookie:")) {
            let pair = line.split_once(": ").unwrap().1.split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.retain(|(other, _)| other != name);
            self.cookies.push((name.to_owned(), value.to_owned()));
        }
        answer
    }
}

fn to(answer: &str) -> String {
    field(answer, "location").unwrap_or_else(|| panic!("{answer}"))
}

#[tokio::test]
async fn a_form_is_shown_approved_and_sent_once_and_another_is_not() {
    let stage = Stage::new().await;
    let session = stage.session(1, Channel::Cookie);
    let mut ann = Browser::new(&stage, session.token);
    let mut forms = Vec::new();
    for body in [BODY, "to=8&sum=12"] {
        let page = to(&ann.go("POST", "/paid/a?b=1", body).await);
        assert!(page.starts_with("/.stepgate/step-up?to=%2Fpaid%2Fa%3Fb%3D1&for=POST&form=sgf_"), "{page}");
        forms.push((page.split("form=").nth(1).unwrap().to_owned(), page));
    }
    stage.world.pass(Duration::from_secs(60));
    let (id, page) = forms[0].clone();
    let shown = ann.go("GET", &page, "").await;
    assert!(shown.contains("<dt>sum</dt><dd>é 12</dd>"), "{shown}");
    let digest = shown.split("name=\"transaction\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let tag = shown.split("name=\"of\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let code = stage.world.code(&stage.key, 0);
    let proof = format!("op=code&of={}&method=totp&code={}&transaction={digest}", percent::encode(tag), code.expose());
    let next = to(&ann.go("POST", &page, &proof).await);
    assert!(next.starts_with("/.stepgate/form?"), "{next}");
    assert_eq!(stage.heard().len(), 0);
    // The slip is for the one that was shown.
    let other = ann.go("POST", "/paid/a?b=1", &format!("stepgate-form={}", forms[1].0)).await;
    assert!(to(&other).starts_with("/.stepgate/step-up?"), "{other}");
    // What is coded stands for no form: the app would get these very bytes.
    let coded = ann.send(&format!("{FORM}\r\nContent-Encoding: gzip"), &format!("stepgate-form={id}")).await;
    assert!(!coded.contains(" 200 ") && stage.heard().is_empty(), "{coded}");
    let sent = ann.go("POST", "/paid/a?b=1", &format!("stepgate-form={id}")).await;
    assert!(sent.contains(" 200 "), "{sent}");
    let heard = stage.heard();
    assert!(heard.len() == 1 && heard[0].ends_with(&format!("\r\n\r\n{BODY}")), "{heard:?}");
    assert!(
        !heard[0].contains("stepgate") && heard[0].contains(&format!("Content-Length: {}", BODY.len())),
        "{heard:?}"
    );
    let again = ann.go("POST", "/paid/a?b=1", &format!("stepgate-form={id}")).await;
    assert!(!again.contains(" 200 "), "{again}");
    assert_eq!(stage.heard().len(), 1);
}
