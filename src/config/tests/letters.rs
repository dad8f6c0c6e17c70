//! `mail` and `sms`.

use super::*;
use crate::notify::settings::{Encryption, SmsSettings, TwilioSender};

const FROM: &str = "from: no-reply@example.com";

fn mail(options: &str) -> String {
    file("", &format!("mail: {{ {options} }}\n"))
}

fn sms(options: &str) -> String {
    file("", &format!("sms: {{ {options} }}\n"))
}

fn twilio(options: &str) -> String {
    sms(&format!("twilio: {{ account_sid: AC01, auth_token: t, {options} }}, countries: [US]"))
}

fn webhook(options: &str) -> String {
    sms(&format!("webhook: {{ {options} }}, countries: [US]"))
}

#[test]
fn a_mail_server_is_read() {
    for (url, host, port, encryption) in [
        ("smtps://mail.example.com", "mail.example.com", 465, Encryption::Tls),
        ("smtps://mail.example.com:4465/", "mail.example.com", 4465, Encryption::Tls),
        ("smtp://mail.example.com", "mail.example.com", 587, Encryption::StartTls),
        ("smtp://b\u{fc}cher.example:25", "xn--bcher-kva.example", 25, Encryption::StartTls),
        ("smtp://[2001:db8::1]:443", "[2001:db8::1]", 443, Encryption::StartTls),
    ] {
        let loaded = Place::new().load(&mail(&format!("smtp: \"{url}\", {FROM}")));
        assert_eq!(loaded.text(false), "", "{url}");
        let read = loaded.settings.unwrap().notify.mail.unwrap();
        assert_eq!((read.host.as_str(), read.port, read.encryption), (host, port, encryption));
        assert!(read.credentials.is_none() && read.authorities.is_none());
    }
    for local in ["127.0.0.1:25", "localhost", "[::1]:2525"] {
        let loaded = Place::new().load(&mail(&format!("smtp: \"smtp://{local}\", starttls: off, {FROM}")));
        assert_eq!(loaded.settings.expect(local).notify.mail.unwrap().encryption, Encryption::None);
    }
    let loaded = Place::new().load(&mail(&format!("smtp: smtp://h, username: u, password: \"p w\", {FROM}")));
    let (user, password) = loaded.settings.unwrap().notify.mail.unwrap().credentials.unwrap();
    assert_eq!((user.as_str(), password.expose()), ("u", "p w"));
}

#[test]
fn what_is_wrong_with_a_mail_server_is_told() {
    for (options, wanted) in [
        (FROM, "`smtp` is missing"),
        ("smtp: smtp://h", "`from` is missing"),
        ("smtp: mail.example.com, from: a@b.c", "names no mail server"),
        ("smtp: \"https://h\", from: a@b.c", "`smtps://` or `smtp://`"),
        ("smtp: \"smtp://u:p@h\", from: a@b.c", "holds a user name"),
        ("smtp: \"smtp://h/x\", from: a@b.c", "more than a host and a port"),
        ("smtp: \"smtp://h?tls=off\", from: a@b.c", "more than a host and a port"),
        ("smtp: smtp://h, from: a@b.c, starttls: off", "in the clear"),
        ("smtp: smtp://h, from: a@b.c, starttls: maybe", "not a setting of STARTTLS"),
        ("smtp: smtp://h, from: a@b.c, username: u", "needs a password"),
        ("smtp: smtp://h, from: a@b.c, password: p", "`username` is missing"),
        ("smtp: smtp://h, from: Ann", "not a mail address"),
        ("smtp: smtp://h, from: \"a\\r\\nBcc: <a@b.c>\"", "no line breaks"),
        ("smtp: smtp://h, from: a@b.c, ca: none.pem", "no such file"),
        ("smtp: smtp://h, from: a@b.c, tls: off", "unknown key"),
    ] {
        tells(&mail(options), wanted);
    }
    tells(&file("", "mail: on\n"), "expected `off` or a mapping");
}

