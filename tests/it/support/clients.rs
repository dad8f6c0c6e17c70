//! Clients by their roles. Cookies are kept by hand: ours are `Secure`, and a library's jar would not send
//! them over `http://localhost`, as browsers do.

use std::collections::BTreeMap;

use reqwest::{Method, RequestBuilder, Response};

use super::totp;

/// How a client behaves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Anonymous,
    Browser,
    Api,
}

/// A client of one gateway.
pub(crate) struct Client {
    base: String,
    role: Role,
    http: reqwest::Client,
    cookies: BTreeMap<String, String>,
    /// What an `api_client` sends as its bearer token.
    pub(crate) token: Option<String>,
}

/// An answer, read to its end.
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    /// The path and query it came from.
    pub(crate) at: String,
    pub(crate) body: String,
}

impl Page {
    /// A header as text; empty if it is not there.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|fault| panic!("{fault}: {}", self.body))
    }

    /// The value of an attribute of the first tag that holds `mark`.
    pub(crate) fn attribute(&self, mark: &str, name: &str) -> Option<String> {
        let tag = self.body.split('<').find(|tag| tag.contains(mark))?;
        let value = tag.split_once(&format!("{name}=\""))?.1.split('"').next()?;
        Some(value.replace("&amp;", "&").replace("&#38;", "&").replace("&quot;", "\"").replace("&#34;", "\""))
    }

    /// The hidden fields of the first form that posts.
    pub(crate) fn hidden(&self) -> Vec<(String, String)> {
        let form = self.body.split("</form>").next().unwrap_or_default();
        let tags = form.split('<').filter(|tag| tag.starts_with("input") && tag.contains("type=\"hidden\""));
        let part = |tag: &str, name: &str| Self::text(tag).attribute("input", name).unwrap_or_default();
        tags.map(|tag| (part(tag, "name"), part(tag, "value"))).collect()
    }

    fn text(body: &str) -> Self {
        let headers = reqwest::header::HeaderMap::new();
        Self { status: 0, headers, at: String::new(), body: format!("<{body}") }
    }
}

impl Client {
    fn new(base: &str, role: Role) -> Self {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(super::process::PATIENCE)
            .no_proxy()
            .resolve("localhost", ([127, 0, 0, 1], 0).into())
            .resolve("login.localhost", ([127, 0, 0, 1], 0).into())
            .resolve("first.localhost", ([127, 0, 0, 1], 0).into())
            .resolve("second.localhost", ([127, 0, 0, 1], 0).into())
            .build()
            .unwrap();
        Self { base: base.to_owned(), role, http, cookies: BTreeMap::new(), token: None }
    }

    pub(crate) fn anonymous(base: &str) -> Self {
        Self::new(base, Role::Anonymous)
    }

    pub(crate) fn browser(base: &str) -> Self {
        Self::new(base, Role::Browser)
    }

    pub(crate) fn api(base: &str) -> Self {
        Self::new(base, Role::Api)
    }

    /// The same client, with its cookies, before another gateway.
    pub(crate) fn moved(&self, base: &str) -> Self {
        let mut moved = Self::new(base, self.role);
        moved.cookies.clone_from(&self.cookies);
        moved
    }

    /// A request with what this role always sends.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let navigates = self.role == Role::Browser;
        let posts = method == Method::POST;
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if navigates {
            request = request
                .header("accept", "text/html,application/xhtml+xml,*/*;q=0.8")
                .header("sec-fetch-mode", "navigate")
                .header("sec-fetch-dest", "document")
                .header("sec-fetch-site", if posts { "same-origin" } else { "none" })
                .header("user-agent", "Mozilla/5.0 (test browser)");
            if posts {
                request = request.header("origin", &self.base);
            }
        }
        if !self.cookies.is_empty() {
            let pairs: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header("cookie", pairs.join("; "));
        }
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends a request, keeps the cookies of the answer if this role does.
    pub(crate) async fn send(&mut self, request: RequestBuilder) -> Page {
        let answer: Response = request.send().await.unwrap();
        if self.role == Role::Browser {
            for cookie in answer.headers().get_all("set-cookie") {
                self.keep(cookie.to_str().unwrap());
            }
        }
        let url = answer.url();
        let at = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Page { status, headers, at, body: answer.text().await.unwrap() }
    }

    fn keep(&mut self, cookie: &str) {
        let (pair, attributes) = cookie.split_once(';').unwrap_or((cookie, ""));
        let (name, value) = pair.split_once('=').expect("a cookie has a name");
        let ended = attributes.split(';').any(|a| a.trim().eq_ignore_ascii_case("max-age=0"));
        if ended {
            self.cookies.remove(name.trim());
        } else {
            self.cookies.insert(name.trim().to_owned(), value.to_owned());
        }
    }

    /// A cookie this client keeps.
    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.get(name).map(String::as_str)
    }

    pub(crate) async fn get(&mut self, path: &str) -> Page {
        let request = self.request(Method::GET, path);
        self.send(request).await
    }

    pub(crate) async fn post_json(&mut self, path: &str, body: &serde_json::Value) -> Page {
        let request = self.request(Method::POST, path).json(body);
        self.send(request).await
    }

    /// Goes to a page and follows redirects on this host.
    pub(crate) async fn open(&mut self, path: &str) -> Page {
        let page = self.get(path).await;
        self.follow(page).await
    }

    /// Fills the form of a page (its hidden fields kept) and follows the answer.
    pub(crate) async fn submit(&mut self, page: &Page, fields: &[(&str, &str)]) -> Page {
        let action = page.attribute("form ", "action").filter(|a| !a.is_empty()).unwrap_or_else(|| page.at.clone());
        let mut form = page.hidden();
        form.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let request = self.request(Method::POST, &action).form(&form);
        let answer = self.send(request).await;
        self.follow(answer).await
    }

    async fn follow(&mut self, mut page: Page) -> Page {
        for _ in 0..10 {
            if !matches!(page.status, 301..=303 | 307 | 308) {
                return page;
            }
            let to = page.header("location").to_owned();
            let to = to.strip_prefix(&self.base).unwrap_or(&to).to_owned();
            assert!(to.starts_with('/'), "leads away: {to}");
            let path = to.split('#').next().unwrap_or_default().to_owned();
            page = self.get(&path).await;
        }
        panic!("redirects without end, last to {}", page.header("location"));
    }

    /// Signs in on our pages, from the page that asks for it, with the code of `step` where there is a secret.
    pub(crate) async fn sign_in(&mut self, to: &str, user: &str, password: &str, totp: Option<(&str, u64)>) -> Page {
        let page = self.open(to).await;
        let page = self.submit(&page, &[("username", user), ("password", password)]).await;
        match totp {
            Some((secret, step)) => self.submit(&page, &[("code", &totp::at_step(secret, step))]).await,
            None => page,
        }
    }
}
