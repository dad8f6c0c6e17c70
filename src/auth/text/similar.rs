//! The known name that a mistyped one looks like. The door of `strsim`.

/// The longest name that is compared, in bytes.
const LONGEST: usize = 64;

/// The known name that looks most like `found`, if one does.
pub fn nearest<'a>(found: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if found.len() > LONGEST {
        return None;
    }
    known
        .map(|name| (strsim::jaro_winkler(found, name), strsim::damerau_levenshtein(found, name), name))
        .filter(|(likeness, edits, name)| {
            let begins_alike = name.chars().next() == found.chars().next();
            *likeness > 0.87 || *edits <= 1.max(name.len() / 4) || (*edits <= 2 && name.len() > 4 && begins_alike)
        })
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, _, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_only_a_name_that_is_near() {
        let names = || ["ann", "bob", "roberta"].into_iter();
        assert_eq!(nearest("anna", names()), Some("ann"));
        assert_eq!(nearest("robreta", names()), Some("roberta"));
        assert_eq!(nearest("zoe", names()), None);
        assert_eq!(nearest(&"a".repeat(LONGEST + 1), names()), None);
    }
}
