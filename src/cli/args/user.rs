//! The commands on accounts.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::ConfigFile;
use super::duration::parse_duration;

/// Where a new password comes from; by default it is asked for.
#[derive(Args)]
pub(crate) struct PasswordSource {
    /// Read the password from stdin (its first line)
    #[arg(long, conflicts_with = "password_file")]
    pub(crate) password_stdin: bool,
    /// Read the password from a file (its first line)
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// Take a password that would be refused
    #[arg(long)]
    pub(crate) force: bool,
}

/// One account.
#[derive(Args)]
pub(crate) struct OneUser {
    /// The user name
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) file: ConfigFile,
}

#[derive(Subcommand)]
pub(crate) enum User {
    /// Make an account
    #[command(after_help = "\
Examples:
  stepgate user add ann -c stepgate.yaml --group staff --email ann@example.com
  pass show ann | stepgate user add ann -c stepgate.yaml --password-stdin
  stepgate user add ann -c stepgate.yaml --password-file ann.txt --totp --json")]
    Add(AddUser),
    /// List the accounts
    #[command(after_help = "\
Examples:
  stepgate user list -c stepgate.yaml
  stepgate user list -c stepgate.yaml --json | jq -r '.[].username'")]
    List {
        #[command(flatten)]
        file: ConfigFile,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show an account and what it can prove with
    #[command(after_help = "\
Examples:
  stepgate user show ann -c stepgate.yaml
  stepgate user show ann -c stepgate.yaml --json")]
    Show {
        #[command(flatten)]
        user: OneUser,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Switch on second factors that were guessed; clear counters
    #[command(after_help = "\
Examples:
  stepgate user unlock ann -c stepgate.yaml
  stepgate user unlock ann -c stepgate.yaml --ip 203.0.113.7
  stepgate user unlock ann -c stepgate.yaml --json | jq -r '.unlocked[]'

A factor is switched off after too many wrong codes in a row (`limits.lockout`).
With --ip, what attempts from the networks of that address used up is cleared.")]
    Unlock {
        #[command(flatten)]
        user: OneUser,
        /// From where the person signs in; may be given again
        #[arg(long = "ip", value_name = "ADDRESS")]
        ips: Vec<IpAddr>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Set the name or the mail address; ends the account's sessions
    #[command(after_help = "\
Examples:
  stepgate user edit ann -c stepgate.yaml --email ann@example.com
  stepgate user edit ann -c stepgate.yaml --name 'Ann Example' --email ''
  stepgate user edit ann -c stepgate.yaml --name Ann --json

An empty value takes it away.")]
    Edit {
        #[command(flatten)]
        user: OneUser,
        /// The mail address, for apps
        #[arg(long)]
        email: Option<String>,
        /// The name for people
        #[arg(long = "name", value_name = "NAME", id = "display_name")]
        display_name: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Set where codes go; ends the account's sessions
    #[command(after_help = "\
Examples:
  stepgate user set-address ann -c gate.yaml --confirmed --email a@example.com
  stepgate user set-address ann -c gate.yaml --confirmed --phone +12025550112
  stepgate user set-address ann -c gate.yaml --confirmed --phone ''

It takes the place of all addresses of its kind; an empty one takes them away.
--confirmed says that you know that the address is the person's: with the
password, whoever reads what is sent there signs in.")]
    SetAddress {
        #[command(flatten)]
        user: OneUser,
        /// The mail address
        #[arg(long, required_unless_present = "phone")]
        email: Option<String>,
        /// The phone number, with its country code
        #[arg(long)]
        phone: Option<String>,
        /// The address is known to be the person's
        #[arg(long, required = true)]
        confirmed: bool,
    },
    /// Keep an account from signing in; ends its sessions
    #[command(after_help = "\
Examples:
  stepgate user disable ann -c stepgate.yaml
  stepgate user enable ann -c stepgate.yaml      undo it")]
    Disable(OneUser),
    /// Let a disabled account sign in again
    #[command(after_help = "\
Examples:
  stepgate user enable ann -c stepgate.yaml
  stepgate user show ann -c stepgate.yaml        see whether it is enabled")]
    Enable(OneUser),
    /// Set a new password; ends the account's sessions
    #[command(after_help = "\
Examples:
  stepgate user set-password ann -c stepgate.yaml
  stepgate user set-password ann -c stepgate.yaml --password-stdin < ann.txt")]
    SetPassword {
        #[command(flatten)]
        user: OneUser,
        #[command(flatten)]
        password: PasswordSource,
    },
    /// Put an account into other groups; ends its sessions
    #[command(after_help = "\
Examples:
  stepgate user set-groups ann -c stepgate.yaml --group staff --group admins
  stepgate user set-groups ann -c stepgate.yaml --none")]
    SetGroups {
        #[command(flatten)]
        user: OneUser,
        /// A group; may be given again
        #[arg(long = "group", value_name = "GROUP", required_unless_present = "none")]
        groups: Vec<String>,
        /// Out of every group
        #[arg(long, conflicts_with = "groups")]
        none: bool,
    },
    /// Remove every second factor of an account; ends its sessions
    #[command(after_help = "\
Examples:
  stepgate user reset-mfa ann -c stepgate.yaml   ann enrols anew at sign-in
  stepgate user show ann -c stepgate.yaml        see what is enrolled
  stepgate user reset-mfa ann -c stepgate.yaml --json | jq .sessions_ended")]
    ResetMfa {
        #[command(flatten)]
        user: OneUser,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Make a code for setting up the first second factor
    #[command(after_help = "\
Examples:
  stepgate user enrol-code bob -c stepgate.yaml
  stepgate user enrol-code bob -c stepgate.yaml --json | jq -r .code

`enroll: invitation` asks for it beside the password. It is printed once, and
good once, for 24 hours; a code before it is over.")]
    EnrolCode {
        #[command(flatten)]
        user: OneUser,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Issue a code by which somebody sets password and factors anew
    #[command(after_help = "\
Examples:
  stepgate user recovery-code ann -c stepgate.yaml
  stepgate user recovery-code ann -c stepgate.yaml --valid 1h --json

It is printed once and good once, at /.stepgate/recover with the user name.
Whoever has it takes the account over: hand it to the person themselves, by a
way that shows who they are. Another one takes its place.")]
    RecoveryCode {
        #[command(flatten)]
        user: OneUser,
        /// For how long it is good: 1m to 24h
        #[arg(long, value_name = "TIME", default_value = "24h", value_parser = parse_duration)]
        valid: std::time::Duration,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// End a recovery that waits
    #[command(after_help = "\
Examples:
  stepgate user show ann -c stepgate.yaml               see whether one waits
  stepgate user cancel-recovery ann -c stepgate.yaml")]
    CancelRecovery(OneUser),
    /// Invite somebody to make an account, by a link
    #[command(after_help = "\
Examples:
  stepgate user invite ann@example.com -c stepgate.yaml --group staff
  stepgate user invite ann@example.com -c stepgate.yaml --host erp.example.com
  stepgate user invite ann@example.com -c stepgate.yaml --json | jq -r .url

The link is good once, for 7 days, whatever `users.signup` says. It is printed
once, and mailed where there is `mail`. Another one takes its place.")]
    Invite(InviteUser),
    /// List the invitations
    #[command(after_help = "\
Examples:
  stepgate user invitations -c stepgate.yaml
  stepgate user invitations -c stepgate.yaml --json | jq -r '.[].email'

A used or expired one goes when another is made after its 7 days.")]
    Invitations {
        #[command(flatten)]
        file: ConfigFile,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Take back an invitation that was not used
    #[command(after_help = "\
Examples:
  stepgate user invitations -c stepgate.yaml           see the ids
  stepgate user uninvite 01JD3Z4WVX2T5Q8R9S0ABCDEFG -c stepgate.yaml")]
    Uninvite {
        /// The id of the invitation, as `user invitations` shows it
        id: String,
        #[command(flatten)]
        file: ConfigFile,
    },
    /// Delete an account with its factors and sessions
    #[command(after_help = "\
Examples:
  stepgate user delete ann -c stepgate.yaml
  stepgate user delete ann -c stepgate.yaml --yes   without being asked")]
    Delete {
        #[command(flatten)]
        user: OneUser,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Args)]
pub(crate) struct AddUser {
    #[command(flatten)]
    pub(crate) user: OneUser,
    #[command(flatten)]
    pub(crate) password: PasswordSource,
    /// A mail address, for apps and for codes
    #[arg(long)]
    pub(crate) email: Option<String>,
    /// A phone number with its country code, for codes
    #[arg(long)]
    pub(crate) phone: Option<String>,
    /// A name for people
    #[arg(long = "name", value_name = "NAME", id = "display_name")]
    pub(crate) display_name: Option<String>,
    /// A group; may be given again
    #[arg(long = "group", value_name = "GROUP")]
    pub(crate) groups: Vec<String>,
    /// Enrol a TOTP authenticator and print its secret
    #[arg(long)]
    pub(crate) totp: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct InviteUser {
    /// The mail address
    pub(crate) address: String,
    #[command(flatten)]
    pub(crate) file: ConfigFile,
    /// A group of the account; may be given again
    #[arg(long = "group", value_name = "GROUP")]
    pub(crate) groups: Vec<String>,
    /// The host where they sign up, if there are several
    #[arg(long, value_name = "HOST")]
    pub(crate) host: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}
