//! Mistakes that were told wrongly, or not at all: what is wrong, where, and what to do.

use super::*;
use crate::auth::time::Timestamp;

/// Made by `openssl x509 -req -signkey`, which makes no extensions and so version 1. Its key serves nothing else.
const V1: &str = "-----BEGIN CERTIFICATE-----\n\
    MIIBMDCB1wIUFuxlUM5YEAN00Df+j2hr+qlH3tEwCgYIKoZIzj0EAwIwGjEYMBYG\n\
    A1UEAwwPZXJwLmV4YW1wbGUuY29tMCAXDTI2MTEyNjEwMTUzMVoYDzIxMjYxMTAy\n\
    MTAxNTMxWjAaMRgwFgYDVQQDDA9lcnAuZXhhbXBsZS5jb20wWTATBgcqhkjOPQIB\n\
    BggqhkjOPQMBBwNCAASPzZ6zymu4TNDCmrUB+MMisIIxGfRG+e3+UYGQa27NKBtN\n\
    AZ9Y3YayG2bUu7mlUy437c8WIuyRlJaeJFRPftmgMAoGCCqGSM49BAMCA0gAMEUC\n\
    IDPk/+OB7AX/NOXaDmGluCDbhaQmAEzedVnKYkxnlw02AiEAhF5cPks6fn91AYUW\n\
    H6/dWIIa+0v8lGFrsKwBaBkuFuY=\n\
    -----END CERTIFICATE-----\n";
const V1_KEY: &str = "-----BEGIN PRIVATE KEY-----\n\
    MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgAMG5oe+97RU4jeJx\n\
    HmUAXQK/qKSVRmaHC9xW7Mn7FvyhRANCAASPzZ6zymu4TNDCmrUB+MMisIIxGfRG\n\
    +e3+UYGQa27NKBtNAZ9Y3YayG2bUu7mlUy437c8WIuyRlJaeJFRPftmg\n\
    -----END PRIVATE KEY-----\n";

fn upstream(url: &str) -> String {
    file("", "").replace("http://10.0.0.5:8080", url)
}

#[test]
fn a_placeholder_is_refused_wherever_it_stands() {
    let fix = "a secret may be `env:NAME`";
    tells(&upstream("http://${APP_HOST}:80"), fix);
    tells(&upstream("\"${APP:-http://a}\""), fix);
    tells(&upstream("{ servers: [\"http://${A}\"] }"), fix);
    tells(&file("", "").replace("sqlite://./a.db", "sqlite:///${DB}"), fix);
    tells(&file("", "").replace("sqlite://./a.db", "\"sqlite:///${DB}\""), fix);
    tells(&file("", "").replace("erp.example.com", "${HOST}"), fix);
    tells(&file("    rules: [{ path: \"/${x}/**\", require: two_factor }]\n", ""), fix);
    tells(&file("", "session: { idle: \"${IDLE}\" }\n"), fix);
    tells(&file("", "trusted_proxies: [\"${NET}\"]\n"), fix);
    tells(&file("", "").replace("[\"127.0.0.1:8080\"]", "[\"127.0.0.1:${PORT}\"]"), fix);
    tells(&file("", "strengths: { a: { strength: \"${S}\" } }\n"), fix);
    assert!(told(&file("    rules: [{ path: /**, require: two_factor, explanation: \"$x {y}\" }]\n", "")).is_empty());
    let told = Place::new().load(&file("", "portal: { name: \"${hunter2}\" }\n")).text(false);
    assert!(told.starts_with("stepgate.yaml:7:17: error: `${…}` is not filled in here\n"), "{told}");
}

