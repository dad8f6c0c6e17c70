use super::*;

pub(super) fn rules(lines: &str) -> String {
    file(&format!("    rules:\n{lines}"), "")
}

#[test]
fn rules_say_what_they_ask_exactly_once() {
    tells(&rules("      - { path: /** }\n"), "neither `require` nor `access`");
    tells(&rules("      - { require: two_factor }\n"), "`path` is missing");
    tells(&rules("      - { path: /**, path_regex: \"/.*\", access: deny }\n"), "both given");
    tells(&rules("      - { path: /**, access: public, allow: { groups: [a] } }\n"), "`access` asks nobody");
    tells(&rules("      - { path: /**, access: open }\n"), "possible here: `public`, `deny`");
    tells(&rules("      - { path: /**, require: two_facter }\n"), "did you mean `two_factor`?");
    let strict = rules("      - { path: /**, require: phishing_resistant }\n");
    tells(&format!("{strict}factors: {{ passkeys: off }}\n"), "nobody can pass here");
    assert!(told(&strict).is_empty(), "passkeys are on");
    tells(&rules("      - { path: /**, require: { strength: two_factor, methods: [password] } }\n"), "can never reach");
    tells(&rules("      - { path: /**, require: { strength: two_factor, max_age: 0s } }\n"), "longer than zero");
    tells(&rules("      - { path: /**, require: { max_age: 5m } }\n"), "`strength` is missing");
    tells(
        &rules("      - { path: /a, name: a, access: deny }\n      - { path: /b, name: a, access: deny }\n"),
        "taken already in line 5",
    );
    tells(&file("    rules: []\n", ""), "without a rule everything is refused");
    tells(
        &rules("      - { path: /**, require: one_factor, on_risk: { high: deny } }\n"),
        "`on_risk` does nothing here",
    );
    for (given, wanted) in [
        ("medium: deny, high: step_up", "`high` does less than `medium`"),
        ("unscored: step_up, medium: permit", "`medium` does less than `unscored`"),
    ] {
        let told = told(&rules(&format!("      - {{ path: /**, require: one_factor, on_risk: {{ {given} }} }}\n")));
        assert!(told.iter().any(|problem| problem.contains(wanted)), "{told:?}");
    }
    tells(
        &rules("      - { path: /**, access: public, on_change: { network: step_up } }\n"),
        "asks nobody who they are",
    );
    let text = rules("      - { path: /**, require: one_factor, on_risk: { high: forbid } }\n");
    tells(&format!("{text}risk: {{ mode: shadow }}\n"), "possible here: `permit`");
    tells(
        &rules("      - { path: /**, require: one_factor, cors: [\"https://a.example/x\"] }\n"),
        "write `https://a.example`",
    );
}

#[test]
fn nothing_empty_means_everybody() {
    for part in ["allow: {}", "allow: { groups: [] }", "methods: []", "networks: []"] {
        let text = rules(&format!("      - {{ path: /**, require: one_factor, {part} }}\n"));
        assert_eq!(told(&text).len(), 1, "{part}");
    }
    for key in ["allow", "methods", "networks", "require", "access", "path"] {
        let text = rules(&format!("      - path: /**\n        require: one_factor\n        {key}:\n"));
        let told = told(&text);
        assert!(!told.is_empty(), "{key}: {told:?}");
    }
}

#[test]
fn rules_that_can_never_match_are_warned_of() {
    let text = rules(
        "      - { path: /a/**, methods: [GET], access: public }\n      - { path: /a/b, methods: [GET], access: deny }\n      \
         - { path: /a/b, access: deny }\n      - { path: /**, require: two_factor }\n      - { name: late, path: /z, access: deny }\n",
    );
    let told = told(&text);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("6: rule `rule-2` can never match: `rule-1` in line 5"), "{told:?}");
    assert!(told[1].contains("9: rule `late`"), "{told:?}");
    assert!(Place::new().load(&text).settings.is_some());
}

#[test]
fn a_rule_for_get_that_takes_head_from_another_is_warned_of() {
    let open = "      - { path: /a/**, methods: [GET], access: public }\n";
    let list = |method: &str| rules(&format!("{open}      - {{ path: /a/**{method}, access: deny }}\n"));
    tells(&list(""), "rule `rule-1` covers HEAD too, which is GET without a body: `rule-2` in line 6 never sees it");
    assert_eq!(told(&list(", methods: [HEAD]")), Vec::<String>::new());
    let shut = "      - { path: /a/**, methods: [GET], access: deny }\n";
    let probe = rules(&format!("{shut}      - {{ path: /a/**, methods: [HEAD], access: public }}\n"));
    tells(&probe, "rule `rule-2` asks for less than `rule-1` in line 5 asks for GET");
}

