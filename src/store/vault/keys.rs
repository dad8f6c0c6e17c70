//! The key file: one master key a line, newest first, in base64 or hex; `#` begins a comment line.
//!
//! `next:` before a key says that it opens and does not seal yet: the first of the two steps of a rotation, after
//! which every node opens what any node will seal.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD, HEXLOWER, HEXLOWER_PERMISSIVE};
use zeroize::Zeroizing;

use super::fault;
use crate::auth::secret::{SecretBytes, SecretText};
use crate::flow::ports::{Answer, Entropy};

/// Bytes of a master key.
pub const KEY_BYTES: usize = 32;

/// What stands before a key that opens and does not seal yet.
const NEXT: &str = "next:";

/// The master keys as an operator gives them.
#[derive(Clone, Default)]
pub struct MasterKeys {
    /// Those in use, newest first: the first seals, all open.
    pub used: Vec<SecretBytes>,
    /// Those that other nodes may seal with already: they open, and do nothing else.
    pub next: Vec<SecretBytes>,
}

impl MasterKeys {
    fn all(&self) -> impl Iterator<Item = &SecretBytes> {
        self.used.iter().chain(&self.next)
    }

    /// Whether these are the same keys, used alike.
    pub fn is_same_as(&self, other: &Self) -> bool {
        let same = |one: &[SecretBytes], other: &[SecretBytes]| {
            one.len() == other.len() && one.iter().zip(other).all(|(a, b)| a.expose() == b.expose())
        };
        same(&self.used, &other.used) && same(&self.next, &other.next)
    }
}

/// Reads a key file: at least one key in use, newest first.
///
/// # Errors
/// Says which line is not a key, or that there is none. Never repeats the line.
pub fn parse_ring(text: &str) -> Result<MasterKeys, String> {
    let mut keys = MasterKeys::default();
    for (index, line) in text.lines().enumerate().map(|(index, line)| (index + 1, line.trim())) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (next, encoded) = match line.strip_prefix(NEXT) {
            Some(rest) => (true, rest.trim_start()),
            None => (false, line),
        };
        let key =
            decode(encoded).ok_or_else(|| format!("line {index} is not a key: {KEY_BYTES} bytes in base64 or hex"))?;
        if keys.all().any(|other| other.expose() == key.expose()) {
            return Err(format!("line {index} repeats an earlier key"));
        }
        if next { keys.next.push(key) } else { keys.used.push(key) }
    }
    match (keys.used.is_empty(), keys.next.is_empty()) {
        (false, _) => Ok(keys),
        (true, true) => Err("there is no key in it".to_owned()),
        (true, false) => Err(format!("every key in it is marked `{NEXT}`, so none seals")),
    }
}

/// The line of a key file that holds this key.
pub fn format_key(key: &SecretBytes) -> SecretText {
    SecretText::new(BASE64.encode(key.expose()))
}

fn decode(line: &str) -> Option<SecretBytes> {
    let encodings = [HEXLOWER_PERMISSIVE, BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD];
    let decoded = encodings.iter().filter_map(|e| e.decode(line.as_bytes()).ok()).map(SecretBytes::new);
    decoded.into_iter().find(|key| key.expose().len() == KEY_BYTES)
}

/// Whether there is a key file.
///
/// # Errors
/// Its directory cannot be read.
pub(crate) fn key_file_exists(path: &Path) -> Answer<bool> {
    path.try_exists().map_err(|e| fault(format!("{}: {e}", path.display())))
}

/// The keys of the file, which is made with one fresh key if it is not there.
///
/// The fresh file appears whole or not at all; of two processes that make it at once, one wins and both read it.
///
/// # Errors
/// It cannot be made or read, everybody on the machine may read it, or it is not a key file.
pub(crate) fn key_file(path: &Path, entropy: &dyn Entropy) -> Answer<MasterKeys> {
    if !key_file_exists(path)? {
        make(path, entropy)?;
    }
    read_key_file(path)
}

/// The keys of a file that is there.
///
/// # Errors
/// It cannot be read, everybody on the machine may read it, or it is not a key file.
pub(crate) fn read_key_file(path: &Path) -> Answer<MasterKeys> {
    let at = |cause: &dyn std::fmt::Display| fault(format!("key file {}: {cause}", path.display()));
    let mode = fs::metadata(path).map_err(|e| at(&e))?.permissions().mode();
    if mode & 0o007 != 0 || mode & 0o020 != 0 {
        return Err(at(&format!("mode {:o} lets others at it; `chmod 600` it", mode & 0o777)));
    }
    let text = Zeroizing::new(fs::read_to_string(path).map_err(|e| at(&e))?);
    parse_ring(&text).map_err(|e| at(&e))
}

fn make(path: &Path, entropy: &dyn Entropy) -> Answer<()> {
    let at = |cause: std::io::Error| fault(format!("cannot make the key file {}: {cause}", path.display()));
    let mut key = Zeroizing::new(vec![0; KEY_BYTES]);
    entropy.fill(&mut key)?;
    let mut suffix = [0; 8];
    entropy.fill(&mut suffix)?;
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.new", HEXLOWER.encode(&suffix)));
    let draft = PathBuf::from(name);
    let written = write_draft(&draft, &SecretBytes::new(key.to_vec()))
        // A link, unlike a rename, never takes the place of a file that another process has made meanwhile.
        .and_then(|()| match fs::hard_link(&draft, path) {
            Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(()),
            linked => linked,
        })
        .and_then(|()| sync_directory(path));
    let removed = fs::remove_file(&draft);
    written.and(removed).map_err(at)
}

fn write_draft(draft: &Path, key: &SecretBytes) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft)?;
    let line = format_key(key);
    file.write_all(b"# Master keys of Stepgate, newest first. Whoever has them can open every sealed secret.\n")?;
    file.write_all(line.expose().as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

fn sync_directory(path: &Path) -> std::io::Result<()> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => fs::File::open(parent)?.sync_all(),
        _ => Ok(()),
    }
}
