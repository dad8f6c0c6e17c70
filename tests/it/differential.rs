//! Valid requests, to the gateway and to nginx, HAProxy and Caddy: what all of these pass on and we refuse stands on a
//! list, with its reason.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::support::app::App;
use super::support::gateway::Gateway;
use super::support::grammar::{Dice, HOST, Valid};
use super::support::peers::installed;
use super::support::port::free_port;

/// Requests of one run, unless `PROPTEST_CASES` says otherwise.
const CASES: usize = 1500;
const SEED: u64 = 9112;

/// What we alone refuse.
struct Refusal {
    name: &'static str,
    /// Why, for who reads this list.
    _why: &'static str,
    applies: fn(&Valid) -> bool,
}

/// Every refusal of ours alone. One that no request meets has no place here.
const ALONE: [Refusal; 10] = [
    Refusal {
        name: "dot segments",
        _why: "one server resolves `/a/..`, the next one does not: the rule that was found would not be the app's",
        applies: |valid| {
            // Encoded once more, too.
            let text = |s: &str| decoded(&String::from_utf8_lossy(&decoded(s)));
            let dots = |s: &str| !s.is_empty() && text(s).iter().all(|b| matches!(b, b'.' | b' '));
            valid.path().split('/').any(|s| dots(s) || dots(s.split(';').next().unwrap_or_default()))
        },
    },
    Refusal {
        name: "double slashes",
        _why: "servers merge them, or read a host between them; `tolerate: [double_slashes]`",
        applies: |valid| valid.path().contains("//"),
    },
    Refusal {
        name: "path parameters",
        _why: "servers of Java route without them; `tolerate: [path_parameters]`",
        applies: |valid| decoded_twice(valid).contains(&b';'),
    },
    Refusal {
        name: "encoded slashes",
        _why: "servers decode before or after they split the path; `tolerate: [encoded_slashes]`",
        applies: |valid| {
            let lower = valid.path().to_ascii_lowercase();
            let twice = String::from_utf8_lossy(&decoded(valid.path())).to_ascii_lowercase();
            ["%2f", "%5c"].iter().any(|slash| lower.contains(slash) || twice.contains(slash))
        },
    },
    Refusal {
        name: "control characters",
        _why: "they end lines and strings where somebody decodes them",
        applies: |valid| {
            let text = decoded_twice(valid);
            text.iter().any(u8::is_ascii_control)
                || String::from_utf8_lossy(&text).chars().any(char::is_control)
                || String::from_utf8_lossy(&decoded(valid.path())).chars().any(char::is_control)
        },
    },
    Refusal {
        name: "octets that are no UTF-8",
        _why: "decoders differ in what they make of them; `tolerate: [latin1]`",
        applies: |valid| std::str::from_utf8(&decoded(valid.path())).is_err(),
    },
    Refusal {
        name: "characters like slashes",
        _why: "servers that fold Unicode split the path there",
        applies: |valid| String::from_utf8_lossy(&decoded(valid.path())).contains('\u{2215}'),
    },
    Refusal {
        name: "odd ports",
        _why: "an authority has one spelling; some parsers read `:` and `:080` as no port and as another number",
        applies: |valid| valid.host.as_ref().is_some_and(|host| host.ends_with(':') || host.contains(":0")),
    },
    Refusal {
        name: "two spellings of one authority",
        _why: "the parser below wants the target and `Host` to agree to the letter",
        applies: |valid| {
            let named =
                valid.target.split_once("://").map(|(_, rest)| rest.split(['/', '?']).next().unwrap_or_default());
            named.is_some_and(|named| Some(named) != valid.host.as_deref())
        },
    },
    Refusal {
        name: "no host",
        _why: "HTTP/1.0 allows it, but which app is meant nobody can tell",
        applies: |valid| valid.host.is_none(),
    },
];

/// Fields that only we give a meaning; a request may then be refused for what they say.
const JUDGED: [Refusal; 2] = [
    Refusal {
        name: "the same If or Destination twice",
        _why: "which of the two an app takes nobody can tell",
        applies: |valid| {
            let count = |name: &str| valid.fields.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).count();
            count("If") > 1 || (valid.method == "COPY" && count("Destination") > 1)
        },
    },
    Refusal {
        name: "a destination of another authority",
        _why: "what is written there is not this app's",
        applies: |valid| {
            let port = valid.host.as_ref().and_then(|host| host.split_once(':')).map(|(_, port)| port);
            valid.method == "COPY" && port.is_some_and(|port| port != "80")
        },
    },
];