#[test]
fn a_secret_may_stand_in_the_environment() {
    // Cargo sets this one for every test.
    let name = "env:CARGO_PKG_NAME";
    let basic = |password: &str| {
        let rules = "    rules: [{ path: /**, require: two_factor }]\n";
        file(&format!("    identity: {{ basic_auth: {{ username: u, password: \"{password}\" }} }}\n{rules}"), "")
    };
    let loaded = Place::new().load(&basic(name));
    let settings = loaded.settings.unwrap();
    assert_eq!(settings.proxy.apps[0].identity.basic_auth.as_ref().unwrap().password.expose(), "stepgate");
    tells(&basic("env:NOBODY_SETS_THIS"), "the environment has no NOBODY_SETS_THIS");
    for odd in ["env:", "env:A-B", "env:1A", "env: A", "env:A=B"] {
        tells(&basic(odd), "not the name of an environment variable");
    }
    tells(&file("", "").replace("sqlite://./a.db", name), "not a database Stepgate knows");
    tells(&file("", &format!("state: {name}\n")), "not a state store Stepgate knows");
    tells(&file("", &format!("state: {{ url: {name} }}\n")), "not a state store Stepgate knows");
}

#[test]
fn a_problem_is_one_line_first_and_github_takes_it() {
    let loaded = Place::new().load(&upstream("ftp://a%b,c"));
    let text = loaded.text(false);
    let first = text.lines().next().unwrap();
    assert_eq!(first, "stepgate.yaml:3:15: error: not a URL");
    let loaded = Place::new().load(&upstream("ftp://a"));
    let github = loaded.github();
    assert!(
        github.starts_with("::error file=stepgate.yaml,line=3,col=15::`ftp` is no scheme of an app%0A"),
        "{github}"
    );
    assert_eq!(github.lines().count(), 1);
}

#[test]
fn a_tab_is_told_where_it_stands() {
    for (text, line, column) in [
        ("apps:\n\t- host: x\n", 2, 1),
        ("apps:\n  - host: x\n\tupstream: y\n", 3, 1),
        ("apps:\n  - host: x\n  \tupstream: y\n", 3, 3),
        ("apps:\n  -\thost: x\n   \tupstream: y\n", 3, 4),
        ("users:\n  - \ta: b\n\t  c: d\n", 3, 1),
        ("listen:\n  plain: [a]\n\n\nusers:\n\tdatabase: x\n", 6, 1),
        ("apps: {\n\thost: x,\n\tb: c }\n", 2, 1),
    ] {
        let problems = Place::new().load(text).problems;
        let at: Vec<_> = problems.iter().map(|p| (p.line, p.column, p.message.as_str())).collect();
        assert_eq!(at, [(line, column, "a tab indents this line")], "{text:?}");
    }
}

#[test]
fn two_slashes_are_no_absolute_path() {
    let users = |database: &str| file("", "").replace("sqlite://./a.db", database);
    let loaded = Place::new().load(&users("sqlite://a.db"));
    assert!(loaded.settings.is_some(), "a warning");
    tells(&users("sqlite://a.db"), "write `sqlite:///a.db` for /a.db, or `sqlite://./a.db`");
    tells(&users("sqlite://srv/none/a.db"), "two slashes: this names ");
    assert!(Place::new().load(&users("sqlite://srv/none/a.db")).settings.is_none());
    tells(&file("", "state: sqlite://b.db\n"), "two slashes");
    assert!(told(&users("sqlite://./b.db")).is_empty());
}

#[test]
fn upstreams_that_cannot_be_are_told() {
    for socket in ["unix:/run/app.sock", "unix:///run/app.sock", "http+unix://%2Frun%2Fapp.sock", "/run/app.sock"] {
        tells(&upstream(socket), "apps are reached over TCP");
    }
    for own in ["http://127.0.0.1:8080", "http://localhost:8080", "http://[::ffff:127.0.0.1]:8080"] {
        tells(&upstream(own), "is an address of this gateway itself");
    }
    tells(&upstream("http://erp.example.com:8080"), "is an address of this gateway itself");
    let open =
        |own: &str| upstream(own).replace("[\"127.0.0.1:8080\"]", "[\"127.0.0.1:1\"], admin: \"127.0.0.1:9180\"");
    tells(
        &open("{ servers: [\"http://10.0.0.5:9180\", \"http://127.0.0.1:9180\"] }"),
        "address of this gateway itself",
    );
    for other in ["http://127.0.0.1:8081", "http://127.0.0.2:8080", "http://10.0.0.5:8080", "http://b.example:8080"] {
        assert!(told(&upstream(other)).is_empty(), "{other}");
    }
}

