//! `stepgate risk`: what is kept of people, and the risk model, measured.

mod eval;
mod kept;
mod pins;
mod progress;
mod random;
mod replay;
mod simulate;

use super::args::Risk;
use super::exit::CommandResult;
use super::runtime::block_on;

/// Runs the command that was asked for.
pub(crate) fn run(command: &Risk) -> CommandResult {
    match command {
        Risk::Eval(args) => eval::run(args),
        Risk::Simulate(args) => simulate::run(args),
        Risk::Show { user, json } => block_on(kept::show(user, *json))?,
        Risk::Export(user) => block_on(kept::export(user))?,
        Risk::Erase(user) => block_on(kept::erase(user))?,
        Risk::Replay(args) => block_on(replay::run(args))?,
        Risk::Pin(user) => block_on(pins::pin(user))?,
        Risk::Clear(user) => block_on(pins::clear(user))?,
    }
}
