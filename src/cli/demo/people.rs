//! The demo's three users.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use data_encoding::BASE32_NOPAD;
use zeroize::Zeroizing;

use crate::auth::factor::totp;
use crate::auth::secret::{SecretBytes, SecretText};
use crate::auth::session::Channel;
use crate::auth::user::{Group, UserId, Username};
use crate::cli::accounts::store_result;
use crate::cli::exit::{CommandResult, Failure};
use crate::cli::user::addresses;
use crate::cli::user::create_user::{self, NewAccount};
use crate::cli::user::new_password::NewPassword;
use crate::flow::Flows;
use crate::flow::reply::Client;
use crate::flow::settings::FlowSettings;
use crate::store::Stores;

/// A user of the demo, with all that is needed to be them.
pub(super) struct Person {
    pub(super) username: &'static str,
    pub(super) password: SecretText,
    pub(super) totp: Option<Totp>,
    pub(super) groups: &'static [&'static str],
    pub(super) email: String,
    pub(super) phone: &'static str,
}

/// Their authenticator.
pub(super) struct Totp {
    key: SecretBytes,
    digits: u8,
    period: u64,
    pub(super) uri: SecretText,
}

impl Totp {
    /// One with this key.
    #[cfg(test)]
    pub(super) fn for_tests(key: SecretBytes) -> Self {
        Self { key, digits: 6, period: 30, uri: SecretText::new("otpauth://totp/Stepgate%20demo:ann".to_owned()) }
    }

    /// The key in base32, as `oathtool` takes it.
    pub(super) fn secret(&self) -> SecretText {
        totp::encode_key(&self.key)
    }

    /// The code of this moment and the seconds it still lasts.
    pub(super) fn code(&self) -> (SecretText, u64) {
        use crate::flow::ports::Clock;
        let now = crate::store::system::SystemClock.now().as_secs();
        (totp::code_at(&self.key, now / self.period, self.digits), self.period - now % self.period)
    }
}

/// Name, name for people, TOTP, groups, telephone number.
const PEOPLE: [(&str, &str, bool, &[&str], &str); 3] = [
    ("ann", "Ann Example", true, &["staff"], "+12025550101"),
    ("bob", "Bob Example", false, &["staff"], "+12025550102"),
    ("root", "Root Example", true, &["staff", "admins"], "+12025550103"),
];

/// Who has a history of sign-ins.
const RECOGNISED: &str = "ann";

/// Twenty sign-ins from the machine itself, by whatever browser: half of them by IPv4, for nobody knows which one comes by.
async fn recognise(stores: &Stores, settings: &FlowSettings, user: &UserId) -> CommandResult {
    let flows = Flows::new(stores.ports.clone(), settings.clone());
    for ip in [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)] {
        let seen = Client {
            ip,
            user_agent: None,
            hints: [None, None, None],
            device: None,
            host: String::new(),
            origin: String::new(),
            letter_origin: String::new(),
            channel: Channel::Cookie,
        };
        store_result(flows.learn_usual(user, &seen, 10).await)?;
    }
    Ok(())
}

/// Makes the users, with passwords of 80 random bits.
pub(super) async fn make(stores: &Stores, settings: &FlowSettings) -> CommandResult<Vec<Person>> {
    let mut people = Vec::new();
    for (username, name, enrolled, groups, phone) in PEOPLE {
        let email = format!("{username}@example.com");
        let mut random = Zeroizing::new([0; 10]);
        store_result(stores.ports.entropy.fill(random.as_mut_slice()))?;
        let password = SecretText::new(BASE32_NOPAD.encode(random.as_slice()).to_lowercase());
        let who = NewAccount {
            username: Username::parse(username).ok_or_else(|| Failure::failed("not a user name"))?,
            password: NewPassword { text: password.clone(), forced: false },
            name: Some(name.to_owned()),
            email: Some(email.clone()),
            groups: groups.iter().map(|g| Group((*g).to_owned())).collect(),
            totp: enrolled,
        };
        let made = create_user::create(stores, settings, who).await?;
        addresses::give(&stores.ports, &made.identity, Some(addresses::number(phone)?), settings).await?;
        if username == RECOGNISED {
            recognise(stores, settings, &made.identity.id).await?;
        }
        let (digits, period) = (settings.totp.digits, settings.totp.period);
        let totp = made.totp.map(|made| {
            let key = BASE32_NOPAD.decode(made.secret.expose().as_bytes()).map(SecretBytes::new);
            let key = key.map_err(|fault| Failure::failed(fault.to_string()))?;
            CommandResult::Ok(Totp { key, digits, period, uri: made.uri })
        });
        let totp = totp.transpose()?;
        people.push(Person { username, password, totp, groups, email, phone });
    }
    Ok(people)
}
