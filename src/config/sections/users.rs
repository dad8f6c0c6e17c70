//! `users`: the accounts, and how passwords are hashed.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::auth::factor::password::{LEAST_ALONE, LEAST_BESIDE_A_SECOND, PasswordRule};
use crate::auth::policy::Policy;
use crate::auth::secret::SecretText;
use crate::config::credentials::may_hold_secret;
use crate::config::sections::checker::Checker;
use crate::config::sections::scalars::{HumanSize, Unavailable, Url};
use crate::config::sections::signup::SignUpOption;
use crate::config::yaml::{Span, Spanned};
use crate::flow::settings::PasswordSettings;
use crate::store::breached_passwords::BreachedList;
use crate::store::inspect;

/// The accounts.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserOptions {
    /// Where accounts live: sqlite:///path or postgres://user:password@host/name.
    database: Option<Url>,
    /// A file that holds that URL.
    database_file: Option<Spanned<String>>,
    /// How passwords are hashed and judged.
    pub(crate) password: Option<PasswordOptions>,
    /// Who may make an account for themselves: off, open, invitation, or domains of mail addresses. Default: off.
    pub(crate) signup: Option<Spanned<SignUpOption>>,
    /// Not available in this version.
    #[serde(default, rename = "ldap")]
    _ldap: Unavailable,
}

/// Password hashing: argon2id. Hashes are upgraded at the next sign-in.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordOptions {
    /// Memory of one hash. Default: 19MiB.
    memory: Option<Spanned<HumanSize>>,
    /// Passes. Default: 2.
    iterations: Option<Spanned<u32>>,
    /// Lanes. Default: 1.
    parallelism: Option<Spanned<u32>>,
    /// Hashes at once. Default: 2.
    concurrent: Option<Spanned<u32>>,
    /// Hashes that may wait; beyond that people are asked to come back. Default: 64.
    queue: Option<Spanned<u32>>,
    /// Shortest new password, in characters: 8 to 128. Default: 15 where a rule admits by a password alone, else 8.
    min_length: Option<Spanned<u32>>,
    /// Longest password looked at: 1KiB to 64KiB. Default: 4KiB.
    max_bytes: Option<Spanned<HumanSize>>,
    /// Passwords that became known, none of which is taken: their SHA-1 digests in a file in order, or a folder of ranges, as
    /// haveibeenpwned-downloader makes them.
    pub(crate) breached: Option<Spanned<String>>,
}

/// A database that can be used.
pub(crate) struct Database {
    /// Its URL, with an absolute path.
    pub(crate) url: SecretText,
    /// Where it was named.
    pub(crate) at: Span,
    /// The file, if it is SQLite.
    pub(crate) file: Option<PathBuf>,
}

const DATABASE_FIX: &str = "write `users: { database: sqlite:///var/lib/stepgate/stepgate.db }` or a `postgres://` URL";

const PG_FIX: &str = "possible are `max_connections`, `timeout_ms`, and of libpq `sslmode`, `sslrootcert`, `sslcert`, \
    `sslkey`, `host`, `port`, `dbname`, `user`, `password`, `application_name`, `options`";

/// Judges where the accounts live.
pub(crate) fn database(options: Option<(&mut UserOptions, Span)>, cx: &mut Checker) -> Option<Database> {
    let Some((options, at)) = options else {
        if !cx.was_removed_anywhere("users") {
            cx.error(Span::default(), "`users` is missing: where do accounts live?", DATABASE_FIX);
        }
        return None;
    };
    let named = options.database.is_some() || options.database_file.is_some();
    let reported = named || cx.was_removed(at, "database_file");
    let url = cx.secret(options.database.take(), options.database_file.take(), "database");
    if url.is_none() {
        if !reported {
            cx.need::<()>(None, at, "database", DATABASE_FIX);
        }
        return None;
    }
    let Spanned { value: url, at } = url?;
    if url.expose().starts_with("postgres://") || url.expose().starts_with("postgresql://") {
        match url::Url::parse(url.expose()) {
            Ok(parsed) if parsed.path().len() > 1 => match inspect::postgres_url(url.expose()) {
                Ok(()) => return Some(Database { url, at, file: None }),
                Err(why) => cx.error(at, why, PG_FIX),
            },
            Ok(_) => cx.error(at, "the URL names no database", "write `postgres://user:password@host/database`"),
            Err(e) => cx.error(at, format!("not a URL: {e}"), "is every special character of the password %-encoded?"),
        }
        return None;
    }
    let file = sqlite_path(url.expose(), at, cx)?;
    Some(Database { url: SecretText::new(format!("sqlite://{}", file.display())), at, file: Some(file) })
}

