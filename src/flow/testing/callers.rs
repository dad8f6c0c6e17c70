//! Who is at the other end in tests.

use super::HOST;
use crate::auth::secret::SecretText;
use crate::auth::session::Channel;
use crate::flow::reply::Client;

pub(crate) fn client() -> Client {
    client_at("192.0.2.7")
}

pub(crate) fn client_at(ip: &str) -> Client {
    Client {
        ip: ip.parse().unwrap(),
        user_agent: Some("Test/1".to_owned()),
        hints: [const { None }; 3],
        device: None,
        host: HOST.to_owned(),
        letter_origin: format!("https://{HOST}"),
        origin: format!("https://{HOST}"),
        channel: Channel::Cookie,
    }
}

pub(crate) fn secret(text: &str) -> SecretText {
    SecretText::new(text.to_owned())
}
