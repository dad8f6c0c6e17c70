//! What is wrong with a file, and where.

use serde::Serialize;

use super::harmless::Harmless;
use super::node::{At, Node};
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
    /// What to do about it.
    pub fix: String,
    /// The line of the file, with whatever might be a secret struck out, without its comment, long ends cut.
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
    harmless: Harmless,
    found: Vec<Found>,
}

impl Problems {
    /// For a file of this name and text.
    pub(super) fn new(file: &str, text: &str) -> Self {
        Self { file: file.to_owned(), text: text.to_owned(), harmless: Harmless::words_only(), found: Vec::new() }
    }

    /// Learns which parts of the file may be shown.
    pub(super) fn look_through(&mut self, root: &Node) {
        self.harmless.look_through(root);
    }

    /// Whether this is the name of a key, somewhere.
    pub(super) fn knows(&self, word: &str) -> bool {
        self.harmless.words.contains(word)
    }

    /// Keeps one part of the file out of every snippet.
    pub(super) fn hide(&mut self, at: At) {
        self.harmless.hidden.push(at);
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
                let (snippet, caret) = render::snippet(&self.text, f.at, &self.harmless);
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
