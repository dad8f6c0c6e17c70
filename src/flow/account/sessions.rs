//! The sessions of a person, as their owner sees and ends them. Those of one sign-in, one a host, are one.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::auth::event::{Deed, What};
use crate::auth::proof::Strength;
use crate::auth::session::{Session, Standing};
use crate::auth::user::UserId;
use crate::flow::Flows;
use crate::flow::agent_name::AgentName;
use crate::flow::attempt::Attempt;
use crate::flow::ports::{AccountChange, Answer};
use crate::flow::reply::{Client, Outcome, SessionOverview};

/// How often it is looked for more sessions that are to end.
const ROUNDS: u32 = 8;

impl Flows {
    /// The sessions of a person that count, the one that asks first, then those used last.
    ///
    /// # Errors
    /// A store did not answer.
    pub async fn sessions_of(&self, own: &Session) -> Answer<Vec<SessionOverview>> {
        let families = self.families_of(&own.identity.id).await?;
        let mut all: Vec<_> = families.into_values().filter_map(|rows| self.family(own, rows)).collect();
        all.sort_by_key(|session| (!session.is_current, std::cmp::Reverse(session.seen_at)));
        Ok(all)
    }

    /// Ends a session of a person, on every host that shares it. `false`: they have none of this id.
    ///
    /// # Errors
    /// A store did not answer; it may still stand on some host.
    pub async fn revoke_session(&self, own: &Session, id: &str, client: &Client) -> Outcome<bool> {
        let mut attempt = self.attempt_of(own, client);
        let reply = self.end_of_family(&mut attempt, &own.identity.id, id).await;
        attempt.finish(reply.map(|ended| ended > 0))
    }

    /// Ends every session of a person but the one that asks; says how many there were.
    ///
    /// # Errors
    /// A store did not answer; some may still stand.
    pub async fn revoke_others(&self, own: &Session, client: &Client) -> Outcome<u64> {
        let mut attempt = self.attempt_of(own, client);
        let reply = self.end_all_but(&mut attempt, own).await;
        attempt.finish(reply)
    }

    /// Forgets every browser that the owner of a session is known by; from then on each counts as a new one.
    ///
    /// # Errors
    /// The store did not answer; they may be forgotten.
    pub async fn forget_browsers(&self, own: &Session, client: &Client) -> Outcome<()> {
        let mut attempt = self.attempt_of(own, client);
        let forgotten = self.ports.accounts.change(&own.identity.id, AccountChange::BrowsersForgotten).await;
        if matches!(forgotten, Ok(true)) {
            attempt.record(What::BrowsersForgotten);
        }
        attempt.finish(forgotten.map(drop))
    }

    /// The country of an address by its two letters, where the operator's databases know it.
    pub fn country_of(&self, address: IpAddr) -> Option<String> {
        self.ports.places.place(address).country.map(|country| country.to_string())
    }

    fn attempt_of<'a>(&self, own: &Session, client: &'a Client) -> Attempt<'a> {
        let who = &own.identity;
        let mut attempt = self.begin_attempt(who.username.as_str(), Some(who.id.clone()), client);
        attempt.session = Some(own.id.clone());
        attempt
    }

    /// The rows that count, by the id of their session. One that cannot be read is left out: it lets nobody in.
    pub(in crate::flow) async fn families_of(&self, user: &UserId) -> Answer<BTreeMap<String, Vec<Session>>> {
        let Ok(account) = self.standing_account(user).await? else { return Ok(BTreeMap::new()) };
        let now = self.now();
        let mut families = BTreeMap::<String, Vec<Session>>::new();
        for session in self.ports.sessions.of_user(user).await?.into_iter().filter_map(|(_, kept)| kept.ok()) {
            let lives = self.settings.session.standing(&session, now) == Standing::Live;
            if lives && Self::is_of(&session, &account) {
                families.entry(session.id.clone()).or_default().push(session);
            }
        }
        Ok(families)
    }

    /// What is told of the rows of one session.
    fn family(&self, own: &Session, mut rows: Vec<Session>) -> Option<SessionOverview> {
        rows.sort_by_key(|row| row.created_at);
        let head = rows.first()?;
        let strongest = rows.iter().max_by_key(|row| Strength::of(row.proofs.methods()))?;
        let mut hosts: Vec<String> = rows.iter().map(|row| row.host.clone()).collect();
        hosts.sort_unstable();
        hosts.dedup();
        Some(SessionOverview {
            id: head.id.clone(),
            hosts,
            created_at: head.created_at,
            seen_at: rows.iter().map(|row| row.seen_at).max().unwrap_or(head.seen_at),
            ends_at: rows.iter().map(|row| self.settings.session.ends_at(row)).max().unwrap_or(head.seen_at),
            strength: Strength::of(strongest.proofs.methods()),
            amr: strongest.proofs.amr(),
            address: head.client_ip,
            country: self.country_of(head.client_ip),
            agent: AgentName::of(head.user_agent.as_deref()),
            channel: head.channel,
            is_current: head.id == own.id,
        })
    }

    async fn end_of_family(&self, attempt: &mut Attempt<'_>, user: &UserId, id: &str) -> Answer<u64> {
        if !self.families_of(user).await?.contains_key(id) {
            return Ok(0);
        }
        attempt.session = Some(id.to_owned());
        attempt.intend(Deed::Ending, None);
        let ended = self.ports.sessions.revoke_family(user, id).await?;
        if ended > 0 {
            attempt.record(What::SessionRevoked);
        } else {
            attempt.clear_intent();
        }
        Ok(ended)
    }

    async fn end_all_but(&self, attempt: &mut Attempt<'_>, own: &Session) -> Answer<u64> {
        let user = &own.identity.id;
        let mut ended = 0;
        attempt.intend(Deed::Ending, None);
        // Whoever signs in meanwhile is looked for once more.
        for _ in 0..ROUNDS {
            let mut others = self.families_of(user).await?;
            others.remove(&own.id);
            if others.is_empty() {
                break;
            }
            for id in others.keys() {
                ended += u64::from(self.ports.sessions.revoke_family(user, id).await? > 0);
            }
        }
        if ended > 0 {
            attempt.record(What::SessionsRevoked);
        } else {
            attempt.clear_intent();
        }
        Ok(ended)
    }
}
