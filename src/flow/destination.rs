//! What a destination still asks of a person. Pages, API and answers ask this, and walk no rules themselves.

use std::cmp::Reverse;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::auth::event::RiskGuard;
use crate::auth::policy::cors::Preflight;
use crate::auth::policy::preflight::Preflighted;
use crate::auth::policy::rule::{Access, Rule};
use crate::auth::policy::{AppPolicy, Policy};
use crate::auth::proof::decision::Decision;
use crate::auth::proof::evaluation::Circumstances;
use crate::auth::proof::explanation::{self, Evaluation};
use crate::auth::proof::{
    Binding, Lack, MethodSet, Offer, OnChange, OnRisk, PresentedSlip, Proofs, Requirement, Risk, RiskAction, SlipOrder,
    Strength, TransactionDigest,
};
use crate::auth::resource::{Resource, Tolerances};
use crate::auth::session::Session;
use crate::auth::time::Timestamp;
use crate::auth::user::Identity;
use crate::flow::risk::SignInGoal;

/// The destinations that the rules of all apps guard.
#[derive(Clone)]
pub struct Destinations(Arc<Policy>);

impl Destinations {
    pub const fn new(policy: Arc<Policy>) -> Self {
        Self(policy)
    }

    /// What the URLs of this host's app need.
    pub fn tolerances(&self, host: &str) -> Tolerances {
        self.0.app(host).map(|app| app.tolerate).unwrap_or_default()
    }

    /// What can be proved at this host.
    pub fn offer(&self, host: &str) -> Offer {
        self.0.app(host).map(|app| app.offer).unwrap_or_default()
    }

    /// The hosts that have an app, in order.
    pub fn hosts(&self) -> Vec<&str> {
        let mut hosts: Vec<&str> = self.0.apps().map(|app| app.host.as_str()).collect();
        hosts.sort_unstable();
        hosts
    }

    /// The names of the rules that are only tried.
    pub fn tried_names(&self) -> Vec<&str> {
        let tried = self.0.apps().flat_map(|app| app.rules.all()).filter(|rule| rule.shadow);
        tried.map(|rule| &*rule.id.0).collect()
    }

    /// Host and name of every rule in force, in the order of the hosts.
    pub fn rule_names(&self) -> Vec<(&str, &str)> {
        let of_app =
            |host| self.0.app(host).into_iter().flat_map(move |app| app.rules.iter().map(move |r| (host, &*r.id.0)));
        self.hosts().into_iter().flat_map(of_app).collect()
    }

    /// What stands in slips for each rule of a host.
    pub fn asking(&self, host: &str) -> Vec<String> {
        self.0.app(host).into_iter().flat_map(|app| app.rules.iter().map(|rule| rule.asking())).collect()
    }

    /// What the rule of this name does by risk; `None`: there is none.
    pub fn on_risk(&self, host: &str, rule: &str) -> Option<OnRisk> {
        self.0.app(host)?.rules.iter().find(|known| *known.id.0 == *rule).map(|known| known.on_risk)
    }

    /// What the rule of this name does where a session is used from elsewhere; `None`: there is none.
    pub fn on_change(&self, host: &str, rule: &str) -> Option<OnChange> {
        self.0.app(host)?.rules.iter().find(|known| *known.id.0 == *rule).map(|known| known.on_change)
    }

    /// Whether an app stands at this host.
    pub fn has(&self, host: &str) -> bool {
        self.0.app(host).is_some()
    }

    /// The hosts, in order, whose start page somebody may open, if perhaps after another proof.
    pub fn open_to(&self, who: &Arc<Session>, client: IpAddr, now: Timestamp) -> Vec<&str> {
        let circumstances = Circumstances::of(client);
        let is_open = |host: &&str| {
            let app = self.0.app(host);
            let resource = app.and_then(|app| Resource::parse(host, "GET", b"/", app.tolerate).ok());
            let decided =
                app.zip(resource).map(|(app, start)| explanation::explain(app, &start, &circumstances, Some(who), now));
            matches!(decided.map(|evaluation| evaluation.decision), Some(Decision::Permit(_) | Decision::Challenge(_)))
        };
        self.hosts().into_iter().filter(is_open).collect()
    }

