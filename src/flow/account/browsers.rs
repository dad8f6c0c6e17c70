//! The browsers that somebody signed in with, as far as that can be known: a mark is in the browser alone, so what is told of
//! one is what the trail remembers of its sign-ins.

use std::time::Duration;

use crate::auth::event::EventKind;
use crate::auth::session::Session;
use crate::flow::Flows;
use crate::flow::agent_name::AgentName;
use crate::flow::ports::Answer;
use crate::flow::reply::{BrowserOverview, Client};

/// How far back sign-ins are looked at, and how many.
const REMEMBERED: Duration = Duration::from_secs(90 * 24 * 3600);
const SIGN_INS: u32 = 300;
/// After one of these, a browser is known no more.
const ENDINGS: [EventKind; 4] =
    [EventKind::BrowsersForgotten, EventKind::PasswordSet, EventKind::AuthenticatorRemoved, EventKind::AccountDisabled];

impl Flows {
    /// The browsers that the owner of a session signed in with since they were forgotten last, the latest first.
    ///
    /// # Errors
    /// A store did not answer.
    pub async fn browsers_of(&self, own: &Session, client: &Client) -> Answer<Vec<BrowserOverview>> {
        let (user, history) = (&own.identity.id, &self.ports.history);
        let earliest = self.now().minus(REMEMBERED);
        let after = history.last_of(user, &ENDINGS).await?.map_or(earliest, |ended| ended.max(earliest));
        let here = self.begin_attempt(own.identity.username.as_str(), Some(user.clone()), client).browser;
        let mut browsers = Vec::<BrowserOverview>::new();
        for sign_in in history.sign_ins(user, after, SIGN_INS).await? {
            let Some(tag) = sign_in.browser else { continue };
            match browsers.iter_mut().find(|known| known.tag == tag) {
                Some(known) => known.first_at = sign_in.at,
                None => browsers.push(BrowserOverview {
                    is_current: here.as_ref() == Some(&tag),
                    tag,
                    agent: sign_in.agent.as_deref().map(AgentName::read).unwrap_or_default(),
                    first_at: sign_in.at,
                    last_at: sign_in.at,
                    address: sign_in.ip,
                    country: self.country_of(sign_in.ip),
                }),
            }
        }
        Ok(browsers)
    }
}
