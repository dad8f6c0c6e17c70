//! The page of the addresses that codes go to.

use askama::Template;

use super::{Errors, Shell};
use crate::portal::messages::{markup, text};

/// A confirmed address.
pub(crate) struct ListedAddress {
    pub(crate) id: String,
    pub(crate) value: String,
    /// What its person calls it.
    pub(crate) name: String,
    pub(crate) since: String,
    /// Whether codes go there.
    pub(crate) newest: bool,
}

impl AddressesPage<'_> {
    /// What is wrong with the new name of an address.
    fn mistake(&self, address: &ListedAddress) -> Option<&str> {
        self.errors.of("name").filter(|_| self.renaming == address.id)
    }

    /// The id of the field for its name: the one that is wrong is where the summary leads.
    fn name_field(&self, address: &ListedAddress, nth: &usize) -> String {
        if self.mistake(address).is_some() { "name".to_owned() } else { format!("name-{nth}") }
    }
}

/// An address that waits for its code.
pub(crate) struct WaitingAddress {
    /// Its name in forms.
    pub(crate) channel: &'static str,
    pub(crate) value: String,
    /// What its code looks like.
    pub(crate) hint: String,
    pub(crate) span: String,
    pub(crate) wait: String,
    /// Whether a code is on its way by this page.
    pub(crate) sent: bool,
}

/// Addresses: looked at, added, confirmed and removed.
#[derive(Template)]
#[template(path = "addresses.html")]
pub(crate) struct AddressesPage<'a> {
    pub(crate) shell: &'a Shell,
    pub(crate) errors: Errors,
    pub(crate) account: &'a str,
    pub(crate) host: &'a str,
    /// What was just done.
    pub(crate) done: Option<String>,
    pub(crate) listed: Vec<ListedAddress>,
    pub(crate) waiting: Option<WaitingAddress>,
    /// Whether codes are sent by mail.
    pub(crate) mail: bool,
    /// Whether codes are sent by text message.
    pub(crate) sms: bool,
    /// The address whose new name is wrong.
    pub(crate) renaming: &'a str,
    /// What was typed, where it was wrong.
    pub(crate) typed: &'a str,
    /// Whether other sessions are to go on, where there are any.
    pub(crate) keeps: Option<bool>,
    /// For whom the forms are.
    pub(crate) of: &'a str,
}