    /// Why a request is decided as it is; `None` if its host has no app.
    pub fn explain(
        &self,
        resource: &Resource,
        circumstances: &Circumstances,
        who: Option<&Arc<Session>>,
        now: Timestamp,
    ) -> Option<Evaluation<'_>> {
        Some(explanation::explain(self.0.app(resource.host())?, resource, circumstances, who, now))
    }

    /// The origins whose scripts may read our answers to a request, by every rule that judges it.
    pub fn readers(&self, host: &str, (method, target): (&str, &str), client: IpAddr) -> Vec<String> {
        let resource = |app: &AppPolicy| Resource::parse(host, method, target.as_bytes(), app.tolerate).ok();
        let Some((app, resource)) = self.0.app(host).and_then(|app| Some((app, resource(app)?))) else {
            return Vec::new();
        };
        let mut lists = app.judged(&resource, client).map(|rule| rule.map_or(&[][..], |rule| &rule.cors.origins));
        let first = lists.next().unwrap_or_default();
        let others: Vec<&[String]> = lists.collect();
        first.iter().filter(|origin| others.iter().all(|list| list.contains(origin))).cloned().collect()
    }

    /// What becomes of a CORS preflight.
    pub fn preflighted(&self, resource: &Resource, client: IpAddr, asked: &Preflight<'_>) -> Preflighted<'_> {
        self.0.app(resource.host()).map_or(Preflighted::Judged, |app| app.preflighted(resource, client, asked))
    }

    /// Whether a slip of this order could let this person's request through, were all else proved: what only looks ahead, or is
    /// refused, never passes by one.
    pub fn serves(
        &self,
        order: &SlipOrder,
        resource: &Resource,
        client: IpAddr,
        who: &Session,
        now: Timestamp,
    ) -> bool {
        let proofs = MethodSet::ALL.iter().fold(who.proofs.clone(), |proofs, method| proofs.with(method, now));
        let who = Arc::new(Session { proofs, ..who.clone() });
        let Some(slip) = order.methods.iter().find_map(|method| order.slip(&who, method, now)) else { return false };
        let slip = Some(PresentedSlip { slip, transaction: order.transaction });
        let circumstances = Circumstances { slip, ..Circumstances::of(client) };
        let decided = self.explain(resource, &circumstances, Some(&who), now);
        decided.is_some_and(|evaluation| matches!(evaluation.decision, Decision::Permit(_)))
    }

    /// The guards of a destination. None where no rule covers it, or it cannot be read: nobody gets there anyway.
    pub fn guards(&self, host: &str, method: &str, target: &str, client: IpAddr) -> Guards {
        let Some(app) = self.0.app(host) else { return Guards::none() };
        let Ok(resource) = Resource::parse(host, method, target.as_bytes(), app.tolerate) else {
            return Guards::none();
        };
        let guard = |rule: &Arc<Rule>| match &rule.access {
            Access::Guarded { requirement, .. } => {
                Some(Guard { rule: rule.clone(), requirement: *requirement, unrecognised: false })
            }
            Access::Public | Access::Deny => None,
        };
        let mut guards: Vec<Guard> = app.judged(&resource, client).flatten().filter_map(guard).collect();
        guards.sort_by_key(|Guard { requirement, .. }| {
            (Reverse(requirement.strength), requirement.max_age.unwrap_or(Duration::MAX))
        });
        Guards { guards, offer: app.offer, host: app.host.clone() }
    }

    /// What the rules do at most where risk is high.
    pub fn at_high_risk(&self) -> RiskAction {
        let rules = self.0.apps().flat_map(|app| app.rules.iter());
        rules.map(|rule| rule.on_risk.high).max().unwrap_or_default()
    }

    /// The name of a rule that binds a person and that they could meet by the methods they `have` at its host, but not by those
    /// that would be `left`.
    pub fn needed(
        &self,
        who: &Identity,
        have: impl Fn(&str) -> MethodSet,
        left: impl Fn(&str) -> MethodSet,
    ) -> Option<String> {
        let rules = self.0.apps().flat_map(|app| app.rules.iter().map(move |rule| (app.host.as_str(), rule)));
        let mut needed = rules.filter(|(host, rule)| match &rule.access {
            Access::Guarded { audience, requirement } => {
                audience.admits(who) && requirement.is_within(have(host)) && !requirement.is_within(left(host))
            }
            Access::Public | Access::Deny => false,
        });
        needed.next().map(|(_, rule)| rule.id.0.to_string())
    }
}

