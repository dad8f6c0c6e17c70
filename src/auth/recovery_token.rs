//! The bearer secret of a recovery under way: 256 bits, opaque, of another shape than that of a sign-in. Never stored.

use super::token::bearer_secret;

bearer_secret! {
    /// What somebody presents who may set credentials anew, and nothing else.
    RecoveryToken, "sgr_"
}
