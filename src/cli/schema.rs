//! `stepgate schema`: the JSON Schema of the configuration file.

use super::outcome::Outcome;
use super::terminal;
use crate::config::json_schema;

pub(crate) fn run() -> Outcome {
    terminal::data(&json_schema())
}
