//! How a form asks for a method of proof.

use crate::auth::proof::{Method, MethodSet};
use crate::portal::messages::text;

/// A method of proof, as a form asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MethodPrompt {
    pub(crate) method: Method,
    /// Its name in forms.
    pub(crate) name: &'static str,
    /// How many digits its codes have, where they are digits.
    digits: u8,
}

impl MethodPrompt {
    /// The page's view of a method.
    pub(crate) const fn of(method: Method) -> Self {
        match method {
            Method::Totp
            | Method::SmsCode
            | Method::EmailCode
            | Method::BackupCode
            | Method::RecoveryCode
            | Method::Password => Self { method, name: method.name(), digits: 6 },
            // The browser's dialog offers all of these, and the key says which it is.
            Method::Passkey | Method::BoundPasskey | Method::SecurityKey => {
                Self { method: Method::Passkey, name: Method::Passkey.name(), digits: 6 }
            }
        }
    }

    /// The same way for codes of so many digits.
    pub(crate) const fn with_digits(self, digits: u8) -> Self {
        Self { digits, ..self }
    }

    /// The label of its field.
    pub(crate) fn label(&self) -> String {
        match self.method {
            Method::Password => text!("prompt-password"),
            Method::BackupCode => text!("prompt-backup-code"),
            Method::RecoveryCode => text!("prompt-enrolment-code"),
            _ if self.is_sent() => text!("prompt-sent-code"),
            _ => text!("prompt-totp"),
        }
    }

    /// What to type.
    pub(crate) fn hint(&self) -> String {
        match self.method {
            Method::Password => text!("prompt-password-hint"),
            Method::BackupCode => text!("prompt-backup-code-hint"),
            Method::RecoveryCode => text!("prompt-enrolment-code-hint"),
            _ if self.is_sent() => text!("prompt-sent-code-hint", digits = self.digits),
            _ => digits_hint(self.digits),
        }
    }

    /// The button that offers it as another way.
    pub(crate) fn offer(&self) -> String {
        match self.method {
            Method::Password => text!("prompt-password-offer"),
            Method::BackupCode => text!("prompt-backup-code-offer"),
            Method::RecoveryCode => text!("prompt-enrolment-code-offer"),
            Method::EmailCode => text!("prompt-email-code-offer"),
            Method::SmsCode => text!("prompt-sms-code-offer"),
            Method::Passkey => text!("prompt-passkey-offer"),
            _ => text!("prompt-totp-offer"),
        }
    }

    /// Whether the field takes a password.
    pub(crate) fn is_password(&self) -> bool {
        self.method == Method::Password
    }

    /// Whether the browser's dialog takes it, and no field.
    pub(crate) fn is_passkey(&self) -> bool {
        self.method == Method::Passkey
    }

    /// The name of the field that holds the proof.
    pub(crate) fn field(&self) -> &'static str {
        if self.is_passkey() { "assertion" } else { "code" }
    }

    /// Whether the field takes digits.
    pub(crate) fn is_digits(&self) -> bool {
        self.method == Method::Totp || self.is_sent()
    }

    /// Whether the code is one that is sent.
    pub(crate) fn is_sent(&self) -> bool {
        matches!(self.method, Method::EmailCode | Method::SmsCode)
    }
}

/// What to type where a code of so many digits is asked for.
pub(crate) fn digits_hint(digits: u8) -> String {
    text!("prompt-totp-hint", digits = digits)
}

/// The names of the methods that would help. A code of an operator is named where nothing else would.
pub(crate) fn method_names(methods: MethodSet) -> Vec<&'static str> {
    let here: Vec<&str> = methods.iter().filter(|m| *m != Method::RecoveryCode).map(Method::name).collect();
    if here.is_empty() { methods.iter().map(Method::name).collect() } else { here }
}
