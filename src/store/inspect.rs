//! Looks at what the settings name before anything is opened: no connection, nothing is made. What is wrong comes back
//! in words that repeat nothing of a URL.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use super::{redis, sql, vault};

/// What every SQLite database begins with.
const SQLITE: &[u8] = b"SQLite format 3\0";

/// Whether a `postgres://` URL can be used, with its options.
///
/// # Errors
/// It cannot be read, or says something that nobody would follow.
pub fn postgres_url(url: &str) -> Result<(), String> {
    sql::judge_postgres(url).map_err(|fault| fault.cause)
}

/// Whether a `redis://` or `rediss://` URL can be used, with its options.
///
/// # Errors
/// As [`postgres_url`].
pub fn redis_url(url: &str) -> Result<(), String> {
    redis::judge(url).map_err(|fault| fault.cause)
}

/// Whether a file, if it is there, can be a database.
///
/// # Errors
/// It is a directory, cannot be read, or is something else.
pub fn sqlite_file(path: &Path) -> Result<(), String> {
    let Ok(meta) = std::fs::metadata(path) else { return Ok(()) };
    if !meta.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    let mut head = Vec::new();
    File::open(path).and_then(|f| f.take(SQLITE.len() as u64).read_to_end(&mut head)).map_err(|e| e.to_string())?;
    // SQLite itself takes an empty file for an empty database
    if head.is_empty() || head == SQLITE { Ok(()) } else { Err("it is not a SQLite database".to_owned()) }
}

/// Whether the key file, if it is there, can be used.
///
/// # Errors
/// It cannot be read, others may read it, or it holds something else.
pub fn key_file(path: &Path) -> Result<(), String> {
    match path.try_exists() {
        Ok(false) => Ok(()),
        _ => vault::read_key_file(path).map(|_| ()).map_err(|fault| fault.cause),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_database_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        assert!(sqlite_file(&path).is_ok(), "it will be made");
        assert!(sqlite_file(dir.path()).is_err());
        for (bytes, fits) in
            [(&b""[..], true), (b"SQLite format 3\0rest", true), (b"root:x:0:0", false), (b"SQL", false)]
        {
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(sqlite_file(&path).is_ok(), fits, "{bytes:?}");
        }
    }

    #[test]
    fn urls_are_judged_with_their_options_and_not_repeated() {
        let good = ["postgres://u:p@h/d", "postgres://h/d?sslmode=require&max_connections=3&options[x]=y"];
        assert!(good.iter().all(|url| postgres_url(url).is_ok()));
        for query in [
            "max_connections=0",
            "sslmode=bogus-hunter2",
            "passwd=hunter2",
            "pasword=hunter2",
            "port=hunter2",
            "hunter2",
            "sslrootcert=/absent/hunter2.pem",
            "hostaddr=x",
            "timeout_ms=1h",
            "statement-cache-capacity=x",
        ] {
            let told = postgres_url(&format!("postgres://u@h/d?{query}")).unwrap_err();
            assert!(!told.contains("hunter2"), "{told}");
        }
        let good = ["redis://h", "rediss://:p@h:1/3", "redis://h?protocol=resp3"];
        assert!(good.iter().all(|url| redis_url(url).is_ok()));
        for tail in ["#insecure", "?protocol=resp9", "?db=4", "?password=hunter2", "#x", "/99999999999999999999"] {
            let told = redis_url(&format!("rediss://h{tail}")).unwrap_err();
            assert!(!told.contains("hunter2"), "{told}");
        }
    }
}
