//! What an operator writes with `{to}` and `{text}` in it. Each value is written as the place where it stands asks: in a
//! JSON string, in a form, in a URL. A template is taken apart before a value is put in, so no value can change its shape.

use serde_json::Value;
use url::form_urlencoded::{Serializer, byte_serialize};

const TO: &str = "{to}";
const TEXT: &str = "{text}";

/// The body of a request.
#[derive(Clone)]
pub struct BodyTemplate(Body);

#[derive(Clone)]
enum Body {
    Json(Value),
    Form(Vec<(String, String)>),
}

impl BodyTemplate {
    /// A JSON text; values stand in its strings.
    ///
    /// # Errors
    /// What is wrong with it, and what to do.
    pub fn json(text: &str) -> Result<Self, (String, &'static str)> {
        let value: Value = serde_json::from_str(text).map_err(|e| {
            let fix = "write JSON with `{to}` and `{text}` in its strings, as '{\"to\":\"{to}\",\"text\":\"{text}\"}'; for a \
                       form use `form:` in place of `body:`";
            (format!("this is not JSON: {:?} error in line {}, column {}", e.classify(), e.line(), e.column()), fix)
        })?;
        let mut found = Vec::new();
        strings(&value, &mut |text| found.push(text.to_owned()));
        complete(&found)?;
        Ok(Self(Body::Json(value)))
    }

    /// The fields of a form.
    ///
    /// # Errors
    /// As [`Self::json`].
    pub fn form(fields: Vec<(String, String)>) -> Result<Self, (String, &'static str)> {
        let values: Vec<String> = fields.iter().map(|(_, value)| value.clone()).collect();
        complete(&values)?;
        Ok(Self(Body::Form(fields)))
    }

    pub(super) const fn content_type(&self) -> &'static str {
        match self.0 {
            Body::Json(_) => "application/json",
            Body::Form(_) => "application/x-www-form-urlencoded",
        }
    }

    pub(super) fn fill(&self, to: &str, text: &str) -> String {
        match &self.0 {
            Body::Json(template) => filled(template, to, text).to_string(),
            Body::Form(fields) => {
                let mut form = Serializer::new(String::new());
                for (name, value) in fields {
                    form.append_pair(name, &put(value, to, text));
                }
                form.finish()
            }
        }
    }
}

/// The address of a request. Values may stand in its path and its query.
#[derive(Clone)]
pub struct UrlTemplate(String);

impl UrlTemplate {
    /// # Errors
    /// What is wrong with it, and what to do.
    pub fn parse(text: &str) -> Result<Self, (String, &'static str)> {
        const FIX: &str = "write `https://host/path`; `{to}` may stand in its path or its query";
        let parsed = url::Url::parse(&text.replace(TO, "0").replace(TEXT, "0"));
        let url = parsed.map_err(|e| (format!("this is not a URL: {e}"), FIX))?;
        let Some(host) = url.host() else { return Err(("this URL names no host".to_owned(), FIX)) };
        let authority = text.split_once("://").map(|(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or_default());
        if authority.is_none_or(|authority| authority.contains(['{', '}'])) {
            return Err(("no value may stand in the host of this URL".to_owned(), FIX));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(("a URL holds no user name".to_owned(), "write `headers: { Authorization: … }`"));
        }
        if url.fragment().is_some() {
            return Err(("a fragment is not sent".to_owned(), "leave out what follows the `#`"));
        }
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&host) => {}
            "http" => {
                let fix = "write `https://`; without TLS only the loopback is allowed";
                return Err(("codes would cross the network in clear".to_owned(), fix));
            }
            _ => return Err(("this URL is neither https nor http".to_owned(), FIX)),
        }
        Ok(Self(text.to_owned()))
    }

    pub(super) fn fill(&self, to: &str, text: &str) -> String {
        put(&self.0, &percent(to), &percent(text))
    }
}

