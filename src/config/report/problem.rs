//! What is wrong with a file, and where.

use std::collections::HashSet;

use serde::Serialize;
use serde_json::Value as Json;

use super::lines::LineIndex;
use super::redaction::Redaction;
use super::snippet::snippet;
use crate::config::yaml::Span;
use crate::config::yaml::tree::Node;

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
    pub severity: Severity,
    /// The file as named by the caller.
    pub file: String,
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    pub message: String,
    /// What to do about it.
    pub fix: String,
    /// The line of the file, with whatever might be a secret struck out, without its comment, long ends cut.
    pub snippet: String,
    /// Where the caret stands under the snippet: first column from 0, and width.
    #[serde(skip)]
    pub(crate) caret: (usize, usize),
}

struct Finding {
    severity: Severity,
    at: Span,
    message: String,
    fix: String,
}

/// Collects every problem of one file.
pub(crate) struct Problems {
    file: String,
    text: String,
    lines: LineIndex,
    redaction: Redaction,
    found: Vec<Finding>,
    /// Where each message was found.
    known: HashSet<(Span, String)>,
    errors: usize,
}

impl Problems {
    /// For a file of this name and text, which `schema` describes.
    pub(crate) fn new(file: &str, text: &str, schema: &'static Json) -> Self {
        Self {
            file: file.to_owned(),
            text: text.to_owned(),
            lines: LineIndex::new(text),
            redaction: Redaction::new(schema),
            found: Vec::new(),
            known: HashSet::new(),
            errors: 0,
        }
    }

    /// Learns which parts of the file may be shown.
    pub(crate) fn mark(&mut self, root: &Node) {
        self.redaction.mark(root);
    }

    /// For a file that holds no secret: all of it may be shown.
    pub(crate) fn show_all(&mut self) {
        self.redaction.shown.push(Span { start: 0, end: self.text.len() });
    }

    /// Whether this is the name of a key, somewhere.
    pub(crate) fn knows(&self, word: &str) -> bool {
        self.redaction.words.contains(word)
    }

    /// Keeps one part of the file out of every snippet.
    pub(crate) fn hide(&mut self, at: Span) {
        self.redaction.hidden.push(at);
    }

    pub(crate) fn error(&mut self, at: Span, message: impl Into<String>, fix: impl Into<String>) {
        self.add(Severity::Error, at, message.into(), fix.into());
    }

    pub(crate) fn warn(&mut self, at: Span, message: impl Into<String>, fix: impl Into<String>) {
        self.add(Severity::Warning, at, message.into(), fix.into());
    }

    fn add(&mut self, severity: Severity, at: Span, message: String, fix: String) {
        // an alias may bring the same mistake to many places
        if self.known.insert((at, message.clone())) {
            self.errors += usize::from(severity == Severity::Error);
            self.found.push(Finding { severity, at, message, fix });
        }
    }

    pub(crate) const fn errors(&self) -> usize {
        self.errors
    }

    pub(crate) fn line_of(&self, at: Span) -> usize {
        self.lines.line_at(at.start).0 + 1
    }

    /// Both counted from 1.
    pub(crate) fn line_and_column(&self, at: Span) -> (usize, usize) {
        self.lines.line_and_column(&self.text, at.start)
    }

    /// A place as `file:line:column`, the file by its name alone.
    pub(crate) fn place(&self, at: Span) -> String {
        let (line, column) = self.lines.line_and_column(&self.text, at.start);
        let file = std::path::Path::new(&self.file)
            .file_name()
            .map_or_else(|| self.file.clone().into(), |n| n.to_string_lossy());
        format!("{file}:{line}:{column}")
    }

    /// Every problem in the order of the file.
    pub(crate) fn into_problems(mut self) -> Vec<Problem> {
        self.found.sort_by_key(|f| (f.at.start, f.severity == Severity::Warning));
        self.redaction.hidden.join();
        self.redaction.shown.join();
        let found = std::mem::take(&mut self.found);
        found
            .into_iter()
            .map(|f| {
                let (line, column) = self.lines.line_and_column(&self.text, f.at.start);
                let (snippet, caret) = snippet(&self.text, self.lines.line_at(f.at.start).1, f.at, &self.redaction);
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
