//! The other doors: the redirecting one, the admin one, and the way out.

use super::rig::*;
use crate::proxy::Listeners;
use crate::proxy::settings::Listen;
use std::net::SocketAddr;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

async fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    say(&mut stream, request).await;
    let (head, body) = answer(&mut stream).await;
    format!("{head}{}", String::from_utf8_lossy(&body))
}

#[tokio::test]
async fn the_redirecting_door_only_redirects() {
    let (address, heard) = upstream(OK).await;
    let mut settings = settings(&[address]);
    settings.listen.http = vec![([127, 0, 0, 1], 0).into()];
    let rig = Rig::start(settings).await;
    let door = rig.listen.http[0];
    let moved = ask(door, "GET /a?b=1 HTTP/1.1\r\nHost: APP.test:8080\r\n\r\n").await;
    assert!(moved.starts_with("HTTP/1.1 301"), "{moved}");
    assert_eq!(field(&moved, "location").as_deref(), Some("https://app.test/a?b=1"));
    assert_eq!(field(&moved, "vary").as_deref(), Some("Cookie, Accept, Sec-Fetch-Mode, Sec-Fetch-Dest"));
    let form = ask(door, "POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 1\r\n\r\nx").await;
    assert!(form.starts_with("HTTP/1.1 405") && field(&form, "location").is_none(), "{form}");
    assert_eq!(field(&form, "allow").as_deref(), Some("GET, HEAD"), "{form}");
    let stranger = ask(door, "GET / HTTP/1.1\r\nHost: evil.test\r\n\r\n").await;
    assert!(stranger.starts_with("HTTP/1.1 421"), "{stranger}");
    assert!(heard.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_host_that_is_not_served_gets_a_page_and_its_style_sheet_and_no_more() {
    let (address, heard) = upstream(OK).await;
    let rig = Rig::start(settings(&[address])).await;
    let asked = async |method: &str, target: &str| {
        let more = "Host: evil.test\r\nAccept: text/html\r\nAccept-Encoding: gzip\r\nContent-Length: 0\r\n\r\n";
        rig.exchange(&format!("{method} {target} HTTP/1.1\r\n{more}")).await
    };
    let page = asked("GET", "/").await;
    assert!(page.starts_with("HTTP/1.1 421") && page.contains("This address is not served here"), "{page}");
    let sheet = page.split("rel=\"stylesheet\" href=\"").nth(1).unwrap().split('"').next().unwrap();
    let styled = asked("GET", sheet).await;
    assert!(styled.starts_with("HTTP/1.1 200") && styled.contains("gzip"), "{styled}");
    let odd = format!("{}%2f..", "/.stepgate/assets/");
    for (method, target) in [
        ("GET", "/.stepgate/login"),
        ("POST", sheet),
        ("GET", "/.stepgate/assets/"),
        ("GET", "/.stepgate/assets/../login"),
        ("GET", "/.stepgate/assets/x/../../login"),
        ("GET", odd.as_str()),
        ("GET", "/.STEPGATE/assets/x"),
        ("GET", "//.stepgate/assets/x"),
    ] {
        let refused = asked(method, target).await;
        assert!(refused.starts_with("HTTP/1.1 421"), "{method} {target}: {refused}");
    }
    let none = asked("GET", "/.stepgate/assets/nothing.css").await;
    assert!(none.starts_with("HTTP/1.1 404"), "{none}");
    assert!(heard.lock().unwrap().is_empty());
}

#[tokio::test]
async fn the_admin_door_tells_metrics_and_health() {
    let (address, _) = upstream(OK).await;
    let mut settings = settings(&[address]);
    settings.listen.admin = Some(([127, 0, 0, 1], 0).into());
    let rig = Rig::start(settings).await;
    let door = rig.listen.admin.unwrap();
    let mirror = rig.exchange("TRACE / HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    assert!(
        mirror.starts_with("HTTP/1.1 405") && field(&mirror, "allow").is_some_and(|a| a.contains("DELETE")),
        "{mirror}"
    );
    rig.exchange("BREW / HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(ask(door, &get("/livez")).await.starts_with("HTTP/1.1 200"));
    let ready = ask(door, &get("/readyz")).await;
    assert!(ready.starts_with("HTTP/1.1 503") && ready.contains("store: down"), "{ready}");
    let wrong = ask(door, "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n").await;
    assert!(wrong.starts_with("HTTP/1.1 405") && field(&wrong, "allow").as_deref() == Some("GET, HEAD"), "{wrong}");
    let mut stream = TcpStream::connect(door).await.unwrap();
    say(&mut stream, "HEAD /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    let mut whole = String::new();
    within(stream.read_to_string(&mut whole)).await.unwrap();
    assert!(whole.ends_with("\r\n\r\n") && field(&whole, "content-length").as_deref() == Some("3"), "{whole}");
    let counted = async {
        let wanted = r#"stepgate_http_requests_total{code="200",method="other",route="app.test"} 1"#;
        loop {
            let metrics = ask(door, &get("/metrics")).await;
            assert!(metrics.contains("stepgate_build_info") && metrics.contains("process_open_fds"), "{metrics}");
            if metrics.contains(wanted) {
                return;
            }
        }
    };
    within(counted).await;
}

#[tokio::test]
async fn many_connections_of_one_client_are_refused_and_counted_but_not_those_of_a_trusted_proxy() {
    for (trusted, limit) in [(false, "connections_per_client"), (true, "connections")] {
        let (address, _) = upstream(OK).await;
        let mut settings = settings(&[address]);
        settings.listen.admin = Some(([127, 0, 0, 1], 0).into());
        settings.limits.connections = Some(5);
        settings.limits.connections_per_client = Some(if trusted { 1 } else { 4 });
        if trusted {
            settings.trusted_proxies = crate::auth::network::Networks::new(vec!["127.0.0.0/8".parse().unwrap()]);
        }
        let rig = Rig::start(settings).await;
        let mut held = Vec::new();
        for _ in 0..if trusted { 5 } else { 4 } {
            let mut stream = rig.connect().await;
            say(&mut stream, "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
            assert!(answer(&mut stream).await.0.starts_with("HTTP/1.1 200"));
            held.push(stream);
        }
        let mut refused = rig.connect().await;
        // It may be gone before or after the request is written.
        let _ = tokio::io::AsyncWriteExt::write_all(&mut refused, b"GET / HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
        assert_eq!(head(&mut refused).await, "");
        let metrics = ask(rig.listen.admin.unwrap(), "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await;
        let counted = format!("stepgate_connections_refused_total{{limit=\"{limit}\"}} 1");
        assert!(metrics.contains(&counted), "{metrics}");
    }
}

#[tokio::test]
async fn a_request_under_way_is_finished_and_nothing_new_begins() {
    let (release, released) = tokio::sync::watch::channel(false);
    let (came, mut coming) = tokio::sync::mpsc::channel(1);
    let address = upstream_of(move |mut stream| {
        let (mut released, came) = (released.clone(), came.clone());
        async move {
            if !head(&mut stream).await.is_empty() {
                came.send(()).await.unwrap();
                let _ = released.wait_for(|r| *r).await;
                say(&mut stream, OK).await;
            }
        }
    })
    .await;
    let mut settings = settings(&[address]);
    settings.listen.admin = Some(([127, 0, 0, 1], 0).into());
    settings.shutdown_grace = std::time::Duration::from_secs(30);
    let rig = Rig::start(settings).await;
    let idle = rig.connect().await;
    let mut stream = rig.connect().await;
    say(&mut stream, "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n").await;
    within(coming.recv()).await.unwrap();
    rig.stop.send(true).unwrap();
    let closed = async { while TcpStream::connect(rig.listen.plain[0]).await.is_ok() {} };
    within(closed).await;
    let freed = tokio::net::TcpListener::bind(rig.listen.admin.unwrap()).await;
    assert!(freed.is_ok(), "a successor needs it: {freed:?}");
    release.send(true).unwrap();
    assert!(answer(&mut stream).await.0.starts_with("HTTP/1.1 200"));
    drop((stream, idle));
    within(rig.served).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_taken_address_is_named() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    let cause = Listeners::bind(&Listen { plain: vec![address], ..Listen::default() }).await.unwrap_err();
    assert!(cause.to_string().contains(&address.to_string()), "{cause}");
}