/// A rule that guards a destination, and what it asks.
#[derive(Clone, Debug)]
pub struct Guard {
    pub rule: Arc<Rule>,
    pub requirement: Requirement,
    /// It is asked because the person is not recognised: nothing that is set up on the way would show that it is them.
    pub unrecognised: bool,
}

impl Guard {
    /// Whether a proof for it is bound to all that a request says.
    pub fn binds_transactions(&self) -> bool {
        self.requirement.binding == Binding::Transaction
    }

    /// What somebody could prove for it who owns these methods.
    fn most(&self, owned: MethodSet, offer: Offer) -> MethodSet {
        if self.unrecognised { owned.closed() } else { offer.most(owned) }
    }

    fn is_attainable(&self, owned: MethodSet, offer: Offer) -> bool {
        self.requirement.is_within(self.most(owned, offer))
    }
}

/// The rules that guard a destination, one for each reading of it that the gateway judges; strongest requirement first.
/// Were one left out, who met all others would be sent there and back for ever.
#[derive(Clone, Debug)]
pub struct Guards {
    guards: Vec<Guard>,
    /// What can be proved there.
    offer: Offer,
    host: String,
}

/// A person on the way to a destination.
#[derive(Clone, Copy, Debug)]
pub struct Person<'a> {
    pub proofs: &'a Proofs,
    /// The methods that they have, switched off or not.
    pub owned: MethodSet,
    /// Those that are switched off after too many wrong codes.
    pub locked: MethodSet,
}

/// What is left for a person to do on the way to a destination.
#[derive(Clone, Debug)]
pub enum Ways {
    /// Nothing.
    Arrived,
    /// To prove one of these methods.
    Prove {
        guard: Guard,
        lack: Lack,
        methods: MethodSet,
        /// These would do too, but are switched off.
        locked: MethodSet,
    },
    /// To set up something to prove.
    Enrol,
    /// What would do is switched off.
    Locked(MethodSet),
    /// Nothing that the person has or could set up would do.
    OutOfReach(Guard),
}

impl Guards {
    /// Of a destination that asks for nothing.
    pub const fn none() -> Self {
        Self { guards: Vec::new(), offer: Offer::BASIC, host: String::new() }
    }

    /// What guards it for who is not recognised: what their risk asks comes beside what the rules require.
    #[must_use]
    pub fn at_risk(&self, risk: &Risk, now: Timestamp) -> Self {
        let raised = self.guards.iter().filter(|guard| guard.rule.at_risk(risk) == RiskAction::StepUp);
        let raised = raised.map(|guard| Guard {
            rule: guard.rule.clone(),
            requirement: guard.requirement.raised(risk.since, now),
            unrecognised: true,
        });
        let guards = self.guards.iter().cloned().chain(raised).collect();
        Self { guards, offer: self.offer, host: self.host.clone() }
    }

    /// What the rules do by risk, the strictest of them.
    pub fn on_risk(&self) -> OnRisk {
        self.guards.iter().fold(OnRisk::default(), |all, guard| all.or_stricter(guard.rule.on_risk))
    }

    /// What a sign-in on the way there is for.
    pub fn goal(&self) -> SignInGoal {
        let on_risk = (!self.guards.is_empty()).then(|| self.on_risk());
        let named = |guard: &Guard| RiskGuard { host: self.host.clone(), rule: guard.rule.id.0.to_string() };
        SignInGoal { requirement: Some(self.requirement()), on_risk, guards: self.guards.iter().map(named).collect() }
    }

    /// The guard that asks most.
    pub fn strongest(&self) -> Option<&Guard> {
        self.guards.first()
    }

    /// What a sign-in must reach: what the strongest guard asks, or one factor where nothing asks.
    pub fn requirement(&self) -> Requirement {
        self.strongest().map_or(Requirement::of(Strength::OneFactor), |guard| guard.requirement)
    }

    /// Whether these proofs open the destination.
    pub fn are_met(&self, proofs: &Proofs, now: Timestamp) -> bool {
        self.guards.iter().all(|guard| guard.requirement.shortfall(proofs, now).is_none())
    }

