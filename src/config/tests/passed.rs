//! `identity.pass` and `tolerate`: what an app needs from its clients.

use super::*;

fn identity(more: &str) -> String {
    file(&format!("    identity: {{ {more} }}\n    rules: [{{ path: /**, access: deny }}]\n"), "")
}

#[test]
fn names_of_other_gates_pass_and_no_name_of_ours_does() {
    let place = Place::new();
    let text = identity("pass: [X-User-Id, SM_USER, OIDC_CLAIM_sub, X-Goog-Api-Key, True-Client-IP]");
    let loaded = place.load(&text);
    assert!(loaded.problems.is_empty());
    let settings = loaded.settings.unwrap();
    assert_eq!(settings.proxy.apps[0].identity.pass.len(), 5);
    for name in ["X-Forwarded-For", "x_forwarded_user", "Forwarded", "X-Stepgate-Assertion", "X-Request-Id"] {
        tells(&identity(&format!("pass: [{name}]")), "only the gateway may set this header");
    }
    for name in ["X-Original-URL", "X_Rewrite_Url", "Destination", "If", "X-Middleware-Subrequest", "X-Accel-Mapping"] {
        tells(&identity(&format!("pass: [{name}]")), "only the gateway may set this header");
    }
    for (name, how) in [("X-User", "headers: { user: X-User }"), ("x_user_id", "jwt: { header: X-User-Id }")] {
        tells(&identity(&format!("{how}, pass: [{name}]")), "the app is told by this header who asks");
    }
    for name in ["Accept", "X-Requested-With", "X-User-Agent"] {
        tells(&identity(&format!("pass: [{name}]")), "this header passes anyway");
    }
    for name in ["X-User*", "\"\"", "\"a b\"", "X-Üser"] {
        tells(&identity(&format!("pass: [{name}]")), "not a header name");
    }
}

#[test]
fn every_tolerance_has_its_word() {
    let words = "path_parameters, encoded_slashes, double_slashes, latin1";
    let text = file(&format!("    tolerate: [{words}]\n    rules: [{{ path: /**, access: deny }}]\n"), "");
    let loaded = Place::new().load(&text);
    let app = loaded.settings.unwrap().policy.app("erp.example.com").unwrap().clone();
    assert!(app.tolerate.lacking(b"/a//b;c%2Fd%E9").is_empty());
    assert_eq!(format!("{:?}", app.tolerate).matches("true").count(), words.split(", ").count());
    tells(&text.replace("latin1", "latin"), "did you mean `latin1`?");
}
