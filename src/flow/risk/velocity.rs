//! How much goes wrong at present in a client's address range: counted before anything is looked up, whoever is named.

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;

use super::range::RangeVelocity;
use crate::auth::network::{client_network, is_public, wide_networks};
use crate::auth::throttle::{Charge, Charged, Limit};
use crate::flow::Flows;
use crate::flow::attempt::Attempt;
use crate::flow::ports::{Answer, Quota};

/// Rejected proofs of a range: as many are told apart, and forgotten within an hour.
const FAILURES: Limit = Limit { tries: 50, refill: Duration::from_secs(72) };
const PEOPLE_FOR: Duration = Duration::from_secs(3600);

/// The /24 or /48 of an address.
fn range(ip: IpAddr) -> IpNet {
    match ip.to_canonical() {
        IpAddr::V4(_) => client_network(ip),
        IpAddr::V6(_) => wide_networks(ip).first().copied().unwrap_or_else(|| client_network(ip)),
    }
}

impl Flows {
    /// Counts an attempt in its range, once. A right proof takes it back, as it does with what the attempt was charged; it is
    /// never refused for this, nor for a fault of it, which is one of its assessment. Nothing is counted of addresses that
    /// many may share inside a site.
    pub(in crate::flow) async fn charge_range(&self, attempt: &mut Attempt<'_>) {
        let is_counted = attempt.range.charged.is_some() || attempt.range.entered.is_some();
        if self.settings.risk.is_none() || is_counted || !is_public(attempt.client.ip) {
            return;
        }
        attempt.range = RangeVelocity::default();
        attempt.range.fault = self.count_in_range(attempt).await.err();
    }

    async fn count_in_range(&self, attempt: &mut Attempt<'_>) -> Answer<()> {
        let range = range(attempt.client.ip);
        let charge = Charge { key: format!("risk:failures:{range}"), limit: FAILURES };
        attempt.range.failures = match self.ports.throttle.charge(std::slice::from_ref(&charge), attempt.now).await? {
            Charged::Wait { .. } => FAILURES.tries,
            Charged::Go(states) => {
                let state = states.first().copied().unwrap_or(attempt.now);
                attempt.range.charged = Some((charge, state));
                let all = state.since(attempt.now).as_millis().div_ceil(FAILURES.refill.as_millis());
                u32::try_from(all).unwrap_or(FAILURES.tries).saturating_sub(1)
            }
        };
        let (key, name) = (format!("risk:people:{range}"), attempt.account.clone());
        let quota = Quota { key: key.clone(), most: RangeVelocity::PEOPLE - 1 };
        let fits = self.ports.quotas.enter(&[quota], &name, PEOPLE_FOR, attempt.now).await?;
        attempt.range.is_crowded = !fits;
        attempt.range.entered = fits.then_some((key, name));
        Ok(())
    }

    /// Takes an account out of its range, whose proof was right. One that stays in it for a fault is gone within the hour.
    pub(in crate::flow) async fn leave_range(&self, attempt: &mut Attempt<'_>) {
        if let Some((key, name)) = attempt.range.entered.take() {
            let _ = self.ports.quotas.leave(&[key], &name).await;
        }
    }
}
