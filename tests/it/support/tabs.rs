//! A browser that goes from host to host, with the cookies of each.

use std::collections::BTreeMap;

use super::clients::{Client, Page};
use super::totp;

/// One browser.
#[derive(Default)]
pub(crate) struct Tabs {
    by_origin: BTreeMap<String, Client>,
    /// Every address that it was led to since it was last told where to go.
    pub(crate) led: Vec<String>,
}

/// Origin and target of an address.
pub(crate) fn split(url: &str) -> (&str, &str) {
    let start = url.find("://").expect("an absolute address") + 3;
    url[start..].find('/').map_or((url, "/"), |end| url.split_at(start + end))
}

impl Tabs {
    /// What it is on an origin.
    pub(crate) fn on(&mut self, origin: &str) -> &mut Client {
        self.by_origin.entry(origin.to_owned()).or_insert_with(|| Client::browser(origin))
    }

    /// Takes its cookies along to the same hosts on another port.
    pub(crate) fn at_port(&self, from: &str, to: &str) -> Self {
        let moved = |(origin, client): (&String, &Client)| {
            let origin = origin.replace(from, to);
            let client = client.moved(&origin);
            (origin, client)
        };
        Self { by_origin: self.by_origin.iter().map(moved).collect(), led: Vec::new() }
    }

    pub(crate) async fn get(&mut self, url: &str) -> Page {
        let (origin, target) = split(url);
        self.on(origin).get(target).await
    }

    /// Goes where an answer leads, on whatever host.
    pub(crate) async fn follow(&mut self, from: &str, mut page: Page) -> Page {
        let mut at = from.to_owned();
        for _ in 0..12 {
            let to = page.header("location").to_owned();
            if to.is_empty() {
                self.led.push(at);
                return page;
            }
            at = if to.starts_with('/') { format!("{}{to}", split(&at).0) } else { to };
            self.led.push(at.clone());
            page = self.get(&at).await;
        }
        panic!("led on and on: {:#?}", self.led);
    }

    pub(crate) async fn open(&mut self, url: &str) -> Page {
        self.led.clear();
        let page = self.get(url).await;
        self.follow(url, page).await
    }

    /// Where it is.
    pub(crate) fn at(&self) -> &str {
        self.led.last().expect("it was led somewhere")
    }

    /// Fills a form of the page where it is.
    pub(crate) async fn submit(&mut self, fields: &[(&str, &str)]) -> Page {
        let at = self.at().to_owned();
        self.led.clear();
        let (origin, target) = split(&at);
        let client = self.on(origin);
        let request = client.request(reqwest::Method::POST, target).form(fields);
        let page = client.send(request).await;
        self.follow(&at, page).await
    }

    /// Signs in with the code of `step` on the way to an address.
    pub(crate) async fn sign_in(&mut self, to: &str, name: &str, password: &str, (secret, step): (&str, u64)) -> Page {
        self.open(to).await;
        self.submit(&[("username", name), ("password", password)]).await;
        self.submit(&[("method", "totp"), ("code", &totp::at_step(secret, step))]).await
    }

    /// The handoff by which an address leads to where people sign in.
    pub(crate) async fn handoff(&mut self, to: &str) -> String {
        let away = self.get(to).await.header("location").to_owned();
        assert!(away.contains("?handoff="), "{away}");
        away
    }
}
