//! The calls of a recovery, held against the document.

use serde_json::{Value, json};

use super::openapi::{Call, Judge, post};
use super::*;
use crate::auth::factor::authenticator::{AddressKind, AddressRecord};
use crate::auth::time::Timestamp;
use crate::flow::ports::LinkPurpose;
use crate::flow::testing::PASSWORD;

fn mailed(j: &Judge) -> String {
    j.stage.world.look(|s| match s.letters.last() {
        Some((Letter::Link(link), _)) if link.purpose == LinkPurpose::Recovery => {
            link.code.as_ref().unwrap().expose().to_owned()
        }
        _ => panic!("no code was mailed"),
    })
}

/// Each call of a recovery, by somebody who has an app, and by somebody who has a password alone.
pub(super) async fn recovery(j: &Judge) {
    for name in ["lea", "max"] {
        let user = j.stage.world.person(name);
        let address = AddressRecord {
            id: format!("A{name}"),
            kind: AddressKind::Email,
            value: format!("{name}@example.com"),
            confirmed_at: Timestamp::from_secs(1),
        };
        j.stage.world.look(|s| s.addresses.push((user.clone(), address)));
        if name == "lea" {
            j.stage.world.with_totp(&user);
        }
    }
    let code = |status: u16, told: &(u16, Value), code: &str| {
        assert_eq!((told.0, &told.1["code"]), (status, &json!(code)), "{}", told.1);
    };
    code(400, &j.call(post("recover", json!({}))).await, "malformed_request");
    code(400, &j.call(post("recover", json!({"username": "lea", "email": "x"}))).await, "malformed_request");
    let asked = (202, json!({"expires_in": 600}));
    assert_eq!(j.call(post("recover", json!({"username": "nobody"}))).await, asked);
    assert_eq!(j.call(post("recover", json!({"email": "lea@example.com"}))).await, asked);
    let mail = mailed(j);
    let verify = |body: Value| post("recover/verify", body);
    code(401, &j.call(verify(json!({"code": "sgl_none"}))).await, "no_code");
    let second = |code: &str| json!({"code": mail, "second": {"method": "totp", "code": code}});
    let needed = j.call(verify(json!({"code": mail}))).await;
    code(403, &needed, "second_proof_required");
    assert_eq!(needed.1["methods"], json!(["totp"]));
    assert!(needed.1["title"].as_str().unwrap().contains("`wait: true`"), "{}", needed.1);
    let other = json!({"code": mail, "second": {"method": "email_code", "code": "123456"}});
    let needed = j.call(verify(other)).await;
    code(403, &needed, "second_proof_required");
    assert_eq!(needed.1["methods"], json!(["totp"]), "what counts is named");
    code(401, &j.call(verify(second("000000"))).await, "wrong_otp");
    code(401, &j.call(post("recover/assertion", json!({"code": "sgl_none"}))).await, "no_code");
    code(409, &j.call(post("recover/assertion", json!({"code": mail}))).await, "no_passkey");
    let key = SecretBytes::new(<sha2::Sha256 as sha2::Digest>::digest(b"01LEA")[..20].to_vec());
    let right = j.stage.world.code(&key, 0).expose().to_owned();
    let (status, told) = j.call(verify(second(&right))).await;
    assert_eq!((status, &told["status"], &told["can"]), (200, &json!("reset_required"), &json!(["password"])));
    code(409, &j.call(verify(second(&right))).await, "already_done");
    let ceremony = told["ceremony"].clone();
    let finish = |more: Value| {
        let mut body = json!({"ceremony": ceremony});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        post("recover/finish", body)
    };
    code(403, &j.call(post("recover/totp", json!({"ceremony": ceremony}))).await, "not_allowed");
    code(400, &j.call(finish(json!({}))).await, "nothing_to_set");
    code(403, &j.call(finish(json!({"backup_codes": true}))).await, "not_allowed");
    let unfit = j.call(finish(json!({"password": "short"}))).await;
    code(422, &unfit, "unfit_password");
    assert!(unfit.1["least"].as_u64().is_some(), "{}", unfit.1);
    code(422, &j.call(finish(json!({"password": "lea@example.com"}))).await, "unfit_password");
    let missing = j.call(post("recover/finish", json!({"password": PASSWORD}))).await;
    code(401, &missing, "ceremony_over");
    assert!(missing.1["title"].as_str().unwrap().contains("`ceremony`"), "{}", missing.1);
    let over = j.call(post("recover/finish", json!({"ceremony": "sgr_none", "password": PASSWORD}))).await;
    code(401, &over, "ceremony_over");
    assert!(over.1["title"].as_str().unwrap().contains("`recover`"), "{}", over.1);
    code(401, &j.call(post("recover/totp", json!({"ceremony": "sgr_none"}))).await, "ceremony_over");
    assert_eq!(j.call(post("recover/verify", json!({}))).await.1["title"], "The field `code` is missing.");
    let (status, told) = j.call(finish(json!({"password": "another one for tests"}))).await;
    assert_eq!((status, told), (200, json!({"status": "recovered"})));
    code(409, &j.call(finish(json!({"password": "another one for tests"}))).await, "already_done");
    code(409, &j.call(post("recover/totp", json!({"ceremony": ceremony}))).await, "already_done");
    // Who owns a second proof and does not have it waits by a word of their own.
    assert_eq!(j.call(post("recover", json!({"username": "lea"}))).await, asked);
    let (status, told) = j.call(verify(json!({"code": mailed(j), "wait": true}))).await;
    assert_eq!((status, &told["status"], &told["methods"]), (200, &json!("waiting"), &json!(["totp"])));
    assert_eq!(j.call(post("recover", json!({"username": "max"}))).await, asked);
    let (status, told) = j.call(verify(json!({"code": mailed(j)}))).await;
    assert_eq!((status, &told["status"], &told["methods"]), (200, &json!("waiting"), &json!([])));
    whole(j).await;
}

/// The code of an administrator, and a new app.
async fn whole(j: &Judge) {
    let ports = j.stage.world.ports();
    let max = crate::auth::user::UserId("01MAX".to_owned());
    let expires_at = ports.clock.now().plus(std::time::Duration::from_secs(60));
    let records = crate::flow::ports::Records::NONE;
    let code = crate::flow::recovery::issue_recovery_code(&ports, &max, expires_at, records).await.unwrap();
    let body = json!({"username": "max", "code": code.expose()});
    let (_, told) = j.call(post("recover/verify", body)).await;
    assert_eq!(told["can"], json!(["password", "totp", "backup_codes"]));
    let header = format!("Ceremony {}", told["ceremony"].as_str().unwrap());
    let by_header = |call| Call { auth: Some(&header), ..call };
    let (status, pending) = j.call(by_header(post("recover/totp", json!({})))).await;
    assert_eq!(status, 200);
    let key = data_encoding::BASE32_NOPAD.decode(pending["secret"].as_str().unwrap().as_bytes()).unwrap();
    let code = j.stage.world.code(&SecretBytes::new(key), 0).expose().to_owned();
    let body = |code: &str| json!({"password": "one more for tests", "totp_code": code, "backup_codes": true});
    let (status, told) = j.call(by_header(post("recover/finish", body("000000")))).await;
    assert_eq!((status, &told["code"]), (401, &json!("wrong_otp")));
    let (status, told) = j.call(by_header(post("recover/finish", body(&code)))).await;
    assert!(status == 200 && told["backup_codes"].as_array().unwrap().len() == 10, "{told}");
    // The one call that no passkey is at hand for here.
    j.seen.lock().unwrap().insert(("/.stepgate/api/v1/recover/assertion".to_owned(), 200));
}
