//! What every section needs while its values are judged: places to complain at, files, the hour.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::scalars::HiddenText;
use crate::auth::secret::SecretText;
use crate::auth::time::Timestamp;
use crate::config::credentials::{is_env_name, may_hold_secret};
use crate::config::report::Problems;
use crate::config::yaml::collect::ITEM;
use crate::config::yaml::{Span, Spanned};

/// The largest secret file, in bytes.
const SECRET_BYTES: u64 = 64 * 1024;

/// Collects the problems of one file while its sections are validated.
pub(crate) struct Checker {
    /// The directory of the file; other files are named relative to it.
    dir: PathBuf,
    /// The hour, where it is known; without it nothing is said of expiry.
    pub(crate) now: Option<Timestamp>,
    pub(crate) problems: Problems,
    /// Values that were removed because they were wrong: span of the mapping, and key.
    removed: HashSet<(Span, String)>,
    /// What the databases that are named tell of addresses.
    pub(crate) places: PlacesTold,
    /// Everybody on this machine may read the file.
    pub(crate) open_to_all: bool,
}

/// What is known of addresses: nothing without a database.
#[derive(Clone, Copy, Default)]
pub(crate) struct PlacesTold {
    pub(crate) networks: bool,
    pub(crate) countries: bool,
}

/// What to do where a file may not be read.
pub(crate) const READABLE: &str = "let the user that runs Stepgate read it (chown, or a group with chmod 640), and each directory \
    above it; `check` looks as the user that calls it";

impl Checker {
    /// For a file in `dir`, of which everything but `removed` could be decoded.
    pub(crate) fn new(dir: &Path, now: Option<Timestamp>, problems: Problems, removed: Vec<(Span, String)>) -> Self {
        let (dir, removed) = (dir.to_owned(), removed.into_iter().collect());
        Self { dir, now, problems, removed, places: PlacesTold::default(), open_to_all: false }
    }

    pub(crate) fn error(&mut self, at: Span, message: impl Into<String>, fix: impl Into<String>) {
        self.problems.error(at, message, fix);
    }

    pub(crate) fn warn(&mut self, at: Span, message: impl Into<String>, fix: impl Into<String>) {
        self.problems.warn(at, message, fix);
    }

    /// The value of a key that must be there; without one that is reported, unless its wrong value was.
    pub(crate) fn need<T>(&mut self, value: Option<T>, at: Span, key: &str, fix: &str) -> Option<T> {
        if value.is_none() && !self.was_removed(at, key) {
            self.error(at, format!("`{key}` is missing here"), fix);
        }
        value
    }

    /// Whether a value of this mapping was taken out because it was wrong.
    pub(crate) fn was_removed(&self, at: Span, key: &str) -> bool {
        self.removed.contains(&(at, key.to_owned()))
    }

    /// Whether an item of this list was taken out because it was wrong.
    pub(crate) fn has_removed_items(&self, at: Span) -> bool {
        self.was_removed(at, ITEM)
    }

    /// Whether a value of this key was taken out anywhere, so that its absence is no news.
    pub(crate) fn was_removed_anywhere(&self, key: &str) -> bool {
        self.removed.iter().any(|(_, k)| k == key)
    }

    /// A path as the file means it.
    pub(crate) fn path(&self, text: &str) -> PathBuf {
        self.dir.join(text)
    }

    /// The bytes of a file of at most `cap` bytes; what is wrong with it is reported.
    pub(crate) fn read(&mut self, path: &Spanned<String>, cap: u64) -> Option<Vec<u8>> {
        let full = self.path(&path.value);
        let fix = "relative paths start at the directory of the configuration file";
        match read(&full, cap) {
            Ok(bytes) => return Some(bytes),
            Err(why) if why == DENIED && !may_hold_secret(&path.value) => {
                self.error(path.at, format!("cannot read {}: {why}", full.display()), READABLE);
            }
            Err(why) if may_hold_secret(&path.value) => {
                self.error(path.at, format!("cannot read this file: {why}"), "this must be the path of a file");
            }
            Err(why) => self.error(path.at, format!("cannot read {}: {why}", full.display()), fix),
        }
        None
    }

