//! `apps[].identity`: who the app is told is asking.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::auth::header_names::{NameClass, classify, fold};
use crate::config::sections::checker::Checker;
use crate::config::sections::scalars::{HiddenText, HumanDuration};
use crate::config::yaml::{Span, Spanned};
use crate::flow::settings::RiskSettings;
use crate::proxy::settings::{BasicAuth, IdentitySettings, JwtSettings};

/// Who the app is told is asking. Default: nobody.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct IdentityOptions {
    /// Headers, always set by us or absent, never passed on from the client.
    headers: Option<HeaderOptions>,
    /// A signed assertion.
    jwt: Option<JwtOptions>,
    /// A fixed credential, for apps that know only that.
    basic_auth: Option<Spanned<BasicAuthOptions>>,
    /// Headers by which other gates tell who asks, and that this app needs from its clients as they come. Default: none.
    pass: Option<Vec<Spanned<String>>>,
}

/// Header names.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct HeaderOptions {
    /// For the user name, as Remote-User.
    user: Option<Spanned<String>>,
    /// For the groups, comma-separated.
    groups: Option<Spanned<String>>,
    /// For the mail address.
    email: Option<Spanned<String>>,
    /// For the display name.
    name: Option<Spanned<String>>,
}

/// A signed assertion (ES256).
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct JwtOptions {
    /// The header. Default: X-Stepgate-Assertion.
    header: Option<Spanned<String>>,
    /// The `aud` claim. Default: the app's host.
    audience: Option<Spanned<String>>,
    /// How long it is valid, at most 60s. Default: 60s.
    lifetime: Option<Spanned<HumanDuration>>,
    /// on: the claim `risk` says how unusual the request is for its person: unscored, low, medium or high. Default: off.
    risk: Option<Spanned<bool>>,
}

/// A fixed credential.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct BasicAuthOptions {
    /// The user name.
    username: Option<Spanned<String>>,
    /// The password.
    password: Option<Spanned<HiddenText>>,
    /// A file that holds the password.
    password_file: Option<Spanned<String>>,
    /// Replace an Authorization that the client sent. Default: false.
    #[serde(rename = "override")]
    override_client: Option<bool>,
}

/// Headers that carry the request itself, or that others speak through: none may hold an identity.
const RESERVED: [&str; 30] = [
    "destination",
    "if",
    "host",
    "cookie",
    "set-cookie",
    "connection",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "content-length",
    "content-type",
    "content-encoding",
    "authorization",
    "proxy-authorization",
    "proxy-authenticate",
    "proxy-connection",
    "forwarded",
    "via",
    "x-real-ip",
    "x-request-id",
    "expect",
    "date",
    "origin",
    "referer",
    "accept",
    "range",
    "user-agent",
    "x-stepgate-response",
];

/// The header of the assertion, where none is named.
const ASSERTION: &str = "X-Stepgate-Assertion";

/// Of the `X-Forwarded-` family, those that tell a person, as many apps expect them. All others tell of the request.
const FORWARDED_PERSON: [&str; 14] = [
    "user",
    "username",
    "preferred-username",
    "login",
    "uid",
    "email",
    "mail",
    "group",
    "groups",
    "role",
    "roles",
    "name",
    "fullname",
    "display-name",
];

/// The audiences of the apps judged so far, and the lines of these apps.
pub(crate) type Audiences = HashMap<String, usize>;

/// Judges one identity, of the app at `at`.
pub(crate) fn validate(
    options: Option<IdentityOptions>,
    (host, at): (&str, Span),
    risk: Option<&RiskSettings>,
    audiences: &mut Audiences,
    cx: &mut Checker,
) -> IdentitySettings {
    let mut settings = IdentitySettings::default();
    let Some(options) = options else { return settings };
    let mut taken = HashMap::new();
    if options.jwt.as_ref().is_some_and(|jwt| jwt.header.is_none()) {
        taken.insert(ASSERTION.to_ascii_lowercase(), "for the assertion (`jwt`)".to_owned());
    }
    if let Some(headers) = options.headers {
        settings.user = headers.user.and_then(|h| header(&h, &mut taken, cx));
        settings.groups = headers.groups.and_then(|h| header(&h, &mut taken, cx));
        settings.email = headers.email.and_then(|h| header(&h, &mut taken, cx));
        settings.name = headers.name.and_then(|h| header(&h, &mut taken, cx));
    }
    let audience_at = options.jwt.as_ref().and_then(|jwt| jwt.audience.as_ref()).map_or(at, |audience| audience.at);
    settings.jwt = options.jwt.map(|jwt| settle_jwt(jwt, host, risk, &mut taken, cx));
    if let Some(jwt) = &settings.jwt
        && let Some(first) = audiences.insert(jwt.audience.clone(), cx.problems.line_of(at))
    {
        cx.warn(
            audience_at,
            format!("the app in line {first} has this audience too: each can use the other's assertions there"),
            "leave `audience` out to get the host, unless both are one app",
        );
    }
    settings.basic_auth = options.basic_auth.and_then(|basic| settle_basic(basic, cx));
    settings.pass = options.pass.into_iter().flatten().filter_map(|name| passed(&name, &taken, cx)).collect();
    settings
}

