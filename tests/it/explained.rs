//! `stepgate explain --user` looks the person up, and changes nothing by that.

use crate::support::command::{run, run_with};

#[test]
fn a_person_is_judged_by_the_groups_and_methods_of_their_account() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("stepgate.yaml").display().to_string();
    let text = format!(
        "listen: {{ plain: [\"127.0.0.1:1\"] }}
users: {{ database: \"sqlite://{}/users.db\", password: {{ memory: 8MiB, iterations: 1 }} }}
apps:
  - host: app.test
    upstream: http://10.0.0.5:8080
    rules: [{{ path: /**, require: two_factor, allow: {{ groups: [staff] }} }}]
",
        folder.path().display()
    );
    std::fs::write(&config, text).unwrap();
    let explain = |more: &[&str]| {
        let ended = run(&[&["explain", "-c", &config, "--url", "http://app.test/x", "--json"], more].concat());
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        serde_json::from_str::<serde_json::Value>(&ended.stdout).unwrap()
    };
    let told = explain(&["--user", "ann"]);
    assert!(told["note"].as_str().unwrap().contains("The database was not asked"), "{told}");
    assert!(!folder.path().join("users.db").exists() && !folder.path().join("users.db.key").exists());

    for who in [&["ann", "--group", "staff", "--totp", "--json"][..], &["bob", "--group", "staff"], &["eve"]] {
        let args = [&["user", "add"], who, &["-c", &config, "--password-stdin"]].concat();
        let ended = run_with(&args, b"quite a long password\n");
        assert_eq!(ended.code, 0, "{}", ended.stderr);
    }
    for (who, outcome, part) in [
        ("ann", "challenge", "Needs two_factor: password and totp."),
        ("bob", "challenge", "Needs two_factor: password, and then setting up one of passkey, security_key, totp."),
        ("eve", "refuse", "Being group staff."),
        ("zoe", "refuse", "Being group staff."),
    ] {
        let told = explain(&["--user", who]);
        assert_eq!((told["outcome"].as_str(), told["remedy"].as_str()), (Some(outcome), Some(part)), "{told}");
        let unknown = told["note"].as_str().is_some_and(|note| note.contains("There is no account zoe"));
        assert_eq!(unknown, who == "zoe", "{told}");
    }
    let told = explain(&["--user", "ann", "--groups", "guests"]);
    assert_eq!(told["outcome"], "refuse", "what is given stands: {told}");
    assert_eq!(explain(&["--user", "ann", "--amr", "pwd,otp"])["outcome"], "permit");
    let ended = run(&["user", "disable", "ann", "-c", &config]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    for amr in [&[][..], &["--amr", "pwd,otp"]] {
        let told = explain(&[&["--user", "ann"], amr].concat());
        assert!(told["note"].as_str().unwrap().contains("This account is disabled"));
        assert_eq!(told["outcome"], "challenge", "as `run` answers who has no session: {told}");
    }
}

#[test]
fn where_people_sign_in_for_many_hosts_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("stepgate.yaml").display().to_string();
    let text = format!(
        "listen: {{ plain: [\"127.0.0.1:1\"] }}
users: {{ database: \"sqlite://{}/users.db\" }}
portal: {{ host: login.app.test }}
apps:
  - {{ host: erp.app.test, upstream: http://10.0.0.5:8080, rules: [{{ path: /**, require: two_factor }}] }}
  - {{ host: old.app.test, portal: off, upstream: http://10.0.0.6, rules: [{{ path: /**, require: two_factor }}] }}
",
        folder.path().display()
    );
    std::fs::write(&config, text).unwrap();
    let explain = |host: &str| run(&["explain", "-c", &config, "--json", "--url", &format!("https://{host}/x")]);
    let at = |host: &str| {
        let ended = explain(host);
        serde_json::from_str::<serde_json::Value>(&ended.stdout).unwrap()["sign_in_at"].as_str().map(str::to_owned)
    };
    assert_eq!(at("erp.app.test").as_deref(), Some("login.app.test"));
    assert_eq!(at("old.app.test"), None);
    let own = explain("LOGIN.app.test:443");
    assert_eq!(own.code, 2, "{}", own.stderr);
    assert!(own.stderr.contains("login.app.test has our pages and no app"), "{}", own.stderr);
}
