//! The workload: rows of CSV, read whole, texts kept once.

use std::collections::HashMap;
use std::io::BufRead;
use std::net::IpAddr;

use super::cells::{BadRow, Table};

/// The kind of rows that are the person's own.
pub(crate) const LEGIT: &str = "legit";

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

/// The end of the year 9999.
const LAST_SECOND: u64 = 253_402_300_799;

/// Reads a workload in our own columns. Unknown columns are ignored.
pub(crate) fn read(input: impl BufRead) -> Result<Workload, BadRow> {
    let mut table = Table::open(input)?;
    let need = |name| table.need(name, "columns are user,time,ip,asn,country,device,browser,ua,device_cookie,kind");
    let columns = Columns {
        user: need("user")?,
        time: need("time")?,
        ip: need("ip")?,
        kind: need("kind")?,
        optional: OPTIONAL.map(|name| table.find(name)),
    };
    let mut workload = Workload::default();
    while table.next()? {
        let row = own_row(&table, &columns, &mut workload)?;
        if workload.rows.last().is_some_and(|before| before.time > row.time) {
            return Err(table.bad_row("time", "earlier than the row before; rows must be in time order"));
        }
        workload.rows.push(row);
    }
    Ok(workload)
}

fn own_row<R: BufRead>(table: &Table<R>, columns: &Columns, workload: &mut Workload) -> Result<Row, BadRow> {
    let bad = |column: &str, why: String| table.bad_row(column, &why);
    let [asn, place, device, browser, agent, cookie, cohort] =
        columns.optional.map(|at| at.map_or("", |at| table.cell(at)));
    let (user, kind) = (table.cell(columns.user), table.cell(columns.kind));
    if user.is_empty() {
        return Err(bad("user", "is empty".to_owned()));
    }
    let time = seconds(table.cell(columns.time)).map_err(|why| bad("time", why))?;
    let address = address(table.cell(columns.ip)).map_err(|why| bad("ip", why))?;
    let asn = number_of(asn).map_err(|why| bad("asn", why))?;
    let country = country(place).map_err(|why| bad("country", why))?;
    if kind.is_empty() {
        return Err(bad("kind", format!("is empty; write {LEGIT} or the name of an attacker")));
    }
    if kind != LEGIT && kind.eq_ignore_ascii_case(LEGIT) {
        return Err(bad("kind", format!("`{kind}` would be an attacker; write {LEGIT}")));
    }
    let user = workload.users.number(user);
    if !cohort.is_empty() {
        let label = workload.texts.number(cohort);
        workload.cohorts.insert(user, label);
    }
    let mut text = |text: &str| workload.texts.number(text);
    Ok(Row {
        user,
        time,
        address,
        asn,
        country: text(&country),
        device: text(device),
        browser: text(browser),
        os: 0,
        agent: text(agent),
        cookie: text(cookie),
        kind: workload.kinds.number(kind),
        line: table.line(),
    })
}

/// Whole Unix seconds.
fn seconds(text: &str) -> Result<u64, String> {
    let why = || format!("`{text}` is no Unix time in whole seconds");
    let seconds = digits(text).and_then(|text| text.parse().ok()).ok_or_else(why)?;
    if seconds > LAST_SECOND {
        return Err(format!("`{text}` is after the year 9999: are these milliseconds?"));
    }
    Ok(seconds)
}

fn digits(text: &str) -> Option<&str> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then_some(text)
}

pub(super) fn address(text: &str) -> Result<IpAddr, String> {
    if text.is_empty() {
        return Err("is empty; write an IP address".to_owned());
    }
    text.parse().map_err(|_| format!("`{text}` is no IP address"))
}

/// Two letters in upper case; nothing is an unknown one.
pub(super) fn country(text: &str) -> Result<String, String> {
    let is_code = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_alphabetic());
    match text.is_empty() || is_code {
        true => Ok(text.to_ascii_uppercase()),
        false => Err(format!("`{text}` is no country of two letters (ISO 3166-1), as NO")),
    }
}

/// The number of an autonomous system, with or without `AS`; 0 and nothing are unknown.
pub(super) fn number_of(text: &str) -> Result<Option<u32>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let number = match text.split_at_checked(2) {
        Some((prefix, number)) if prefix.eq_ignore_ascii_case("as") => number,
        _ => text,
    };
    let number = digits(number).ok_or_else(|| format!("`{text}` is no number of an autonomous system"))?;
    let number: u32 = number.parse().map_err(|_| format!("`{text}` is more than 32 bits hold"))?;
    Ok((number != 0).then_some(number))
}
