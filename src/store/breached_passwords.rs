//! A list of breached passwords by their SHA-1 digests, in the two shapes in which Have I Been Pwned gives it out: one file in
//! the order of the digests, or a file for each of the 2^20 ranges. It has 40 GB, so it is searched where it lies.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use data_encoding::HEXUPPER;
use sha1::{Digest, Sha1};

use crate::auth::factor::password::normalised;
use crate::auth::secret::SecretText;
use crate::flow::ports::{Answer, BreachedPasswords, StoreError};

/// Hexadecimal digits of a digest.
const DIGITS: usize = 40;
/// Of those, how many name a range.
const RANGE: usize = 5;
/// The longest line: a digest, a colon, a count, the end of the line.
const LINE: u64 = 128;
/// What is read at once when the search has come so near.
const NEAR: u64 = 4096;
/// The largest file of a range, in bytes.
const RANGE_MOST: u64 = 16 << 20;
/// How many lines are looked at before a file is taken for one in order.
const SAMPLES: u64 = 64;

/// A list that can be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreachedList {
    path: PathBuf,
    by_range: bool,
}

type Hex = [u8; DIGITS];

impl BreachedList {
    /// The list at a path, looked at here and there.
    ///
    /// # Errors
    /// It cannot be read, or is something else; in words for the operator.
    pub fn open(path: &Path) -> Result<Self, String> {
        let meta = std::fs::metadata(path).map_err(|fault| fault.to_string())?;
        let list = Self { path: path.to_owned(), by_range: meta.is_dir() };
        if list.by_range {
            for prefix in ["00000", "FFFFF"] {
                list.range(prefix).map_err(|fault| format!("the range {prefix} cannot be read: {fault}"))?;
            }
        } else {
            in_order(&mut File::open(path).map_err(|fault| fault.to_string())?, meta.len())?;
        }
        Ok(list)
    }

    /// Whether a password is on the list.
    ///
    /// # Errors
    /// The list cannot be read: nobody knows.
    pub fn contains(&self, password: &SecretText) -> Answer<bool> {
        let digest = HEXUPPER.encode(&Sha1::digest(normalised(password).as_bytes()));
        let found = match (self.by_range, digest.split_at_checked(RANGE)) {
            (true, Some((prefix, rest))) => self.range(prefix).map(|lines| lines.lines().any(|line| is_of(line, rest))),
            _ => File::open(&self.path).and_then(|mut file| {
                let length = file.metadata()?.len();
                search(&mut file, length, digest.as_bytes())
            }),
        };
        found.map_err(|fault| StoreError::new("breached passwords", format!("{}: {fault}", self.path.display())))
    }

    fn range(&self, prefix: &str) -> io::Result<String> {
        let open = |name: String| File::open(self.path.join(name));
        let file = open(format!("{prefix}.txt")).or_else(|_| open(prefix.to_owned()))?;
        let mut text = String::new();
        file.take(RANGE_MOST + 1).read_to_string(&mut text)?;
        if text.len() as u64 > RANGE_MOST {
            return Err(io::Error::other("it is larger than 16 MiB"));
        }
        Ok(text)
    }
}

/// What an operator named, if anything: where there is no list, no password is on it.
pub(super) struct NamedList(pub(super) Option<BreachedList>);

#[async_trait]
impl BreachedPasswords for NamedList {
    async fn contains(&self, password: &SecretText) -> Answer<bool> {
        let Some(list) = self.0.clone() else { return Ok(false) };
        let password = password.clone();
        // Some twenty reads of a file that no cache holds.
        let asked = tokio::task::spawn_blocking(move || list.contains(&password));
        asked.await.map_err(|fault| StoreError::new("breached passwords", fault))?
    }
}

/// Whether a line of a range is of the digest that ends so.
fn is_of(line: &str, rest: &str) -> bool {
    line.get(..rest.len()).is_some_and(|head| head.eq_ignore_ascii_case(rest))
}

/// Whether a file is a list in order, as far as some of its lines tell.
fn in_order(file: &mut (impl Read + Seek), length: u64) -> Result<(), String> {
    let mut before: Option<Hex> = None;
    for sample in 0..SAMPLES {
        let from = u64::try_from(u128::from(length) * u128::from(sample) / u128::from(SAMPLES)).unwrap_or(length);
        let Some((_, digest)) = line_at(file, from, length).map_err(|fault| fault.to_string())? else { continue };
        if before.is_some_and(|before| before > digest) {
            return Err("its digests are not in order: sort it by them (`LC_ALL=C sort`)".to_owned());
        }
        before = Some(digest);
    }
    before.map(|_| ()).ok_or_else(|| "it is empty".to_owned())
}

/// Looks for a digest in a file whose lines are in order.
fn search(file: &mut (impl Read + Seek), length: u64, wanted: &[u8]) -> io::Result<bool> {
    // The line of that digest, if there is one, begins here or behind, and before `end`.
    let (mut begin, mut end) = (0, length);
    while end - begin > NEAR {
        let middle = begin + (end - begin) / 2;
        match line_at(file, middle, end)? {
            None => end = middle,
            Some((at, digest)) => match digest.as_slice().cmp(wanted) {
                std::cmp::Ordering::Equal => return Ok(true),
                std::cmp::Ordering::Less => begin = at + 1,
                std::cmp::Ordering::Greater => end = at,
            },
        }
    }
    while let Some((at, digest)) = line_at(file, begin, end)? {
        if digest.as_slice() >= wanted {
            return Ok(digest.as_slice() == wanted);
        }
        begin = at + 1;
    }
    Ok(false)
}

