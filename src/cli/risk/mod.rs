//! `stepgate risk`: the risk model, measured.

mod eval;
mod random;
mod simulate;

use super::args::Risk;
use super::exit::CommandResult;

/// Runs the command that was asked for.
pub(crate) fn run(command: &Risk) -> CommandResult {
    match command {
        Risk::Eval(args) => eval::run(args),
        Risk::Simulate(args) => simulate::run(args),
    }
}
