//! The command line, as `--help` tells it.

mod duration;
mod risk;
mod user;

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub(crate) use risk::{Risk, RiskEval, RiskModel, RiskReplay, RiskSimulate, RiskWorld};
pub(crate) use user::{AddUser, InviteUser, OneUser, PasswordSource, User};

/// Multi-factor sign-in in front of the web apps you cannot change.
#[derive(Parser)]
#[command(
    name = "stepgate",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    after_help = "\
Examples:
  stepgate demo                                try it: no servers, no files
  stepgate check -c /etc/stepgate/stepgate.yaml
  stepgate run -c /etc/stepgate/stepgate.yaml

Exit codes: 0 ok, 1 failed, 2 usage, 69 a store does not answer,
            78 configuration."
)]
pub(crate) struct Cli {
    /// Level or filters of the log
    #[arg(long, global = true, env = "STEPGATE_LOG", value_name = "FILTER")]
    pub(crate) log: Option<String>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Serve: protect the apps of a configuration file
    #[command(after_help = "\
Examples:
  stepgate run -c stepgate.yaml
  STEPGATE_LOG=debug stepgate run -c stepgate.yaml

SIGTERM and SIGHUP let running requests finish, SIGINT does not wait for them.")]
    Run(ConfigFile),
    /// Load and judge a configuration file without serving
    #[command(after_help = "\
Examples:
  stepgate check -c stepgate.yaml            every error at once; exit 78 if any
  stepgate check -c stepgate.yaml --online   also ask the stores")]
    Check(Check),
    /// Say how a request would be decided, and why
    #[command(after_help = "\
Examples:
  stepgate explain -c stepgate.yaml --url https://erp.example.com/admin/ \\
      --method POST --user ann --groups staff,admins --amr pwd,otp --age 31m
  stepgate explain -c stepgate.yaml --url https://erp.example.com/ \\
      --user ann --amr pwd,otp --risk medium --changed network
  stepgate explain -c stepgate.yaml --request-id 01JD3Z4WVX2T5Q8R9S0ABCDEFG
  journalctl -u stepgate -o cat |
      stepgate explain -c stepgate.yaml --request-id 01JD3Z4WVX2T5Q8R9S0ABCDEFG")]
    Explain(Explain),
    /// Hold the rules to what they are meant to do
    #[command(
        name = "policy",
        subcommand,
        arg_required_else_help = true,
        after_help = "\
Examples:
  stepgate policy test policy-cases.yaml -c stepgate.yaml
  stepgate policy test policy-cases.yaml -c stepgate.yaml --junit policy.xml"
    )]
    PolicyTests(PolicyCommand),
    /// Try Stepgate: a sample app, three users, no servers needed
    #[command(after_help = "\
Examples:
  stepgate demo                  on http://localhost:8080, or the next free port
  stepgate demo --port 9000
  stepgate demo --json           one line of JSON on stdout once it is serving")]
    Demo(Demo),
    /// Make and look after accounts
    #[command(
        subcommand,
        arg_required_else_help = true,
        after_help = "\
Examples:
  stepgate user add ann -c stepgate.yaml --group staff --totp
  stepgate user list -c stepgate.yaml --json
  stepgate user reset-mfa ann -c stepgate.yaml"
    )]
    User(User),
    /// Look at sessions and end them
    #[command(
        subcommand,
        arg_required_else_help = true,
        after_help = "\
Examples:
  stepgate session list -c stepgate.yaml --user ann
  stepgate session revoke -c stepgate.yaml --user ann"
    )]
    Session(Session),
    /// What is usual for people, and how well the rest is recognised
    #[command(
        subcommand,
        arg_required_else_help = true,
        after_help = "\
Examples:
  stepgate risk show ann -c stepgate.yaml
  stepgate risk erase ann -c stepgate.yaml
  stepgate risk simulate --seed 7 --people 2000 --out workload.csv
  stepgate risk eval --csv workload.csv"
    )]
    Risk(Risk),
    /// Make keys and password hashes, rotate the master key
    #[command(
        subcommand,
        arg_required_else_help = true,
        after_help = "\
Examples:
  stepgate secret generate >> /etc/stepgate/master.key
  stepgate secret hash-password < password.txt"
    )]
    Secret(Secret),
    /// Print the JSON Schema of the configuration file
    #[command(after_help = "\
Examples:
  stepgate schema > stepgate.schema.json
  stepgate schema | jq '.properties | keys'")]
    Schema,
}

#[derive(Args)]
pub(crate) struct ConfigFile {
    /// The configuration file
    #[arg(short, long, env = "STEPGATE_CONFIG", value_name = "FILE")]
    pub(crate) config: PathBuf,
}

#[derive(Args)]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) file: ConfigFile,
    /// Ask the stores whether they answer
    #[arg(long)]
    pub(crate) online: bool,
    /// Print the verdict as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Print problems as text, json or github
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = CheckFormat::Text, conflicts_with = "json")]
    #[arg(hide_possible_values = true, hide_default_value = true)]
    pub(crate) format: CheckFormat,
}

/// How `check` tells problems.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum CheckFormat {
    Text,
    Json,
    Github,
}

