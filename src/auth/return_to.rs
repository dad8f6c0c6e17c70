//! Where a person goes after signing in: a path on the same host, never a raw string.

/// A destination that can only be on the host where it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnTo(String);

impl ReturnTo {
    /// The start page.
    pub fn root() -> Self {
        Self("/".to_owned())
    }

    /// Reads a destination from a query or a form; `None` if a browser could read it as another site.
    pub fn parse(text: &str) -> Option<Self> {
        (text.starts_with('/') && !text.starts_with("//")).then(|| Self(text.to_owned()))
    }

    /// Path and query, safe as the value of `Location`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
