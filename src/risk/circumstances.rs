//! The terms that do not come from a habit: speed of travel, the operator's lists, and what goes wrong at present.

use super::assessment::{Signal, Term};
use super::signals::{Device, Location, Signals};

/// A journey faster than an airliner, over more than a rounding of databases.
const FASTEST_KMH: f64 = 900.0;
const NEAR_KM: f64 = 100.0;
const TRAVEL: f64 = 2.5;
/// Nobody's list can say more than this.
const LIST_CAP: f64 = 10.0;

/// Adds what applies.
pub(super) fn add(signals: &Signals, knows_network: bool, terms: &mut Vec<Term>) {
    terms.extend(travel(signals, knows_network));
    for evidence in &signals.evidence {
        let weight = if evidence.weight.is_finite() { evidence.weight.clamp(-LIST_CAP, LIST_CAP) } else { 0.0 };
        let fact = format!("The address is on the list {}", evidence.list);
        terms.push(Term { signal: Signal::List, evidence: weight, is_new: false, fact });
    }
    terms.extend(velocity(signals));
}

/// Databases place mobile networks and relays badly: a network or a device that is known says nothing here.
fn travel(signals: &Signals, knows_network: bool) -> Option<Term> {
    let previous = signals.previous?;
    let here = signals.place.location?;
    let apart = distance_km(here, previous.location) - here.radius_km.max(0.0) - previous.location.radius_km.max(0.0);
    let hours = (signals.at.since(previous.at).as_secs_f64() / 3600.0).max(1.0 / 6.0);
    let impossible = apart > NEAR_KM && apart / hours > FASTEST_KMH;
    (impossible && !knows_network && signals.device != Device::Known).then(|| Term {
        signal: Signal::Travel,
        evidence: TRAVEL,
        is_new: false,
        fact: format!("{apart:.0} km from the last sign-in in {hours:.1} h"),
    })
}

/// Great-circle distance; infinite or absurd coordinates are near.
fn distance_km(a: Location, b: Location) -> f64 {
    let (north, east) = ((b.latitude - a.latitude).to_radians(), (b.longitude - a.longitude).to_radians());
    let along = a.latitude.to_radians().cos() * b.latitude.to_radians().cos();
    let h = (north / 2.0).sin().powi(2) + along * (east / 2.0).sin().powi(2);
    let distance = 2.0 * 6371.0 * h.clamp(0.0, 1.0).sqrt().asin();
    if distance.is_finite() { distance } else { 0.0 }
}

/// Steps of ln 3 for rejected proofs of the account, of the network, and for many accounts tried from it.
fn velocity(signals: &Signals) -> Option<Term> {
    let velocity = signals.velocity;
    let steps = [
        velocity.failures_of_person >= 5,
        velocity.failures_of_person >= 20,
        velocity.failures_of_prefix >= 20,
        velocity.failures_of_prefix >= 5 && velocity.people_of_prefix >= 5,
    ];
    let count = steps.into_iter().filter(|step| *step).count();
    (count > 0).then(|| Term {
        signal: Signal::Velocity,
        evidence: 3f64.ln() * count as f64,
        is_new: false,
        fact: format!(
            "{} rejected proofs of the account, {} from the address range for {} accounts",
            velocity.failures_of_person, velocity.failures_of_prefix, velocity.people_of_prefix
        ),
    })
}