#[test]
fn what_other_origins_may_is_said_without_wildcards_and_once() {
    let rule = |more: &str| rules(&format!("      - {{ path: /**, {more} }}\n"));
    let guarded = |more: &str| rule(&format!("require: one_factor, {more}"));
    let spa = "origins: [\"https://spa.example\"]";
    for fine in [
        "cors: [\"https://spa.example\"]".to_owned(),
        "cors: [\"https://spa.example\"], preflight: pass".to_owned(),
        "preflight: pass".to_owned(),
        format!("cors: {{ {spa} }}"),
        format!("methods: [GET, PUT], cors: {{ {spa}, methods: [HEAD, PUT], headers: [X-A], max_age: 10m }}"),
    ] {
        assert_eq!(told(&guarded(&fine)), Vec::<String>::new(), "{fine}");
    }
    tells(&guarded("cors: [\"*\"]"), "`*` stands for no origin here");
    tells(&guarded("cors: { methods: [GET] }"), "`origins` is missing here");
    tells(&guarded("cors: { origins: [] }"), "an empty list would allow no origin");
    tells(&guarded("cors: { origins: [\"https://spa.example/\"] }"), "write `https://spa.example`");
    tells(&guarded(&format!("cors: {{ {spa}, headers: [\"*\"] }}")), "name each header");
    tells(&guarded(&format!("cors: {{ {spa}, headers: [\"x a\"] }}")), "not a header name");
    tells(&guarded(&format!("cors: {{ {spa}, methods: [] }}")), "leave `methods` out");
    tells(&guarded(&format!("cors: {{ {spa}, methods: [\"*\"] }}")), "not an HTTP method");
    tells(&guarded(&format!("cors: {{ {spa}, method: [GET] }}")), "did you mean `methods`?");
    tells(&guarded(&format!("methods: [GET], cors: {{ {spa}, methods: [PUT] }}")), "this rule does not cover PUT");
    tells(&guarded(&format!("cors: {{ {spa} }}, preflight: pass")), "by `preflight: pass` the app does");
    tells(&guarded("preflight: answer"), "possible here: `pass`");
    tells(&rule("access: deny, preflight: pass"), "nobody may pass by this rule, so no preflight may");
    tells(&rule(&format!("access: deny, cors: {{ {spa} }}")), "answers no preflights where nobody may pass");
}

#[test]
fn rules_that_no_request_can_reach_are_warned_of() {
    for (rule, part) in [
        ("path_regex: \"admin/.*\"", "every path begins with `/`"),
        ("path: /.stepgate/**", "the gateway's own"),
        ("path: \"/a;b\"", "path_parameters"),
        ("path_regex: \"/a//b\"", "double_slashes"),
        ("path: /t, methods: [TRACE]", "refuses this method"),
        ("path_regex: \"^$\"", "an empty expression"),
    ] {
        tells(&rules(&format!("      - {{ {rule}, require: two_factor }}\n")), part);
    }
}

#[test]
fn hosts_and_upstreams() {
    let app = |host: &str, upstream: &str| {
        file("", "").replace("erp.example.com", host).replace("http://10.0.0.5:8080", upstream)
    };
    tells(&app("https://erp.example.com", "http://a"), "without scheme");
    tells(&app("erp.example.com:8443", "http://a"), "leave the port out");
    tells(&app("\"*.example.com\"", "http://a"), "each app has one host");
    tells(&app("erp_example..com", "http://a"), "not a host");
    tells(&app("a.example", "10.0.0.5:8080"), "write `http://10.0.0.5:8080`");
    tells(&app("a.example", "ftp://10.0.0.5"), "no scheme of an app");
    tells(&app("a.example", "http://10.0.0.5/app"), "cannot have a path");
    tells(&app("a.example", "http://u:p@10.0.0.5"), "cannot have a password");
    tells(&app("a.example", "http://10.0.0.5:99999"), "not a URL");
    tells(&app("a.example", "{ servers: [] }"), "at least one server");
    tells(&app("a.example", "{ servers: [\"http://a\"], tls: { sni: b } }"), "only for `https://`");
    tells(&app("a.example", "{ servers: [\"https://a\"], tls: { sni: 0 } }"), "not a host name");
    tells(&app("a.example", "\"https://a..b\""), "TLS cannot ask for this host");
    tells(&app("a.example", "{ servers: [\"https://a..b\", \"http://c..d\"] }"), "TLS cannot ask for this host");
    tells(&app("a.example", "{ servers: [\"https://a\"], tls: { insecure: true } }"), "anybody between");
    tells(&app("a.example", "{ servers: [\"https://a\"], balance: random }"), "possible here: `round_robin`");
    assert!(told(&app("ERP.Example.COM.", "http://[::1]:8080")).is_empty());
    let twice = file("", "").replace(
        "listen",
        "  - { host: ERP.example.com, upstream: http://b, rules: [{ path: /**, access: deny }] }\nlisten",
    );
    tells(&twice, "taken already in line 2");
}