/// Judges the name of a header that a client may send although other gates speak by it.
fn passed(name: &Spanned<String>, taken: &HashMap<String, String>, cx: &mut Checker) -> Option<String> {
    let token = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if name.value.is_empty() || name.value.len() > 64 || !name.value.bytes().all(token) {
        cx.error(name.at, "not a header name", "write one name, as X-User-Id; patterns are not known here");
        return None;
    }
    if taken.contains_key(&fold(&name.value)) {
        cx.error(
            name.at,
            "the app is told by this header who asks",
            "leave it out, or clients could say so themselves",
        );
        return None;
    }
    match classify(&name.value) {
        NameClass::OfOthers => return Some(name.value.clone()),
        NameClass::Ours => cx.error(
            name.at,
            "only the gateway may set this header: by it a client would speak for the gateway, or around the rules",
            "leave it out",
        ),
        NameClass::Free => cx.warn(name.at, "this header passes anyway", "leave it out"),
    }
    None
}

fn settle_jwt(
    jwt: JwtOptions,
    host: &str,
    risk: Option<&RiskSettings>,
    taken: &mut HashMap<String, String>,
    cx: &mut Checker,
) -> JwtSettings {
    let mut lifetime = std::time::Duration::from_secs(60);
    if let Some(time) = jwt.lifetime {
        if time.value.0 > lifetime || time.value.0.as_secs() < 5 {
            cx.error(time.at, "an assertion lives 5 to 60 seconds", "write `60s`");
        } else {
            lifetime = time.value.0;
        }
    }
    let named = match jwt.header {
        Some(h) => header(&h, taken, cx),
        None => Some(ASSERTION.to_owned()),
    };
    if let Some(audience) = jwt.audience.as_ref().filter(|a| a.value.trim().is_empty()) {
        cx.error(audience.at, "an audience cannot be empty", "leave it out to get the host");
    }
    let told = jwt.risk.as_ref().filter(|told| told.value);
    if let Some(told) = told.filter(|_| risk.is_none()) {
        let fix = "add the section `risk:`, or leave it out";
        cx.warn(told.at, "the assertion has no claim `risk`: `risk` is off", fix);
    }
    JwtSettings {
        header: named.unwrap_or_default(),
        audience: jwt.audience.map_or_else(|| host.to_owned(), |a| a.value),
        lifetime,
        risk: told.is_some(),
    }
}

fn settle_basic(basic: Spanned<BasicAuthOptions>, cx: &mut Checker) -> Option<BasicAuth> {
    let Spanned { value: basic, at } = basic;
    let username = cx.need(basic.username, at, "username", "add the user name of the credential");
    let named = basic.password.is_some() || basic.password_file.is_some();
    let password = cx.secret(basic.password, basic.password_file, "password");
    if !named && !cx.was_removed(at, "password_file") {
        cx.need::<()>(None, at, "password", "better: `password_file: …`");
    }
    // RFC 7617 §2: the colon ends the user name, and control characters have no place
    if let Some(name) =
        username.as_ref().filter(|u| u.value.is_empty() || u.value.chars().any(|c| c == ':' || c.is_control()))
    {
        cx.error(name.at, "not a user name for HTTP Basic", "it is not empty and holds no colon");
    }
    if let Some(secret) = password.as_ref().filter(|p| p.value.expose().chars().any(char::is_control)) {
        cx.error(secret.at, "control characters cannot be sent by HTTP Basic", "is there a line break in the file?");
    }
    let (username, password) = (username?, password?);
    Some(BasicAuth {
        username: username.value,
        password: password.value,
        override_client: basic.override_client.unwrap_or_default(),
    })
}

/// Judges the name of a header that we set.
fn header(name: &Spanned<String>, taken: &mut HashMap<String, String>, cx: &mut Checker) -> Option<String> {
    let lower = name.value.to_ascii_lowercase();
    // a name with `_` reads like one with `-` to CGI-style apps, and a client could slip past us that way
    let token = !lower.is_empty() && lower.len() <= 64 && lower.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let of_request = lower.strip_prefix("x-forwarded-").is_some_and(|rest| !FORWARDED_PERSON.contains(&rest));
    let reserved = RESERVED.contains(&lower.as_str())
        || of_request
        || ["sec-", "access-control-", "if-", "proxy-", "accept-"].iter().any(|p| lower.starts_with(p));
    if !token {
        cx.error(name.at, "not a usable header name", "letters, digits and `-` only, as Remote-User");
        return None;
    }
    if reserved {
        cx.error(name.at, "this header has a meaning of its own", "choose another, as Remote-User");
        return None;
    }
    let here = format!("in line {}", cx.problems.line_of(name.at));
    // names of letters, digits and `-` fold to themselves but for the case
    if let Some(first) = taken.insert(lower, here) {
        cx.error(name.at, format!("this header is used already {first}"), "choose another");
        return None;
    }
    Some(name.value.clone())
}
