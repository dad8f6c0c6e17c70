//! Admission: one request, one decision.

use std::sync::Arc;

use super::Flows;
use super::ports::Answer;
use crate::auth::policy::AppPolicy;
use crate::auth::policy::rule::{Access, Rule};
use crate::auth::proof::decision::Decision;
use crate::auth::proof::evaluation::{Circumstances, evaluate};
use crate::auth::resource::Resource;
use crate::auth::session::{Channel, Session, SessionToken};
use crate::auth::time::Timestamp;

impl Flows {
    /// Decides about one request: every reading of it is judged, the strictest decision wins.
    /// A public rule never touches the store. Rules are found before anybody asks who is there.
    ///
    /// # Errors
    /// A session was needed and the store did not answer: nothing is permitted.
    pub async fn admit(
        &self,
        app: &AppPolicy,
        resource: &Resource,
        circumstances: &Circumstances,
        presented: Option<(&SessionToken, Channel)>,
    ) -> Answer<Decision> {
        let open = |rule: &Option<&Arc<Rule>>| rule.is_some_and(|rule| matches!(rule.access, Access::Public));
        let judged: Vec<_> = app.judged(resource, circumstances.client).collect();
        let all_open = judged.iter().all(open);
        let now = self.now();
        let session = match presented {
            Some((token, channel)) if !all_open => self.session_at(now, token, channel, &app.host, false).await?,
            _ => None,
        };
        Ok(evaluate(&judged, app.offer.served, resource, circumstances, session.as_ref(), now))
    }

    /// Whether these rules would have permitted a request, to whom and when another decision did. Asks nobody.
    pub fn would_permit(
        app: &AppPolicy,
        resource: &Resource,
        circumstances: &Circumstances,
        who: &Arc<Session>,
        at: Timestamp,
    ) -> bool {
        let judged: Vec<_> = app.judged(resource, circumstances.client).collect();
        matches!(evaluate(&judged, app.offer.served, resource, circumstances, Some(who), at), Decision::Permit(_))
    }
}
