//! Admission: one request, one decision.

use std::net::IpAddr;
use std::sync::Arc;

use super::Flows;
use super::ports::Answer;
use crate::auth::decision::{Decision, decide, strictest};
use crate::auth::policy::AppPolicy;
use crate::auth::policy::rule::{Access, Rule};
use crate::auth::resource::Resource;
use crate::auth::session::SessionToken;

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
        client: IpAddr,
        token: Option<&SessionToken>,
    ) -> Answer<Decision> {
        let open = |rule: &Option<&Arc<Rule>>| rule.is_some_and(|rule| matches!(rule.access, Access::Public));
        let judged: Vec<_> = app.judged(resource, client).collect();
        let all_open = judged.iter().all(open);
        let now = self.now();
        let session = match token {
            Some(token) if !all_open => self.session_at(now, token, &app.host, false).await?,
            _ => None,
        };
        let strict = judged.into_iter().map(|rule| decide(rule, session.as_ref(), now)).reduce(strictest);
        // Every request has a reading; should one ever have none, no rule covers it.
        Ok(strict.unwrap_or_else(|| decide(None, session.as_ref(), now)))
    }
}
