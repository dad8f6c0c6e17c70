//! What every page has: a language, one heading, a label for each field, and its mistakes first.

use super::pages::{every, tags};

#[test]
fn pages_are_usable_by_everybody() {
    for (name, page) in every("plain") {
        let tags = tags(&page);
        let count = |start: &str| tags.iter().filter(|t| t.split(' ').next() == Some(start)).count();
        assert!(page.contains("<html lang=\"en\">") && count("h1") == 1 && count("main") == 1, "{name}");
        assert!(page.contains("width=device-width, initial-scale=1\""), "{name}");
        let mut ids = std::collections::BTreeSet::new();
        for tag in &tags {
            if let Some(id) = tag.split(" id=\"").nth(1).and_then(|r| r.split('"').next()) {
                assert!(ids.insert(id.to_owned()), "{name}: {id} twice");
            }
        }
        for tag in tags.iter().filter(|t| t.starts_with("input") && !t.contains("type=\"hidden\"")) {
            let box_of_label = tag.contains("type=\"checkbox\"") && page.contains(&format!("<label><{tag}>"));
            if box_of_label {
                continue;
            }
            let id = tag.split(" id=\"").nth(1).unwrap().split('"').next().unwrap();
            let fills = tag.contains("autocomplete=");
            assert!(page.contains(&format!("<label for=\"{id}\">")) && fills, "{name}: {tag}");
        }
        for tag in tags.iter().filter(|t| t.starts_with("form")) {
            assert_eq!(tag, "form method=\"post\" novalidate", "{name}");
        }
        if page.contains("There is a problem") {
            assert!(
                page.contains("<title>Error: ") && page.contains("role=\"alert\" tabindex=\"-1\" autofocus"),
                "{name}"
            );
            let main = page.split("<main>").nth(1).unwrap().trim_start();
            assert!(main.starts_with("<div class=\"summary\""), "{name}: the summary comes first");
            assert_eq!(page.matches(" autofocus").count(), 1, "{name}");
        }
        for word in ["invalid ", "forbidden", "illegal", "please", "sorry", "oops"] {
            assert!(!page.to_ascii_lowercase().contains(word), "{name} says {word}");
        }
    }
}