#[test]
fn a_provider_of_text_messages_is_read() {
    let loaded = Place::new().load(&twilio("from: \"+15550100\", base_url: \"http://127.0.0.1:9/x/\""));
    assert_eq!(loaded.text(false), "");
    let settings = loaded.settings.unwrap();
    let codes: Vec<_> = settings.flow.codes.countries.iter().map(|country| country.code().to_owned()).collect();
    assert_eq!(codes, ["US"]);
    let Some(SmsSettings::Twilio(read)) = settings.notify.sms else { panic!("not twilio") };
    assert_eq!((read.base_url.as_str(), read.account_sid.as_str()), ("http://127.0.0.1:9/x", "AC01"));
    assert_eq!((read.auth_token.expose(), read.from), ("t", TwilioSender::From("+15550100".to_owned())));
    let text = webhook(
        "url: \"https://sms.example.com/{to}\", method: PUT, headers: { X-Api-Key: \"a b\" }, secret: s, \
         body: '{\"to\":\"{to}\",\"text\":\"{text}\"}'",
    );
    let loaded = Place::new().load(&text);
    assert_eq!(loaded.text(false), "");
    let Some(SmsSettings::Webhook(read)) = loaded.settings.unwrap().notify.sms else { panic!("no webhook") };
    assert_eq!((read.headers[0].0.as_str(), read.headers[0].1.expose()), ("x-api-key", "a b"));
    let loaded = Place::new().load(&webhook("url: https://h, form: { t: \"{to} {text}\" }"));
    assert_eq!(loaded.text(false), "");
}

#[test]
fn what_is_wrong_with_a_provider_is_told() {
    const URL: &str = "url: https://h, body: '[\"{to}\",\"{text}\"]'";
    for (text, wanted) in [
        (sms("countries: [US]"), "nothing here sends text messages"),
        (twilio("from: x, messaging_service_sid: MG1"), "both given"),
        (twilio("base_url: https://h"), "`from` is missing"),
        (twilio("from: \"+1 555 0100\""), "no text message can be from this"),
        (twilio("messaging_service_sid: MG/1"), "not a SID"),
        (twilio("from: X, base_url: \"http://sms.example.com\""), "in clear"),
        (twilio("from: X, base_url: \"https://h?x\""), "more than a host and a path"),
        (sms("twilio: { account_sid: \"AC/..\", auth_token: t, from: X }, countries: [US]"), "not a SID"),
        (sms("twilio: { account_sid: AC, from: X }, countries: [US]"), "`auth_token` is missing"),
        (sms("twilio: { account_sid: AC, auth_token: t, from: X }, countries: [usa]"), "this is no country"),
        (webhook("body: '[\"{to}\",\"{text}\"]'"), "`url` is missing"),
        (webhook("url: https://h"), "`body` is missing"),
        (webhook("url: https://h, body: \"to={to}\""), "this is not JSON"),
        (webhook("url: https://h, form: { a: \"{to}\" }"), "`{text}` is missing"),
        (webhook(&format!("{URL}, form: {{ a: b }}")), "both given"),
        (webhook(&format!("{URL}, method: GET")), "not a method with a body"),
        (webhook(&format!("{URL}, headers: {{ \"a b\": c }}")), "not a header name"),
        (webhook(&format!("{URL}, headers: {{ Content-Type: c }}")), "set by Stepgate"),
        (webhook(&format!("{URL}, headers: {{ X-A: \"{{to}}\" }}")), "cannot be sent in a header"),
        (webhook(&format!("{URL}, headers: {{ X-A: \"env:no-such\" }}")), "not the name of an environment variable"),
    ] {
        tells(&text, wanted);
    }
    let place = Place::new();
    let loaded = place.load(&sms("twilio: { account_sid: AC, auth_token: t, from: X }"));
    assert!(loaded.settings.is_some() && loaded.text(false).contains("no number may be sent a text message"));
}
