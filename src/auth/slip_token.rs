//! The bearer secret of a slip: 256 bits, opaque. Never stored.

use super::token::bearer_secret;

bearer_secret! {
    /// What the holder of a slip presents, once: in a cookie, or in the header of a script.
    SlipToken, "sgo_"
}
