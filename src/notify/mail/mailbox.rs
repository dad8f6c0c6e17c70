//! Mail addresses: who letters are from, and where they go.

use lettre::Address;
use lettre::message::Mailbox;

/// The sender of mails: an address, and a name where there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender(pub(super) Mailbox);

impl Sender {
    /// Reads `no-reply@example.com` or `Example Ltd <no-reply@example.com>`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.chars().any(char::is_control) {
            return Err("a sender has no line breaks and no other control characters");
        }
        let mailbox: Mailbox = text.trim().parse().map_err(|_| "this is not a mail address")?;
        let email = for_the_wire(&mailbox.email).ok_or("the domain of this mail address is none")?;
        Ok(Self(Mailbox::new(mailbox.name.filter(|name| !name.trim().is_empty()), email)))
    }

    pub(super) fn domain(&self) -> &str {
        self.0.email.domain()
    }
}

/// An address to send to. What could end a command or a header field is no address, whoever kept it.
pub(super) fn recipient(to: &str) -> Result<Address, &'static str> {
    if to.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err("the mail address has spaces or control characters");
    }
    let address: Address = to.parse().map_err(|_| "this is not a mail address")?;
    for_the_wire(&address).ok_or("the domain of the mail address is none")
}

/// With the domain as DNS knows it (RFC 5891): only a local part that is not ASCII needs SMTPUTF8 then.
fn for_the_wire(address: &Address) -> Option<Address> {
    if address.domain().is_ascii() {
        return Some(address.clone());
    }
    let url::Host::Domain(domain) = url::Host::parse(address.domain()).ok()? else { return None };
    Address::new(address.user(), domain).ok()
}
