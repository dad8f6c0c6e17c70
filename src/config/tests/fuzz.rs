use proptest::prelude::*;

use super::*;

const EXAMPLE: &str = include_str!("../../../config/example.yaml");

fn survives(bytes: &[u8]) {
    let loaded = from_bytes("fuzz.yaml", Path::new("/nowhere"), bytes, None, false);
    // it is usable, or it says why not
    assert_eq!(loaded.settings.is_none(), loaded.count(crate::config::Severity::Error) > 0);
    for problem in &loaded.problems {
        let told = !problem.message.is_empty() && !problem.fix.is_empty() && problem.line > 0 && problem.column > 0;
        assert!(told, "{problem:?}");
    }
    let _ = loaded.text(true);
    let _ = loaded.json(Path::new("fuzz.yaml"));
}

proptest! {
    #![proptest_config(crate::auth::generated::cases(96))]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        survives(&bytes);
    }

    #[test]
    fn arbitrary_yaml_like_text_never_panics(text in "[a-z:\\-\\[\\]{}&*!|>#'\"%@,\\n\\t ä0-9]{0,200}") {
        survives(text.as_bytes());
    }

    #[test]
    fn a_mutated_example_never_panics(
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0usize..20, "[a-z:\\-\\[\\]{}&*~\\n 0-9ä\"]{0,8}"), 1..6),
    ) {
        let mut text: Vec<char> = EXAMPLE.chars().collect();
        for (at, length, put) in cuts {
            let at = at.index(text.len());
            let end = (at + length).min(text.len());
            text.splice(at..end, put.chars());
        }
        let text: String = text.into_iter().collect();
        survives(text.as_bytes());
    }

    /// Every value of the example, replaced by something else of any shape.
    #[test]
    fn a_line_with_another_value_never_panics(line in 0usize..200, value in "(~|\\[\\]|\\{\\}|-1|99999999999|x|\"\"|true|\\[\\[x\\]\\]|\\{x: y\\})") {
        let mut lines: Vec<String> = EXAMPLE.lines().map(str::to_owned).collect();
        let line = line % lines.len();
        if let Some((key, _)) = lines[line].split_once(':') {
            lines[line] = format!("{key}: {value}");
        }
        survives(lines.join("\n").as_bytes());
    }
}