#[derive(Args)]
#[command(
    group(clap::ArgGroup::new("asked").required(true)),
    override_usage = "stepgate explain [OPTIONS] --config <FILE> --url <URL>
       stepgate explain [OPTIONS] --config <FILE> --request-id <ID>"
)]
pub(crate) struct Explain {
    #[command(flatten)]
    pub(crate) file: ConfigFile,
    /// The URL asked for
    #[arg(long, value_name = "URL", group = "asked")]
    pub(crate) url: Option<String>,
    /// A request by the id on its page (kept for a day)
    #[arg(long, value_name = "ID", group = "asked", conflicts_with_all = ["url", "method", "ip"])]
    pub(crate) request_id: Option<String>,
    /// The JSON log, for any other; stdin if not given
    #[arg(long, value_name = "FILE", requires = "request_id")]
    pub(crate) log_file: Option<PathBuf>,
    /// The method
    #[arg(long, default_value = "GET")]
    pub(crate) method: String,
    /// Who asks; nobody if not given
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// The groups of the one who asks
    #[arg(long, value_name = "GROUP,…", value_delimiter = ',')]
    pub(crate) groups: Vec<String>,
    /// Whose page asks, as https://spa.example.com
    #[arg(long, value_name = "ORIGIN")]
    pub(crate) origin: Option<String>,
    /// It opens a WebSocket
    #[arg(long, conflicts_with_all = ["method", "preflight"])]
    pub(crate) websocket: bool,
    /// It is a CORS preflight for this method
    #[arg(long, value_name = "METHOD", requires = "origin", conflicts_with = "method")]
    pub(crate) preflight: Option<String>,
    /// Headers that the preflight asks for
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', requires = "preflight")]
    pub(crate) headers: Vec<String>,
    /// From which address
    #[arg(long, default_value = "127.0.0.1")]
    pub(crate) ip: IpAddr,
    /// What was proved, e.g. pwd,otp
    #[arg(long, value_name = "METHOD,…", value_delimiter = ',')]
    pub(crate) amr: Vec<String>,
    /// How long ago, e.g. 31m
    #[arg(long, value_name = "DURATION", value_parser = duration::parse_duration)]
    pub(crate) age: Option<std::time::Duration>,
    /// How unusual: unscored, low, medium or high
    #[arg(long, value_name = "LEVEL", value_parser = ["unscored", "low", "medium", "high"],
        hide_possible_values = true, conflicts_with = "request_id")]
    pub(crate) risk: Option<String>,
    /// Not as at the sign-in: network, country, browser
    #[arg(long, value_name = "CHANGE,…", value_delimiter = ',', value_parser = ["network", "country", "browser"],
        hide_possible_values = true, conflicts_with = "request_id")]
    pub(crate) changed: Vec<String>,
    /// Print the decision as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Exit with 0 permit, 10 challenge, 11 refuse
    #[arg(long)]
    pub(crate) exit_code: bool,
}

#[derive(Subcommand)]
pub(crate) enum PolicyCommand {
    /// Ask the rules for every case of a file; exit 1 on a miss
    #[command(after_help = "\
A file of cases:
  - name: an hour-old code opens no payroll
    given: { url: https://erp.example.com/payroll, user: ann, groups: [staff],
             amr: [pwd, otp], age: 1h }
    expect: { decision: challenge, rule: payroll, reason: mfa_expired }")]
    Test(PolicyTest),
}

#[derive(Args)]
pub(crate) struct PolicyTest {
    #[command(flatten)]
    pub(crate) file: ConfigFile,
    /// The cases: a list of `given` and `expect`
    #[arg(value_name = "FILE")]
    pub(crate) cases: PathBuf,
    /// Write a JUnit report too
    #[arg(long, value_name = "OUT")]
    pub(crate) junit: Option<PathBuf>,
    /// Print every case as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct Demo {
    /// Print one line of JSON once it is serving
    #[arg(long)]
    pub(crate) json: bool,
    /// The port; if not given: 8080, or the next that is free
    #[arg(long, value_name = "N")]
    pub(crate) port: Option<u16>,
}

#[derive(Subcommand)]
pub(crate) enum Session {
    /// List live sessions
    #[command(after_help = "\
Examples:
  stepgate session list -c stepgate.yaml
  stepgate session list -c stepgate.yaml --user ann --json")]
    List {
        #[command(flatten)]
        file: ConfigFile,
        /// Only those of this person
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// End one session, or all of a person
    #[command(after_help = "\
Examples:
  stepgate session revoke 01JD3Z4WVX2T5Q8R9S0ABCDEFG -c stepgate.yaml
  stepgate session revoke --user ann -c stepgate.yaml")]
    Revoke {
        /// The id of the session, as `session list` shows it
        #[arg(required_unless_present = "user", conflicts_with = "user")]
        id: Option<String>,
        #[command(flatten)]
        file: ConfigFile,
        /// Every session of this person
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
    },
}

#[derive(Subcommand)]
pub(crate) enum Secret {
    /// Print a new key for the key file
    #[command(after_help = "\
Examples:
  (umask 077; stepgate secret generate > /etc/stepgate/master.key)
  { printf 'next: '; stepgate secret generate; cat master.key; } > new.key

A key file holds one key per line, newest first. `next:` before a key says that
it opens and does not seal yet: give that file to every node, restart them, then
take the word away and restart them again. So a key is rotated without a gap.")]
    Generate,
    /// Print the hash of a password (PHC string)
    #[command(after_help = "\
Examples:
  stepgate secret hash-password                   asks for it
  stepgate secret hash-password < password.txt")]
    HashPassword {
        /// Take a password that everybody tries first
        #[arg(long)]
        force: bool,
    },
    /// Say which master key seals how many rows of the database
    #[command(after_help = "\
Examples:
  stepgate secret status -c stepgate.yaml
  stepgate secret status -c stepgate.yaml --json |
      jq '.[] | select(.role == \"missing\")'

An old line may go from the key file when nothing is sealed with it any more.")]
    Status {
        #[command(flatten)]
        file: ConfigFile,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Seal anew with the newest key what older ones sealed
    #[command(after_help = "\
Examples:
  stepgate secret reseal -c stepgate.yaml   after every node has the new key
  stepgate secret status -c stepgate.yaml   see what is left under the old

Gateways may run meanwhile.")]
    Reseal {
        #[command(flatten)]
        file: ConfigFile,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}
