//! A look through all that a state store keeps, one short step at a time.

use async_trait::async_trait;

use super::Answer;
use super::transient::TransientKind;
use crate::auth::factor::authenticator::Sealed;

/// Something that lies in a state store, as a sweep meets it.
#[derive(Clone, Copy)]
pub enum SweptEntry<'a> {
    /// A value, with its name.
    Value(TransientKind, &'a str, &'a Sealed),
    /// A one-time mark.
    Mark(&'a str),
}

/// Whether something is to go.
pub type IsMeant<'a> = &'a (dyn Fn(SweptEntry<'_>) -> bool + Send + Sync);

/// What a step of a sweep did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SweepStep {
    /// How many things it took away.
    pub removed: u64,
    /// Where the next step begins; `None`: everything was looked at. Only the store knows what it means.
    pub next: Option<String>,
}

/// Values and marks, all of them.
#[async_trait]
pub trait Sweep: Send + Sync {
    /// Looks at a bounded number of things from a place on (`None`: from the beginning), and takes away those that are meant. What is
    /// put meanwhile may be missed.
    async fn step(&self, from: Option<&str>, is_meant: IsMeant<'_>) -> Answer<SweepStep>;
    /// Sees to it that what was taken away is in no file of its own any more.
    async fn settle(&self) -> Answer<()>;
}
