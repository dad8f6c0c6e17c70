//! What is kept of a person is shown, given out and erased by commands, beside a gateway that runs.

use serde_json::{Value, json};

use super::support::command::{Ended, run};
use super::support::gateway::Gateway;
use super::support::small::{self, PASSWORD};

const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

async fn sign_in(gateway: &Gateway) -> (u16, String) {
    let body = json!({ "username": "ann", "password": PASSWORD, "strength": "one_factor" });
    let mut script = gateway.api_client();
    let login = script.request(reqwest::Method::POST, "/.stepgate/api/v1/login").header("host", "app.test");
    let answer = script.send(login.header("user-agent", AGENT).json(&body)).await;
    (answer.status, answer.body)
}

fn value(ended: &Ended) -> Value {
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    serde_json::from_str(&ended.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_profile_is_shown_given_out_and_erased() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = small::start(folder.path(), "risk: { mode: shadow }").await;
    let config = folder.path().join("stepgate.yaml").display().to_string();
    let risk = |args: &[&str]| run(&[&["risk"], args, &["-c", &config]].concat());

    let before = risk(&["show", "ann"]);
    assert!(before.code == 0 && before.stdout.contains("no profile is kept"), "{}", before.stdout);
    assert_eq!(value(&risk(&["show", "ann", "--json"]))["level"], "unscored");
    for args in [["show", "anne"], ["export", "anne"], ["erase", "anne"]] {
        let ended = risk(&args);
        assert!(ended.code == 1 && ended.stderr.contains("no user anne; did you mean ann?"), "{}", ended.stderr);
    }
    assert!(risk(&["show", "somebody"]).stderr.contains("no user somebody; `stepgate user list`"));

    for count in 1..=3 {
        let (status, body) = sign_in(&gateway).await;
        assert_eq!(status, 200, "{body}");
        assert_eq!(value(&risk(&["show", "ann", "--json"]))["profile"]["sign_ins"], count);
    }
    let shown = value(&risk(&["show", "ann", "--json"]));
    assert_eq!((&shown["mode"], &shown["level"]), (&json!("shadow"), &Value::Null), "{shown}");
    // A private address says nothing, so it is not learnt.
    assert_eq!(shown["profile"]["fields"], json!({ "browser": 1, "device_class": 1 }), "{shown}");
    let text = risk(&["show", "ann"]).stdout;
    assert!(text.contains("sign-ins counted  3\n") && text.contains("keyed hashes"), "{text}");

    let given = value(&risk(&["export", "ann"]));
    let held = given["profile"]["held"].as_array().unwrap();
    let hash = |of: &str| held.iter().find(|field| field["of"] == of).unwrap()["hash"].as_str().unwrap().to_owned();
    assert!(hash("browser").len() == 16 && hash("browser") != hash("device_class"), "{given}");
    assert_eq!(
        (given["sessions"].as_array().unwrap().len(), &given["sessions"][0]["address"]),
        (3, &json!("127.0.0.1"))
    );

    let erased = risk(&["erase", "ann"]);
    assert_eq!((erased.code, erased.stdout.as_str()), (0, ""), "{}", erased.stderr);
    assert!(erased.stderr.contains("keyed hashes of 3 sign-ins\n"), "{}", erased.stderr);
    assert!(erased.stderr.contains("\"risk_profile_erased\""), "it is in the audit: {}", erased.stderr);
    let again = risk(&["erase", "ann"]);
    assert!(again.code == 0 && again.stderr.contains("nothing was erased"), "{}", again.stderr);
    assert!(!again.stderr.contains("risk_profile_erased"), "{}", again.stderr);
    assert_eq!(sign_in(&gateway).await.0, 200);
    assert_eq!(value(&risk(&["show", "ann", "--json"]))["profile"]["sign_ins"], 1, "it is learnt anew");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_is_pinned_until_they_are_cleared() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = small::start(folder.path(), "risk: { on_risk: { high: step_up } }").await;
    let config = folder.path().join("stepgate.yaml").display().to_string();
    let risk = |args: &[&str]| run(&[&["risk"], args, &["-c", &config]].concat());

    assert_eq!(sign_in(&gateway).await.0, 200);
    let off = folder.path().join("off.yaml");
    let text = std::fs::read_to_string(&config).unwrap().replace("risk: { on_risk: { high: step_up } }", "");
    std::fs::write(&off, text).unwrap();
    let refused = run(&["risk", "pin", "ann", "-c", &off.display().to_string()]);
    assert!(refused.code == 1 && refused.stderr.contains("`risk` is off"), "{}", refused.stderr);

    let pinned = risk(&["pin", "ann"]);
    assert_eq!(pinned.code, 0, "{}", pinned.stderr);
    for said in
        ["\"risk_pinned\"", "1 session ended", "ann counts as high risk (reported, since ", "two factors are asked"]
    {
        assert!(pinned.stderr.contains(said), "{said}: {}", pinned.stderr);
    }
    let shown = value(&risk(&["show", "ann", "--json"]));
    assert_eq!((&shown["level"], &shown["profile"]["pinned"]["why"]), (&json!("high"), &json!("reported")), "{shown}");
    // The gateway that runs knows it at once; ann has no second factor to show that it is her.
    let (status, body) = sign_in(&gateway).await;
    assert!(status == 403 && body.contains("\"risk\""), "{status} {body}");

    let erased = risk(&["erase", "ann"]);
    assert!(erased.code == 0 && erased.stderr.contains("The pin stays"), "{}", erased.stderr);
    assert_eq!(value(&risk(&["show", "ann", "--json"]))["level"], "high");
    let cleared = risk(&["clear", "ann"]);
    assert!(cleared.code == 0 && cleared.stderr.contains("\"risk_pin_cleared\""), "{}", cleared.stderr);
    assert!(risk(&["clear", "ann"]).stderr.contains("ann is not pinned"));
    assert_eq!(sign_in(&gateway).await.0, 200);

    assert_eq!(risk(&["pin", "ann"]).code, 0);
    let deleted = run(&["user", "delete", "ann", "--yes", "-c", &config]);
    assert_eq!(deleted.code, 0, "{}", deleted.stderr);
    let shown = run(&["risk", "show", "ann", "-c", &config]);
    assert!(shown.code == 1 && shown.stderr.contains("no user ann"), "{}", shown.stderr);
}
