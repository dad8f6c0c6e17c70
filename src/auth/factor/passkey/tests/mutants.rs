//! Nothing but the answer itself is accepted.

use std::collections::BTreeSet;

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use super::{CHALLENGE, HANDLE, expected, key, record, signed_as};
use crate::auth::factor::passkey::testing::SoftKey;
use crate::auth::factor::passkey::*;

/// How many mutants the whole suite makes at least.
const MUTANTS: usize = 100_000;

/// Other types and values that could stand in the place of a member.
fn others(of: &Value) -> Vec<Value> {
    let all = [
        Value::Null,
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(""),
        json!("x"),
        json!("_w"),
        json!([]),
        json!({}),
        json!([of]),
        json!({ "x": of }),
    ];
    all.into_iter().filter(|other| other != of).collect()
}

/// The text of an object in which a member stands twice.
fn doubled(members: &Value, name: &str, second: &Value) -> String {
    let text = members.to_string();
    let closed = text.strip_suffix('}').unwrap();
    format!("{closed},{}:{second}}}", json!(name))
}

fn accepted(text: &str, record: &PasskeyRecord) -> bool {
    let Ok(response) = AuthenticationResponse::parse(text) else { return false };
    authenticate(&response, &expected(), Signer { passkey: record, user_handle: &HANDLE, discoverable: true }).is_ok()
}

struct Seen {
    made: usize,
    accepted: Vec<String>,
    texts: BTreeSet<Vec<u8>>,
}

impl Seen {
    fn try_text(&mut self, text: String, record: &PasskeyRecord) {
        use sha2::{Digest, Sha256};
        if !self.texts.insert(Sha256::digest(&text).to_vec()) {
            return;
        }
        self.made += 1;
        if accepted(&text, record) {
            self.accepted.push(text);
        }
    }
}

/// Members that say nothing: their absence, or another value of their type, changes nothing.
fn says_nothing(path: &str, value: Option<&Value>) -> bool {
    match path {
        "authenticatorAttachment" => value.is_none_or(|v| v.is_string() || v.is_null()),
        "clientExtensionResults" => value.is_some_and(Value::is_object),
        _ => false,
    }
}

fn mutate(key: &SoftKey, record: &PasskeyRecord, seen: &mut Seen, pairs: usize) {
    let good = key.sign(&CHALLENGE);
    assert!(signed_as(&good, record, true, &expected()).is_ok());
    let parts = ["clientDataJSON", "authenticatorData", "signature"];
    for part in parts {
        let bytes = BASE64URL_NOPAD.decode(good["response"][part].as_str().unwrap().as_bytes()).unwrap();
        let mut with = |bytes: &[u8]| {
            let mut answer = good.clone();
            answer["response"][part] = BASE64URL_NOPAD.encode(bytes).into();
            seen.try_text(answer.to_string(), record);
        };
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            with(&changed);
            // Two bits, as far as the budget goes.
            for other in (bit + 1..bytes.len() * 8).take(pairs) {
                let mut twice = changed.clone();
                twice[other / 8] ^= 1 << (other % 8);
                with(&twice);
            }
        }
        for length in 0..bytes.len() {
            with(&bytes[..length]);
        }
        for more in 0..=255 {
            with(&[&bytes[..], &[more]].concat());
            with(&[&[more], &bytes[..]].concat());
        }
    }
    let top: Vec<String> = good.as_object().unwrap().keys().cloned().collect();
    let inner: Vec<String> = good["response"].as_object().unwrap().keys().cloned().collect();
    for name in &top {
        let mut without = good.clone();
        without.as_object_mut().unwrap().remove(name);
        if !says_nothing(name, None) {
            seen.try_text(without.to_string(), record);
        }
        seen.try_text(doubled(&good, name, &good[name]), record);
        for other in others(&good[name]) {
            seen.try_text(doubled(&good, name, &other), record);
            if !says_nothing(name, Some(&other)) {
                let mut answer = good.clone();
                answer[name] = other;
                seen.try_text(answer.to_string(), record);
            }
        }
    }
    let outer = |response: String| {
        let mut answer = good.clone();
        answer["response"] = json!("RESPONSE");
        answer.to_string().replace("\"RESPONSE\"", &response)
    };
    for name in &inner {
        let response = &good["response"];
        let mut without = response.clone();
        without.as_object_mut().unwrap().remove(name);
        seen.try_text(outer(without.to_string()), record);
        seen.try_text(outer(doubled(response, name, &response[name])), record);
        for other in others(&response[name]) {
            seen.try_text(outer(doubled(response, name, &other)), record);
            let mut changed = response.clone();
            changed[name] = other;
            seen.try_text(outer(changed.to_string()), record);
        }
    }
    // Client data of other shapes, signed anew by the same key: only the checks of ours stand before it.
    let plain: Value = serde_json::from_slice(&key.client_data("get", &CHALLENGE)).unwrap();
    let data = key.authenticator_data(key.flags());
    for name in ["type", "challenge", "origin", "crossOrigin"] {
        let mut texts = vec![doubled(&plain, name, &plain[name])];
        if name != "crossOrigin" {
            let mut without = plain.clone();
            without.as_object_mut().unwrap().remove(name);
            texts.push(without.to_string());
        }
        for other in others(&plain[name]) {
            texts.push(doubled(&plain, name, &other));
            let mut changed = plain.clone();
            changed[name] = other;
            texts.push(changed.to_string());
        }
        for text in texts {
            seen.try_text(key.assertion(text.as_bytes(), &data).to_string(), record);
        }
    }
}

#[test]
fn no_mutant_is_accepted() {
    let mut seen = Seen { made: 0, accepted: Vec::new(), texts: BTreeSet::new() };
    let key = SoftKey { user_handle: Some(HANDLE.to_vec()), backup_eligible: true, ..key() };
    mutate(&key, &record(&key), &mut seen, 0);
    assert_eq!(seen.accepted, [""; 0]);
    assert!(seen.made > 3_500, "{}", seen.made);
}

/// The whole: `make webauthn`.
#[test]
#[ignore = "minutes without optimisation"]
#[expect(clippy::print_stdout, reason = "how many were made belongs to what the test tells")]
fn no_mutant_of_a_hundred_thousand_is_accepted() {
    let mut seen = Seen { made: 0, accepted: Vec::new(), texts: BTreeSet::new() };
    for (eligible, verified) in [(false, true), (true, true)] {
        let key =
            SoftKey { user_handle: Some(HANDLE.to_vec()), backup_eligible: eligible, user_verified: verified, ..key() };
        mutate(&key, &record(&key), &mut seen, 32);
    }
    println!("{} mutants, {} accepted", seen.made, seen.accepted.len());
    assert_eq!(seen.accepted, [""; 0]);
    assert!(seen.made >= MUTANTS, "{}", seen.made);
}
