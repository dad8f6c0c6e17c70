//! `stepgate explain`: the question from the command line, the answer to the terminal.

use std::time::Duration;

use super::accounts;
use super::args::Explain;
use super::explain::{self, Question};
use super::outcome::{Failure, Outcome};
use super::terminal::{self, data};
use crate::flow::ports::Clock;
use crate::store::system::SystemClock;

/// Exit codes of `--exit-code`.
const CHALLENGED: u8 = 10;
const REFUSED: u8 = 11;

pub(crate) fn run(args: &Explain) -> Outcome {
    let settings = accounts::settings(&args.file)?;
    let question = Question {
        url: args.url.clone(),
        method: args.method.clone(),
        ip: args.ip,
        user: args.user.clone(),
        groups: args.groups.clone(),
        amr: args.amr.clone(),
        age: args.age,
    };
    let answer = explain::explain(&settings.policy, &question, SystemClock.now()).map_err(Failure::usage)?;
    if args.json {
        terminal::json(&answer)?;
    } else {
        data(&answer.human())?;
    }
    match answer.outcome {
        explain::Outcome::Permit => Ok(()),
        _ if !args.exit_code => Ok(()),
        explain::Outcome::Challenge => Err(Failure::new(CHALLENGED, "")),
        explain::Outcome::Refuse | explain::Outcome::Malformed => Err(Failure::new(REFUSED, "")),
    }
}

/// A length of time as people write it: `90s`, `31m`, `2h`, `1d`.
pub(crate) fn age(text: &str) -> Result<Duration, String> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err("write it as 90s, 31m, 2h or 1d".to_owned()),
    };
    let number: u64 = number.parse().map_err(|_| "write it as 90s, 31m, 2h or 1d".to_owned())?;
    number.checked_mul(seconds).map(Duration::from_secs).ok_or_else(|| "too long".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_ages_as_people_write_them() {
        assert_eq!(age("31m"), Ok(Duration::from_secs(1860)));
        assert_eq!(age("0s"), Ok(Duration::ZERO));
        for wrong in ["", "m", "31", "-1m", "1.5h", "31 m", "99999999999999999999s", "9999999999999999999d"] {
            assert!(age(wrong).is_err(), "{wrong}");
        }
    }
}
