//! Every page of ours, each once, with hostile texts in every field.

use std::time::Duration;

use askama::Template;

use super::*;
use crate::auth::held_request::FormId;
use crate::auth::proof::Method as Proof;
use crate::auth::return_to::ReturnTo;
use crate::auth::secret::SecretText;
use crate::portal::assets::Theme;
use crate::portal::error::PortalError;
use crate::portal::pages::*;
use crate::portal::qr;

pub(super) const FAULTS: [(PortalError, u16); 13] = [
    (PortalError::BadRequest, 400),
    (PortalError::OddAddress, 400),
    (PortalError::NotFound, 404),
    (PortalError::MethodNotAllowed("GET, HEAD"), 405),
    (PortalError::TooSlow, 408),
    (PortalError::TooLarge { limit: 1024 }, 413),
    (PortalError::Misdirected, 421),
    (PortalError::TooMany(Duration::from_secs(30)), 429),
    (PortalError::HeadersTooLarge, 431),
    (PortalError::BadGateway, 502),
    (PortalError::Unavailable, 503),
    (PortalError::NoUpstream, 503),
    (PortalError::GatewayTimeout, 504),
];

/// Texts that break careless pages.
const HOSTILE: [&str; 6] = [
    "plain",
    "\"><script>alert(1)</script>",
    "'-->]]></title></textarea><img src=x onerror=alert(1)>",
    "javascript:alert(1)",
    "{{7*7}}{% raw %}",
    "\u{202e}\u{0}\u{ffff}ann & <b>",
];

