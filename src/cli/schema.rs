//! `stepgate schema`: the JSON Schema of the configuration file.

use super::outcome::{Failure, Outcome};

pub(crate) fn run() -> Outcome {
    Err(Failure::failed("this build has no schema"))
}
