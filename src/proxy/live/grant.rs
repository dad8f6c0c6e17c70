//! By what a request is at work.

use std::sync::Arc;

use crate::auth::policy::AppPolicy;
use crate::auth::proof::evaluation::Circumstances;
use crate::auth::resource::Resource;
use crate::auth::session::{Session, SessionKey};
use crate::auth::time::Timestamp;
use crate::flow::Flows;

/// What was permitted, to whom and when: enough to ask other rules for the same.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub(super) resource: Resource,
    pub(super) circumstances: Circumstances,
    pub(super) key: SessionKey,
    pub(super) session: Arc<Session>,
    pub(super) at: Timestamp,
}

impl Grant {
    /// Whether these rules would have permitted it too, when it was.
    pub(super) fn stands_by(&self, rules: &AppPolicy) -> bool {
        Flows::would_permit(rules, &self.resource, &self.circumstances, &self.session, self.at)
    }
}
