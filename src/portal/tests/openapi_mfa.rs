//! Turning off two-step sign-in, as the document says.

use std::sync::Arc;

use serde_json::json;

use super::openapi::{Call, Judge, post};
use super::{Stage, rule};
use crate::auth::policy::{AppPolicy, Policy};
use crate::auth::proof::Strength;
use crate::flow::testing::{HOST, PASSWORD};

/// Ann turns off what no rule needs, and not what one does.
pub(super) async fn turned_off(j: &Judge) {
    j.stage.world.pass(std::time::Duration::from_secs(90));
    let needed = [("DELETE", "mfa", 409), ("POST", "mfa/disable", 409)];
    for (method, path, status) in needed {
        assert_eq!(turn_off(j, method, path).await, status, "a rule needs it");
    }
    for (method, path, status) in [("DELETE", "mfa", 204), ("POST", "mfa/disable", 200)] {
        let rules = vec![Arc::new(rule("rest", "/**", Strength::OneFactor, None))];
        let (offer, tolerate) = (Default::default(), Default::default());
        let policy = Policy::new([AppPolicy { offer, host: HOST.to_owned(), tolerate, rules: rules.into() }]);
        let relaxed =
            Judge { stage: Stage::ruled(policy), document: j.document.clone(), seen: std::sync::Mutex::default() };
        assert_eq!(turn_off(&relaxed, method, path).await, status, "{path}");
        j.seen.lock().unwrap().extend(relaxed.seen.into_inner().unwrap());
    }
}

async fn turn_off(j: &Judge, method: &str, path: &str) -> u16 {
    j.stage.world.pass(std::time::Duration::from_secs(60));
    let wish = json!({"username": "ann", "password": PASSWORD, "otp": j.stage.code(0)});
    let (_, open) = j.call(post("login", wish)).await;
    let auth = format!("Bearer {}", open["access_token"].as_str().unwrap());
    let call = |password: &str| Call { method, auth: Some(&auth), ..post(path, json!({ "password": password })) };
    assert_eq!(j.call(Call { body: call("no").body, ..call("no") }).await.0, 401);
    j.call(call(PASSWORD)).await.0
}