/// The file of a `sqlite://` URL; its directory must be there.
pub(crate) fn sqlite_path(url: &str, at: Span, cx: &mut Checker) -> Option<PathBuf> {
    let Some(path) = url.strip_prefix("sqlite://") else {
        cx.error(at, "not a database Stepgate knows", DATABASE_FIX);
        return None;
    };
    if path.is_empty() || path.ends_with('/') || path.contains([':', '?', '#', '%']) {
        cx.error(at, "not the path of a file", "write `sqlite:///` and an absolute path, without options");
        return None;
    }
    let file = cx.path(path);
    if !path.starts_with('/') && !path.starts_with("./") {
        let message = format!("two slashes: this names {}, beside the configuration", file.display());
        let fix = format!("write `sqlite:///{path}` for /{path}, or `sqlite://./{path}` if this file is meant");
        if file.parent().is_some_and(std::path::Path::is_dir) {
            cx.warn(at, message, fix);
        } else {
            cx.error(at, message, fix);
            return None;
        }
    }
    if !file.parent().is_some_and(std::path::Path::is_dir) {
        let parent = file.parent().filter(|_| !may_hold_secret(url));
        let fix = parent.map_or_else(String::new, |p| format!("create {}", p.display()));
        cx.warn(at, "the directory of the database does not exist yet", fix);
    }
    if let Err(why) = inspect::sqlite_file(&file) {
        cx.error(at, format!("this cannot be a database: {why}"), "name a file that is not there yet, or a database");
        return None;
    }
    Some(file)
}

/// Judges `users.password.breached`.
pub(crate) fn breached(options: Option<&PasswordOptions>, cx: &mut Checker) -> Option<BreachedList> {
    let Spanned { value, at } = options?.breached.as_ref()?;
    let fix = "name a file of SHA-1 digests in order, one a line, or a folder of ranges 00000 to FFFFF";
    BreachedList::open(&cx.path(value)).map_err(|why| cx.error(*at, why, fix)).ok()
}

/// Judges `users.password.min_length`.
pub(crate) fn min_length(options: Option<&mut PasswordOptions>, cx: &mut Checker) -> Option<usize> {
    let least = options?.min_length.take();
    number(least, 8, 128, cx).map(wide)
}

/// What new passwords must be under these rules; `ours`: names of hosts and of the organisation.
pub(crate) fn new_passwords<'a>(
    min_length: Option<usize>,
    max_bytes: usize,
    policy: &Policy,
    ours: impl Iterator<Item = &'a str>,
) -> PasswordRule {
    let least = if policy.admits_by_password() { LEAST_ALONE } else { LEAST_BESIDE_A_SECOND };
    PasswordRule::new(min_length.unwrap_or(least), max_bytes, ours)
}

fn number(value: Option<Spanned<u32>>, least: u32, most: u32, cx: &mut Checker) -> Option<u32> {
    let value = value?;
    if value.value < least || value.value > most {
        cx.error(value.at, "out of range", format!("{least} to {most} are possible"));
        return None;
    }
    Some(value.value)
}

fn wide(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Judges `users.password`.
pub(crate) fn password(options: Option<PasswordOptions>, cx: &mut Checker) -> PasswordSettings {
    let mut settings = PasswordSettings::default();
    let Some(options) = options else { return settings };
    settings.iterations = number(options.iterations, 1, 64, cx).unwrap_or(settings.iterations);
    settings.parallelism = number(options.parallelism, 1, 16, cx).unwrap_or(settings.parallelism);
    settings.concurrent = number(options.concurrent, 1, 256, cx).map_or(settings.concurrent, wide);
    settings.queue = number(options.queue, 1, 65_536, cx).map_or(settings.queue, wide);
    if let Some(memory) = options.memory {
        let kib = memory.value.0 / 1024;
        match u32::try_from(kib) {
            Ok(kib @ 7_168..=4_194_304) => settings.memory_kib = kib,
            _ => cx.error(memory.at, "out of range", "7MiB to 4GiB are possible; OWASP asks for 19MiB with 2 passes"),
        }
    }
    if let Some(bytes) = options.max_bytes {
        match bytes.value.0 {
            n @ 1_024..=65_536 => settings.max_bytes = usize::try_from(n).unwrap_or(settings.max_bytes),
            _ => cx.error(bytes.at, "out of range", "1KiB to 64KiB are possible"),
        }
    }
    settings
}