#[test]
fn listeners_never_leak_passwords() {
    let with = |listen: &str, more: &str| file("", more).replace("{ plain: [\"127.0.0.1:8080\"] }", listen);
    tells(&with("{ plain: [\"0.0.0.0:8080\"] }", ""), "in the clear");
    let behind = with("{ plain: [\"0.0.0.0:8080\"] }", "trusted_proxies: [10.0.0.0/8]\n");
    tells(&behind, "everybody else in the network is sent to https");
    assert!(Place::new().load(&behind).settings.is_some(), "a warning");
    let local = with("{ plain: [\"127.0.0.1:8080\", \"[::1]:8080\"] }", "trusted_proxies: [10.0.0.0/8]\n");
    assert!(told(&local).is_empty());
    tells(&with("{ https: [\"0.0.0.0:443\"] }", ""), "needs a certificate");
    tells(&with("{ http: [\"0.0.0.0:80\"] }", ""), "`http` only redirects");
    tells(&with("{ plain: [\"localhost:80\"] }", ""), "not an address");
    tells(&with("{ plain: [\"127.0.0.1:80\", \"127.0.0.1:80\"] }", ""), "here twice");
    tells(&with("{ plain: \"127.0.0.1:80\" }", ""), "expected a list");
    tells(&with("{ admin: \"127.0.0.1:9180\" }", ""), "nowhere to listen");
    tells(&file("", "trusted_proxies: [10.0.0.1/8]\n"), "write 10.0.0.0/8");
}

#[test]
fn certificates_are_looked_into() {
    let tls = |cert: &str, key: &str| format!("{}tls: {{ cert: {cert}, key: {key} }}\n", file("", ""));
    assert!(told(&tls("erp.pem", "erp.key")).is_empty());
    assert!(told(&tls("wildcard.pem", "wildcard.key")).is_empty());
    tells(&tls("erp.pem", "wildcard.key"), "does not belong");
    tells(&tls("erp.key", "erp.key"), "no certificate in this file");
    tells(&tls("erp.pem", "erp.pem"), "no private key");
    tells(&tls("none.pem", "erp.key"), "there is no such file");
    tells(
        &tls("erp.pem", "erp.key").replace("erp.example.com", "other.example.org"),
        "no certificate is good for this host",
    );
    tells(&file("", "tls: { cert: erp.pem }\n"), "without its key");
    let place = Place::new();
    let text = tls("erp.pem", "erp.key");
    let late = crate::auth::time::Timestamp::from_millis(1000 * 3600 * 24 * 365 * 9000);
    let loaded = from_bytes("x", place.path(), text.as_bytes(), Some(late), false);
    assert!(loaded.text(false).contains("has expired") && loaded.settings.is_some());
}

#[test]
fn stores_and_keys() {
    let users = |users: &str, more: &str| file("", more).replace("{ database: sqlite://./a.db }", users);
    let pg = "{ database: \"postgres://u:p@h/d\" }";
    assert_eq!(told(&users(pg, "")).len(), 2);
    tells(&users(pg, "state: redis://h\n"), "a master key");
    assert!(told(&users(pg, "state: redis://h\nsecrets: { key_file: master.key }\n")).is_empty());
    tells(&users("{ database: \"mysql://h/d\" }", ""), "not a database");
    tells(&users("{ database: sqlite://./a.db, database_file: b }", ""), "both given");
    tells(&users("{}", ""), "`database` is missing");
    tells(&users("{ database: sqlite://./a.db, ldap: { url: x } }", ""), "not available in this version");
    tells(&file("", "state: redis+sentinel://h\n"), "not available in this version");
    tells(&file("", "state: memcached://h\n"), "not a state store");
    tells(&file("", "state: { url: redis://h, ca: corp.pem }\n"), "only with `rediss://`");
    tells(&file("", "secrets: { key_file: logo.svg }\n"), "line 1 is not a key");
    let place = Place::new();
    place.write("db-url", "postgres://u:p%40@h/d\r\n");
    let loaded =
        place.load(&users("{ database_file: db-url }", "state: redis://h\nsecrets: { key_file: master.key }\n"));
    assert_eq!(loaded.settings.unwrap().store.database.expose(), "postgres://u:p%40@h/d");
}

