//! What the demo prints once it serves: one line of JSON, or a screen of 80 columns.

use std::fmt::Write as _;

use serde::Serialize;

use super::people::Person;
use super::sample::{LETTERS, OUTBOX};
use super::settings::{PORTAL, SHARED};
use crate::cli::exit::CommandResult;
use crate::cli::output::table::columns;
use crate::cli::output::terminal::{self, supports_colour};
use crate::portal::qr;
use crate::proxy::settings::Listen;

/// Where everything is.
pub(super) struct DemoUrls {
    /// The protected app, as a browser opens it.
    url: String,
    /// Metrics and probes.
    admin_url: String,
    /// The sample app itself, unprotected.
    app_url: String,
    /// The same gateway, as if from another country.
    elsewhere_url: String,
    /// Where people sign in once for the two that follow.
    portal_url: String,
    shared_urls: [String; 2],
    /// The letters that would have been sent.
    outbox_url: String,
}

impl DemoUrls {
    /// The URLs of a gateway that listens there.
    pub(super) fn new(addresses: &Listen, app_url: String, elsewhere: u16) -> Self {
        let port = addresses.plain.first().map_or(0, std::net::SocketAddr::port);
        let admin_url = addresses.admin.map_or_else(String::new, |a| format!("http://{a}"));
        let at = |host: &str| format!("http://{host}:{port}");
        let outbox_url = format!("{app_url}{OUTBOX}");
        let (portal_url, shared_urls) = (at(PORTAL), SHARED.map(at));
        let elsewhere_url = format!("http://localhost:{elsewhere}");
        Self { url: at("localhost"), admin_url, app_url, elsewhere_url, portal_url, shared_urls, outbox_url }
    }
}

/// Prints it on stdout.
pub(super) fn print(urls: &DemoUrls, people: &[Person], json: bool) -> CommandResult {
    if json {
        return terminal::write_json(&line(urls, people));
    }
    terminal::write_stdout(&screen(urls, people, supports_colour(&std::io::stdout())))
}

/// The one line, in the order of its documentation.
#[derive(Serialize)]
struct SummaryLine<'a> {
    url: &'a str,
    admin_url: &'a str,
    app_url: &'a str,
    elsewhere_url: &'a str,
    portal_url: &'a str,
    first_url: &'a str,
    second_url: &'a str,
    outbox_url: &'a str,
    users: Vec<SummaryUser<'a>>,
}

#[derive(Serialize)]
struct SummaryUser<'a> {
    username: &'a str,
    password: &'a str,
    totp_secret: Option<String>,
    groups: &'a [&'a str],
    email: &'a str,
    phone: &'a str,
}

fn line<'a>(urls: &'a DemoUrls, people: &'a [Person]) -> SummaryLine<'a> {
    let user = |person: &'a Person| SummaryUser {
        username: person.username,
        password: person.password.expose(),
        totp_secret: person.totp.as_ref().map(|t| t.secret().expose().to_owned()),
        groups: person.groups,
        email: &person.email,
        phone: person.phone,
    };
    let users = people.iter().map(user).collect();
    let DemoUrls { url, admin_url, app_url, elsewhere_url, portal_url, shared_urls, outbox_url } = urls;
    let [first_url, second_url] = shared_urls;
    SummaryLine { url, admin_url, app_url, elsewhere_url, portal_url, first_url, second_url, outbox_url, users }
}

