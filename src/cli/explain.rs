//! `stepgate explain`: how a request would be decided, and why.

use super::args::Explain;
use super::outcome::{Failure, Outcome};

pub(crate) fn run(args: &Explain) -> Outcome {
    Err(Failure::failed(format!("this build cannot explain {}", args.url)))
}
