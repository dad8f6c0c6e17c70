//! Lines of CSV as RFC 4180 has them, but for line breaks within cells, which no workload has. What is no such line is named
//! with its line and column.

use std::io::{BufRead, Read as _};

/// The longest line, in bytes.
const LINE_BYTES: u64 = 1024 * 1024;

/// Where and why a row cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadRow {
    pub(crate) line: u64,
    pub(crate) column: String,
    pub(crate) why: String,
}

impl std::fmt::Display for BadRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.why)
    }
}

/// A table with a header, line by line.
pub(crate) struct Table<R> {
    input: R,
    names: Vec<String>,
    cells: Vec<String>,
    bytes: Vec<u8>,
    line: u64,
}

impl<R: BufRead> Table<R> {
    /// Reads the header, in which no name stands twice.
    pub(crate) fn open(input: R) -> Result<Self, BadRow> {
        let mut table = Self { input, names: Vec::new(), cells: Vec::new(), bytes: Vec::new(), line: 0 };
        if !table.read_line()? {
            return Err(table.bad_row("header", "is missing: the file is empty"));
        }
        let names = std::mem::take(&mut table.cells);
        for (at, name) in names.iter().enumerate() {
            let is_same = |other: &&String| !name.is_empty() && other.eq_ignore_ascii_case(name);
            if names.iter().take(at).any(|other| is_same(&other)) {
                return Err(table.bad_row(name, "stands twice in the header"));
            }
        }
        table.names = names;
        Ok(table)
    }

    /// The place of a column.
    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|column| column.eq_ignore_ascii_case(name))
    }

    /// The place of a column that must be there; `columns` says which there are.
    pub(crate) fn need(&self, name: &str, columns: &str) -> Result<usize, BadRow> {
        self.find(name).ok_or_else(|| self.bad_row(name, &format!("the header has no such column; {columns}")))
    }

    /// Goes to the next row that is not empty; `false` at the end.
    pub(crate) fn next(&mut self) -> Result<bool, BadRow> {
        if !self.read_line()? {
            return Ok(false);
        }
        let (len, expected) = (self.cells.len(), self.names.len());
        if len != expected {
            return Err(self.bad_row("row", &format!("has {len} columns, the header has {expected}")));
        }
        Ok(true)
    }

    /// A cell of the row, without the space around it.
    pub(crate) fn cell(&self, at: usize) -> &str {
        self.cells.get(at).map_or("", String::as_str)
    }

    pub(crate) const fn line(&self) -> u64 {
        self.line
    }

    /// A fault of this row.
    pub(crate) fn bad_row(&self, column: &str, why: &str) -> BadRow {
        BadRow { line: self.line, column: column.to_owned(), why: why.to_owned() }
    }

    /// Whether there was a line, whose cells are read then.
    fn read_line(&mut self) -> Result<bool, BadRow> {
        loop {
            self.line += 1;
            self.bytes.clear();
            let read = self.input.by_ref().take(LINE_BYTES).read_until(b'\n', &mut self.bytes);
            if read.map_err(|fault| self.bad_row("row", &fault.to_string()))? as u64 == LINE_BYTES {
                return Err(self.bad_row("row", "is longer than 1 MiB"));
            }
            let line = self.bytes.strip_suffix(b"\n").unwrap_or(&self.bytes);
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let line = if self.line == 1 { line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line) } else { line };
            if line.is_empty() {
                match self.bytes.is_empty() {
                    true => return Ok(false),
                    false => continue,
                }
            }
            let split = split(line, &mut self.cells);
            return match split {
                Ok(()) => Ok(true),
                Err(why) => {
                    let number = (self.cells.len() + 1).to_string();
                    let column = self.names.get(self.cells.len()).map_or(number.as_str(), String::as_str);
                    Err(self.bad_row(column, why))
                }
            };
        }
    }
}

/// The cells of a line; where one is none, those before it.
fn split(mut line: &[u8], cells: &mut Vec<String>) -> Result<(), &'static str> {
    cells.clear();
    loop {
        let (cell, rest) = match line.strip_prefix(b"\"") {
            Some(quoted) => unquoted(quoted)?,
            None => {
                let end = line.iter().position(|byte| *byte == b',').unwrap_or(line.len());
                let (cell, rest) = line.split_at_checked(end).unwrap_or((line, b""));
                if cell.contains(&b'"') {
                    return Err("has a quote that does not begin it: write \"\" within quotes");
                }
                (cell.to_vec(), rest)
            }
        };
        let cell = String::from_utf8(cell).map_err(|_| "is not UTF-8")?;
        if cell.chars().any(|c| c.is_control() && c != '\t') {
            return Err("has a control character");
        }
        cells.push(cell.trim().to_owned());
        match rest.split_first() {
            None => return Ok(()),
            Some((b',', rest)) => line = rest,
            Some(_) => {
                cells.pop();
                return Err("goes on after its closing quote");
            }
        }
    }
}

/// What stands in quotes, and what follows them.
fn unquoted(mut rest: &[u8]) -> Result<(Vec<u8>, &[u8]), &'static str> {
    let mut cell = Vec::new();
    loop {
        let end = rest.iter().position(|byte| *byte == b'"').ok_or("has a quote that is not closed in its line")?;
        let (part, tail) = rest.split_at_checked(end).unwrap_or((rest, b""));
        cell.extend_from_slice(part);
        let tail = tail.get(1..).unwrap_or_default();
        match tail.strip_prefix(b"\"") {
            Some(more) => {
                cell.push(b'"');
                rest = more;
            }
            None => return Ok((cell, tail)),
        }
    }
}
