//! Somebody who has proved enough to recover, with the token of that in hand, at every address, by every method, in every
//! place where a token can stand: it sets what it is for, once, at one place of the API and one page, and never signs anybody in.

use std::collections::BTreeSet;

use serde_json::json;

use super::levels::{CARRIERS, Level, bent};
use super::*;
use crate::auth::link_token::LinkToken;
use crate::flow::ports::{LinkPurpose, Records};
use crate::flow::recovery::issue_recovery_code;
use crate::flow::settings::RecoverySettings;

pub(super) const FINISH: &str = "/.stepgate/api/v1/recover/finish";

async fn call(stage: &Stage, path: &str, body: Value) -> Value {
    let asked = info("POST", &format!("/.stepgate/api/v1/{path}"), &[("content-type", "application/json")]);
    let answer = send(&stage.portal, &asked, body.to_string()).await;
    serde_json::from_slice(answer.body()).unwrap_or(Value::Null)
}

/// The code of the last letter.
fn mailed(stage: &Stage) -> String {
    stage.world.look(|s| match s.letters.last() {
        Some((Letter::Link(link), _)) if link.purpose == LinkPurpose::Recovery => {
            link.code.as_ref().unwrap().expose().to_owned()
        }
        _ => panic!("no code was mailed"),
    })
}

/// Recoveries in which different things were proved: their names, their tokens, and whether they set factors too.
async fn recoveries(stage: &Stage) -> Vec<(&'static str, String)> {
    let mut all = Vec::new();
    let ceremony = |told: Value| told["ceremony"].as_str().unwrap_or_else(|| panic!("{told}")).to_owned();
    call(stage, "recover", json!({"username": "ann"})).await;
    let body = json!({"code": mailed(stage), "second": {"method": "totp", "code": stage.code(0)}});
    all.push(("by an app", ceremony(call(stage, "recover/verify", body).await)));
    let ports = stage.world.ports();
    let expires_at = ports.clock.now().plus(RecoverySettings::ISSUED_CODE_LIVES);
    let ann = crate::auth::user::UserId("01ANN".to_owned());
    let code = issue_recovery_code(&ports, &ann, expires_at, Records::NONE).await.unwrap();
    let body = json!({"username": "ann", "code": code.expose()});
    all.push(("by an administrator", ceremony(call(stage, "recover/verify", body).await)));
    all
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "how many cells were asked belongs to what the test tells")]
async fn a_recovery_leads_to_what_it_is_for_and_nowhere_else() {
    let mut matrix = Matrix::new(|_, asked| asked).await;
    let stage = &matrix.scene.stage;
    stage.world.pass(std::time::Duration::from_secs(3600));
    let (recoveries, mut levels, mut strays) = (recoveries(stage).await, Vec::new(), Vec::new());
    for (name, token) in &recoveries {
        for carrier in CARRIERS {
            let mut level = Level::new(&format!("{name} in {carrier}"), carrier, token, "000000");
            level.recovers = matches!(carrier, "body" | "Ceremony");
            // Where it counts every body is tried, and elsewhere the right one.
            if level.recovers { levels.push(level) } else { strays.push(level) }
        }
        for (how, bent) in bent(token) {
            for carrier in ["body", "Ceremony"] {
                strays.push(Level::new(&format!("{name}, {how}, in {carrier}"), carrier, &bent, "000000"));
            }
        }
    }
    // What else a recovery gives out counts nowhere but where it belongs.
    call(stage, "recover", json!({"username": "ann"})).await;
    let code = mailed(stage);
    assert!(LinkToken::parse(&code).is_some());
    for carrier in CARRIERS {
        strays.push(Level::new(&format!("mailed code in {carrier}"), carrier, &code, "000000"));
    }
    matrix.scene.kept = stage.world.look(|state| state.clone());
    matrix.before = Power::of(&stage.world);
    (matrix.scene.levels, matrix.scene.strays) = (levels, strays);
    let found = matrix.walk(router::addresses()).await;
    println!("{} cells of a recovery: {:?}", found.cells, found.statuses);
    assert!(found.wrong.is_empty(), "{} of {}:\n{}", found.wrong.len(), found.cells, found.wrong.join("\n"));
    assert!(found.cells >= 5_000, "{} cells", found.cells);
    let at: BTreeSet<&str> = found.advanced.iter().map(|(_, _, address)| address.as_str()).collect();
    // The sign-in is open to everybody who has the password.
    let signs_in = ["/.stepgate/login", "/.stepgate/api/v1/login"];
    assert_eq!(at.into_iter().filter(|at| !signs_in.contains(at)).collect::<Vec<_>>(), [FINISH]);
    for (name, _) in &recoveries {
        for carrier in ["body", "Ceremony"] {
            let cell = (format!("{name} in {carrier}"), "POST".to_owned(), FINISH.to_owned());
            assert!(found.advanced.contains(&cell), "{cell:?} leads nowhere");
        }
    }
}
