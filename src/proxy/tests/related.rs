//! The second resource of a request is judged like the first, and told to the app as the app knows itself.

use super::front::*;
use super::rig::*;

/// The method, the source, the destination and further lines; the status.
const JUDGED: [(&str, &str, &str, &str, &str); 24] = [
    ("COPY", "/a", "http://app.test/b", "", "200"),
    ("MOVE", "/a", "https://app.test/b", "", "200"),
    ("COPY", "/a", "/b", "", "200"),
    // Written there.
    ("COPY", "/a", "http://app.test/guarded/b", "", "401"),
    ("MOVE", "/a", "/guarded/b", "", "401"),
    ("COPY", "/a", "/GUARDED/b", "", "401"),
    ("COPY", "/a", "/%67uarded/b", "", "401"),
    // Read here.
    ("COPY", "/guarded/a", "/b", "", "401"),
    // Removed here, or there.
    ("MOVE", "/kept/a", "/b", "", "403"),
    ("COPY", "/kept/a", "/b", "", "200"),
    ("MOVE", "/a", "/kept/b", "", "403"),
    ("MOVE", "/a", "/kept/b", "Overwrite: T\r\n", "403"),
    ("MOVE", "/a", "/kept/b", "Overwrite: F\r\n", "200"),
    ("COPY", "/a", "/kept/b", "Overwrite: F\r\nOverwrite: T\r\n", "403"),
    // Ours.
    ("COPY", "/a", "/.stepgate/login", "", "400"),
    ("COPY", "/a", "http://app.test/%2estepgate/x", "", "400"),
    // Elsewhere, or nobody knows where.
    ("COPY", "/a", "http://other.test/b", "", "400"),
    ("MOVE", "/a", "//other.test/b", "", "400"),
    ("MOVE", "/a", "/x/../guarded/b", "", "400"),
    ("MOVE", "/a", "/b", "Destination: /b\r\n", "400"),
    ("COPY", "/a", "b", "", "400"),
    // By another name.
    ("POST", "/a", "/guarded/b", "X-HTTP-Method-Override: COPY\r\n", "401"),
    ("POST", "/kept/a", "/b", "x_http_method: move\r\n", "403"),
    ("POST", "/a", "http://app.test/b", "X-Method-Override: MOVE\r\n", "200"),
];

#[tokio::test]
async fn both_resources_of_a_copy_or_a_move_are_judged() {
    let (address, heard) = upstream(OK).await;
    let rig = Rig::start(settings(&[address])).await;
    for (method, source, destination, more, status) in JUDGED {
        heard.lock().unwrap().clear();
        let lines = format!("Host: app.test\r\nDestination: {destination}\r\n{more}");
        let answer = rig.exchange(&format!("{method} {source} HTTP/1.1\r\n{lines}\r\n")).await;
        let case = format!("{method} {source} {lines:?}");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{case}: {answer}");
        let heard = heard.lock().unwrap();
        assert_eq!(heard.len(), usize::from(status == "200"), "{case}");
        for head in heard.iter() {
            let path = destination.trim_start_matches("http://app.test").trim_start_matches("https://app.test");
            assert_eq!(field(head, "destination"), Some(format!("http://app.test{path}")), "{case}");
        }
    }
}

#[tokio::test]
async fn both_resources_are_judged_over_http2_too() {
    let (address, heard) = upstream(OK).await;
    let front = Front::of(address).await;
    let send = front.h2().await;
    for (method, source, destination, more, status) in JUDGED {
        heard.lock().unwrap().clear();
        let mut request = http::Request::builder().method(method).uri(format!("https://app.test{source}"));
        request = request.header("destination", destination);
        for (name, value) in more.lines().filter_map(|line| line.split_once(": ")) {
            request = request.header(name.to_lowercase(), value);
        }
        let told = ask(&send, request.body(()).unwrap()).await.unwrap();
        assert_eq!(told.status.to_string(), status, "{method} {source} {destination} {more:?}");
        assert_eq!(heard.lock().unwrap().len(), usize::from(status == "200"));
    }
}

#[tokio::test]
async fn a_destination_of_what_has_none_does_not_reach_the_app() {
    let (address, heard) = upstream(OK).await;
    let rig = Rig::start(settings(&[address])).await;
    for method in ["GET", "PUT", "POST", "DELETE", "PROPFIND", "MKCOL", "LOCK", "BCOPY"] {
        for destination in ["http://app.test/guarded/x", "http://other.test/\\", "x\r\nDestination: y"] {
            let request =
                format!("{method} /a HTTP/1.1\r\nHost: app.test\r\nDestination: {destination}\r\nNew-Uri: /x\r\n\r\n");
            let answer = rig.exchange(&request).await;
            assert!(answer.starts_with("HTTP/1.1 200"), "{method} {destination}: {answer}");
        }
    }
    let heard = heard.lock().unwrap().join("").to_lowercase();
    assert!(!heard.contains("destination") && !heard.contains("new-uri"), "{heard}");
}

#[tokio::test]
async fn the_resources_that_an_if_tags_are_judged_as_reads_and_written_anew() {
    let (address, heard) = upstream(OK).await;
    let mut settings = settings(&[address]);
    settings.apps[0].upstream.host_header = Some("files.internal:8080".to_owned());
    let rig = Rig::start(settings).await;
    for (condition, told) in [
        ("(<urn:uuid:1>)", Some("(<urn:uuid:1>)")),
        ("</a> (<urn:uuid:1>)", Some("<http://files.internal:8080/a>(<urn:uuid:1>)")),
        ("<https://app.test/a> (<u:1> [\"x)\"])", Some("<http://files.internal:8080/a>(<u:1> [\"x)\"])")),
        ("</kept/a> (<u:1>)", Some("<http://files.internal:8080/kept/a>(<u:1>)")),
        ("</guarded/a> (<u:1>)", None),
        ("<http://app.test/guarded/a> (Not <DAV:no-lock>)", None),
        ("</a> (<u:1>) </guarded/b> (<u:2>)", None),
        ("<http://other.test/a> (<u:1>)", None),
        ("</.stepgate/x> (<u:1>)", None),
        ("anything", None),
        ("(<u:1>)\r\nIf: (<u:2>)", None),
    ] {
        for method in ["GET", "PUT", "UNLOCK", "COPY"] {
            heard.lock().unwrap().clear();
            let request = format!(
                "{method} /a HTTP/1.1\r\nHost: app.test\r\nIf: {condition}\r\nDestination: https://app.test/b\r\n\r\n"
            );
            let answer = rig.exchange(&request).await;
            assert_eq!(answer.starts_with("HTTP/1.1 200"), told.is_some(), "{method} {condition}: {answer}");
            assert!(told.is_some() || answer.starts_with("HTTP/1.1 40"), "{answer}");
            let heard = heard.lock().unwrap();
            assert_eq!(heard.first().and_then(|head| field(head, "if")).as_deref(), told, "{method} {condition}");
            let destination = heard.first().filter(|_| method == "COPY").map(|_| "http://files.internal:8080/b");
            assert_eq!(heard.first().and_then(|head| field(head, "destination")).as_deref(), destination);
        }
    }
}
