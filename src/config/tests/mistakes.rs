use super::*;

const MANY: &str = r##"listen: { https: ["0.0.0.0:443"], htpp: ["0.0.0.0:80"], admin: 9180 }
portal: { host: login.example.com, accent: "#ffff00", logo: nowhere.svg }
users:
  database: mysql://root:hunter2@db/x
  databse_file: x
factors: { passkeys: { rp: example.com }, backup_codes: 200, totp: { period: 30 } }
session: { idle: 3600, absolute: soon }
session: { idle: 1h }
limits: { password: { tries: 0 }, header_bytes: 10 parsecs }
strengths: { payroll: { strength: two_factors } }
apps:
  - host: https://erp.example.com/
    upstraem: "http://10.0.0.5:8080/path"
    identity:
      headers: { user: X-Forwarded-Host }
      basic_auth: { username: erp, password: hunter2, password_file: pw, ovveride: true }
    rules:
      - { path: admin, access: public, require: two_factor }
      - { path: /**, require: payrol }
      - { name: open, path: /x, acess: publik }
      - { path: /y, allow: { groups: [] }, require: one_factor }
      - { path_regex: "/(", access: deny, on_risk: { high: deny } }
"##;

#[test]
fn many_mistakes_are_told_in_one_run() {
    let place = Place::new();
    let loaded = place.load(MANY);
    let text = loaded.text(false).replace(&place.path().display().to_string(), "DIR");
    assert!(!text.contains("hunter2"), "{text}");
    insta::assert_snapshot!("many_mistakes", text);
    for line in text.lines().filter(|line| !line.starts_with("stepgate.yaml:")) {
        assert!(line.chars().count() <= 80, "too wide: {line}");
    }
}

#[test]
fn colour_comes_only_if_asked_for_and_problems_are_json() {
    let place = Place::new();
    let loaded = place.load(MANY);
    assert!(!loaded.text(false).contains('\u{1b}'));
    assert!(loaded.text(true).contains("\u{1b}[1;31merror"));
    assert_eq!(loaded.exit_code(), 78);
    let json = loaded.json(Path::new("stepgate.yaml"));
    assert_eq!(json["ok"], false);
    assert!(json["problems"].as_array().unwrap().len() > 15);
    assert!(!json.to_string().contains("hunter2"));
}

#[test]
fn files_that_are_no_configuration() {
    for (text, part) in [
        ("", "the file is empty"),
        ("# nothing\n", "the file is empty"),
        ("apps:\n\t- host: x\n", "indent with spaces"),
        ("apps: [\n", "not YAML"),
        ("- a\n- b\n", "expected a mapping"),
        ("hello", "expected a mapping"),
        ("apps:\n  - host: a.example\n    upstream http://10.0.0.5\n", "    upstream ***\n"),
        ("a: 1\n---\nb: 2\n", "a second document"),
        ("x: &a [*a]\n", "an anchor cannot contain itself"),
    ] {
        let told = told(text);
        let place = Place::new();
        let fixes = place.load(text).text(false);
        assert!(!told.is_empty() && fixes.contains(part), "{part}: {fixes}");
    }
    let loaded = from_bytes("x", Path::new("."), b"apps: \xff\xfe", None, false);
    assert!(loaded.text(false).contains("not UTF-8"), "{}", loaded.text(false));
    assert_eq!(loaded.problems[0].column, 7);
    let missing = crate::config::load(Path::new("/nowhere/at/all.yaml")).err().unwrap();
    assert!(missing.text.contains("no such file") && missing.count == 1);
}

#[test]
fn bombs_end_soon() {
    let mut text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
    for i in 1..12 {
        let below = format!("*a{}", i - 1);
        text.push_str(&format!("a{i}: &a{i} [{}]\n", vec![below; 10].join(",")));
    }
    assert!(told(&text).iter().any(|m| m.contains("aliases make this file too large")));
    let deep = format!("apps: {}{}", "[".repeat(5000), "]".repeat(5000));
    assert!(!told(&deep).is_empty());
    let wide = format!("apps: [{}]", "1,".repeat(60_000));
    assert!(!told(&wide).is_empty());
}

#[test]
fn duplicates_are_told_with_both_places() {
    tells(
        &format!("{}session: {{ idle: 1h }}\nsession: {{ idle: 2h }}\n", file("", "")),
        "`session` is here twice; the first is in line 7",
    );
}

#[test]
fn aliases_work_and_merge_keys_are_explained() {
    let anchored =
        file("    rules: [{ path: /**, require: &two two_factor }]\n", "strengths: { late: { strength: *two } }\n");
    assert!(told(&anchored).is_empty(), "{:?}", told(&anchored));
    tells(&file("", "session: { <<: { idle: 1h } }\n"), "merge keys");
}

#[test]
fn no_snippet_shows_a_secret_whatever_is_wrong() {
    for text in [
        "users: { database: \"postgres://u:hunter2@h/d\", oops: 1 }\n",
        "users:\n  database: postgres://u:hunter2@h/\n",
        "state: redis://:hunter2@:6379\n",
        "apps: [{ identity: { basic_auth: { pasword: hunter2, x: 1 } } }]\n",
        "apps:\n  - identity:\n      basic_auth:\n        password: hunter2 : [\n",
        "users: { database: 'postgres://u:hunter2@h/d' \n",
        "state: { url: \"redis://a:hunter2@h/notanumber\" }\n",
        "portal: { support: \"https://a:hunter2@h\", x: }\n",
        "x: { password: a, password: hunter2 }\ny: {}\n",
        "x: { basic_auth: {}, basic_auth: { password: hunter2 } }\n",
        "password: |\n  hunter2\nx: 1\n",
    ] {
        let place = Place::new();
        let shown = place.load(text).text(false);
        assert!(!shown.is_empty() && !shown.contains("hunter2"), "{text}\n{shown}");
    }
}

#[test]
fn paths_start_at_the_directory_of_the_file_even_if_it_is_the_working_directory() {
    let here = std::env::current_dir().unwrap();
    assert_eq!(crate::config::load::home(Path::new("a.yaml")), here);
    assert_eq!(crate::config::load::home(Path::new("x/a.yaml")), here.join("x"));
    let shown = Place::new().load(&file("", "").replace("sqlite://./a.db", "sqlite://./no/a.db")).text(false);
    assert!(shown.contains("sqlite://./no/a.db"), "{shown}");
}
