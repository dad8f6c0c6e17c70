//! Sign-in behind a TLS terminator that asks for an inner name and tells the public one.

use futures_util::{SinkExt, StreamExt};
use reqwest::Method;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::support::clients::Page;
use crate::support::gateway::Gateway;
use crate::support::small::{self, PASSWORD};

/// A browser at `https://app.test:8443`, and the terminator before the gateway, in one.
struct Behind<'a> {
    gateway: &'a Gateway,
    http: reqwest::Client,
    cookies: Vec<(String, String)>,
    /// What the terminator tells, in its way.
    told: Vec<(&'static str, &'static str)>,
}

const PUBLIC: &str = "https://app.test:8443";
const WAYS: [&[(&str, &str)]; 2] = [
    &[("x-forwarded-for", "198.51.100.7"), ("x-forwarded-proto", "https"), ("x-forwarded-host", "app.test:8443")],
    &[("forwarded", "for=198.51.100.7;proto=https;host=\"app.test:8443\"")],
];

impl Behind<'_> {
    async fn send(&mut self, method: Method, path: &str, origin: Option<&str>, form: &[(&str, &str)]) -> Page {
        let mut request = self.http.request(method.clone(), format!("{}{path}", self.gateway.url));
        request = request.header("host", "inner.internal:8080").header("accept", "text/html");
        for (name, value) in &self.told {
            request = request.header(*name, *value);
        }
        if let Some(origin) = origin {
            request = request.header("origin", origin).form(form);
        }
        let pairs: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let answer = request.header("cookie", pairs.join("; ")).send().await.unwrap();
        for cookie in answer.headers().get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            let (name, rest) = cookie.split_once('=').unwrap();
            assert!(cookie.contains("Secure"), "{cookie}");
            self.cookies.retain(|(kept, _)| kept != name);
            if !cookie.contains("Max-Age=0") {
                self.cookies.push((name.to_owned(), rest.split(';').next().unwrap().to_owned()));
            }
        }
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Page { status, headers, at: path.to_owned(), body: answer.text().await.unwrap() }
    }
}

fn path_of(location: &str) -> String {
    let path = location.strip_prefix(PUBLIC).unwrap_or(location);
    assert!(path.starts_with('/'), "leads away: {location}");
    path.to_owned()
}

#[tokio::test]
async fn signing_in_works_behind_a_terminator_that_tells_the_public_name() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = small::start(folder.path(), "trusted_proxies: [127.0.0.1]").await;
    for way in WAYS {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap();
        let mut browser = Behind { gateway: &gateway, http, cookies: Vec::new(), told: way.to_vec() };
        let asked = browser.send(Method::GET, "/guarded?a=b", None, &[]).await;
        assert_eq!(asked.status, 303, "{}", asked.body);
        let mut page = browser.send(Method::GET, &path_of(asked.header("location")), None, &[]).await;
        assert_eq!(page.status, 200, "{}", page.body);
        let action = page.attribute("form ", "action").filter(|a| !a.is_empty()).unwrap_or_else(|| page.at.clone());
        let hidden = page.hidden();
        let mut form: Vec<(&str, &str)> = hidden.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        form.extend([("username", "ann"), ("password", PASSWORD)]);
        for foreign in ["https://evil.test", "https://inner.internal:8080", "https://app.test"] {
            let refused = browser.send(Method::POST, &action, Some(foreign), &form).await;
            assert_eq!(refused.status, 403, "{foreign}: {}", refused.body);
        }
        page = browser.send(Method::POST, &action, Some(PUBLIC), &form).await;
        while page.status == 303 {
            page = browser.send(Method::GET, &path_of(page.header("location")), None, &[]).await;
        }
        let gone = matches!(page.status, 502 | 503) && page.at == "/guarded?a=b";
        assert!(gone, "let through to an app that is not there: {} {}", page.status, page.body);
    }
}

#[tokio::test]
async fn a_websocket_behind_a_terminator_is_the_public_origins() {
    let demo = Gateway::demo();
    let echo = demo.demo["app_url"].as_str().unwrap().trim_start_matches("http://").to_owned();
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("stepgate.yaml");
    let (port, admin) = (crate::support::port::free_port(), crate::support::port::free_port());
    let text = format!(
        "listen: {{ plain: [\"127.0.0.1:{port}\"], admin: \"127.0.0.1:{admin}\" }}
users: {{ database: \"sqlite://{}/users.db\" }}
trusted_proxies: [127.0.0.1]
apps:
  - host: app.test
    upstream: {{ servers: [\"http://{echo}\"], host_header: erp.internal }}
    rules: [{{ path: /**, access: public }}]
",
        folder.path().display()
    );
    std::fs::write(&config, text).unwrap();
    let gateway =
        Gateway::run(&config, &format!("http://127.0.0.1:{port}"), &format!("http://127.0.0.1:{admin}")).await;
    for way in WAYS {
        let mut request = format!("ws://127.0.0.1:{port}/ws").into_client_request().unwrap();
        let headers = request.headers_mut();
        headers.insert("host", "inner.internal".parse().unwrap());
        headers.insert("origin", PUBLIC.parse().unwrap());
        for (name, value) in way {
            headers.insert(*name, value.parse().unwrap());
        }
        let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let (mut socket, _) = tokio_tungstenite::client_async(request, stream).await.unwrap();
        socket.send(Message::text("x")).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("x"));
    }
    drop(gateway);
}