fn decoded(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let [byte, tail @ ..] = rest {
        let hex = tail.get(..2).filter(|_| *byte == b'%').and_then(|h| std::str::from_utf8(h).ok());
        let value = hex.and_then(|h| u8::from_str_radix(h, 16).ok());
        out.push(value.unwrap_or(*byte));
        rest = if value.is_some() { &tail[2..] } else { tail };
    }
    out
}

fn decoded_twice(valid: &Valid) -> Vec<u8> {
    decoded(&String::from_utf8_lossy(&decoded(valid.path())))
}

/// The status of the answer; 0 if there was none.
fn ask(port: u16, request: &[u8]) -> u16 {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    // Who has heard enough may close before all is said; the answer counts.
    let _ = stream.write_all(request);
    let mut lines = BufReader::new(stream);
    loop {
        let mut line = Vec::new();
        if lines.read_until(b'\n', &mut line).unwrap_or(0) == 0 {
            return 0;
        }
        let line = String::from_utf8_lossy(&line).into_owned();
        match line.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)?.parse().ok()) {
            Some(100..=199) | None => {} // an early answer, and its fields
            Some(status) => return status,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_valid_and_refused_by_us_alone_is_on_the_list() {
    let app = App::start().await;
    let peers = installed(app.address);
    if peers.is_empty() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (port, admin) = (free_port(), free_port());
    let text = format!(
        "listen: {{ plain: [\"127.0.0.1:{port}\"], admin: \"127.0.0.1:{admin}\" }}
users: {{ database: \"sqlite://{}/users.db\" }}
shutdown_grace: 1s
apps: [{{ host: {HOST}, upstream: \"http://{}\", rules: [{{ path: /**, access: public }}] }}]
",
        folder.path().display(),
        app.address
    );
    let config = folder.path().join("stepgate.yaml");
    std::fs::write(&config, text).unwrap();
    let (url, admin) = (format!("http://127.0.0.1:{port}"), format!("http://127.0.0.1:{admin}"));
    let gateway = Gateway::run_telling("warn", &config, &url, &admin).await;
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(CASES).max(CASES);
    let told = tokio::task::spawn_blocking(move || {
        let mut dice = Dice::new(SEED);
        let (mut met, mut passed, mut unexplained) = ([0; ALONE.len()], 0, Vec::new());
        for _ in 0..cases {
            let valid = Valid::roll(&mut dice);
            let bytes = valid.bytes();
            let ours = ask(port, &bytes);
            if (200..400).contains(&ours) {
                passed += 1;
                continue;
            }
            let theirs: Vec<_> = peers.iter().map(|peer| (peer.name, ask(peer.port, &bytes))).collect();
            if !theirs.iter().all(|(_, status)| (200..400).contains(status)) {
                continue;
            }
            let mut explained = JUDGED.iter().any(|refusal| (refusal.applies)(&valid));
            for (refusal, met) in ALONE.iter().zip(&mut met) {
                if (refusal.applies)(&valid) {
                    *met += 1;
                    explained = true;
                }
            }
            if !explained {
                unexplained.push(format!("{ours} of ours, {theirs:?}: {:?}", String::from_utf8_lossy(&bytes)));
            }
        }
        (met, passed, unexplained)
    });
    let (met, passed, unexplained) = told.await.unwrap();
    let names = |all: &[Refusal]| all.iter().map(|refusal| refusal.name).collect::<Vec<_>>().join(", ");
    assert!(
        unexplained.is_empty(),
        "{} valid requests are refused by us alone, for none of: {}, {}\n{}\n{}",
        unexplained.len(),
        names(&ALONE),
        names(&JUDGED),
        unexplained.iter().take(20).cloned().collect::<Vec<_>>().join("\n"),
        gateway.process.stderr()
    );
    for (refusal, met) in ALONE.iter().zip(met) {
        assert!(met > 0, "{}: no request is refused for it by us alone: strike it from the list", refusal.name);
    }
    assert!(passed > cases / 2, "{passed} of {cases} passed");
}
