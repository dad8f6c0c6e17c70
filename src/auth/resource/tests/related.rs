//! The resources that a request names beside its target.

use proptest::prelude::*;
use proptest::sample::select;

use super::*;

const BASE: &str = "http://10.0.0.5:8080";

/// A request to `app.example:8443` with these fields.
fn naming(method: &str, destinations: &[&str], conditions: &[&str]) -> Result<Resource, Misnamed> {
    let destinations: Vec<&[u8]> = destinations.iter().map(|text| text.as_bytes()).collect();
    let conditions: Vec<&[u8]> = conditions.iter().map(|text| text.as_bytes()).collect();
    let fields = Fields { port: Some(8443), destinations: &destinations, overwrite: true, conditions: &conditions };
    Resource::parse("app.example", method, b"/mine", STRICT).unwrap().naming(&fields, STRICT)
}

fn reason(method: &str, destinations: &[&str], conditions: &[&str]) -> Option<&'static str> {
    naming(method, destinations, conditions).err().map(|misnamed| misnamed.reason)
}

#[test]
fn a_destination_is_read_as_what_is_written_and_told_as_the_app_knows_itself() {
    for (text, target, told) in [
        ("https://app.example:8443/a", "/a", "http://10.0.0.5:8080/a"),
        ("http://app.example:8443/a%2eb?x=y", "/a.b?x=y", "http://10.0.0.5:8080/a.b?x=y"),
        ("HTTPS://APP.example.:8443/A", "/A", "http://10.0.0.5:8080/A"),
        ("https://app.example:8443", "/", "http://10.0.0.5:8080/"),
        ("https://app.example:8443?x", "/?x", "http://10.0.0.5:8080/?x"),
        ("/a%41", "/aA", "http://10.0.0.5:8080/aA"),
        (" /a\t", "/a", "http://10.0.0.5:8080/a"),
    ] {
        for method in ["COPY", "MOVE"] {
            let resource = naming(method, &[text], &[]).unwrap();
            let others: Vec<&Resource> = resource.others().collect();
            assert_eq!(others.len(), 1);
            assert_eq!((others[0].host(), others[0].as_target()), ("app.example", target), "{text}");
            assert_eq!(others[0].methods().collect::<Vec<_>>(), ["PUT", "DELETE"]);
            assert_eq!(resource.destination(BASE).as_deref(), Some(told), "{text}");
        }
    }
}

#[test]
fn what_a_method_does_with_its_target_is_judged_too() {
    let methods = |resource: &Resource| resource.methods().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(methods(&naming("COPY", &[], &[]).unwrap()), ["COPY", "GET"]);
    assert_eq!(methods(&naming("MOVE", &[], &[]).unwrap()), ["MOVE", "GET", "DELETE"]);
    let overridden = naming("POST", &[], &[]).unwrap().taken_for("move").unwrap();
    assert_eq!(methods(&overridden), ["POST", "GET", "DELETE", "MOVE"]);
    assert_eq!(methods(&naming("PROPFIND", &[], &[]).unwrap()), ["PROPFIND"]);
}

#[test]
fn a_destination_that_is_kept_when_it_exists_is_not_deleted() {
    let fields = Fields { destinations: &[b"/a"], overwrite: false, ..Fields::default() };
    let resource = Resource::parse("app.example", "COPY", b"/", STRICT).unwrap().naming(&fields, STRICT).unwrap();
    assert_eq!(resource.others().next().unwrap().methods().collect::<Vec<_>>(), ["PUT"]);
}

#[test]
fn only_what_copies_or_moves_has_a_destination() {
    for method in ["GET", "PUT", "POST", "DELETE", "PROPFIND", "LOCK", "MKCOL", "BCOPY", "COPYX"] {
        let resource = naming(method, &["https://elsewhere.example/\\", "x"], &[]).unwrap();
        assert_eq!((resource.others().count(), resource.destination(BASE)), (0, None), "{method}");
    }
    let fields = Fields { destinations: &[b"/a"], ..Fields::default() };
    let post = Resource::parse("app.example", "POST", b"/", STRICT).unwrap().taken_for("Copy").unwrap();
    assert_eq!(post.naming(&fields, STRICT).unwrap().destination("").as_deref(), Some("/a"));
}

#[test]
fn a_destination_that_is_not_plainly_here_is_refused() {
    for (text, why) in [
        ("https://elsewhere.example:8443/a", "destination_elsewhere"),
        ("https://app.example/a", "destination_elsewhere"),
        ("https://app.example:8444/a", "destination_elsewhere"),
        ("https://u@app.example:8443/a", "destination_elsewhere"),
        ("https:///a", "destination_elsewhere"),
        ("ftp://app.example:8443/a", "destination_elsewhere"),
        ("//app.example:8443/a", "destination_elsewhere"),
        ("//elsewhere.example/a", "destination_elsewhere"),
        ("", "destination"),
        ("a", "destination"),
        ("https:/a", "destination"),
        ("https:app.example:8443/a", "destination"),
        ("/a b", "destination"),
        ("/../a", "destination"),
        ("/%2e%2e/a", "destination"),
        ("/a#b", "destination"),
        ("\\a", "destination"),
        ("/\\elsewhere.example/a", "destination"),
        ("/a%00", "destination"),
        ("/\u{e9}", "destination"),
        ("https://app.example:8443\\@elsewhere.example/a", "destination_elsewhere"),
        ("https://app.example:8443/a, https://app.example:8443/b", "destination"),
        ("<https://app.example:8443/a>", "destination_elsewhere"),
    ] {
        assert_eq!(reason("COPY", &[text], &[]), Some(why), "{text}");
        assert_eq!(reason("MOVE", &[text], &[]), Some(why), "{text}");
    }
    assert_eq!(reason("COPY", &["/a", "/a"], &[]), Some("destination_doubled"));
    let lacking = |text: &str| naming("COPY", &[text], &[]).unwrap_err().lacking;
    assert_eq!(lacking("/a//b;c"), ["path_parameters", "double_slashes"]);
    assert!(lacking("/a/../b").is_empty());
}

