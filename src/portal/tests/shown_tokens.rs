//! Tokens of letters and of recoveries that may be none of ours: whoever shows them is charged before anybody looks.

use serde_json::json;

use std::time::Duration;

use super::api::call;
use super::*;
use crate::auth::throttle::Limit;
use crate::flow::testing::Blow;

const TOKEN: &str = "sgl_kJ0Zr1y0Qm0n3hD3V1xw0p8S7n2C5q4Lr9T6u1E8aXo";
const CEREMONY: &str = "sgr_kJ0Zr1y0Qm0n3hD3V1xw0p8S7n2C5q4Lr9T6u1E8aXo";

fn stage() -> Stage {
    let stage = Stage::with_all();
    let mut settings = FlowSettings { email_link: true, recovery: Some(RecoverySettings::default()), ..sending() };
    settings.limits.network = Limit { tries: 1, refill: Duration::from_secs(60) };
    let flows = Arc::new(Flows::new(stage.world.ports(), settings));
    Stage { portal: portal_with(flows, stage.policy.clone()), ..stage }
}

/// How the second one is answered, and how many calls of stores it cost.
async fn second(way: usize) -> (StatusCode, usize) {
    let stage = stage();
    let mut answer = StatusCode::OK;
    for _ in 0..2 {
        stage.world.fail(0, Blow::Before);
        answer = match way {
            0 => call(&stage, "POST", "login/link/redeem", None, json!({ "token": TOKEN })).await.0,
            1 => call(&stage, "POST", "account/delete/confirm", None, json!({ "token": TOKEN })).await.0,
            2 => call(&stage, "POST", "recover/assertion", None, json!({ "code": TOKEN })).await.0,
            3 => call(&stage, "POST", "recover/totp", None, json!({ "ceremony": CEREMONY })).await.0,
            8 => Browser::new(&stage).get(&format!("/.stepgate/signup?token={TOKEN}")).await.status(),
            9 => {
                let given = [("op", "confirm"), ("token", TOKEN), ("password", "")];
                Browser::new(&stage).post("/.stepgate/signup", &given).await.status()
            }
            page => {
                let (name, op) =
                    [("login-link", "follow"), ("delete", "delete"), ("notice", "disown"), ("recover-stop", "stop")]
                        [page - 4];
                let mut browser = Browser::new(&stage);
                let address = format!("/.stepgate/{name}?token={TOKEN}");
                browser.post(&address, &[("op", op), ("token", TOKEN)]).await.status()
            }
        };
    }
    (answer, stage.world.calls())
}

#[tokio::test]
async fn who_shows_them_is_charged_before_anything_is_looked_up() {
    for way in 0..10 {
        let (answer, calls) = second(way).await;
        assert_eq!(answer, StatusCode::TOO_MANY_REQUESTS, "{way}");
        assert_eq!(calls, 1, "{way}: the counter alone was asked");
    }
}
