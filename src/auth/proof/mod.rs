//! What is proved, what a rule asks, and what follows from the two.

mod binding;
pub mod challenge;
pub mod comparison;
pub mod decision;
pub mod evaluation;
pub mod explanation;
mod method;
mod offer;
mod proofs;
mod requirement;
mod risk;
mod slip;
mod strength;

pub use binding::{Binding, BodyReading, BoundBody, TransactionDigest};
pub use method::{Factor, Method, MethodSet};
pub use offer::Offer;
pub use proofs::Proofs;
pub use requirement::{Lack, Requirement, Shortfall};
pub use risk::{Changed, OnChange, OnRisk, Risk, RiskAction, RiskLevel};
pub use slip::{PresentedSlip, SLIP_LIVES, Slip, SlipOrder};
pub use strength::Strength;