/// Every page, with `x` wherever a text can come from outside.
pub(super) fn every(x: &str) -> Vec<(&'static str, String)> {
    let settings = PortalSettings { name: x.to_owned(), support: Some(x.to_owned()), ..PortalSettings::default() };
    let shell = &Theme::new(&settings).shell(x);
    let wrong = || Errors::one("code", x);
    let way = |m| MethodPrompt::of(m);
    let of = "madefor12345";
    let sent = |to: Option<&str>| {
        let to = to.map(str::to_owned);
        Some(SentCode { to, span: x.to_owned(), wait: x.to_owned(), support: x.to_owned() })
    };
    let dialog = |purpose| PasskeyDialog {
        purpose,
        options: format!("{{\"challenge\":\"{x}\"}}"),
        state: Some(x.to_owned()),
        keeps: (purpose == DialogPurpose::Create).then_some(false),
        of: Some(of.to_owned()),
    };
    let code_of = |errors, way: MethodPrompt, others, sent| {
        CodePage {
            shell,
            errors,
            heading: x.to_owned(),
            why: Some(x.to_owned()),
            leave: None,
            last: Some(x.to_owned()),
            place: x,
            username: x,
            way,
            others,
            sent,
            dialog: way.is_passkey().then(|| dialog(DialogPurpose::Prove)),
            recovery: true,
            of,
            shown: None,
        }
        .render()
        .unwrap()
    };
    let code = |errors, way, others| code_of(errors, way, others, None);
    let address = |newest| {
        let (id, value, name, since) = (x.to_owned(), x.to_owned(), x.to_owned(), x.to_owned());
        ListedAddress { id, value, name: if newest { name } else { String::new() }, since, newest }
    };
    let addresses = |errors, done: Option<&str>, listed, waiting| {
        let done = done.map(str::to_owned);
        let (of, keeps) = ("madefor12345", Some(false));
        AddressesPage {
            shell,
            errors,
            account: x,
            host: x,
            done,
            listed,
            waiting,
            mail: true,
            sms: true,
            renaming: "",
            typed: x,
            keeps,
            of,
        }
        .render()
        .unwrap()
    };
    let waiting = || WaitingAddress {
        channel: "email",
        value: x.to_owned(),
        hint: x.to_owned(),
        span: x.to_owned(),
        wait: x.to_owned(),
        sent: true,
    };
    let login = |errors, notice: Option<&str>| {
        let (notice, purpose) = (notice.map(str::to_owned), None);
        let dialog = Some(dialog(DialogPurpose::SignIn));
        let (signals, mailed_link) = (Vec::new(), Some("/.stepgate/login-link".to_owned()));
        LoginPage {
            shell,
            errors,
            notice,
            purpose,
            username: x,
            place: x,
            host: x,
            dialog,
            signals,
            mailed_link,
            sign_up: Some("/.stepgate/signup".to_owned()),
            recovery: true,
        }
        .render()
        .unwrap()
    };
    let login_link = |errors, waiting: bool| {
        let waiting = waiting.then(|| x.to_owned());
        LoginLinkPage { shell, errors, place: x, email: x, waiting, again: "/a?b=c&d", login: "/" }.render().unwrap()
    };
    let mut both = Errors::one("username", x);
    both.add("password", x);
    let picture = qr::svg("otpauth://totp/x").unwrap();
    let enroll = |errors| {
        EnrollPage {
            shell,
            errors,
            place: x,
            why: EnrollReason::Asked,
            account: x,
            qr: &picture,
            uri: "otpauth://totp/x?secret=ABC",
            key: x,
            digits: 6,
            passkey: true,
            keeps: None,
            of,
        }
        .render()
        .unwrap()
    };
    let card = |id: &str, bound: bool| PasskeyCard {
        id: id.to_owned(),
        name: x.to_owned(),
        created: x.to_owned(),
        last_used: bound.then(|| x.to_owned()),
        bound,
        elsewhere: (!bound).then(|| x.to_owned()),
    };
    let passkey = |errors| {
        let (why, dialog) = (EnrollReason::Uncounted, dialog(DialogPurpose::Create));
        PasskeyPage { shell, errors, place: x, why, account: x, dialog: &dialog, app: true }.render().unwrap()
    };
    let account = AccountPage {
        shell,
        username: x,
        name: Some(x),
        email: Some(x),
        groups: x.to_owned(),
        previous: Some(x.to_owned()),
        began: x.to_owned(),
        ends_in: x.to_owned(),
        app: true,
        app_card: Some(AppCard { name: Some(x.to_owned()), created: x.to_owned(), last_used: None }),
        codes: Some(3),
        renews: true,
        sends: true,
        passkeys_on: true,
        passkeys: vec![card("1", true), card("2", false)],
        keeps: Some(false),
        signals: vec![PasskeySignal { method: "AllAcceptedCredentials", about: x.to_owned() }],
        done: Some(x.to_owned()),
        errors: Errors::none(),
        renaming: "",
        host: x,
        of,
    };
    let notice = NoticePage {
        shell,
        heading: x.to_owned(),
        lines: vec![x.to_owned()],
        list: Some("What you can do".to_owned()),
        items: vec![x.to_owned()],
        after: Some(x.to_owned()),
        details: vec![("Asked for".to_owned(), x.to_owned())],
        go_on: Some(("continue", "Continue".to_owned())),
        ways: vec![way(Proof::BackupCode)],
        of: of.to_owned(),
        links: vec![Link::to("/.stepgate/login?to=%2F", x)],
    };
    let app = || AppLink { name: x.to_owned(), href: "https://app.example.com:8443/".to_owned() };
    let mut all = vec![
        ("login", login(Errors::none(), None)),
        ("login-wrong", login(both, Some("Several cookies."))),
        ("login-link", login_link(Errors::none(), false)),
        ("login-link-waiting-wrong", login_link(wrong(), true)),
        ("second-factor", code(Errors::none(), way(Proof::Totp), vec![way(Proof::BackupCode)])),
        ("second-factor-wrong", code(wrong(), way(Proof::BackupCode), vec![way(Proof::Totp)])),
        ("step-up-password", code(wrong(), way(Proof::Password), Vec::new())),
        ("sent-code-ask", code_of(Errors::none(), way(Proof::EmailCode), vec![way(Proof::Totp)], sent(None))),
        ("sent-code", code_of(Errors::none(), way(Proof::SmsCode), vec![way(Proof::EmailCode)], sent(Some(x)))),
        ("sent-code-wrong", code_of(wrong(), way(Proof::EmailCode), Vec::new(), sent(None))),
        ("addresses", addresses(Errors::none(), Some(x), vec![address(true), address(false)], Some(waiting()))),
        ("addresses-wrong", addresses(Errors::one("sms", x), None, Vec::new(), None)),
        ("second-factor-passkey", code(Errors::none(), way(Proof::SecurityKey), vec![way(Proof::Totp)])),
        ("second-factor-passkey-wrong", code(Errors::one("passkey", x), way(Proof::Passkey), Vec::new())),
        ("passkey", passkey(Errors::none())),
        ("passkey-wrong", passkey(Errors::one("passkey", x))),
        (
            "passkey-upgrade",
            PasskeyUpgradePage { shell, place: x, dialog: &dialog(DialogPurpose::Create) }.render().unwrap(),
        ),
        ("enroll", enroll(Errors::none())),
        ("enroll-wrong", enroll(wrong())),
        (
            "codes",
            BackupCodesPage {
                shell,
                strange: Some(UnusualActivity {
                    since: x.to_owned(),
                    items: vec![x.to_owned()],
                    advice: x.to_owned(),
                    not_me: Link::to("/", x),
                }),
                codes: &[SecretText::new(x.to_owned())],
                place: x,
                account: x,
                host: x,
                occasion: CodesOccasion::App,
            }
            .render()
            .unwrap(),
        ),
        ("renew", RenewCodesPage { shell, account: x, host: x, left: 2, set: x, of, stay: "/" }.render().unwrap()),
        ("account", account.render().unwrap()),
        ("delete", DeletePage { shell, username: x, host: x, of }.render().unwrap()),
        (
            "turn-off",
            TurnOffPage { shell, errors: Errors::none(), username: x, host: x, keeps: None, of }.render().unwrap(),
        ),
        ("not-me", NotMePage { shell, username: x, consequences: vec![x.to_owned()], of }.render().unwrap()),
        ("apps", AppsPage { shell, username: x, apps: vec![app(), app()] }.render().unwrap()),
        ("apps-none", AppsPage { shell, username: x, apps: Vec::new() }.render().unwrap()),
        (
            "held-form",
            HeldFormPage {
                shell,
                place: x,
                files: true,
                size: x.to_owned(),
                since: x.to_owned(),
                field: HeldFormPage::FIELD,
                id: &FormId::mint(&[7; 32]),
                to: &ReturnTo::parse("/orders?a=b&c", Default::default()).unwrap(),
                sends_itself: true,
            }
            .render()
            .unwrap(),
        ),
        ("done", DonePage { shell, place: x }.render().unwrap()),
        ("logout", LogoutPage { shell, username: x, host: x, stay: "/", of }.render().unwrap()),
        ("notice", notice.render().unwrap()),
    ];
    all.extend(pages_recovery::every(shell, x));
    all.extend(pages_sign_up::every(shell, x));
    all.extend(page_samples::of_account(shell, x, of));
    all
}