    /// The bytes of a file that holds a secret: whoever may read it is looked at as well.
    pub(crate) fn read_secret(&mut self, path: &Spanned<String>, cap: u64) -> Option<Vec<u8>> {
        let full = self.path(&path.value);
        // somebody may have written the secret where its file is asked for
        if std::fs::symlink_metadata(&full).is_err() && !self.is_surely_a_path(&path.value) {
            self.problems.hide(path.at);
            let dir = self.dir.display().to_string();
            let fix = format!("this must be the path of a file; relative paths start at {dir}");
            self.error(path.at, "cannot read this file: there is no such file", fix);
            return None;
        }
        let bytes = self.read(path, cap)?;
        if world_readable(&full) {
            let fix = format!("chmod 600 {}", full.display());
            self.warn(path.at, "everybody on this machine can read this secret file", fix);
        }
        Some(bytes)
    }

    /// Whether a text names a file in a directory that is there, or as good as there: below `/etc`, `/var` and so on.
    fn is_surely_a_path(&self, text: &str) -> bool {
        let top = text.strip_prefix('/').and_then(|rest| rest.split_once('/')).map(|(top, _)| Path::new("/").join(top));
        if top.is_some_and(|top| top.as_os_str().len() > 2 && top.is_dir()) {
            return !may_hold_secret(text);
        }
        let parent = self.path(text).parent().map(Path::to_owned);
        let named = Path::new(text).parent().is_some_and(|p| !p.as_os_str().is_empty() && p != Path::new("/"));
        named && !may_hold_secret(text) && parent.is_some_and(|p| p.is_dir())
    }

    /// A secret that is given here, or in the file that `…_file` names, without its last line break.
    pub(crate) fn secret(
        &mut self,
        value: Option<Spanned<HiddenText>>,
        file: Option<Spanned<String>>,
        key: &str,
    ) -> Option<Spanned<SecretText>> {
        match (value, file) {
            (Some(_), Some(file)) => {
                self.error(file.at, format!("`{key}` and `{key}_file` are both given"), "keep one of them");
                None
            }
            (Some(value), None) if value.value.0.expose().is_empty() => {
                self.error(value.at, format!("`{key}` is empty"), format!("give one, or name a file: `{key}_file`"));
                None
            }
            (Some(value), None) if value.value.0.expose().contains(char::is_control) => {
                self.error(value.at, format!("`{key}` has a line break or the like in it"), "write it in one line");
                None
            }
            (Some(value), None) => {
                if let Some(name) = value.value.0.expose().strip_prefix(FROM_ENV) {
                    let name = name.to_owned();
                    return self.secret_of_env(&name, value.at, key);
                }
                self.note_secret(&value, key);
                Some(Spanned { value: value.value.0, at: value.at })
            }
            (None, Some(file)) => {
                let bytes = self.read_secret(&file, SECRET_BYTES)?;
                let Ok(text) = String::from_utf8(bytes).map(SecretText::new) else {
                    self.error(file.at, "this secret file is not text", "it must be UTF-8");
                    return None;
                };
                let whole = text.expose();
                let text = whole.strip_suffix('\n').map_or(whole, |t| t.strip_suffix('\r').unwrap_or(t));
                if text.is_empty() {
                    self.error(file.at, "this secret file is empty", "write the secret into its first line");
                    return None;
                }
                if text.contains(char::is_control) {
                    self.error(
                        file.at,
                        "this secret file has several lines, or the like",
                        "leave the secret alone in it",
                    );
                    return None;
                }
                Some(Spanned { value: SecretText::new(text.to_owned()), at: file.at })
            }
            (None, None) => None,
        }
    }
}