#[test]
fn what_run_would_stumble_over_is_told() {
    let users = |users: &str, more: &str| file("", more).replace("{ database: sqlite://./a.db }", users);
    let pg = |query: &str| {
        let users_ = format!("{{ database: \"postgres://u:p@h/d?{query}\" }}");
        users(&users_, "state: redis://h\nsecrets: { key_file: master.key }\n")
    };
    assert!(told(&pg("max_connections=3&sslmode=require")).is_empty());
    tells(&pg("max_connections=0"), "from 1 to 1000");
    tells(&pg("sslmode=bogus"), "cannot be read");
    tells(&pg("passwd=hunter2"), "not known");
    tells(&file("", "state: \"rediss://h#insecure\"\n"), "not supported");
    tells(&file("", "state: redis://h?protocol=resp9\n"), "the URL is not");
    tells(&file("", "state: redis://h?db=4\n"), "not known");
    tells(&users("{ database: sqlite:///tmp }", ""), "not a regular file");
    tells(&users("{ database: sqlite://./logo.svg }", ""), "not a SQLite database");
    tells(&file("", "state: sqlite://./logo.svg\n"), "not a SQLite database");
    for host in ["a\\nb", "a?b", "a#b", "u@a", "a/", "a:", "b\u{fc}cher", "", "a:99999", " a"] {
        let text = file("", "").replace(
            "upstream: http://10.0.0.5:8080",
            &format!("upstream: {{ servers: [\"http://a\"], host_header: \"{host}\" }}"),
        );
        tells(&text, "not a host");
    }
    for size in ["1KiB", "65KiB", "1MiB"] {
        tells(&file("", &format!("limits: {{ portal_body: {size} }}\n")), "4096 to 65536");
    }
}

#[test]
fn the_key_file_beside_the_database_is_looked_into() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let text = file("", "");
    assert!(place.load(&text).settings.is_some(), "it will be made");
    place.write("a.db.key", &format!("{}\n", "ab".repeat(32)));
    assert!(place.load(&text).settings.is_some());
    std::fs::set_permissions(place.path().join("a.db.key"), std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(place.load(&text).text(false).contains("chmod 600"));
    place.write("a.db.key", "garbage\n");
    let loaded = place.load(&text);
    assert!(loaded.settings.is_none() && loaded.text(false).contains("line 1 is not a key"));
}

#[test]
fn a_secret_is_one_line() {
    let place = Place::new();
    let of_file = file("", "").replace("database: sqlite://./a.db", "database_file: url");
    for (text, taken) in [
        ("sqlite://./a.db", true),
        ("sqlite://./a.db\n", true),
        ("sqlite://./a.db\r\n", true),
        ("sqlite://./a.db\nsqlite://./b.db\n", false),
        ("sqlite://./a.db\n\n", false),
        ("sqlite://a\u{1}.db", false),
        ("\n", false),
    ] {
        place.write("url", text);
        assert_eq!(place.load(&of_file).settings.is_some(), taken, "{text:?}");
    }
    tells(&file("", "").replace("sqlite://./a.db", "\"sqlite://./a.db\\nb\""), "write it in one line");
}

#[test]
fn a_secret_that_everybody_can_read_is_warned_of() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    std::fs::set_permissions(place.path().join("master.key"), std::fs::Permissions::from_mode(0o644)).unwrap();
    let loaded = place.load(&file("", "secrets: { key_file: master.key }\n"));
    assert!(loaded.text(false).contains("chmod 600"), "{}", loaded.text(false));
    let settings = loaded.settings.unwrap();
    assert_eq!(settings.warnings.len(), 1);
}

