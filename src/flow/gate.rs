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
        let first = app.rule_for(resource.path(), resource, client);
        let more: Vec<Option<&Arc<Rule>>> =
            resource.readings().skip(1).map(|path| app.rule_for(path, resource, client)).collect();
        let open = |rule: &Option<&Arc<Rule>>| rule.is_some_and(|rule| matches!(rule.access, Access::Public));
        let all_open = open(&first) && more.iter().all(open);
        let session = match token {
            Some(token) if !all_open => self.session(token, &app.host, false).await?,
            _ => None,
        };
        let now = self.now();
        let judged = decide(first, session.as_ref(), now);
        Ok(more.into_iter().fold(judged, |worst, rule| strictest(worst, decide(rule, session.as_ref(), now))))
    }
}
