//! Old apps that speak of themselves, as the distribution brings them: the browser never sees a name of theirs.

use std::path::Path;

use crate::support::gateway::Gateway;
use crate::support::old_apps::OldApp;
use crate::support::port::free_port;
use crate::support::process::wait_until;
use crate::support::raw::{Answer, Wire};

/// A gateway before this server, which is told that it is `erp.internal`.
async fn before(folder: &Path, port: u16, more: &str) -> Gateway {
    let (own, admin) = (free_port(), free_port());
    let config = folder.join("stepgate.yaml");
    let text = format!(
        "listen: {{ plain: [\"127.0.0.1:{own}\"], admin: \"127.0.0.1:{admin}\" }}
users: {{ database: \"sqlite://{}/users.db\" }}
shutdown_grace: 1s
trusted_proxies: [127.0.0.1]
apps:
  - host: app.test
    upstream: {{ servers: [\"http://127.0.0.1:{port}\"], host_header: erp.internal }}
{more}    rules: [{{ path: /**, access: public }}]
",
        folder.display()
    );
    std::fs::write(&config, text).unwrap();
    Gateway::run(&config, &format!("http://127.0.0.1:{own}"), &format!("http://127.0.0.1:{admin}")).await
}

/// As a browser asks, and as a TLS terminator that was asked for `https://app.test:8443`.
fn asked(gateway: &Gateway, line: &str, https: bool) -> Answer {
    asked_with(gateway, line, https, "")
}

fn asked_with(gateway: &Gateway, line: &str, https: bool, more: &str) -> Answer {
    let told =
        if https { "inner\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: app.test:8443" } else { "app.test:9000" };
    let request = format!("{line} HTTP/1.1\r\nHost: {told}\r\n{more}Content-Length: 0\r\n\r\n");
    Wire::to(&gateway.url).send(request.as_bytes())
}

const PUBLIC: [(bool, &str); 2] = [(false, "http://app.test:9000"), (true, "https://app.test:8443")];

#[tokio::test]
async fn apache_with_its_canonical_name_is_told_by_the_public_one() {
    let (apache, folder) = (OldApp::apache(), tempfile::tempdir().unwrap());
    let gateway = before(folder.path(), apache.port, "").await;
    for (https, public) in PUBLIC {
        let slash = asked(&gateway, "GET /dir", https);
        assert_eq!((slash.status, slash.field("location")), (301, format!("{public}/dir/").as_str()));
        assert_eq!(asked(&gateway, "GET /dir/", https).body, b"a page");
        let name = if https { "b" } else { "c" };
        let made = asked(&gateway, &format!("PUT /{name}.txt"), https);
        assert_eq!((made.status, made.field("location")), (201, format!("{public}/{name}.txt").as_str()));
        for (method, from, to) in [("COPY", "/a.txt".to_owned(), "copy"), ("MOVE", format!("/{name}.txt"), "moved")] {
            let to = format!("{public}/{to}-{name}.txt");
            let line = format!("{method} {from}");
            let done = asked_with(&gateway, &line, https, &format!("Destination: {to}\r\n"));
            assert_eq!((done.status, done.field("location")), (201, to.as_str()), "{line}");
        }
        let query = asked(&gateway, "GET /dir?a=http://erp.internal/&b=%2f", https);
        assert_eq!(query.field("location"), format!("{public}/dir/?a=http://erp.internal/&b=%2f"));
    }
}

#[tokio::test]
async fn apache_is_left_alone_where_nothing_is_to_be_rewritten() {
    let (apache, folder) = (OldApp::apache(), tempfile::tempdir().unwrap());
    let gateway = before(folder.path(), apache.port, "    rewrite: off\n").await;
    assert_eq!(asked(&gateway, "GET /dir", true).field("location"), "http://erp.internal/dir/");
}

#[tokio::test]
async fn orders_to_send_another_file_are_removed_and_told_once() {
    let (apache, folder) = (OldApp::apache(), tempfile::tempdir().unwrap());
    let gateway = before(folder.path(), apache.port, "    rewrite: off\n").await;
    for path in ["/a.txt", "/dir/", "/dir/index.html", "/none"] {
        let told = asked(&gateway, &format!("GET {path}"), false);
        assert_eq!((told.field("x-sendfile"), told.field("x-accel-redirect")), ("", ""), "{path}");
    }
    let logged = || gateway.process.stderr();
    assert!(wait_until(|| logged().contains("/none").then_some(())).is_some(), "{}", logged());
    assert_eq!(logged().matches("the app asks a web server in front of it to send a file").count(), 1, "{}", logged());
}

#[tokio::test]
async fn tomcat_keeps_its_people_and_their_sessions_on_the_public_name() {
    let (tomcat, folder) = (OldApp::tomcat(), tempfile::tempdir().unwrap());
    let gateway = before(folder.path(), tomcat.port, "    cookies: { same_site: lax }\n").await;
    for (https, public) in PUBLIC {
        let away = asked(&gateway, "GET /away.jsp", https);
        assert_eq!((away.status, away.field("location")), (302, format!("{public}/next?a=/b").as_str()));
        let cookie = away.field("set-cookie");
        let (_, attributes) = cookie.split_once("; ").unwrap();
        let secure = if https { "; Secure" } else { "" };
        assert_eq!(attributes, format!("Path=/; HttpOnly{secure}; SameSite=Lax"), "{cookie}");
        assert_eq!(asked(&gateway, "GET /sub", https).field("location"), format!("{public}/sub/"));
        assert_eq!(asked(&gateway, "GET /sub/a.txt", https).body, b"a file");
    }
}
