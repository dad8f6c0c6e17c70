//! Values that must never reach a log: no `Debug`, no `Display`, no `Serialize`; wiped on drop.

use zeroize::Zeroizing;

/// A secret text: a password, a code, a token.
#[derive(Clone)]
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// Takes ownership of the secret; the original must not be kept elsewhere.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The secret itself, for the one place that must compare or send it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// Secret bytes: a TOTP key, a master key, a random token before encoding.
#[derive(Clone)]
pub struct SecretBytes(Zeroizing<Vec<u8>>);

impl SecretBytes {
    /// Takes ownership of the secret; the original must not be kept elsewhere.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The secret itself, for the one place that must use it.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}
