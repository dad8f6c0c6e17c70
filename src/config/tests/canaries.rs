//! Whatever is wrong with a file, nothing that may be a secret is told: canaries are planted where one may stand.

use proptest::prelude::*;

use super::*;

const EXAMPLE: &str = include_str!("../../../config/example.yaml");
const CANARY: &str = "hunter2";

/// How a credential looks that is known by its looks, wherever it stands.
const TELLING: [&str; 9] = [
    "'postgres://u:hunter2@h/db'",
    "postgres://h/db?password=hunter2",
    "'redis://:pa hunter2@h'",
    "\"redis://:pa'hunter2,x@h:6379/0\"",
    "'redis://h?token=hunter2'",
    "'u:hunter2@h'",
    "'host=h user=u password=hunter2'",
    "'https://hunter2@h/'",
    "\"password: hunter2\"",
];

/// The shapes a value may have by mistake.
const SHAPES: [fn(&str) -> String; 6] = [
    str::to_owned,
    |v| format!("[{v}]"),
    |v| format!("{{ a: {v} }}"),
    |v| format!("[[{v}], 1]"),
    |v| format!("{{ a: [{{ b: {v} }}], c: {v} }}"),
    |v| format!("&x {v}"),
];

/// Keys at which a bare word may be a secret.
const SECRET: [&str; 14] = [
    "database",
    "databse",
    "database_url",
    "db_pw",
    "pwd",
    "pass",
    "password",
    "key",
    "master_key",
    "mail",
    "sms",
    "basic_auth",
    "secrets",
    "token",
];

fn is_silent(text: &str) {
    let place = Place::new();
    let loaded = place.load(text);
    let shown = format!("{}{}", loaded.text(true), loaded.json(Path::new("stepgate.yaml")));
    let place = shown.lines().find(|l| l.contains(CANARY)).unwrap_or_default().chars().take(400).collect::<String>();
    assert!(place.is_empty(), "{place}");
}

/// The example with the value in one line replaced, or a line put before it.
fn with(line: usize, key: Option<&str>, value: &str) -> Option<String> {
    let mut lines: Vec<String> = EXAMPLE.lines().map(str::to_owned).collect();
    let line = line % lines.len();
    let (name, _) = lines[line].split_once(": ").filter(|(name, _)| !name.contains('#'))?;
    let indent = " ".repeat(name.len() - name.trim_start().len());
    lines[line] = match key {
        None => format!("{name}: {value}"),
        Some(key) => format!("{indent}{key}: {value}\n{}", lines[line]),
    };
    Some(lines.join("\n"))
}

proptest! {
    #![proptest_config(crate::auth::generated::cases(192))]

    #[test]
    fn a_credential_is_never_shown_wherever_it_stands(
        line in 0usize..400, form in 0..TELLING.len(), shape in 0..SHAPES.len(), key in prop::option::of("[a-z_]{3,8}"),
        broken in any::<bool>(),
    ) {
        let Some(mut text) = with(line, key.as_deref(), &SHAPES[shape](TELLING[form])) else { return Ok(()) };
        if broken {
            text = text.replacen(CANARY, "hunter2 ]", 1);
        }
        is_silent(&text);
    }

    #[test]
    fn a_word_is_never_shown_where_a_secret_may_stand(
        line in 0usize..400, key in 0..SECRET.len(), shape in 0..SHAPES.len(), broken in 0..4,
    ) {
        let Some(mut text) = with(line, Some(SECRET[key]), &SHAPES[shape](CANARY)) else { return Ok(()) };
        match broken {
            1 => text = text.replacen(CANARY, "hunter2 }", 1),
            2 => text = text.replacen(CANARY, "'hunter2", 1),
            3 => text = text.replacen(CANARY, "hunter2: x: y", 1),
            _ => {}
        }
        is_silent(&text);
    }
}

#[test]
fn secrets_in_the_place_of_files_and_keys_are_not_shown() {
    for text in [
        "users: { database_file: 'postgres://u:hunter2@h/db' }\n",
        "state_file: 'redis://:hunter2@h'\n",
        "state: { url_file: hunter2, prefix: '' }\n",
        "secrets: { key_file: hunter2 }\n",
        "secrets: { key_file: hunter2/x+yz= }\n",
        "secrets: [hunter2]\n",
        "tls: { cert: a.pem, key: hunter2 }\n",
        "portal: { logo: 'https://u:hunter2@h/logo.svg' }\n",
        "apps: [{ identity: { basic_auth: { username: u, password_file: hunter2 } } }]\n",
        "apps: [{ identity: { basic_auth: { username: u, hunter2 } } }]\n",
        "apps: [{ identity: { basic_auth: { username: u, hunter2, hunter2 } } }]\n",
        "apps: [{ identity: { basic_auth: { username: u, password: !secret hunter2 } } }]\n",
        "apps: [{ identity: { basic_auth: { username: 'a:b', password: \"x\n   hunter2\n  y\" } } }]\n",
        "apps: [{ identity: { basic_auth: { ? password : hunter2, z: 1 } } }]\n",
        "x: &p hunter2\ny: *p\n",
        "apps:\n  - host: 1..2 # was: hunter2\n",
        "sqlite: 1\nusers: { database: 'sqlite://u:hunter2@h/x' }\n",
        "users: { database: 'sqlite:///x?key=hunter2' }\n",
        "hunter2\n",
    ] {
        is_silent(text);
    }
}

#[test]
fn what_is_no_secret_is_shown() {
    let place = Place::new();
    let text =
        place.load(&file("    max_body: nothing # unlimited\n", "secrets: { key_file: a/b }\nzzz: 5\n")).text(false);
    for part in ["    max_body: nothing\n", "secrets: { key_file: *** }", "zzz: ***\n"] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    // the path of a newcomer's file that is not there yet, in a directory that is not there yet
    let absent = "/etc/none-of-that-name/master.key";
    let text = place.load(&file("", &format!("secrets: {{ key_file: {absent} }}\n"))).text(false);
    assert!(text.contains(&format!("cannot read {absent}: there is no such file")), "{text}");
}
