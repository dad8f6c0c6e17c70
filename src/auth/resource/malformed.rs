//! Why a request target is refused: a closed list, exact for the log, never told to the client.

use std::fmt;

/// Why a request target is refused. Goes to the log, never to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Malformed {
    /// Not origin-form (RFC 9112 §3.2.1): `*`, absolute-form or authority-form.
    NotOriginForm,
    /// Longer than [`super::MAX_TARGET_BYTES`], or its path longer than [`super::MAX_PATH_BYTES`].
    TooLong,
    /// The method is no upper-case token: servers disagree whether `get` is `GET`.
    OddMethod,
    /// A byte in the path that RFC 3986 does not allow there.
    OddByte,
    /// A byte in the query that could end the request line or the URL.
    OddQuery,
    /// `#`: fragments are never sent, and some servers cut there.
    Fragment,
    /// `%` without two hexadecimal digits after it, in the path.
    BadPercent,
    /// A control character, plain or encoded.
    Control,
    /// The decoded path is not UTF-8, without the tolerance `latin1`; overlong forms always.
    NotUtf8,
    /// A segment of dots, or of dots and spaces, in any encoding: `..`, `%2e%2e`, `..;x`, `. `.
    DotSegment,
    /// `//`, without the tolerance `double_slashes`.
    DoubleSlash,
    /// `%2F` or `%5C`, also encoded twice, without the tolerance `encoded_slashes`.
    EncodedSlash,
    /// A plain backslash.
    Backslash,
    /// `;` or `%3B`, without the tolerance `path_parameters`.
    PathParameter,
    /// A character that looks like a slash and becomes one where a server folds Unicode.
    LookAlike,
    /// More readings than are worth judging.
    TooManyReadings,
}

impl Malformed {
    /// Every reason, for tables and tests.
    pub const ALL: [Self; 16] = [
        Self::NotOriginForm,
        Self::TooLong,
        Self::OddMethod,
        Self::OddByte,
        Self::OddQuery,
        Self::Fragment,
        Self::BadPercent,
        Self::Control,
        Self::NotUtf8,
        Self::DotSegment,
        Self::DoubleSlash,
        Self::EncodedSlash,
        Self::Backslash,
        Self::PathParameter,
        Self::LookAlike,
        Self::TooManyReadings,
    ];

    /// The tolerance without which it was refused, as the configuration names it, if there is one.
    pub const fn tolerance(self) -> Option<&'static str> {
        match self {
            Self::DoubleSlash => Some("double_slashes"),
            Self::EncodedSlash => Some("encoded_slashes"),
            Self::PathParameter => Some("path_parameters"),
            Self::NotUtf8 => Some("latin1"),
            _ => None,
        }
    }

    /// The stable word for logs and metrics.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotOriginForm => "not_origin_form",
            Self::TooLong => "target_too_long",
            Self::OddMethod => "odd_method",
            Self::OddByte => "odd_byte_in_path",
            Self::OddQuery => "odd_byte_in_query",
            Self::Fragment => "fragment",
            Self::BadPercent => "bad_percent_encoding",
            Self::Control => "control_character",
            Self::NotUtf8 => "not_utf8",
            Self::DotSegment => "dot_segment",
            Self::DoubleSlash => "double_slash",
            Self::EncodedSlash => "encoded_slash",
            Self::Backslash => "backslash",
            Self::PathParameter => "path_parameter",
            Self::LookAlike => "slash_look_alike",
            Self::TooManyReadings => "too_many_readings",
        }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl std::error::Error for Malformed {}
