//! The flows over ports in memory: every outcome, every race, every fault.

mod account;
mod accounted;
mod addresses;
mod admitting;
mod changing;
mod deletion;
mod disabling;
mod enrol_privilege;
mod enrolling;
mod exporting;
mod faults;
mod first_factor;
mod floods;
mod forms;
mod history;
mod limits;
mod lockout;
mod mailed_link;
mod marks;
mod new_passwords;
mod notice_links;
mod notices;
mod outstanding;
mod owners;
mod passkey_counters;
mod passkey_faults;
mod passkey_removal;
mod passkey_wishes;
mod passkeys;
mod recovery;
mod resealing;
mod rising;
mod risk;
mod sent_codes;
mod sign_up;
mod sign_up_faults;
mod signing_in;
mod slips;
mod spending;
mod traces;

use std::sync::Arc;

use super::Flows;
use super::reply::{Client, Credentials, Locked, LoginReply, Next, Opened, Rejection, WithEvents};
use super::testing::{PASSWORD, secret};
use crate::auth::event::{RejectReason, What};
use crate::auth::proof::{Method, MethodSet, Requirement, Strength};
use crate::auth::secret::SecretText;
use crate::auth::session::Channel;

fn given(name: &str, password: &str) -> Credentials {
    Credentials { username: name.to_owned(), password: secret(password), otp: None }
}

fn with_otp(name: &str, otp: &SecretText) -> Credentials {
    Credentials { otp: Some(otp.clone()), ..given(name, PASSWORD) }
}

fn two_factors() -> Option<Requirement> {
    Some(Requirement::of(Strength::TwoFactor))
}

async fn sign_in(flows: &Flows, name: &str, client: &Client) -> WithEvents<LoginReply> {
    flows.begin(given(name, PASSWORD), two_factors(), Channel::Cookie, client).await.unwrap()
}

fn asked(told: WithEvents<LoginReply>) -> Next {
    match told.value {
        LoginReply::Next(next) => next,
        other => panic!("not asked for more: {}", word(&other)),
    }
}

fn opened(told: WithEvents<LoginReply>) -> Box<Opened> {
    match told.value {
        LoginReply::Opened(opened) => opened,
        other => panic!("not opened: {}", word(&other)),
    }
}

/// Signs a person in with two factors.
async fn whole(flows: &Flows, name: &str, client: &Client, code: SecretText) -> Box<Opened> {
    let next = asked(sign_in(flows, name, client).await);
    opened(flows.second_factor(&next.ceremony, Method::Totp, code, client).await.unwrap())
}

fn word(reply: &LoginReply) -> String {
    match reply {
        LoginReply::Next(next) => format!("next {:?}", next.methods.iter().collect::<Vec<_>>()),
        LoginReply::Enroll(_) => "enroll".to_owned(),
        LoginReply::Locked(Locked { methods, others }) => {
            let names = |set: &MethodSet| set.iter().map(Method::name).collect::<Vec<_>>().join(",");
            format!("locked {} others {}", names(methods), names(others))
        }
        LoginReply::OutOfReach(_) => "out of reach".to_owned(),
        LoginReply::Opened(_) => "opened".to_owned(),
        LoginReply::Rejected(why) => format!("rejected {why:?}"),
        LoginReply::Wait(_) => "wait".to_owned(),
        LoginReply::Busy => "busy".to_owned(),
    }
}

fn is_rejected(told: &WithEvents<LoginReply>, why: Rejection, reason: RejectReason) -> bool {
    matches!(told.value, LoginReply::Rejected(r) if r == why)
        && told.events.iter().any(|e| matches!(e.what, What::ProofRejected { reason: r, .. } if r == reason))
}

type Shared = Arc<Flows>;