/// The address of a service, to which paths are added: without a slash at its end.
///
/// # Errors
/// What is wrong with it, and what to do.
pub fn service_url(text: &str) -> Result<String, (String, &'static str)> {
    UrlTemplate::parse(text)?;
    if text.contains(['{', '?']) {
        return Err((
            "this URL has more than a host and a path".to_owned(),
            "write `https://host` or `https://host/path`",
        ));
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// Whether a host is this machine.
pub fn is_loopback<T: AsRef<str>>(host: &url::Host<T>) -> bool {
    match host {
        url::Host::Domain(name) => name.as_ref().eq_ignore_ascii_case("localhost"),
        url::Host::Ipv4(ip) => ip.is_loopback(),
        url::Host::Ipv6(ip) => ip.is_loopback(),
    }
}

/// As a form escapes, but for the space, which a path knows only as `%20`.
fn percent(value: &str) -> String {
    byte_serialize(value.as_bytes()).collect::<String>().replace('+', "%20")
}

/// Whether both values are asked for somewhere, and nothing else is.
fn complete(texts: &[String]) -> Result<(), (String, &'static str)> {
    const FIX: &str = "the number stands for `{to}`, the message for `{text}`; both must be sent";
    for wanted in [TO, TEXT] {
        if !texts.iter().any(|text| text.contains(wanted)) {
            return Err((format!("`{wanted}` is missing here"), FIX));
        }
    }
    for text in texts {
        for inner in text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(inner, _)| inner) {
            let name = !inner.is_empty() && inner.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            if name && !["to", "text"].contains(&inner) {
                return Err(("something in braces here stands for nothing".to_owned(), FIX));
            }
        }
    }
    Ok(())
}

/// Both values in one pass: what the message says is never taken for a place of the template.
fn put(template: &str, to: &str, text: &str) -> String {
    let mut out = String::with_capacity(template.len() + to.len() + text.len());
    let mut rest = template;
    while let Some(at) = rest.find('{') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        rest = if let Some(after) = from.strip_prefix(TO) {
            out.push_str(to);
            after
        } else if let Some(after) = from.strip_prefix(TEXT) {
            out.push_str(text);
            after
        } else {
            out.push('{');
            from.strip_prefix('{').unwrap_or_default()
        };
    }
    out + rest
}

fn strings(value: &Value, each: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => each(text),
        Value::Array(items) => items.iter().for_each(|item| strings(item, each)),
        Value::Object(fields) => fields.values().for_each(|field| strings(field, each)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn filled(template: &Value, to: &str, text: &str) -> Value {
    match template {
        Value::String(one) => Value::String(put(one, to, text)),
        Value::Array(items) => items.iter().map(|item| filled(item, to, text)).collect(),
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(name, field)| (name.clone(), filled(field, to, text))).collect())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NASTY: &str = "a\"b\\c\r\nd&e=f+g%20{to} {text} \u{e9}\u{0}</script>";

    #[test]
    fn no_value_changes_the_shape_of_what_is_sent() {
        let json =
            BodyTemplate::json(r#"{"to":["{to}"],"message":{"body":"<{text}> {to}"},"n":1,"{to}":null}"#).unwrap();
        let sent: Value = serde_json::from_str(&json.fill("+15550100", NASTY)).unwrap();
        let meant = serde_json::json!({
            "to": ["+15550100"], "message": { "body": format!("<{NASTY}> +15550100") }, "n": 1, "{to}": null
        });
        assert_eq!(sent, meant);
        let form = BodyTemplate::form(vec![("To".into(), "{to}".into()), ("Body".into(), "{text}!".into())]).unwrap();
        let sent = form.fill("+15550100", NASTY);
        let pairs: Vec<_> = url::form_urlencoded::parse(sent.as_bytes()).into_owned().collect();
        assert_eq!(pairs, [("To".into(), "+15550100".into()), ("Body".into(), format!("{NASTY}!"))]);
        let url = UrlTemplate::parse("https://sms.example.com/v1/{to}/send?text={text}&to={to}").unwrap();
        let sent = url::Url::parse(&url.fill("../x?y#z", NASTY)).unwrap();
        assert_eq!(sent.host_str(), Some("sms.example.com"));
        assert_eq!(sent.path(), "/v1/..%2Fx%3Fy%23z/send");
        let query: Vec<_> = sent.query_pairs().into_owned().collect();
        assert_eq!(query, [("text".into(), NASTY.into()), ("to".into(), "../x?y#z".into())]);
    }

    #[test]
    fn templates_that_cannot_be_meant_are_told() {
        for (text, told) in [
            ("to={to}&text={text}", "not JSON"),
            (r#"{"to":{to},"text":"{text}"}"#, "not JSON"),
            (r#"{"to":"{to}"}"#, "`{text}` is missing"),
            (r#"{"{to}":"{text}"}"#, "`{to}` is missing"),
            (r#"{"to":"{to}","text":"{text}","code":"{code}"}"#, "stands for nothing"),
        ] {
            let (message, _) = BodyTemplate::json(text).err().unwrap();
            assert!(message.contains(told), "{text}: {message}");
        }
        for (text, told) in [
            ("sms.example.com/send", "not a URL"),
            ("https://{to}.example.com/", "in the host"),
            ("https://sms.example.com:{to}/", "in the host"),
            ("https://key@sms.example.com/", "no user name"),
            ("http://sms.example.com/", "in clear"),
            ("ftp://sms.example.com/", "neither"),
            ("https://sms.example.com/#{to}", "fragment"),
        ] {
            let (message, _) = UrlTemplate::parse(text).err().unwrap();
            assert!(message.contains(told), "{text}: {message}");
        }
        for fine in ["http://127.0.0.1:8080/{to}", "http://localhost/", "http://[::1]/", "https://sms.example.com"] {
            assert!(UrlTemplate::parse(fine).is_ok(), "{fine}");
        }
    }
}
