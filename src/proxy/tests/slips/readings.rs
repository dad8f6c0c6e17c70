//! A proof for one transaction is for its bytes as they are read: another type, another boundary or a coding is another one.

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::approved::Browser;
use super::*;

const BODY: &str = "{\"sum\":\"&sum=999&\"}";

async fn slip(stage: &Stage, ann: &mut Script, content_type: Option<&str>) -> String {
    let mut told = json!({"method": "POST", "url": "/paid/a", "body_sha256": HEXLOWER.encode(&Sha256::digest(BODY))});
    if let Some(content_type) = content_type {
        told["content_type"] = content_type.into();
    }
    let answer = stage.elevate(ann, told).await;
    answer["slip"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
}

async fn sent(stage: &Stage, ann: &Script, slip: &str, fields: &str) -> (String, String) {
    let head = format!("{}{fields}Content-Length: {}\r\n", header(slip), BODY.len());
    let request = format!("POST /paid/a HTTP/1.1\r\nHost: app.test\r\n{}{head}\r\n{BODY}", ann.credential());
    let answer = stage.rig.exchange(&request).await;
    let reason = answer.split_once("\"reason\":\"").map(|(_, rest)| rest.split('"').next().unwrap().to_owned());
    (answer.get(9..12).unwrap_or_default().to_owned(), reason.unwrap_or_default())
}

/// Every type, charset and boundary with every other.
fn types() -> Vec<String> {
    let mut all = Vec::new();
    for essence in
        ["application/json", "application/x-www-form-urlencoded", "text/plain", "text/xml", "multipart/form-data"]
    {
        for parameter in ["", "; charset=utf-8", "; charset=utf-7", "; boundary=a", "; boundary=b"] {
            all.push(format!("{essence}{parameter}"));
        }
    }
    all
}

#[tokio::test]
async fn a_told_type_is_sent_letter_for_letter() {
    let stage = Stage::new().await;
    let mut ann = stage.session(1, Channel::Bearer);
    let all = types();
    for told in ["multipart/form-data; boundary=a", "application/json", ""] {
        let slip = slip(&stage, &mut ann, Some(told)).await;
        for other in all.iter().map(String::as_str).chain(["", "Application/json", "application/json "]) {
            // Whitespace around a value is no part of it.
            if other.trim() == told && !told.is_empty() {
                continue;
            }
            let fields = format!("Content-Type: {other}\r\n");
            assert_eq!(
                sent(&stage, &ann, &slip, &fields).await,
                super::told("401", "transaction"),
                "{told} as {other}"
            );
        }
        if !told.is_empty() {
            assert_eq!(sent(&stage, &ann, &slip, "").await, super::told("401", "transaction"), "{told} as none");
        }
        assert_eq!(stage.heard().len(), 0);
        let fields = if told.is_empty() { String::new() } else { format!("Content-Type: {told}\r\n") };
        assert_eq!(sent(&stage, &ann, &slip, &fields).await, super::told("200", ""), "{told}");
        stage.heard.lock().unwrap().clear();
    }
}

#[tokio::test]
async fn an_untold_type_is_one_that_says_how_it_is_read() {
    let stage = Stage::new().await;
    let mut ann = stage.session(1, Channel::Cookie);
    let plain = |text: &str| {
        let (essence, parameter) = text.split_once("; ").unwrap_or((text, ""));
        !["text/xml", "multipart/form-data"].contains(&essence) && ["", "charset=utf-8"].contains(&parameter)
    };
    let mut pass = vec![String::new()];
    let kept = slip(&stage, &mut ann, None).await;
    for text in types() {
        let fields = format!("Content-Type: {text}\r\n");
        match plain(&text) {
            true => pass.push(fields),
            false => assert_eq!(sent(&stage, &ann, &kept, &fields).await, told("401", "transaction"), "{text}"),
        }
    }
    assert!(stage.heard().is_empty() && pass.len() == 7);
    for fields in pass {
        let slip = slip(&stage, &mut ann, None).await;
        assert_eq!(sent(&stage, &ann, &slip, &fields).await, told("200", ""), "{fields}");
    }
}

#[tokio::test]
async fn what_changes_how_a_body_is_read_is_refused_and_the_slip_stays() {
    let stage = Stage::new().await;
    let mut ann = stage.session(1, Channel::Bearer);
    let slip = slip(&stage, &mut ann, None).await;
    for fields in [
        "Content-Encoding: gzip\r\n",
        "Content-Encoding: \r\n",
        "Content-Encoding: identity, gzip\r\n",
        "Content-Encoding: identity\r\nContent-Encoding: br\r\n",
        "Content_Encoding: gzip\r\n",
        "Content_Type: text/xml\r\n",
        "Content-Range: bytes 0-3/9\r\n",
        "Content-Transfer-Encoding: base64\r\n",
        "Content-Type: text/plain\r\nContent-Type: application/json\r\n",
    ] {
        assert_eq!(sent(&stage, &ann, &slip, fields).await.0, "415", "{fields}");
    }
    assert_eq!(stage.heard().len(), 0);
    assert_eq!(sent(&stage, &ann, &slip, "Content-Encoding: identity\r\n").await, told("200", ""));
    // An empty body has none of them either.
    let none = stage.slip(&mut ann, "GET", "/paid/a").await;
    let coded = format!("{}Content-Encoding: gzip\r\n", header(&none));
    assert_eq!(stage.ask(&ann, "GET", "/paid/a", &coded).await.0, "415");
    assert_eq!(stage.ask(&ann, "GET", "/paid/a", &header(&none)).await, told("200", ""));
}

#[tokio::test]
async fn what_was_shown_as_a_form_is_sent_by_that_form_alone() {
    let stage = Stage::new().await;
    let token = stage.session(1, Channel::Cookie).token;
    let mut ann = Browser::new(&stage, token);
    let hidden = "--b\r\nContent-Disposition: form-data; name=\"sum\"\r\n\r\n999\r\n--b--\r\n";
    let disposition =
        "Content-Disposition: form-data; name=\"doc\"; filename=\"a.pdf\"\r\nContent-Type: application/pdf";
    let body = format!("--a\r\n{disposition}\r\n\r\n{hidden}\r\n--a--\r\n");
    ann.approve("multipart/form-data; boundary=a", &body).await;
    for kind in ["multipart/form-data; boundary=b", "multipart/form-data; boundary=a", "text/plain", "application/json"]
    {
        let answer = ann.send(kind, &body).await;
        assert!(!answer.contains(" 200 "), "{kind}: {answer}");
    }
    assert_eq!(stage.heard().len(), 0);
}

#[tokio::test]
async fn what_stands_for_a_form_is_the_form_whatever_its_type() {
    let stage = Stage::new().await;
    for kind in ["text/plain", "application/json", "application/x-www-form-urlencoded"] {
        let token = stage.session(1, Channel::Cookie).token;
        let mut ann = Browser::new(&stage, token);
        let id = ann.approve("text/plain", "sum=12\r\n").await;
        let answer = ann.send(kind, &format!("stepgate-form={id}")).await;
        let heard = std::mem::take(&mut *stage.heard.lock().unwrap());
        assert!(answer.contains(" 200 ") && heard.len() == 1, "{kind}: {answer} {heard:?}");
        assert!(
            heard[0].contains("Content-Type: text/plain\r\n") && heard[0].ends_with("\r\n\r\nsum=12\r\n"),
            "{heard:?}"
        );
    }
}