    /// The guard that asks for a proof for one request, of a transaction before others; `None` if a session is enough.
    pub fn bound(&self) -> Option<&Guard> {
        self.bound_guards().max_by_key(|guard| guard.requirement.binding)
    }

    /// What a slip is to be given for; `None` if a session is enough.
    pub fn slip_order(&self, transaction: Option<TransactionDigest>) -> Option<SlipOrder> {
        self.bound()?;
        let mut rules: Vec<String> = self.bound_guards().map(|guard| guard.rule.asking()).collect();
        rules.sort_unstable();
        rules.dedup();
        let methods = self.bound_guards().fold(MethodSet::ALL, |all, guard| all.and(guard.requirement.renewing()));
        Some(SlipOrder { host: self.host.clone(), rules, methods, transaction })
    }

    fn bound_guards(&self) -> impl Iterator<Item = &Guard> {
        self.guards.iter().filter(|guard| guard.requirement.binding != Binding::Session)
    }

    /// What is left for a person who has proved all that a session may have: a proof for this one request.
    fn for_request(&self, owned: MethodSet, locked: MethodSet) -> Ways {
        let Some((guard, short)) =
            self.bound().and_then(|guard| Some((guard, guard.requirement.missing_for_request()?)))
        else {
            return Ways::Arrived;
        };
        let methods = self.slip_order(None).map_or(short.methods, |order| order.methods.named());
        let at_hand = methods.and(owned.closed());
        match at_hand.minus(locked) {
            MethodSet::EMPTY if at_hand.is_empty() => Ways::OutOfReach(guard.clone()),
            MethodSet::EMPTY => Ways::Locked(locked),
            usable => {
                Ways::Prove { guard: guard.clone(), lack: short.lack, methods: usable, locked: methods.and(locked) }
            }
        }
    }

    /// Whether somebody who owns these methods could open the destination.
    pub fn are_within(&self, owned: MethodSet) -> bool {
        self.guards.iter().all(|guard| guard.requirement.is_within(owned))
    }

    /// Whether anybody could open the destination.
    pub fn can_be_met(&self) -> bool {
        self.are_within(self.offer.served)
    }

    /// The guard that asks for more than somebody with these methods could ever prove.
    pub fn out_of_reach(&self, owned: MethodSet) -> Option<&Guard> {
        self.guards.iter().find(|guard| !guard.is_attainable(owned, self.offer))
    }

    /// Whether somebody has a passkey that may be copied to other devices, and only what stays on one would count.
    pub fn leave_out_copies(&self, owned: MethodSet) -> bool {
        self.guards.iter().any(|guard| guard.requirement.leaves_out_copies(owned))
    }

    /// The methods any of which would help next; `None`: nothing is asked any more.
    pub fn wanted(&self, proofs: &Proofs, now: Timestamp) -> Option<MethodSet> {
        let shortfall = self.guards.iter().find_map(|guard| guard.requirement.shortfall(proofs, now));
        shortfall.map(|shortfall| shortfall.methods)
    }

    /// What is left for a person to do.
    pub fn ways_on(&self, person: Person<'_>, now: Timestamp) -> Ways {
        let Person { proofs, owned, locked } = person;
        let mut missing =
            self.guards.iter().filter_map(|guard| Some((guard, guard.requirement.shortfall(proofs, now)?))).peekable();
        let Some((guard, shortfall)) = missing.peek().copied() else { return self.for_request(owned, locked) };
        // Known before anything is asked: a code that cannot lead there would be spent for nothing.
        if let Some((guard, _)) =
            missing.find(|(guard, _)| !guard.requirement.would_be_met(proofs, guard.most(owned, self.offer), now))
        {
            return Ways::OutOfReach(guard.clone());
        }
        let usable = owned.minus(locked);
        let reached_by = |more| guard.requirement.would_be_met(proofs, more, now);
        let methods = shortfall.methods.and(usable);
        match !methods.is_empty() && reached_by(usable) {
            true => Ways::Prove {
                guard: guard.clone(),
                lack: if guard.unrecognised { Lack::Recognition } else { shortfall.lack },
                methods,
                locked: shortfall.methods.and(locked),
            },
            false if !locked.is_empty() => Ways::Locked(locked),
            false if guard.unrecognised => Ways::OutOfReach(guard.clone()),
            false => Ways::Enrol,
        }
    }
}

#[cfg(test)]
mod tests;
