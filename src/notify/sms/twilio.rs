//! Twilio's REST API, and what speaks it: `POST /2010-04-01/Accounts/{sid}/Messages.json`.

use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Client, Request};
use url::form_urlencoded::Serializer;

use super::cause_of;
use crate::notify::settings::{TwilioSender, TwilioSettings};

pub(super) fn request(http: &Client, settings: &TwilioSettings, to: &str, text: &str) -> Result<Request, String> {
    let TwilioSettings { base_url, account_sid, auth_token, from } = settings;
    let sender = match from {
        TwilioSender::From(from) => ("From", from),
        TwilioSender::Service(sid) => ("MessagingServiceSid", sid),
    };
    let mut form = Serializer::new(String::new());
    form.append_pair("To", to).append_pair(sender.0, sender.1).append_pair("Body", text);
    http.post(format!("{base_url}/2010-04-01/Accounts/{account_sid}/Messages.json"))
        .basic_auth(account_sid, Some(auth_token.expose()))
        .header(ACCEPT, "application/json")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(form.finish())
        .build()
        .map_err(|e| cause_of(&e))
}
