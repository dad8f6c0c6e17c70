//! The app's pages: plain, readable in light and dark, everything received escaped.

use std::fmt::Write as _;

use super::head::Head;
use crate::notify::kept::KeptLetter;

/// The fields by which the gateway tells who is asking.
const IDENTITY: [(&str, &str); 4] =
    [("User", "Remote-User"), ("Name", "Remote-Name"), ("E-mail", "Remote-Email"), ("Groups", "Remote-Groups")];

const STYLE: &str = "\
:root{color-scheme:light dark}\
body{font:1rem/1.6 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem;color:#1c1c1e;background:#fff}\
a{color:#0b57d0}nav a{margin-right:1rem;display:inline-block;padding:.35rem 0}\
table{border-collapse:collapse;width:100%;table-layout:fixed}\
th,td{text-align:left;vertical-align:top;padding:.35rem .6rem .35rem 0;border-bottom:1px solid #d5d5da;overflow-wrap:anywhere}\
th{width:11rem;font-weight:600}label{display:block;margin:.8rem 0 .3rem}\
input,textarea{font:inherit;width:100%;box-sizing:border-box;padding:.5rem;border:1px solid #6b6b70;border-radius:.3rem}\
button{font:inherit;margin-top:1rem;padding:.6rem 1.2rem;border:0;border-radius:.3rem;background:#0b57d0;color:#fff}\
pre{white-space:pre-wrap;overflow-wrap:anywhere}\
@media (prefers-color-scheme:dark){body{color:#e8e8ea;background:#17171a}a{color:#9cc1ff}th,td{border-color:#3a3a40}\
button{background:#9cc1ff;color:#0a1a33}}";

fn page(title: &str, main: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{title} · Legacy app</title>\
<style>{STYLE}</style></head><body><header><nav aria-label=\"App\"><a href=\"/\">Start</a>\
<a href=\"/admin/\">Administration</a><a href=\"/mailed/\">Mailed</a><a href=\"/risky/\">Risky</a><a href=\"/form\">Form</a><a href=\"/orders/\">Orders</a><a href=\"/public/\">Public</a>\
<a href=\"/.stepgate/account\">Account</a></nav></header><main><h1>{title}</h1>{main}</main></body></html>\n"
    )
}

/// The start page.
pub(super) fn home(head: &Head) -> String {
    let who = identity(head);
    let all = fields(head);
    page(
        "Legacy app",
        &format!(
            "<p>This app has no sign-in of its own. It believes what the gateway tells it:</p>{who}\
<details><summary>The whole request</summary>{all}</details>"
        ),
    )
}

/// An open page.
pub(super) fn public(head: &Head) -> String {
    let path = escape(&head.target);
    page("Public", &format!("<p>Everybody may read <code>{path}</code>; nobody had to sign in.</p>"))
}

/// A page for administrators.
pub(super) fn admin(head: &Head) -> String {
    let who = identity(head);
    page("Administration", &format!("<p>Only administrators with a fresh second step come here.</p>{who}"))
}

/// A page for people who proved that an address of theirs was reached.
pub(super) fn mailed(head: &Head) -> String {
    let who = identity(head);
    page("Mailed", &format!("<p>A password and a code that was sent are enough here.</p>{who}"))
}

/// A page for people who are recognised, and for others after a second step.
pub(super) fn risky(head: &Head) -> String {
    let who = identity(head);
    page("Risky", &format!("<p>A password is enough here for who comes from where they usually do.</p>{who}"))
}

/// What would have been sent, newest first.
pub(super) fn letters(letters: &[KeptLetter]) -> String {
    let mut main = String::from(
        "<p>Mails and text messages that the demo would send. A program reads them as <a href=\"/outbox\">JSON</a>.</p>",
    );
    if letters.is_empty() {
        main.push_str("<p>There are none yet.</p>");
    }
    for KeptLetter { at, channel, to, subject, text, .. } in letters.iter().rev() {
        let title = subject.as_deref().unwrap_or("Text message");
        let facts = [("To", to.as_str()), ("By", channel), ("At", at)].map(|(name, fact)| (name.into(), fact.into()));
        let _ = write!(
            main,
            "<section><h2>{}</h2>{}<pre>{}</pre></section>",
            escape(title),
            table(facts.into_iter()),
            escape(text)
        );
    }
    page("Letters", &main)
}

/// A form that posts to itself.
pub(super) fn form() -> String {
    page(
        "Form",
        "<form method=\"post\" action=\"/form\"><label for=\"subject\">Subject</label>\
<input id=\"subject\" name=\"subject\"><label for=\"text\">Text</label>\
<textarea id=\"text\" name=\"text\" rows=\"4\"></textarea><button type=\"submit\">Send</button></form>",
    )
}

/// What [`orders`] runs.
pub(super) const ORDERS_SCRIPT: &str = include_str!("orders.js");
/// What it may run and load.
pub(super) const ORDERS_POLICY: &str = "default-src 'self'; style-src 'unsafe-inline'";

/// Two forms that a script sends.
pub(super) fn orders() -> String {
    page(
        "Orders",
        "<p>Whoever is signed in may look. Saving asks for a second step that is no older than a minute: you prove it in a \
window of its own, and what you typed stays where it is.</p>\
<h2>As JSON</h2><form id=\"json\"><label for=\"note\">Note</label><input id=\"note\" name=\"note\" value=\"Ten of them\">\
<button type=\"submit\">Save</button></form>\
<h2>With a file</h2><form id=\"file\"><label for=\"title\">Title</label><input id=\"title\" name=\"title\" value=\"Delivery\">\
<label for=\"document\">File</label><input id=\"document\" name=\"document\" type=\"file\">\
<button type=\"submit\">Save with the file</button></form>\
<p><output></output></p><p id=\"blocked\" role=\"alert\" hidden>Your browser kept a window shut. Allow windows here, then save again.</p>\
<script src=\"/.stepgate/step-up.js\"></script><script src=\"/orders/orders.js\"></script>",
    )
}

/// What a form sent.
pub(super) fn received(head: &Head, body: &[u8]) -> String {
    let form = head.field("content-type").is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    let shown = if form {
        let pairs = url::form_urlencoded::parse(body);
        table(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())))
    } else {
        format!("<pre>{}</pre>", escape(&String::from_utf8_lossy(body)))
    };
    page("Received", &format!("<p>The app received {} bytes:</p>{shown}", body.len()))
}

/// Nothing here.
pub(super) fn not_found() -> String {
    page("Not found", "<p>The app has nothing at this address.</p>")
}

fn identity(head: &Head) -> String {
    table(IDENTITY.iter().map(|(label, name)| ((*label).to_owned(), head.field(name).unwrap_or("not told").to_owned())))
}

fn fields(head: &Head) -> String {
    let line = (head.method.clone(), head.target.clone());
    table(std::iter::once(line).chain(head.fields.iter().cloned()))
}

fn table(rows: impl Iterator<Item = (String, String)>) -> String {
    let mut html = String::from("<table>");
    for (name, value) in rows {
        let _ = write!(html, "<tr><th scope=\"row\">{}</th><td>{}</td></tr>", escape(&name), escape(&value));
    }
    html.push_str("</table>");
    html
}

/// Text as HTML text or attribute value.
fn escape(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            c => html.push(c),
        }
    }
    html
}
