//! Requests with a body that are refused, and requests without one that are not, by the curl of the distribution.

use std::process::Command;

use super::support::front::Front;

/// Asks over HTTP/2; says the status, or why there was none.
fn curl(port: u16, target: &str, args: &[&str]) -> String {
    let resolve = format!("app.test:{port}:127.0.0.1");
    let url = format!("https://app.test:{port}{target}");
    let mut command = Command::new("curl");
    command.args([
        "--http2",
        "-sSk",
        "--max-time",
        "20",
        "--noproxy",
        "*",
        "-o",
        "/dev/null",
        "-w",
        "%{http_version} %{http_code}",
    ]);
    let ended = command.args(["--resolve", &resolve]).args(args).arg(&url).output().unwrap();
    String::from_utf8([ended.stdout, ended.stderr].concat()).unwrap()
}

/// A client that is still sending when its stream is reset may drop the answer with the rest: Debian 12's does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_body_does_not_cost_the_answer() {
    let front = Front::start("").await;
    let port = front.port();
    let folder = tempfile::tempdir().unwrap();
    for bytes in [1, 20_000, 60_000, 64 * 1024, 300_000, 2_000_000] {
        let file = folder.path().join("body");
        std::fs::write(&file, vec![b'x'; bytes]).unwrap();
        let body = format!("@{}", file.display());
        // Several at once: on a machine that is at leisure everything is sent before anything is answered.
        let ask = || curl(port, "/guarded/form", &["--data-binary", &body, "-H", "Expect:"]);
        let told: Vec<String> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..5).map(|_| scope.spawn(|| (0..8).map(|_| ask()).collect::<Vec<_>>())).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).filter(|told| told != "2 401").collect()
        });
        assert!(told.is_empty(), "{bytes} bytes, {} of 40 times: {told:?}", told.len());
    }
}

/// Over HTTP/2 it need not be said that there is no body; an app over HTTP/1.1 is told so, or it may ask for a length.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_is_told_that_there_is_no_body_where_there_could_be_one() {
    let front = Front::start("").await;
    let port = front.port();
    let base = front.gateway.url.trim_start_matches("http://").to_owned();
    for (method, told) in [
        ("POST", Some("0")),
        ("PUT", Some("0")),
        ("PATCH", Some("0")),
        ("PROPFIND", Some("0")),
        ("GET", None),
        ("HEAD", None),
        ("DELETE", None),
        ("OPTIONS", None),
    ] {
        let before = front.app.heard().len();
        let asked = if method == "HEAD" { vec!["-I"] } else { vec!["-X", method] };
        assert_eq!(curl(port, "/x", &asked), "2 200", "{method}");
        for length in ["", "Content-Length: 0\r\n"] {
            let mut stream = std::net::TcpStream::connect(&base).unwrap();
            std::io::Write::write_all(
                &mut stream,
                format!("{method} /x HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n{length}\r\n").as_bytes(),
            )
            .unwrap();
            std::io::Read::read_to_string(&mut stream, &mut String::new()).unwrap();
        }
        let heard = front.app.heard().split_off(before);
        assert_eq!(heard.len(), 3, "{method}: {heard:?}");
        for head in heard {
            let mut fields = head.lines().filter_map(|line| line.split_once(": "));
            let length = fields.find(|(name, _)| name.eq_ignore_ascii_case("content-length")).map(|(_, value)| value);
            assert_eq!(length, told, "{method}: {head}");
        }
    }
}
