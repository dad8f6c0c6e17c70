//! The workload: rows of CSV, read whole, texts kept once.

use std::collections::HashMap;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr};

/// The kind of rows that are the person's own.
pub(crate) const LEGIT: &str = "legit";

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

/// Texts by number; 0 is the empty one.
pub(crate) struct Texts {
    numbers: HashMap<Box<str>, u32>,
    texts: Vec<Box<str>>,
}

impl Default for Texts {
    fn default() -> Self {
        let mut texts = Self { numbers: HashMap::new(), texts: Vec::new() };
        texts.number("");
        texts
    }
}

impl Texts {
    pub(crate) fn number(&mut self, text: &str) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = self.texts.len() as u32;
        self.texts.push(text.into());
        self.numbers.insert(text.into(), number);
        number
    }

    pub(crate) fn find(&self, text: &str) -> Option<u32> {
        self.numbers.get(text).copied()
    }

    pub(crate) fn get(&self, number: u32) -> &str {
        self.texts.get(number as usize).map_or("", |text| text)
    }

    pub(crate) fn len(&self) -> usize {
        self.texts.len()
    }
}

/// One row; texts by number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) user: u32,
    pub(crate) time: u64,
    pub(crate) address: IpAddr,
    pub(crate) asn: Option<u32>,
    pub(crate) country: u32,
    pub(crate) device: u32,
    pub(crate) browser: u32,
    /// Operating system and version; 0 where the text has to tell.
    pub(crate) os: u32,
    pub(crate) agent: u32,
    pub(crate) cookie: u32,
    pub(crate) kind: u32,
    pub(crate) line: u64,
}

/// All rows, in time order.
#[derive(Default)]
pub(crate) struct Workload {
    pub(crate) rows: Vec<Row>,
    pub(crate) users: Texts,
    pub(crate) kinds: Texts,
    pub(crate) texts: Texts,
    /// Labels of people, where the file has a column for them.
    pub(crate) cohorts: HashMap<u32, u32>,
    /// Rows that were left out on purpose.
    pub(crate) skipped: u64,
}

/// Which column holds what.
struct Columns {
    user: usize,
    time: usize,
    ip: usize,
    kind: usize,
    optional: [Option<usize>; 7],
}

const OPTIONAL: [&str; 7] = ["asn", "country", "device", "browser", "ua", "device_cookie", "cohort"];

/// Reads a workload in our own columns. Unknown columns are ignored.
pub(crate) fn read(input: impl Read) -> Result<Workload, BadRow> {
    let mut reader = csv::ReaderBuilder::new().from_reader(input);
    let header = reader.headers().map_err(|fault| unreadable(&fault, "header"))?.clone();
    let find = |name: &str| header.iter().position(|column| column.trim().eq_ignore_ascii_case(name));
    let need = |name: &str| {
        let why =
            "the header has no such column; columns are user,time,ip,asn,country,device,browser,ua,device_cookie,kind";
        find(name).ok_or_else(|| BadRow { line: 1, column: name.to_owned(), why: why.to_owned() })
    };
    let columns = Columns {
        user: need("user")?,
        time: need("time")?,
        ip: need("ip")?,
        kind: need("kind")?,
        optional: OPTIONAL.map(find),
    };
    let mut workload = Workload::default();
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(|fault| unreadable(&fault, "row"))? {
        let line = record.position().map_or(0, csv::Position::line);
        let row = own_row(&record, line, &columns, &mut workload)?;
        if workload.rows.last().is_some_and(|before| before.time > row.time) {
            let why = "earlier than the row before; rows must be in time order".to_owned();
            return Err(BadRow { line, column: "time".to_owned(), why });
        }
        workload.rows.push(row);
    }
    Ok(workload)
}

fn own_row(record: &csv::StringRecord, line: u64, columns: &Columns, workload: &mut Workload) -> Result<Row, BadRow> {
    let get = |at: usize| record.get(at).unwrap_or_default().trim();
    let [asn, country, device, browser, agent, cookie, cohort] = columns.optional.map(|at| at.map_or("", get));
    let bad = |column: &str, why: String| BadRow { line, column: column.to_owned(), why };
    let (user, kind, time) = (get(columns.user), get(columns.kind), get(columns.time));
    if user.is_empty() {
        return Err(bad("user", "is empty".to_owned()));
    }
    if kind.is_empty() {
        return Err(bad("kind", format!("is empty; write {LEGIT} or the name of an attacker")));
    }
    let user = workload.users.number(user);
    if !cohort.is_empty() {
        let label = workload.texts.number(cohort);
        workload.cohorts.insert(user, label);
    }
    let mut text = |text: &str| workload.texts.number(text);
    Ok(Row {
        user,
        time: seconds(time).ok_or_else(|| bad("time", format!("`{time}` is no Unix time in seconds")))?,
        address: address(get(columns.ip)).map_err(|why| bad("ip", why))?,
        asn: number_of(asn).map_err(|why| bad("asn", why))?,
        country: text(country),
        device: text(device),
        browser: text(browser),
        os: 0,
        agent: text(agent),
        cookie: text(cookie),
        kind: workload.kinds.number(kind),
        line,
    })
}

pub(super) fn unreadable(fault: &csv::Error, column: &str) -> BadRow {
    let line = fault.position().map_or(0, csv::Position::line);
    let why = match fault.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("has {len} columns, the header has {expected_len}")
        }
        csv::ErrorKind::Utf8 { .. } => "is not UTF-8".to_owned(),
        _ => fault.to_string(),
    };
    BadRow { line, column: column.to_owned(), why }
}

fn seconds(text: &str) -> Option<u64> {
    // Up to the year 9999.
    let value: f64 = text.parse().ok()?;
    (0.0..2.6e11).contains(&value).then_some(value as u64)
}

/// An address; nothing at all is one that says nothing.
pub(super) fn address(text: &str) -> Result<IpAddr, String> {
    if text.is_empty() {
        return Ok(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    }
    text.parse().map_err(|_| format!("`{text}` is no IP address"))
}

/// The number of an autonomous system, with or without `AS`; 0 and nothing are unknown.
pub(super) fn number_of(text: &str) -> Result<Option<u32>, String> {
    let digits = text.trim_start_matches(['A', 'a']).trim_start_matches(['S', 's']);
    if text.is_empty() || text == "-" {
        return Ok(None);
    }
    let number: f64 = digits.parse().map_err(|_| format!("`{text}` is no number of an autonomous system"))?;
    let fits = number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number);
    let number = fits.then_some(number as u32).ok_or_else(|| format!("`{text}` is out of range"))?;
    Ok((number != 0).then_some(number))
}
