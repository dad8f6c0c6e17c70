use super::*;
use crate::auth::reserved_names::{is_our_bearer, is_our_cookie, without_our_cookies};
use proptest::prelude::*;

fn token(n: u8) -> SessionToken {
    SessionToken::mint(&[n; 32])
}

fn lines(values: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(COOKIE, HeaderValue::from_bytes(value.as_bytes()).expect("header"));
    }
    headers
}

#[test]
fn one_cookie_counts_wherever_it_stands() {
    let t = token(1);
    for value in [
        format!("{SESSION}={}", t.expose()),
        format!("a=1; {SESSION}={}", t.expose()),
        format!("a=1;{SESSION}={};b=2", t.expose()),
    ] {
        assert!(matches!(session_token(&lines(&[&value])), SessionCredential::Cookie(_)), "{value}");
    }
    let crumbs = lines(&["a=1", &format!("{SESSION}={}", t.expose()), "b=2"]);
    assert!(matches!(session_token(&crumbs), SessionCredential::Cookie(_)));
}

#[test]
fn look_alikes_and_doubles_count_as_nobody() {
    let (a, b) = (token(1), token(2));
    let good = format!("{SESSION}={}", a.expose());
    for evil in [
        format!("{SESSION}={}", b.expose()),
        format!("__host-stepgate={}", b.expose()),
        format!("  {SESSION}={}", b.expose()),
        format!("{SESSION} ={}", b.expose()),
        format!("\u{2000}{SESSION}={}", b.expose()),
        format!("\"{SESSION}\"={}", b.expose()),
        format!("={SESSION}={}", b.expose()),
        format!("= {SESSION}={}", b.expose()),
        "$Version=1".to_owned(),
        SESSION.to_owned(),
    ] {
        let both = [lines(&[&good, &evil]), lines(&[&evil, &good]), lines(&[&format!("{good}; {evil}")])];
        for headers in both {
            assert!(matches!(session_token(&headers), SessionCredential::Ambiguous), "{evil:?}");
        }
        assert!(session_token(&lines(&[&evil])).token().is_none() || evil.starts_with(SESSION), "{evil:?}");
    }
}

#[test]
fn bearer_is_ours_only_in_our_shape() {
    let t = token(3);
    let with = |value: &str| {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_str(value).expect("header"));
        session_token(&headers)
    };
    assert!(matches!(with(&format!("Bearer {}", t.expose())), SessionCredential::Bearer(_)));
    assert!(matches!(with(&format!("bearer {}", t.expose())), SessionCredential::Bearer(_)));
    for other in ["Bearer abc", "Basic YTpi", "Bearer", "", "Bearer sgs_", &format!("Token {}", t.expose())] {
        assert!(matches!(with(other), SessionCredential::None), "{other}");
    }
}

#[test]
fn the_app_never_sees_ours_and_always_sees_its_own() {
    let line = HeaderValue::from_bytes(b"a=\xe9; __Host-stepgate=x; b=2").expect("header");
    let crumb = HeaderValue::from_static("__HOST-stepgate-FLOW=y");
    let last = HeaderValue::from_static("c=3; __Host-stepgate-device=z;");
    let kept = strip_ours([&line, &crumb, &last]).expect("something is left");
    assert_eq!(kept.as_bytes(), b"a=\xe9; b=2; c=3");
    assert!(strip_ours([&crumb]).is_none());
    assert!(is_our_cookie(b" __host-STEPGATE") && !is_our_cookie(b"stepgate") && !is_our_cookie(b"__Host-stepgates"));
}

#[test]
fn cookies_are_host_bound_secure_and_hidden_from_scripts() {
    let set = set_session(&token(1)).expect("header");
    let text = set.to_str().expect("ascii");
    for attribute in ["; Secure", "; HttpOnly", "; SameSite=Lax", "; Path=/"] {
        assert!(text.contains(attribute), "{text}");
    }
    assert!(!text.contains("Domain") && text.starts_with("__Host-stepgate=sgs_"));
    assert!(clear_session().expect("header").to_str().expect("ascii").contains("Max-Age=0"));
}

proptest! {
    #[test]
    fn nothing_of_ours_survives_stripping(parts in proptest::collection::vec("[ -~]{0,30}", 0..8)) {
        let mut line = parts.join("; ");
        line.push_str("; __Host-stepgate=secret");
        if let Ok(value) = HeaderValue::from_str(&line) {
            let kept = strip_ours([&value]);
            let again = kept.as_ref().and_then(|k| strip_ours([k]));
            // The blank before the first pair is taken for the one that separates pairs; nothing else changes.
            let bare = |v: &Option<HeaderValue>| v.as_ref().map_or(Vec::new(), |v| v.as_bytes().trim_ascii_start().to_vec());
            prop_assert_eq!(bare(&kept), bare(&again));
            let mut headers = HeaderMap::new();
            if let Some(kept) = kept {
                headers.insert(COOKIE, kept);
            }
            prop_assert!(session_token(&headers).token().is_none());
        }
    }

    #[test]
    fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(value) = HeaderValue::from_bytes(&bytes) {
            let mut headers = HeaderMap::new();
            headers.insert(COOKIE, value.clone());
            headers.insert(AUTHORIZATION, value);
            prop_assert!(session_token(&headers).token().is_none());
            let _ = (device_mark(&headers), ceremony_token(&headers).is_some());
        }
    }
}

fn ours(text: &str) -> bool {
    is_our_bearer(text.as_bytes())
}

#[test]
fn a_token_of_ours_is_known_in_any_dress() {
    for text in [
        "Bearer sgs_a.b",
        "bearer  sgs_a",
        "BEARER\tsgs_a",
        "Token sgs_a",
        "Bearer \"sgs_a\"",
        "sgs_a",
        "x, SGS_a",
        "Bearer token=sgs_a",
    ] {
        assert!(ours(text), "{text}");
    }
    for text in ["Bearer other", "Bearer abcsgs_def", "Bearer eyJ.a-sgs_b.c", "Basic c2dzXzEyMw==", ""] {
        assert!(!ours(text), "{text}");
    }
}

fn strip_ours<'a>(lines: impl IntoIterator<Item = &'a HeaderValue>) -> Option<HeaderValue> {
    let kept = without_our_cookies(lines.into_iter().map(HeaderValue::as_bytes));
    (!kept.is_empty()).then(|| HeaderValue::from_bytes(&kept).ok())?
}