#[test]
fn an_app_that_asks_nobody_is_warned_of() {
    let rules = |rules: &str| file(&format!("    rules: [{rules}]\n"), "");
    tells(&rules("{ path: /a/**, access: public }, { path: /**, access: public }"), "every rule of this app is public");
    assert!(told(&rules("{ path: /a/**, access: public }, { path: /**, access: deny }")).is_empty());
}

#[test]
fn methods_that_are_none_are_told() {
    let method = |method: &str| file(&format!("    rules: [{{ path: /**, methods: [{method}], access: deny }}]\n"), "");
    tells(&method("FETCH"), "`FETCH` is no registered method");
    tells(&method("GTE"), "did you mean GET?");
    for registered in ["PROPFIND", "MKCOL", "REPORT", "SEARCH", "VERSION-CONTROL", "QUERY"] {
        assert!(told(&method(registered)).is_empty(), "{registered}");
    }
}

#[test]
fn cookies_cannot_be_what_browsers_refuse() {
    let cookies = |cookies: &str| {
        file(&format!("    cookies: {{ {cookies} }}\n    rules: [{{ path: /**, require: two_factor }}]\n"), "")
    };
    tells(&cookies("secure: false, same_site: none"), "browsers refuse `SameSite=None`");
    tells(&cookies("same_site: odd"), "possible here: `lax`, `strict`, `none`");
    for fine in ["secure: false", "same_site: none", "secure: true, same_site: strict"] {
        assert!(told(&cookies(fine)).is_empty(), "{fine}");
    }
}

#[test]
fn certificates_near_their_end_and_of_version_1_are_told() {
    let place = Place::new();
    let day = 24 * 3600;
    let mut params = rcgen::CertificateParams::new(vec!["erp.example.com".to_owned()]).unwrap();
    (params.not_before, params.not_after) = (rcgen::date_time_ymd(2020, 1, 1), rcgen::date_time_ymd(2030, 1, 1));
    let key = rcgen::KeyPair::generate().unwrap();
    place.write("near.pem", &params.self_signed(&key).unwrap().pem());
    place.write("near.key", &key.serialize_pem());
    let end = 1_893_456_000; // 2030-01-01
    let text = file("", "tls: { cert: near.pem, key: near.key }\n");
    for (before, said) in [(15 * day, None), (14 * day, Some("in 14 days")), (day - 60, Some("within a day"))] {
        let now = Timestamp::from_secs(end - before);
        let told = from_bytes("x", place.path(), text.as_bytes(), Some(now), false);
        let all: Vec<_> = told.problems.iter().map(|p| p.message.as_str()).collect();
        assert_eq!(all.len(), usize::from(said.is_some()), "{all:?}");
        assert!(said.is_none_or(|said| all[0].contains(said)), "{all:?}");
    }
    place.write("one.pem", V1);
    place.write("one.key", V1_KEY);
    let told = place.load(&file("", "tls: { cert: one.pem, key: one.key }\n")).text(false);
    assert!(told.contains("of X.509 version 1, which no browser takes"), "{told}");
}

#[test]
fn a_configuration_with_a_password_that_everybody_can_read_is_warned_of() {
    let password = "identity: { basic_auth: { username: u, password: hunter2 } }\n    rules: [{ path: /**, require: two_factor }]\n";
    let with = file(&format!("    {password}"), "");
    let pg = |auth: &str| {
        file("", "state: redis://h\nsecrets: { key_file: master.key }\n")
            .replace("sqlite://./a.db", &format!("\"postgres://{auth}h/d\""))
    };
    let place = Place::new();
    let problems = |text: &str, open| from_bytes("x", place.path(), text.as_bytes(), None, open).problems;
    for text in [with.clone(), pg("u:p@"), pg("u@").replace("h/d", "h/d?password=x")] {
        let told = problems(&text, true);
        assert!(told.len() == 1 && told[0].message.contains("a password stands in it"), "{told:?}");
        assert!(problems(&text, false).is_empty());
    }
    for text in [file("", ""), pg("u@"), pg(""), with.replace("hunter2", "env:CARGO_PKG_NAME")] {
        assert!(problems(&text, true).is_empty(), "{text}");
    }
}