fn screen(urls: &DemoUrls, people: &[Person], colour: bool) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "\nStepgate demo: a legacy app behind a password and a second factor.\n");
    let uri = people.iter().find_map(|p| p.totp.as_ref()).map(|t| &t.uri);
    if let Some(drawn) = uri.and_then(|uri| qr::terminal(uri.expose(), colour)) {
        text.push_str("  ann's second factor, for an authenticator app:\n\n");
        text.push_str(&drawn);
        text.push('\n');
    }
    let _ = writeln!(text, "  Open      {}/", urls.url);
    let _ = writeln!(text, "            {}/admin/    asks root for a fresh second step", urls.url);
    let _ = writeln!(text, "            {}/public/   is open to all", urls.url);
    let _ = writeln!(text, "            {}/mailed/   is content with a mailed code", urls.url);
    let _ = writeln!(text, "            {}/risky/    asks more of who is not recognised", urls.url);
    let _ = writeln!(text, "            {}/risky/    as if from abroad", urls.elsewhere_url);
    let [first, second] = &urls.shared_urls;
    let _ = writeln!(text, "  One sign-in for two apps, where the browser finds names under localhost:");
    let _ = writeln!(text, "            {first}/");
    let _ = writeln!(text, "            {second}/");
    let _ = writeln!(text, "  The app   {}/   itself, unprotected", urls.app_url);
    let _ = writeln!(text, "  Letters   {}{LETTERS}   mails and texts that would be sent", urls.app_url);
    let _ = writeln!(text, "  Admin     {}/metrics\n", urls.admin_url);
    let mut rows = vec![["USER", "PASSWORD", "CODE NOW", "GROUPS"].map(str::to_owned).to_vec()];
    for person in people {
        let code = match person.totp.as_ref().map(super::people::Totp::code) {
            Some((code, left)) => format!("{} ({left} s)", code.expose()),
            None => "none yet: enrols at sign-in".to_owned(),
        };
        let row = [person.username, person.password.expose(), &code, &person.groups.join(", ")];
        rows.push(row.map(str::to_owned).to_vec());
    }
    for line in columns(&rows).lines() {
        let _ = writeln!(text, "  {line}");
    }
    text.push_str("\n  The next code (each is good for one sign-in):\n");
    for person in people {
        if let Some(totp) = &person.totp {
            let _ = writeln!(text, "    {:<5} oathtool --totp -b {}", person.username, totp.secret().expose());
        }
    }
    text.push_str("\n  Ctrl-C ends the demo and removes its state.\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::secret::{SecretBytes, SecretText};
    use crate::cli::demo::people::Totp;

    fn people() -> Vec<Person> {
        let person = |username, totp, groups| {
            let password = SecretText::new("abcdefghij234567".to_owned());
            let email = format!("{username}@example.com");
            Person { username, password, totp, groups, email, phone: "+12025550101" }
        };
        let totp = || Some(Totp::for_tests(SecretBytes::new(b"12345678901234567890".to_vec())));
        vec![
            person("ann", totp(), &["staff"]),
            person("bob", None, &["staff"]),
            person("root", totp(), &["staff", "admins"]),
        ]
    }

    fn urls() -> DemoUrls {
        let plain = vec![([127, 0, 0, 1], 65535).into()];
        let admin = Some(([127, 0, 0, 1], 65534).into());
        DemoUrls::new(&Listen { plain, admin, ..Listen::default() }, "http://127.0.0.1:65533".to_owned(), 65532)
    }

    #[test]
    fn the_line_is_as_documented() {
        let text = serde_json::to_string(&line(&urls(), &people())).unwrap();
        let user = |name: &str, secret: &str, groups: &str| {
            format!(
                r#"{{"username":"{name}","password":"abcdefghij234567","totp_secret":{secret},"groups":{groups},"email":"{name}@example.com","phone":"+12025550101"}}"#
            )
        };
        let secret = r#""GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ""#;
        let users = [
            user("ann", secret, r#"["staff"]"#),
            user("bob", "null", r#"["staff"]"#),
            user("root", secret, r#"["staff","admins"]"#),
        ];
        assert_eq!(
            text,
            format!(
                r#"{{"url":"http://localhost:65535","admin_url":"http://127.0.0.1:65534","app_url":"http://127.0.0.1:65533","elsewhere_url":"http://localhost:65532","portal_url":"http://login.localhost:65535","first_url":"http://first.localhost:65535","second_url":"http://second.localhost:65535","outbox_url":"http://127.0.0.1:65533/outbox","users":[{}]}}"#,
                users.join(",")
            )
        );
    }

    #[test]
    fn the_screen_fits_in_eighty_columns() {
        let text = screen(&urls(), &people(), false);
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
        assert!(text.contains("http://localhost:65535/") && text.contains("oathtool --totp -b"));
        assert!(!text.contains('\u{1b}'));
    }
}