/// The first line that begins at `from` or behind it, and before `end`: where, and its digest in upper case.
fn line_at(file: &mut (impl Read + Seek), from: u64, end: u64) -> io::Result<Option<(u64, Hex)>> {
    let start = from.saturating_sub(1);
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.by_ref().take(2 * LINE).read_to_end(&mut bytes)?;
    let skip = if from == 0 {
        0
    } else {
        match bytes.iter().position(|byte| *byte == b'\n') {
            Some(newline) => newline + 1,
            // The last line may have no end.
            None if bytes.len() as u64 <= LINE => return Ok(None),
            None => return Err(io::Error::other("a line is longer than 128 bytes: this is no list of digests")),
        }
    };
    let at = start + skip as u64;
    let rest = bytes.get(skip..).unwrap_or_default();
    if at >= end || rest.is_empty() {
        return Ok(None);
    }
    let digest = rest.get(..DIGITS).and_then(|head| Hex::try_from(head).ok());
    let ends = rest.get(DIGITS).is_none_or(|byte| matches!(byte, b':' | b'\r' | b'\n'));
    match digest {
        Some(mut digest) if ends && digest.iter().all(u8::is_ascii_hexdigit) => {
            digest.make_ascii_uppercase();
            Ok(Some((at, digest)))
        }
        _ => Err(io::Error::other(format!("what stands at byte {at} is no SHA-1 digest of 40 hexadecimal digits"))),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fmt::Write as _;

    use proptest::prelude::*;

    use super::*;

    fn digest(password: &str) -> String {
        HEXUPPER.encode(&Sha1::digest(password.as_bytes()))
    }

    fn holds(list: &BreachedList, password: &str) -> bool {
        list.contains(&SecretText::new(password.to_owned())).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        /// Exactly what is on a list is found, in both shapes, whatever ends its lines.
        #[test]
        fn what_is_listed_is_found_and_nothing_else(
            listed in proptest::collection::btree_set("[a-z0-9 ]{1,12}", 1..400),
            others in proptest::collection::btree_set("[a-z0-9 ]{1,12}", 1..60),
            counted in any::<bool>(), lower in any::<bool>(), ending in prop_oneof![Just("\n"), Just("\r\n")],
            ended in any::<bool>(),
        ) {
            let dir = tempfile::tempdir().unwrap();
            let mut digests: Vec<String> = listed.iter().map(|password| digest(password)).collect();
            digests.sort_unstable();
            let tail = |digest: &String| if counted { format!(":{}", digest.len() * 977) } else { String::new() };
            let lines: Vec<String> = digests.iter().map(|digest| format!("{digest}{}", tail(digest))).collect();
            let mut text = lines.join(ending);
            if ended {
                text.push_str(ending);
            }
            if lower {
                text.make_ascii_lowercase();
            }
            let sorted = dir.path().join("sorted.txt");
            std::fs::write(&sorted, text).unwrap();
            let mut ranges = BTreeMap::from([("00000".to_owned(), String::new()), ("FFFFF".to_owned(), String::new())]);
            for line in &lines {
                let (prefix, rest) = line.split_at(RANGE);
                write!(ranges.entry(prefix.to_owned()).or_default(), "{rest}{ending}").unwrap();
            }
            for other in others.iter().map(|other| digest(other)) {
                ranges.entry(other.split_at(RANGE).0.to_owned()).or_default();
            }
            let folder = dir.path().join("ranges");
            std::fs::create_dir(&folder).unwrap();
            for (at, (prefix, text)) in ranges.iter().enumerate() {
                let name = if at % 2 == 0 { prefix.clone() } else { format!("{prefix}.txt") };
                std::fs::write(folder.join(name), text).unwrap();
            }
            for list in [BreachedList::open(&sorted).unwrap(), BreachedList::open(&folder).unwrap()] {
                for password in listed.iter().chain(&others) {
                    prop_assert_eq!(holds(&list, password), listed.contains(password), "{} {}", password, list.by_range);
                }
            }
        }
    }

    #[test]
    fn what_is_no_list_in_order_is_refused_by_reason() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("list");
        let mut digests: Vec<String> = (0..500).map(|n| digest(&n.to_string())).collect();
        digests.sort_unstable();
        digests.reverse();
        for (text, why) in [
            (String::new(), "empty"),
            (digests.join("\n"), "not in order"),
            ("123456\nqwerty\n".to_owned(), "no SHA-1 digest"),
            (format!("{}0", "A".repeat(40)), "no SHA-1 digest"),
            (format!("{}:1\n{}", "0".repeat(40), "x".repeat(4000)), "no list"),
        ] {
            std::fs::write(&path, &text).unwrap();
            let refused = BreachedList::open(&path).unwrap_err();
            assert!(refused.contains(why), "{why}: {refused}");
        }
        assert!(BreachedList::open(&dir.path().join("absent")).is_err());
        assert!(BreachedList::open(dir.path()).unwrap_err().contains("range 00000"));
    }

    #[test]
    fn a_list_that_went_away_is_a_fault_and_not_a_no() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("list");
        std::fs::write(&path, digest("password")).unwrap();
        let list = BreachedList::open(&path).unwrap();
        assert!(holds(&list, "password") && !holds(&list, "another"));
        std::fs::remove_file(&path).unwrap();
        assert!(list.contains(&SecretText::new("password".to_owned())).is_err());
    }
}