#[test]
fn identity_never_takes_a_header_that_means_something_else() {
    for name in [
        "Host",
        "Cookie",
        "connection",
        "X-Forwarded-For",
        "x-forwarded-host",
        "X-Forwarded-Proto",
        "X-Forwarded-Whatever",
        "Authorization",
        "Remote_User",
        "a b",
        "",
    ] {
        let text = file(
            &format!(
                "    identity: {{ headers: {{ user: \"{name}\" }} }}\n    rules: [{{ path: /**, access: deny }}]\n"
            ),
            "",
        );
        assert_eq!(told(&text).len(), 1, "{name}");
    }
    let with =
        |identity: &str| file(&format!("    identity: {identity}\n    rules: [{{ path: /**, access: deny }}]\n"), "");
    tells(&with("{ headers: { user: Remote-User, name: remote-user } }"), "used already");
    tells(&with("{ jwt: { header: x-who }, headers: { email: X-Who } }"), "used already");
    tells(&with("{ jwt: {}, headers: { user: x-stepgate-assertion } }"), "used already for the assertion");
    assert_eq!(told(&with("{ jwt: { header: X-Who }, headers: { user: X-Stepgate-Assertion } }")), [""; 0]);
    assert_eq!(told(&with("{ jwt: {}, headers: { user: Remote-User } }")), [""; 0]);
    for name in ["X-Forwarded-User", "x-forwarded-groups", "X-Forwarded-Email", "X-Forwarded-Preferred-Username"] {
        assert_eq!(told(&with(&format!("{{ headers: {{ user: {name} }} }}"))), [""; 0], "{name}");
    }
    tells(&with("{ jwt: { lifetime: 5m } }"), "5 to 60 seconds");
    tells(&with("{ basic_auth: { username: a } }"), "`password` is missing");
    tells(&with("{ basic_auth: { username: \"a:b\", password: x } }"), "no colon");
}

#[test]
fn apps_that_share_an_audience_are_warned_of() {
    let two = |one: &str, other: &str| {
        let app = |host: &str, jwt: &str| {
            format!(
                "  - host: {host}\n    upstream: http://127.0.0.1:1\n    identity: {{ jwt: {jwt} }}\n    \
                 rules: [{{ path: /**, access: deny }}]\n"
            )
        };
        let rest = "listen: { plain: [\"127.0.0.1:8080\"] }\nusers: { database: sqlite://./a.db }\n";
        format!("apps:\n{}{}{rest}", app("a.example", one), app("b.example", other))
    };
    for (one, other) in [("{ audience: erp }", "{ audience: erp }"), ("{}", "{ audience: a.example }")] {
        tells(&two(one, other), "the app in line 2 has this audience too");
        assert!(Place::new().load(&two(one, other)).settings.is_some(), "a warning");
    }
    assert_eq!(told(&two("{ audience: erp }", "{ audience: crm }")), [""; 0]);
    assert_eq!(told(&two("{}", "{}")), [""; 0]);
}

#[test]
fn numbers_have_units_and_bounds() {
    tells(&file("", "session: { idle: 3600 }\n"), "write `3600s` for seconds");
    tells(&file("", "session: { idle: 13h }\n"), "`idle` is longer");
    tells(&file("", "session: { idle: 1 fortnight }\n"), "not a duration");
    tells(&file("", "limits: { streams: 5000000000 }\n"), "out of range");
    for months in ["5M", "1Y", "1h 5M"] {
        tells(&file("", &format!("session: {{ idle: {months} }}\n")), "not a duration");
    }
    tells(&file("", "limits: { header_bytes: 99999999999PiB }\n"), "a size too large");
    tells(&file("", "limits: { streams: many }\n"), "whole number");
    tells(&file("", "limits: { connections: 0 }\n"), "zero would refuse");
    tells(&file("", "limits: { lockout: { tries: 101 } }\n"), "1 to 100 are possible");
    tells(&file("", "limits: { lockout: { tries: 0 } }\n"), "1 to 100 are possible");
    tells(&file("", "limits: { header_bytes: 64 KB of }\n"), "not a size");
    tells(&file("", "limits: { totp: { trys: 3 } }\n"), "did you mean `tries`?");
    tells(&file("", "factors: { totp: { digits: 7 } }\n"), "6 or 8");
    tells(&file("", "users2: 1\n"), "did you mean `users`?");
    tells(&file("", "risk: { modes: shadow }\n"), "did you mean `mode`?");
    let place = Place::new();
    let loaded = place.load(&file(
        "",
        "session: { idle: 1h 30m }\nlimits: { header_bytes: 10kB, min_rate: 0, totp: { refill: 90s } }\n",
    ));
    let s = loaded.settings.unwrap();
    assert_eq!(s.flow.session.idle.as_secs(), 5400);
    assert_eq!((s.proxy.limits.header_bytes, s.proxy.limits.min_rate), (10_000, 0));
    assert_eq!((s.flow.limits.totp.tries, s.flow.limits.totp.refill.as_secs()), (5, 90));
}

#[test]
fn values_that_mean_off_are_fine() {
    assert!(told(&file("", "factors: { passkeys: off }\n")).is_empty());
    for off in ["off", "false", "no", "{}", "[]", "~", ""] {
        let text = file("", &format!("risk: {off}\nmail: {off}\nsms: {off}\n"));
        assert!(told(&text).is_empty(), "{off:?}: {:?}", told(&text));
    }
}
