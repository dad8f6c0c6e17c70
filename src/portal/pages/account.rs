//! The account page.

use askama::Template;

use super::backup_codes::FEW;
use super::{AppCard, Errors, PasskeyCard, PasskeySignal, Shell};
use crate::portal::messages::{markup, text};

/// Who one is here, and the way out.
#[derive(Template)]
#[template(path = "account.html")]
pub(crate) struct AccountPage<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) username: &'a str,
    pub(crate) name: Option<&'a str>,
    pub(crate) email: Option<&'a str>,
    pub(crate) groups: String,
    pub(crate) previous: Option<String>,
    pub(crate) began: String,
    pub(crate) ends_in: String,
    /// Whether there is an authenticator app.
    pub(crate) app: bool,
    /// The same, as a card.
    pub(crate) app_card: Option<AppCard>,
    /// How many backup codes are left.
    pub(crate) codes: Option<u32>,
    /// Whether backup codes are made here.
    pub(crate) renews: bool,
    /// Whether codes are sent to addresses here.
    pub(crate) sends: bool,
    /// Whether passkeys are set up here.
    pub(crate) passkeys_on: bool,
    pub(crate) passkeys: Vec<PasskeyCard>,
    /// Whether other sessions are to go on, where there are any.
    pub(crate) keeps: Option<bool>,
    pub(crate) signals: Vec<PasskeySignal>,
    /// What was done a moment ago.
    pub(crate) done: Option<String>,
    pub(crate) errors: Errors,
    /// The passkey whose new name is wrong, or [`AppCard::RENAMING`].
    pub(crate) renaming: &'a str,
    pub(crate) host: &'a str,
    /// For whom the forms are.
    pub(crate) of: &'a str,
}

impl AccountPage<'_> {
    /// How many backup codes are left, where those are few.
    fn few(&self) -> Option<String> {
        self.codes.filter(|left| self.renews && *left <= FEW).map(|left| text!("account-few-codes", count = left))
    }

    /// What is wrong with the new name of a passkey.
    fn mistake(&self, passkey: &PasskeyCard) -> Option<&str> {
        self.errors.of("name").filter(|_| self.renaming == passkey.id)
    }

    /// What is wrong with the new name of the app.
    fn app_mistake(&self) -> Option<&str> {
        self.errors.of("name").filter(|_| self.renaming == AppCard::RENAMING)
    }

    fn app_name_field(&self) -> &'static str {
        if self.app_mistake().is_some() { "name" } else { "app-name" }
    }

    /// The id of the field for its name: the one that is wrong is where the summary leads.
    fn name_field(&self, passkey: &PasskeyCard, nth: &usize) -> String {
        if self.mistake(passkey).is_some() { "name".to_owned() } else { format!("name-{nth}") }
    }
}
