//! What is wrong with a file, and where.

use serde::Serialize;

use super::node::{At, Kind, Node, Value};
use super::render;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The file cannot be used.
    Error,
    /// It can, but not as the operator may think.
    Warning,
}

/// One problem, ready to be told. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// The file as named by the caller.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to do about it; empty where the message says it.
    pub fix: String,
    /// The line of the file, with secrets struck out and long ends cut.
    pub snippet: String,
    /// Where the caret stands under the snippet: first column from 0, and width.
    #[serde(skip)]
    pub(super) caret: (usize, usize),
}

struct Found {
    severity: Severity,
    at: At,
    message: String,
    fix: String,
}

/// Collects every problem of one file.
pub(super) struct Problems {
    file: String,
    text: String,
    hidden: Vec<At>,
    /// Whether the whole tree was looked through for secrets.
    searched: bool,
    found: Vec<Found>,
}

impl Problems {
    /// For a file of this name and text.
    pub(super) fn new(file: &str, text: &str) -> Self {
        Self { file: file.to_owned(), text: text.to_owned(), hidden: Vec::new(), searched: false, found: Vec::new() }
    }

    /// Remembers which parts of the file are secret, so that no snippet shows them.
    pub(super) fn hide_secrets(&mut self, root: &Node) {
        let mut hidden = Vec::new();
        root.each_entry(&mut |entry| {
            let telling = match &entry.value.value {
                // the path of a file is no secret, and an operator wants to see it
                Value::Scalar(s) => s.kind() != Kind::Null && !s.text.starts_with("sqlite:"),
                _ => false,
            };
            if telling && render::names_a_secret(&entry.key.text) {
                hidden.push(entry.value.at);
            }
        });
        self.hidden.extend(hidden);
        self.searched = true;
    }

    /// Keeps one part of the file out of every snippet.
    pub(super) fn hide(&mut self, at: At) {
        self.hidden.push(at);
    }

    /// Something that must be mended.
    pub(super) fn error(&mut self, at: At, message: impl Into<String>, fix: impl Into<String>) {
        self.add(Severity::Error, at, message.into(), fix.into());
    }

    /// Something worth a look.
    pub(super) fn warn(&mut self, at: At, message: impl Into<String>, fix: impl Into<String>) {
        self.add(Severity::Warning, at, message.into(), fix.into());
    }

    fn add(&mut self, severity: Severity, at: At, message: String, fix: String) {
        // an alias may bring the same mistake to many places
        if !self.found.iter().any(|f| f.at == at && f.message == message) {
            self.found.push(Found { severity, at, message, fix });
        }
    }

    /// How many errors there are.
    pub(super) fn errors(&self) -> usize {
        self.found.iter().filter(|f| f.severity == Severity::Error).count()
    }

    /// The line of a place, from 1.
    pub(super) fn line_of(&self, at: At) -> usize {
        render::line_and_column(&self.text, at.start).0
    }

    /// A place as `file:line:column`, the file by its name alone.
    pub(super) fn place(&self, at: At) -> String {
        let (line, column) = render::line_and_column(&self.text, at.start);
        let file = std::path::Path::new(&self.file)
            .file_name()
            .map_or_else(|| self.file.clone().into(), |n| n.to_string_lossy());
        format!("{file}:{line}:{column}")
    }

    /// Every problem in the order of the file.
    pub(super) fn told(mut self) -> Vec<Problem> {
        self.found.sort_by_key(|f| (f.at.start, f.severity == Severity::Warning));
        let found = std::mem::take(&mut self.found);
        found
            .into_iter()
            .map(|f| {
                let (line, column) = render::line_and_column(&self.text, f.at.start);
                let (snippet, caret) = render::snippet(&self.text, f.at, &self.hidden, self.searched);
                Problem {
                    severity: f.severity,
                    file: self.file.clone(),
                    line,
                    column,
                    message: f.message,
                    fix: f.fix,
                    snippet,
                    caret,
                }
            })
            .collect()
    }
}
