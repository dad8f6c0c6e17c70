//! The bearer secret of a link in a letter: 256 bits, opaque. Never stored.

use super::token::bearer_secret;

bearer_secret! {
    /// What whoever reads a letter presents, once.
    LinkToken, "sgl_"
}
