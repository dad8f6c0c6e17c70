//! What somebody is asked about: sign-ins and attempts that are unlike theirs.

use super::Link;

/// What was strange since somebody was here last: since when, what, and what to do.
pub(crate) struct UnusualActivity {
    pub(crate) since: String,
    pub(crate) items: Vec<String>,
    pub(crate) advice: String,
    /// Where somebody is led who does not know it.
    pub(crate) not_me: Link,
}
