//! The integration tests: one binary, real sockets, the built `stepgate`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod abuse;
mod account_races;
mod alike;
mod broken_rows;
mod canary;
mod canary_accounts;
mod canary_factors;
mod challenges;
mod chaos;
mod check;
mod cli;
mod cli_accounts;
mod cli_rotation;
mod cluster;
mod control;
mod demo;
mod deploy;
mod differential;
mod explained;
mod factor_races;
mod faults;
mod framing;
mod handover;
mod held_forms;
mod http2;
mod hygiene;
mod invitations;
mod killed;
mod lasting;
mod lasting_streams;
mod letters;
mod letters_of_changes;
mod lifecycle;
mod link_races;
mod live;
mod matrix;
mod metrics;
mod old_apps;
mod origins;
mod races;
mod readme;
mod recovery;
mod refused;
mod reload;
mod risk_commands;
mod risk_faults;
mod risk_replay;
mod sent_codes;
mod shared_sign_in;
mod signed_in;
mod slips;
mod stopping;
mod structure;
mod support;
mod targets;
mod terminator;
mod tidy;
mod tunnel;
