//! The columns of the published data set (das-group/rba-dataset, CC BY 4.0).
//!
//! Successful sign-ins are the person's own; account takeovers, and failed attempts from addresses known for attacks, are
//! attackers. Other failures, the user that stands for all names that do not exist, and addresses in 10.0.0.0/8, which
//! are inside the provider's network, are left out.

use std::io::BufRead;
use std::net::IpAddr;

use super::cells::{BadRow, Table};
use super::rows::{LEGIT, Row, Workload, address, country, number_of};

/// All names that do not exist.
const NOBODY: &str = "-4324475583306591935";

const COLUMNS: [&str; 11] = [
    "Login Timestamp",
    "User ID",
    "IP Address",
    "Country",
    "ASN",
    "User Agent String",
    "Browser Name and Version",
    "OS Name and Version",
    "Device Type",
    "Login Successful",
    "Is Attack IP",
];
const TAKEOVER: &str = "Is Account Takeover";

/// Reads the data set, and puts its rows in time order.
pub(crate) fn read_rba(input: impl BufRead) -> Result<Workload, BadRow> {
    let mut table = Table::open(input)?;
    let mut columns = [0; 12];
    for (at, name) in columns.iter_mut().zip(COLUMNS.iter().chain([&TAKEOVER])) {
        *at = table.need(name, "--rba-csv reads the columns of das-group/rba-dataset")?;
    }
    let mut workload = Workload::default();
    while table.next()? {
        match row(&table, columns, &mut workload)? {
            Some(row) => workload.rows.push(row),
            None => workload.skipped += 1,
        }
    }
    workload.rows.sort_by_key(|row| row.time);
    Ok(workload)
}

fn row<R: BufRead>(table: &Table<R>, columns: [usize; 12], workload: &mut Workload) -> Result<Option<Row>, BadRow> {
    let [time, user, ip, place, asn, agent, browser, os, device, success, attack, takeover] =
        columns.map(|at| table.cell(at));
    let bad = |column: &str, why: String| table.bad_row(column, &why);
    let flag = |text: &str, column: &str| match text.to_ascii_lowercase().as_str() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(bad(column, format!("`{text}` is neither True nor False"))),
    };
    if user.is_empty() {
        return Err(bad("User ID", "is empty".to_owned()));
    }
    let (success, attack) = (flag(success, "Login Successful")?, flag(attack, "Is Attack IP")?);
    let takeover = flag(takeover, TAKEOVER)?;
    let time = moment(time).ok_or_else(|| bad("Login Timestamp", format!("`{time}` is no date and time")))?;
    let address = address(ip).map_err(|why| bad("IP Address", why))?;
    let asn = number_of(known(asn)).map_err(|why| bad("ASN", why))?;
    let country = country(known(place)).map_err(|why| bad("Country", why))?;
    let kind = match (takeover, success, attack) {
        (true, _, _) => "account_takeover",
        (_, true, _) => LEGIT,
        (_, false, true) => "attack_ip",
        _ => return Ok(None),
    };
    let inside = matches!(address, IpAddr::V4(v4) if v4.octets().first() == Some(&10));
    if user == NOBODY || inside {
        return Ok(None);
    }
    let mut text = |text: &str| workload.texts.number(text);
    Ok(Some(Row {
        time,
        address,
        asn,
        country: text(&country),
        device: text(device),
        browser: text(browser),
        os: text(os),
        agent: text(agent),
        cookie: 0,
        user: workload.users.number(user),
        kind: workload.kinds.number(kind),
        line: table.line(),
    }))
}

/// The data set writes `-` for what it does not know.
const fn known(text: &str) -> &str {
    if matches!(text.as_bytes(), b"-") { "" } else { text }
}

/// `2020-02-03 12:43:30.772` as Unix seconds.
fn moment(text: &str) -> Option<u64> {
    let (date, time) = text.split_once([' ', 'T'])?;
    let numbers = |text: &str, by: char| text.split(by).map(|part| part.parse().ok()).collect::<Option<Vec<u64>>>();
    let [year, month, day] = numbers(date, '-')?.try_into().ok()?;
    let [hour, minute, second] = numbers(time.split('.').next()?, ':')?.try_into().ok()?;
    let fits = (1970..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    if !fits || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    // Days of the Gregorian calendar, years beginning with March.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    Some((days - 719_468) * 86_400 + hour * 3600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_unix_seconds() {
        assert_eq!(moment("1970-01-01 00:00:00"), Some(0));
        assert_eq!(moment("2020-02-03 12:43:30.772"), Some(1_580_733_810));
        assert_eq!(moment("2024-02-29T23:59:59"), Some(1_709_251_199));
        for wrong in ["", "2020-02-03", "2020-13-03 00:00:00", "2020-02-03 24:00:00", "a-b-c d:e:f"] {
            assert_eq!(moment(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_no_sign_in_of_a_person_is_left_out() {
        let header = "index,Login Timestamp,User ID,Round-Trip Time [ms],IP Address,Country,Region,City,ASN,User Agent String,Browser Name and Version,OS Name and Version,Device Type,Login Successful,Is Attack IP,Is Account Takeover\n";
        let row = |user: &str, ip: &str, flags: &str| {
            format!(
                "0,2020-02-03 12:43:30.772,{user},,{ip},NO,-,-,29695,\"Mozilla/5.0 (a, b)\",Firefox 20.0,iOS 13.4,mobile,{flags}\n"
            )
        };
        let text = [
            header.to_owned(),
            row("1", "80.1.1.1", "True,False,False"),
            row("1", "80.1.1.1", "False,False,False"),
            row("1", "80.1.1.2", "True,False,True"),
            row("1", "80.1.1.3", "False,True,False"),
            row("1", "10.0.0.1", "True,False,False"),
            row(NOBODY, "80.1.1.1", "True,False,False"),
        ]
        .concat();
        let workload = read_rba(text.as_bytes()).unwrap();
        let kinds: Vec<&str> = workload.rows.iter().map(|row| workload.kinds.get(row.kind)).collect();
        assert_eq!(kinds, [LEGIT, "account_takeover", "attack_ip"]);
        assert_eq!(workload.skipped, 3);
        let bad = read_rba(text.replace("True,False,True", "True,maybe,True").as_bytes()).err().unwrap();
        assert_eq!((bad.line, bad.column.as_str()), (4, "Is Attack IP"));
    }
}
