use std::time::Duration;

use data_encoding::BASE64;

use super::provider::Provider;
use super::{TestClock, text_to};
use crate::auth::secret::SecretText;
use crate::flow::ports::{Bounce, Notifier as _};
use crate::notify::Providers;
use crate::notify::settings::{
    BodyTemplate, NotifySettings, SmsSettings, TwilioSender, TwilioSettings, UrlTemplate, WebhookMethod,
    WebhookSettings,
};

const TEXT: &str = "Stepgate: 123456 is your code to sign in at erp.example.com:8443, good for 5 minutes.\n\
     Do not share this code. Nobody who helps you will ask for it.\n@erp.example.com #123456";

fn providers(sms: SmsSettings) -> Providers {
    let settings = NotifySettings { sms: Some(sms), ..NotifySettings::default() };
    Providers::new(settings, TestClock::new()).unwrap()
}

fn twilio(base_url: &str, from: TwilioSender) -> Providers {
    let auth_token = SecretText::new("t0ken".to_owned());
    providers(SmsSettings::Twilio(TwilioSettings {
        base_url: base_url.to_owned(),
        account_sid: "AC0123".to_owned(),
        auth_token,
        from,
    }))
}

async fn send(providers: &Providers) -> Result<(), Bounce> {
    providers.send("letter-1", &text_to("+15550100")).await
}

#[tokio::test]
async fn a_message_goes_out_as_twilio_takes_it() {
    let mut provider = Provider::start(vec![Some(("201 Created", "{}")), Some(("200 OK", ""))]).await;
    send(&twilio(&provider.url, TwilioSender::From("+15550199".to_owned()))).await.unwrap();
    send(&twilio(&provider.url, TwilioSender::Service("MG77".to_owned()))).await.unwrap();
    for sender in [("From", "+15550199"), ("MessagingServiceSid", "MG77")] {
        let asked = provider.asked.recv().await.unwrap();
        assert_eq!(asked.line, "POST /2010-04-01/Accounts/AC0123/Messages.json HTTP/1.1");
        let basic = format!("Basic {}", BASE64.encode(b"AC0123:t0ken"));
        assert_eq!(asked.field("authorization"), Some(basic.as_str()));
        assert_eq!(asked.field("content-type"), Some("application/x-www-form-urlencoded"));
        let form: Vec<_> = url::form_urlencoded::parse(asked.body.as_bytes()).into_owned().collect();
        let meant =
            [("To", "+15550100"), sender, ("Body", TEXT)].map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(form, meant);
    }
}

#[tokio::test]
async fn answers_say_whether_it_is_tried_again() {
    let later = |cause: &str, after: Option<u64>| {
        Err(Bounce::Later { cause: cause.to_owned(), after: after.map(Duration::from_secs) })
    };
    let never = |cause: &str| Err(Bounce::Never { cause: cause.to_owned() });
    let refused = r#"{"code":21211,"message":"The 'To' number +15550100 is not a valid phone number."}"#;
    for (head, body, meant) in [
        ("429 Too Many Requests\r\nRetry-After: 7", r#"{"code":20429}"#, later("status 429, code 20429", Some(7))),
        ("503 Busy\r\nRetry-After: Fri, 15 Jan 2027 08:01:00 GMT", "", later("status 503", Some(60))),
        ("500 Oops", "<html>", later("status 500", None)),
        ("408 Timeout", "", later("status 408", None)),
        ("400 Bad", refused, never("status 400, code 21211: The 'To' number … is not a valid phone number.")),
        (
            "401 Unauthorized",
            r#"{"code":20003,"message":"Authenticate"}"#,
            never("status 401, code 20003: Authenticate"),
        ),
        ("404 Not Found", "", never("status 404")),
        ("307 Elsewhere\r\nLocation: http://127.0.0.1:9/", "", never("status 307")),
    ] {
        let provider = Provider::start(vec![Some((head, body))]).await;
        assert_eq!(send(&twilio(&provider.url, TwilioSender::From("+15550199".to_owned()))).await, meant, "{head}");
    }
}

#[tokio::test]
async fn no_answer_is_later_and_tells_no_key() {
    let nowhere = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/secret-key", listener.local_addr().unwrap())
    };
    let silent = Provider::start(vec![None]).await;
    let url = format!("{}/secret-key", silent.url);
    for (url, told) in [(nowhere, "no connection"), (url, "no answer")] {
        if told == "no answer" {
            // Time goes to the next deadline wherever nothing else is to be done.
            tokio::time::pause();
        }
        match send(&twilio(&url, TwilioSender::From("+15550199".to_owned()))).await {
            Err(Bounce::Later { cause, after: None }) => {
                assert!(cause.starts_with(told) && !cause.contains("secret-key"), "{cause}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_webhook_is_asked_as_its_owner_says_and_signed() {
    let mut provider = Provider::start(vec![Some(("204 No Content", "")), Some(("200 OK", ""))]).await;
    let webhook = |body, method, secret: Option<&str>| {
        providers(SmsSettings::Webhook(WebhookSettings {
            method,
            url: UrlTemplate::parse(&format!("{}/send/{{to}}?key=k", provider.url)).unwrap(),
            headers: vec![("x-api-key".to_owned(), SecretText::new("k3y".to_owned()))],
            body,
            secret: secret.map(|secret| SecretText::new(secret.to_owned())),
        }))
    };
    let json = BodyTemplate::json(r#"{"to":"{to}","text":"{text}"}"#).unwrap();
    let form = BodyTemplate::form(vec![("t".to_owned(), "{to}{text}".to_owned())]).unwrap();
    send(&webhook(json, WebhookMethod::Post, Some("s3cret"))).await.unwrap();
    send(&webhook(form, WebhookMethod::Put, None)).await.unwrap();
    let asked = provider.asked.recv().await.unwrap();
    assert_eq!(asked.line, "POST /send/%2B15550100?key=k HTTP/1.1");
    let body: serde_json::Value = serde_json::from_str(&asked.body).unwrap();
    assert_eq!(body, serde_json::json!({ "to": "+15550100", "text": TEXT }));
    assert_eq!(asked.field("content-type"), Some("application/json"));
    assert_eq!((asked.field("x-api-key"), asked.field("idempotency-key")), (Some("k3y"), Some("letter-1")));
    use hmac::{KeyInit as _, Mac as _};
    let mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(b"s3cret").unwrap().chain_update(&asked.body).finalize();
    let signature = format!("sha256={}", data_encoding::HEXLOWER.encode(&mac.into_bytes()));
    assert_eq!(asked.field("x-stepgate-signature"), Some(signature.as_str()));
    let asked = provider.asked.recv().await.unwrap();
    assert_eq!(asked.line, "PUT /send/%2B15550100?key=k HTTP/1.1");
    assert_eq!(asked.field("x-stepgate-signature"), None);
    let form: Vec<_> = url::form_urlencoded::parse(asked.body.as_bytes()).into_owned().collect();
    assert_eq!(form, [("t".to_owned(), format!("+15550100{TEXT}"))]);
}
