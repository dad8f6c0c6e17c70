//! Any cell may be changed: what is accepted means the same, what is not is named with its line and column.

use super::*;
use crate::cli::risk::eval::rows::Row;

const COLUMNS: [&str; 10] =
    ["user", "time", "ip", "asn", "country", "device", "browser", "ua", "device_cookie", "kind"];
const CELLS: [&str; 10] =
    ["ann", "7", "192.0.2.1", "2119", "NO", "mobile", "Safari 18", "Mozilla/5.0 (a, b)", "c1", "naive"];

/// A cell as RFC 4180 writes it.
fn quoted(cell: &str) -> String {
    format!("\"{}\"", cell.replace('"', "\"\""))
}

fn table(cells: &[String], before: usize, end: &str) -> String {
    let names: Vec<String> = COLUMNS.map(str::to_owned).to_vec();
    let first: Vec<String> = CELLS.map(quoted).to_vec();
    let mut lines = vec![names.join(",")];
    lines.extend((0..before).map(|_| first.join(",")));
    lines.extend([cells.join(","), first.join(",")]);
    lines.join(end)
}

/// What a row means, by its texts.
fn meaning(workload: &rows::Workload, row: &Row) -> Vec<String> {
    let text = |number| workload.texts.get(number).to_owned();
    vec![
        workload.users.get(row.user).to_owned(),
        row.time.to_string(),
        row.address.to_string(),
        row.asn.map_or_else(String::new, |asn| asn.to_string()),
        text(row.country),
        text(row.device),
        text(row.browser),
        text(row.agent),
        text(row.cookie),
        workload.kinds.get(row.kind).to_owned(),
    ]
}

/// What a cell of this column means; `None`: nothing, it is to be refused. The row after it is of the time 7, as are those before.
fn expected(column: &str, cell: &str, is_first: bool) -> Option<String> {
    if cell.chars().any(|c| c.is_control() && c != '\t') {
        return None;
    }
    let cell = cell.trim();
    let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit()).then(|| text.parse::<u64>().ok()).flatten();
    match column {
        "time" => digits(cell).filter(|time| *time == 7 || (is_first && *time < 7)).map(|time| time.to_string()),
        "ip" => cell.parse::<std::net::IpAddr>().ok().map(|ip| ip.to_string()),
        "asn" if cell.is_empty() => Some(String::new()),
        "asn" => {
            let number = ["AS", "as", "aS", "As"].iter().find_map(|prefix| cell.strip_prefix(prefix)).unwrap_or(cell);
            let number = digits(number).filter(|asn| *asn < 1 << 32)?;
            Some(if number == 0 { String::new() } else { number.to_string() })
        }
        "country" => {
            let fits = cell.is_empty() || (cell.len() == 2 && cell.chars().all(|c| c.is_ascii_alphabetic()));
            fits.then(|| cell.to_uppercase())
        }
        "user" => (!cell.is_empty()).then(|| cell.to_owned()),
        "kind" => (!cell.is_empty() && (cell == "legit" || cell.to_lowercase() != "legit")).then(|| cell.to_owned()),
        _ => Some(cell.to_owned()),
    }
}

fn mutant() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(vec![
            "", " ", "-", "0", "7", " 7 ", "7.0", "7e0", "+7", "-7", "6", "8", "9999999999999", "NO", "no", "N", "Norway", "N1", "ÅØ",
            "AS2119", "as2119", "ASAS1", "AS", "4294967295", "4294967296", "2119.0", "192.0.2.1", "192.0.2.01", "192.0.2.1/32",
            "2001:db8::1", "2001:DB8:0::1", "fe80::1%eth0", "[::1]", "::ffff:192.0.2.1", "legit", "Legit", "LEGIT ", "a\"b", "a,b",
            "a\nb", "a\tb", "\u{7f}", "\u{0}",
        ]).prop_map(str::to_owned),
        1 => any::<String>(),
        1 => "[0-9A-Za-z.:]{0,12}",
    ]
}

proptest! {
    #[test]
    fn a_changed_cell_means_what_it_says_or_is_named(
        at in 0..COLUMNS.len(), cell in mutant(), before in 0..3usize, end in prop::sample::select(vec!["\n", "\r\n", "\n\n"]),
    ) {
        let mut cells: Vec<String> = CELLS.map(quoted).to_vec();
        cells[at] = quoted(&cell);
        let line = (before + 1) * if end == "\n\n" { 2 } else { 1 } + 1;
        let (column, expected) = (COLUMNS[at], expected(COLUMNS[at], &cell, before == 0));
        match rows::read(table(&cells, before, end).as_bytes()) {
            Ok(workload) => {
                let mut row = CELLS.map(str::to_owned).to_vec();
                row[at] = expected.unwrap_or_else(|| panic!("{column} {cell:?} was accepted"));
                prop_assert_eq!(meaning(&workload, &workload.rows[before]), row);
                prop_assert_eq!(workload.rows.len(), before + 2);
                prop_assert_eq!(workload.rows[before].line, line as u64);
            }
            Err(bad) => {
                // A break ends the line, and what was one row is two that are none.
                let at_its_place = bad.line == line as u64 && bad.column == column;
                // A later time is refused where the next row is earlier.
                let next = column == "time" && bad.why.starts_with("earlier than");
                prop_assert!(at_its_place || next, "{column} {cell:?}: {bad}");
                prop_assert!(expected.is_none() || next, "{column} {cell:?}: {bad}");
            }
        }
    }

    /// What is written without quotes is the same, but for what quotes are for.
    #[test]
    fn quotes_change_nothing(at in 0..COLUMNS.len(), cell in "[^\",\\p{C}]{0,12}") {
        let with = |cell: String| {
            let mut cells: Vec<String> = CELLS.map(quoted).to_vec();
            cells[at] = cell;
            let read = rows::read(table(&cells, 0, "\n").as_bytes());
            read.map(|workload| meaning(&workload, &workload.rows[0])).map_err(|bad| bad.to_string())
        };
        prop_assert_eq!(with(cell.clone()), with(quoted(&cell)));
    }
}