/// Tags in order; panics where markup is not well formed.
pub(super) fn tags(page: &str) -> Vec<String> {
    const VOID: [&str; 6] = ["meta", "link", "input", "img", "br", "hr"];
    let (mut open, mut all) = (Vec::<String>::new(), Vec::new());
    let body = page.strip_prefix("<!doctype html>").expect("doctype");
    for piece in body.split('<').skip(1) {
        let (tag, rest) = piece.split_once('>').unwrap_or_else(|| panic!("unclosed: {piece}"));
        assert!(!rest.contains('>'), "a stray > after {tag}");
        assert_eq!(tag.matches('"').count() % 2, 0, "quotes of {tag}");
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap().to_owned();
        if tag.starts_with('/') {
            assert_eq!(open.pop().as_deref(), Some(name.as_str()), "closes another");
        } else if !VOID.contains(&name.as_str()) && !tag.ends_with('/') {
            open.push(name.clone());
        }
        all.push(tag.to_owned());
    }
    assert!(open.is_empty(), "{open:?} stay open");
    all
}

#[test]
fn pages_are_well_formed_and_inert_whatever_they_show() {
    let skeleton: Vec<Vec<String>> = every("plain").iter().map(|(_, page)| names(&tags(page))).collect();
    for x in HOSTILE {
        for ((name, page), plain) in every(x).iter().zip(&skeleton) {
            let tags = tags(page);
            // What is shown can add no element.
            assert_eq!(&names(&tags), plain, "{name} {x}");
            for tag in &tags {
                let lower = tag.to_ascii_lowercase();
                // The one script is ours and comes from its own address.
                let ours =
                    lower.starts_with("script src=\"/.stepgate/assets/stepgate.") && lower.ends_with(".js\" defer");
                assert!((ours || !lower.starts_with("script")) && !lower.starts_with("style"), "{name}: {tag}");
                for banned in
                    [" style=", " onerror=", " onclick=", " action=", " required", " maxlength=", "href=\"javascript:"]
                {
                    let outside: String = lower.split('"').step_by(2).collect();
                    let found = if banned.contains('"') { lower.contains(banned) } else { outside.contains(banned) };
                    assert!(!found, "{name}: {tag}");
                }
            }
        }
    }
}

fn names(tags: &[String]) -> Vec<String> {
    tags.iter().map(|t| t.split([' ', '/']).find(|n| !n.is_empty()).unwrap_or_default().to_owned()).collect()
}

#[test]
fn pages_are_small() {
    let css = include_str!("../assets/stepgate.css").len() + include_str!("../assets/stepgate.js").len();
    for (name, page) in every("plain") {
        // Unpacked; the QR code of an enrolment packs to a tenth.
        let budget = if name.starts_with("enroll") || name.starts_with("recover-reset") { 40_000 } else { 8_000 };
        assert!(page.len() < budget && css < 7_500, "{name}: {} + {css}", page.len());
    }
}

#[test]
fn pages_stay_as_they_are() {
    for (name, page) in every("plain") {
        let shown =
            page.split("<svg").next().unwrap_or_default().to_owned() + page.split("</svg>").nth(1).unwrap_or_default();
        // The names of the sheet and of the script change with every letter in them.
        let parts: Vec<&str> = shown.split("assets/stepgate.").collect();
        let rest: String = parts[1..].iter().map(|tail| format!("assets/stepgate.HASH{}", &tail[16..])).collect();
        let shown = format!("{}{rest}", parts[0]);
        insta::assert_snapshot!(format!("page-{name}"), shown);
    }
}
