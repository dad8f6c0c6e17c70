//! What is told of the files: once, when it becomes so.

use super::settings::ListSource;
use super::tables::{PlaceTables, Watched};
use crate::auth::time::{Timestamp, short_duration};

/// One line for the log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Notice {
    /// In force.
    Good(String),
    /// Abstains.
    Absent(String),
    /// Refused; what was read before stays.
    Bad(String),
}

impl Notice {
    pub(super) fn log(&self) {
        match self {
            Self::Good(text) => tracing::info!(target: "risk", "{text}"),
            Self::Absent(text) => tracing::warn!(target: "risk", "{text}"),
            Self::Bad(text) => tracing::error!(target: "risk", "{text}"),
        }
    }
}

/// How every file is.
pub(super) fn all(tables: &PlaceTables, now: Timestamp) -> Vec<Notice> {
    let mut notices = Vec::new();
    for (role, watched) in &tables.databases {
        notices.push(of(&format!("geoip: {role}"), watched, |database| {
            let (kind, built) = (&database.kind, database.built.rfc3339());
            if tables.is_fresh(database, now) {
                return Notice::Good(format!("geoip: {role}: {kind}, built {built}, is in force"));
            }
            let age = short_duration(tables.settings.max_age);
            Notice::Absent(format!(
                "geoip: {role}: {kind} was built {built}, more than {age} ago: what it feeds abstains"
            ))
        }));
    }
    for (settings, watched) in tables.settings.lists.iter().zip(&tables.lists) {
        let name = format!("list {}", settings.name);
        match (&settings.source, watched) {
            (ListSource::File(_), Some(watched)) => notices.push(of(&name, watched, |list| {
                Notice::Good(format!("{name}: {} entries are in force", list.entries))
            })),
            _ => notices.push(Notice::Good(format!("{name}: its entries are in force"))),
        }
    }
    notices
}

fn of<T>(name: &str, watched: &Watched<T>, good: impl Fn(&T) -> Notice) -> Notice {
    let path = watched.path.display();
    match (&watched.refused, &watched.value) {
        (Some(cause), Some(_)) => Notice::Bad(format!("{name}: {path}: {cause}; what was read before stays in force")),
        (Some(cause), None) => Notice::Bad(format!("{name}: {path}: {cause}; it abstains")),
        (None, None) => Notice::Absent(format!("{name}: {path}: there is no such file: it abstains")),
        (None, Some(value)) => good(value),
    }
}
