//! A form under a rule that binds a proof to what is sent: kept, shown, approved, and sent once as it came.

use super::*;
use crate::auth::text::percent;

const FORM: &str = "application/x-www-form-urlencoded";
const BODY: &str = "to=7&sum=%C3%A9+12";

struct Browser<'a> {
    stage: &'a Stage,
    cookies: Vec<(String, String)>,
}

impl Browser<'_> {
    async fn go(&mut self, method: &str, target: &str, body: &str) -> String {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = format!(
            "{method} {target} HTTP/1.1\r\nHost: app.test\r\nAccept: text/html\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n\
             Sec-Fetch-Site: same-origin\r\nCookie: {}\r\nContent-Type: {FORM}\r\nContent-Length: {}\r\n\r\n{body}",
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
    let mut ann = Browser { stage: &stage, cookies: vec![("__Host-stepgate".to_owned(), session.token)] };
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