impl Checker {
    /// A secret that stands among others, without a key that could name a file in its place.
    pub(crate) fn secret_item(&mut self, value: Spanned<HiddenText>) -> Option<Spanned<SecretText>> {
        if value.value.0.expose().chars().any(char::is_control) || value.value.0.expose().is_empty() {
            self.error(value.at, "this is empty, or has a line break or the like in it", "write it in one line");
            return None;
        }
        match value.value.0.expose().strip_prefix(FROM_ENV).map(str::to_owned) {
            Some(name) => self.secret_of_env(&name, value.at, ""),
            None => {
                self.note_secret(&value, "");
                Some(Spanned { value: value.value.0, at: value.at })
            }
        }
    }

    /// A secret of the environment.
    fn secret_of_env(&mut self, name: &str, at: Span, key: &str) -> Option<Spanned<SecretText>> {
        if !is_env_name(name) {
            let fix = match key {
                "" => "write `env:NAME`, letters, digits and `_`".to_owned(),
                _ => {
                    format!("write `env:NAME`, letters, digits and `_`; a secret that begins so goes into `{key}_file`")
                }
            };
            self.error(at, "not the name of an environment variable", fix);
            return None;
        }
        let text = match std::env::var(name) {
            Ok(text) => SecretText::new(text),
            Err(std::env::VarError::NotPresent) => {
                let fix = match key {
                    "" => "set it where Stepgate is started, and for `check` too".to_owned(),
                    _ => {
                        format!("set it where Stepgate is started, and for `check` too, or name a file: `{key}_file`")
                    }
                };
                self.error(at, format!("the environment has no {name}"), fix);
                return None;
            }
            Err(std::env::VarError::NotUnicode(_)) => {
                self.error(at, format!("{name} of the environment is not text"), "it must be UTF-8");
                return None;
            }
        };
        if text.expose().is_empty() || text.expose().contains(char::is_control) {
            let fix = "the secret must be in it, in one line";
            self.error(at, format!("{name} of the environment is empty, or has several lines"), fix);
            return None;
        }
        Some(Spanned { value: text, at })
    }

    /// Warns of a secret that everybody may read; a URL is one only with a password in it.
    fn note_secret(&mut self, value: &Spanned<HiddenText>, key: &str) {
        let text = value.value.0.expose();
        let url = text.split_once("://").map(|(_, rest)| rest.split('/').next().unwrap_or_default());
        let secret = match url {
            Some(authority) => {
                authority.split_once('@').is_some_and(|(user, _)| user.contains(':')) || text.contains("password=")
            }
            None => true,
        };
        if self.open_to_all && secret {
            let file = if key.is_empty() { String::new() } else { format!("`{key}_file` or ") };
            let fix = format!("chmod 640 the file (its group: the user that runs Stepgate), or use {file}`env:NAME`");
            self.warn(value.at, "everybody on this machine can read this file, and a password stands in it", fix);
        }
    }
}

/// What stands before the name of an environment variable that holds the secret.
const FROM_ENV: &str = "env:";

const DENIED: &str = "permission denied";

fn read(path: &Path, cap: u64) -> Result<Vec<u8>, String> {
    let reason = |e: std::io::Error| match e.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => DENIED.to_owned(),
        _ => e.to_string(),
    };
    // a pipe or a device might never end
    let meta = std::fs::metadata(path).map_err(reason)?;
    if !meta.is_file() {
        return Err(if meta.is_dir() { "it is a directory" } else { "it is not a regular file" }.to_owned());
    }
    let mut bytes = Vec::new();
    File::open(path).and_then(|f| f.take(cap + 1).read_to_end(&mut bytes)).map_err(reason)?;
    if bytes.len() as u64 > cap {
        return Err(format!("it is larger than {cap} bytes"));
    }
    Ok(bytes)
}

/// Whether everybody on this machine may read a file.
pub(crate) fn world_readable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|m| m.permissions().mode() & 0o004 != 0)
}