/// Without a port of its own, a request has the port of the destination's scheme: TLS may end before us.
#[test]
fn ports_that_schemes_imply_need_not_be_written() {
    let at = |port, text: &str| {
        let fields = Fields { port, destinations: &[text.as_bytes()], ..Fields::default() };
        Resource::parse("app.example", "COPY", b"/", STRICT).unwrap().naming(&fields, STRICT).is_ok()
    };
    assert!(at(None, "https://app.example/a") && at(None, "http://app.example/a"));
    assert!(at(None, "https://app.example:443/a") && at(Some(443), "https://app.example/a"));
    assert!(at(Some(80), "http://app.example/a"));
    assert!(!at(None, "https://app.example:80/a") && !at(Some(80), "https://app.example/a"));
}

#[test]
fn the_resources_that_an_if_tags_are_read_and_written_anew() {
    for (text, targets, told) in [
        ("(<urn:uuid:1>)", &[][..], "(<urn:uuid:1>)"),
        ("(<urn:uuid:1> [W/\"a)<>\"]) (Not <DAV:no-lock>)", &[], "(<urn:uuid:1> [W/\"a)<>\"]) (Not <DAV:no-lock>)"),
        ("</a> (<urn:uuid:1>)", &["/a"], "<http://10.0.0.5:8080/a>(<urn:uuid:1>)"),
        (
            "<https://app.example:8443/a> ([\"x\"]) (<u:1>)\t</%62>(not<u:2>)",
            &["/a", "/b"],
            "<http://10.0.0.5:8080/a>([\"x\"]) (<u:1>) <http://10.0.0.5:8080/b>(not<u:2>)",
        ),
    ] {
        for method in ["GET", "PUT", "DELETE", "COPY"] {
            let resource = naming(method, &[], &[text]).unwrap_or_else(|e| panic!("{text}: {e:?}"));
            let found: Vec<&str> = resource.others().map(Resource::as_target).collect();
            assert_eq!(found, targets, "{text}");
            assert!(resource.others().all(|other| other.methods().eq(["GET"])));
            assert_eq!(resource.condition(BASE).as_deref(), Some(told), "{text}");
        }
    }
    assert_eq!(naming("PUT", &[], &[""]).unwrap().condition(BASE), None);
}

#[test]
fn an_if_that_cannot_be_read_is_refused() {
    for (text, why) in [
        ("x", "if"),
        ("()x", "if"),
        ("(<a>", "if"),
        ("(<a", "if"),
        ("([\"a])", "if"),
        ("([a])", "if"),
        ("</a>", "if"),
        ("</a> </b> (<c>)", "if"),
        ("(<c>) </a> (<c>)", "if"),
        ("</a/../b> (<c>)", "if"),
        ("<a> (<c>)", "if"),
        ("</a\u{e9}> (<c>)", "if"),
        ("<//elsewhere.example/a> (<c>)", "if_elsewhere"),
        ("<https://elsewhere.example/a> (<c>)", "if_elsewhere"),
        (&"</a> (<c>)".repeat(40), "if_too_long"),
    ] {
        assert_eq!(reason("PUT", &[], &[text]), Some(why), "{text}");
    }
    assert_eq!(reason("PUT", &[], &["(<a>)", "(<b>)"]), Some("if_doubled"));
}

proptest! {
    /// What the app is told names what was judged, and nothing else: read again, it leads to the same resources.
    #[test]
    fn what_is_told_is_what_was_judged(
        tagged in prop::collection::vec((pieces(), any::<bool>()), 0..4),
        destination in pieces(),
        absolute: bool,
        method in select(vec!["COPY", "MOVE", "PUT"]),
        tolerate in tolerances(),
    ) {
        let named = |path: &str, absolute: bool| if absolute { format!("https://app.example:8443{path}") } else { path.to_owned() };
        let tags: Vec<String> = tagged.iter().map(|(path, absolute)| format!("<{}> (<u:1>)", named(path, *absolute))).collect();
        let (destination, condition) = (named(&destination, absolute), tags.join(" "));
        let ask = |port, destination: &str, condition: &str| {
            let destinations = [destination.as_bytes()];
            let conditions = [condition.as_bytes()];
            let conditions = if condition.is_empty() { &[][..] } else { &conditions[..] };
            let fields = Fields { port, destinations: &destinations, overwrite: true, conditions };
            Resource::parse("app.example", method, b"/x", tolerate).unwrap().naming(&fields, tolerate)
        };
        if let Ok(resource) = ask(Some(8443), &destination, &condition) {
            let base = "http://app.example:81";
            let told = resource.destination(base).unwrap_or_else(|| "/".to_owned());
            let again = ask(Some(81), &told, &resource.condition(base).unwrap_or_default()).unwrap();
            let all = |r: &Resource| r.others().map(|o| (o.target(), o.methods().map(str::to_owned).collect())).collect::<Vec<(String, Vec<String>)>>();
            prop_assert_eq!(all(&again), all(&resource));
            let expected = tagged.len() + usize::from(method != "PUT");
            prop_assert_eq!(resource.others().count(), expected);
        }
    }

    #[test]
    fn nothing_panics_whatever_is_named(text in "[<>()\\[\\]\"/ aNotW%2e:.\\\\]{0,30}", method in select(vec!["COPY", "PUT"])) {
        let _ = naming(method, &[&text], &[&text]);
    }
}
