//! How a form asks for a method of proof.

use crate::auth::proof::{Method, MethodSet};

/// A method of proof, as a form asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MethodPrompt {
    /// The method.
    pub(crate) method: Method,
    /// Its name in forms.
    pub(crate) name: &'static str,
    /// The label of its field.
    pub(crate) label: &'static str,
    /// What to type.
    pub(crate) hint: &'static str,
    /// The button that offers it as another way.
    pub(crate) offer: &'static str,
}

impl MethodPrompt {
    /// The page's view of a method; `None` for methods that have no form.
    pub(crate) const fn of(method: Method) -> Option<Self> {
        let (label, hint, offer) = match method {
            Method::Totp => ("Enter the code from your app", digits_hint(6), "Use my authenticator app"),
            Method::BackupCode => {
                ("Enter a backup code", "One of the codes you saved. Each works once.", "Use a backup code")
            }
            Method::Password => ("Password", "The password you sign in with.", "Use my password"),
            _ => return None,
        };
        Some(Self { method, name: method.name(), label, hint, offer })
    }

    /// The same way for codes of so many digits.
    pub(crate) const fn with_digits(self, digits: u8) -> Self {
        match self.method {
            Method::Totp => Self { hint: digits_hint(digits), ..self },
            _ => self,
        }
    }

    /// Whether the field takes a password.
    pub(crate) fn is_password(&self) -> bool {
        self.method == Method::Password
    }

    /// Whether the field takes digits.
    pub(crate) fn is_digits(&self) -> bool {
        self.method == Method::Totp
    }
}

/// What to type where a code of so many digits is asked for.
pub(crate) const fn digits_hint(digits: u8) -> &'static str {
    match digits {
        7 => "7 digits. Spaces are fine.",
        8 => "8 digits. Spaces are fine.",
        _ => "6 digits. Spaces are fine.",
    }
}

/// The names of the methods that would help, those with a form of ours before all others.
pub(crate) fn method_names(methods: MethodSet) -> Vec<&'static str> {
    let here: Vec<&str> = methods.iter().filter_map(MethodPrompt::of).map(|w| w.name).collect();
    if here.is_empty() { methods.iter().map(Method::name).collect() } else { here }
}
