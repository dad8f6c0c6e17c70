//! The commands on the risk model.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::ConfigFile;
use super::duration::parse_duration;
use super::user::OneUser;

#[derive(Subcommand)]
pub(crate) enum Risk {
    /// Measure the risk model on a workload, beside the published one
    #[command(after_help = "\
Examples:
  stepgate risk simulate --seed 7 --people 2000 --out workload.csv
  stepgate risk eval --csv workload.csv --plot found.svg
  stepgate risk eval --csv org-*.csv --json    each file an installation
  stepgate risk eval --rba-csv rba-dataset.csv

Columns: user,time,ip,asn,country,device,browser,ua,device_cookie,kind
  time is Unix seconds, in order; kind is legit, or the name of an attacker;
  device_cookie is the name of the cookie that was sent, or empty. All but
  user, time, ip and kind may be empty. A column cohort labels people.
Own sign-ins are scored and then learnt. Attacks are scored against the state
before them and never learnt.")]
    Eval(RiskEval),
    /// What a file would ask of those whom the audit trail remembers
    #[command(after_help = "\
Examples:
  stepgate risk replay -c candidate.yaml
  stepgate risk replay -c candidate.yaml --since 90d --plot prompts.svg

Reads the trail of the database that the file names, and changes nothing. Each
sign-in is judged again by the file: its thresholds or target rate, and what
its rules do by risk. Scores stay those that were recorded: lists, databases
of places and half-lives of the file are not asked.")]
    Replay(RiskReplay),
    /// Make a workload from a seed: people, their sign-ins, and attackers
    #[command(after_help = "\
Examples:
  stepgate risk simulate --seed 7 --people 2000 --out workload.csv
  stepgate risk simulate --seed 7 --people 2000 --world second |
      stepgate risk eval --csv /dev/stdin

Each attacker takes the slot of --attacked of all sign-ins after a person's
first, at their time.")]
    Simulate(RiskSimulate),
    /// Show in figures what is kept of a person
    #[command(after_help = "\
Examples:
  stepgate risk show ann -c stepgate.yaml
  stepgate risk show ann -c stepgate.yaml --json | jq .level

What was seen is kept as keyed hashes: no address, place or browser can be
shown.")]
    Show {
        #[command(flatten)]
        user: OneUser,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print as JSON all that is kept of a person, for them to have
    #[command(after_help = "\
Examples:
  stepgate risk export ann -c stepgate.yaml > ann.json")]
    Export(OneUser),
    /// Forget what is usual for a person; it is learnt anew
    #[command(after_help = "\
Examples:
  stepgate risk erase ann -c stepgate.yaml

Their sessions go on; `stepgate session revoke --user ann` ends those. A pin
stays: `stepgate risk clear ann` takes it away.")]
    Erase(OneUser),
    /// Treat a person as high risk, and end their sessions
    #[command(after_help = "\
Examples:
  stepgate risk pin ann -c stepgate.yaml

What that asks is what rules say by `on_risk: { high: … }`. People do the same
themselves by \"This was not me\" on their account page.")]
    Pin(OneUser),
    /// Take a pin away, once the account is known to be its owner's again
    #[command(after_help = "\
Examples:
  stepgate risk clear ann -c stepgate.yaml")]
    Clear(OneUser),
}

/// Which model's figures are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RiskModel {
    Stepgate,
    Freeman,
}

#[derive(Args)]
pub(crate) struct RiskEval {
    /// Workloads; each is an installation of its own
    #[arg(long, value_name = "FILE", num_args = 1.., required_unless_present = "rba_csv")]
    pub(crate) csv: Vec<PathBuf>,
    /// The published data set (das-group/rba-dataset)
    #[arg(long, value_name = "FILE", conflicts_with = "csv")]
    pub(crate) rba_csv: Option<PathBuf>,
    /// The model: stepgate (beside freeman), or freeman alone
    #[arg(long, value_enum, default_value_t = RiskModel::Stepgate, value_name = "MODEL")]
    #[arg(hide_possible_values = true, hide_default_value = true)]
    pub(crate) model: RiskModel,
    /// Learn as the gateway does: a new place waits for days
    #[arg(long, conflicts_with = "rba_csv")]
    pub(crate) as_gateway: bool,
    /// Write the score of each row to this file
    #[arg(long, value_name = "OUT.csv")]
    pub(crate) scores: Option<PathBuf>,
    /// Draw what is found by what is prompted
    #[arg(long, value_name = "OUT.svg")]
    pub(crate) plot: Option<PathBuf>,
    /// Resamples of people for the intervals
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub(crate) resamples: u64,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct RiskReplay {
    #[command(flatten)]
    pub(crate) file: ConfigFile,
    /// How far back to look, as 12h or 30d
    #[arg(long, value_name = "TIME", default_value = "30d", value_parser = parse_duration)]
    pub(crate) since: Duration,
    /// Draw the prompts of a person and month
    #[arg(long, value_name = "OUT.svg")]
    pub(crate) plot: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which of the two generated worlds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RiskWorld {
    First,
    Second,
}

#[derive(Args)]
pub(crate) struct RiskSimulate {
    /// The seed: the same one makes the same workload
    #[arg(long, value_name = "N")]
    pub(crate) seed: u64,
    /// How many people
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) people: u32,
    /// first, or second (held out, half IPv6)
    #[arg(long, value_enum, default_value_t = RiskWorld::First, value_name = "WORLD")]
    #[arg(hide_possible_values = true, hide_default_value = true)]
    pub(crate) world: RiskWorld,
    /// Share of sign-ins that are attacked
    #[arg(long, value_name = "SHARE", default_value_t = 0.5)]
    pub(crate) attacked: f64,
    /// Add a column with the cohorts of people
    #[arg(long)]
    pub(crate) cohorts: bool,
    /// Write to this file; stdout if not given
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}
