//! The command on workloads that people may write.

mod strict;

use super::*;
use crate::auth::proof::RiskLevel;
use proptest::prelude::*;

const HEADER: &str = "user,time,ip,asn,country,device,browser,ua,device_cookie,kind\n";

fn pool(text: &str) -> Pool {
    let mut pool = Pool::default();
    pool.add(&rows::read(text.as_bytes()).unwrap(), &Settings::default(), false, |_| ());
    pool
}

fn bad(text: &str) -> String {
    rows::read(text.as_bytes()).err().unwrap().to_string()
}

/// Ten days of one person, and an attack on the eighth.
fn small() -> String {
    let own =
        |day: u64| format!("ann,{},84.208.20.7,2119,NO,desktop,Chrome 140,x,c1,legit\n", 1_800_000_000 + day * 86_400);
    let attack = format!("ann,{},86.120.1.1,8708,RO,mobile,Safari 18,y,,naive\n", 1_800_000_000 + 8 * 86_400);
    let days: Vec<String> = (0..10).map(own).collect();
    [HEADER, &days[..8].concat(), &attack, &days[8..].concat()].concat()
}

#[test]
fn an_attack_scores_higher_and_is_never_learnt() {
    let judged = pool(&small());
    let attack = judged.rows.iter().find(|row| row.attacker.is_some()).unwrap();
    assert!(judged.scored().filter(|row| row.attacker.is_none()).all(|own| own.stepgate < attack.stepgate));
    let without =
        small().lines().filter(|line| !line.ends_with("naive")).map(|line| format!("{line}\n")).collect::<String>();
    let score = |pool: &Pool| pool.rows.last().map(|row| (row.stepgate, row.freeman));
    assert_eq!(score(&judged), score(&pool(&without)));
}

/// Who moves abroad is at home there at once, or, as at the gateway, once they were unusual on several days.
#[test]
fn as_at_the_gateway_a_new_place_waits() {
    let abroad =
        |day: u64| format!("ann,{},86.120.1.1,8708,RO,mobile,Safari 18,y,,legit\n", 1_800_000_000 + day * 86_400);
    let text = [small(), (10..20).map(abroad).collect()].concat();
    let unusual = |as_gateway| {
        let mut pool = Pool::default();
        pool.add(&rows::read(text.as_bytes()).unwrap(), &Settings::default(), as_gateway, |_| ());
        pool.rows.iter().filter(|row| row.attacker.is_none() && row.level >= RiskLevel::Medium).count()
    };
    assert_eq!((unusual(false), unusual(true)), (1, 5));
}

#[test]
fn what_happens_at_one_moment_is_judged_before_it_is_learnt() {
    let lines: Vec<&str> = small().leak().lines().collect();
    let swapped = |a: usize, b: usize| {
        let mut lines = lines.clone();
        lines.swap(a, b);
        lines.iter().map(|line| format!("{line}\n")).collect::<String>()
    };
    let attack = |text: &str| pool(text).rows.iter().find(|row| row.attacker.is_some()).map(|row| row.stepgate);
    assert_eq!(attack(&small()), attack(&swapped(9, 10)));
}

#[test]
fn a_bad_row_is_named_with_line_and_column() {
    let row = |line: &str| format!("{HEADER}a,1,192.0.2.1,,,,,,,legit\n{line}\n");
    for (line, expected) in [
        ("a,x,192.0.2.1,,,,,,,legit", "line 3, column time: `x` is no Unix time in whole seconds"),
        ("a,100.5,192.0.2.1,,,,,,,legit", "line 3, column time: `100.5` is no Unix time in whole seconds"),
        (
            "a,1800000000000,192.0.2.1,,,,,,,legit",
            "line 3, column time: `1800000000000` is after the year 9999: are these milliseconds?",
        ),
        (
            "a,2,192.0.2.1,,Norway,,,,,legit",
            "line 3, column country: `Norway` is no country of two letters (ISO 3166-1), as NO",
        ),
        ("a,2,,,,,,,,legit", "line 3, column ip: is empty; write an IP address"),
        ("a,2,192.0.2.1,2119.0,,,,,,legit", "line 3, column asn: `2119.0` is no number of an autonomous system"),
        ("a,2,192.0.2.1,4294967296,,,,,,legit", "line 3, column asn: `4294967296` is more than 32 bits hold"),
        ("a,2,192.0.2.1,,,,,,,Legit", "line 3, column kind: `Legit` would be an attacker; write legit"),
        ("a,2,192.0.2.1,,,,\"x,,,legit", "line 3, column browser: has a quote that is not closed in its line"),
        ("a,2,192.0.2.300,,,,,,,legit", "line 3, column ip: `192.0.2.300` is no IP address"),
        ("a,2,192.0.2.1,ASx,,,,,,legit", "line 3, column asn: `ASx` is no number of an autonomous system"),
        (",2,192.0.2.1,,,,,,,legit", "line 3, column user: is empty"),
        ("a,2,192.0.2.1,,,,,,,", "line 3, column kind: is empty; write legit or the name of an attacker"),
        ("a,0,192.0.2.1,,,,,,,legit", "line 3, column time: earlier than the row before; rows must be in time order"),
        ("a,2,192.0.2.1", "line 3, column row: has 3 columns, the header has 10"),
    ] {
        assert_eq!(bad(&row(line)), expected);
    }
    assert!(bad("user,time,ip\n").starts_with("line 1, column kind: the header has no such column"));
    assert_eq!(bad("user,time,ip,kind,Time\n"), "line 1, column Time: stands twice in the header");
    assert_eq!(bad(""), "line 1, column header: is missing: the file is empty");
}

#[test]
fn what_is_missing_is_no_fault() {
    let text = small().replace(",2119,NO,desktop,Chrome 140,x,c1,", ",,,,,,,");
    let judged = pool(&text);
    assert!(judged.rows.iter().all(|row| row.stepgate.is_finite() && row.freeman.is_finite()));
    let few = "kind,ip,time,user\nlegit,2001:db8::1,5,a\nlegit,2001:db8::2,5,a\nnaive,192.0.2.1,6,b\n";
    assert_eq!(pool(few).rows.len(), 3);
}

#[test]
fn each_file_is_an_installation_of_its_own() {
    let mut two = pool(&small());
    two.add(&rows::read(small().as_bytes()).unwrap(), &Settings::default(), false, |_| ());
    let (first, second) = two.rows.split_at(two.rows.len() / 2);
    assert!(first.iter().zip(second).all(|(a, b)| a.stepgate == b.stepgate && a.user != b.user));
    assert_eq!(two.attackers, ["naive"]);
}

#[test]
fn ours_stands_beside_the_published_model() {
    let judged = pool(&small());
    let ranked = ranks(&judged, Model::Stepgate);
    let first = report(&judged, Model::Stepgate, &ranked, 20, &|| ()).unwrap();
    let [naive] = &first.attackers[..] else { panic!("{first:?}") };
    assert_eq!((naive.figures.recall.value, naive.figures.auc.value), (1.0, 1.0));
    assert!(naive.difference.is_some());
    let again = report(&judged, Model::Stepgate, &ranked, 20, &|| ()).unwrap();
    assert_eq!(serde_json::to_string(&first).unwrap(), serde_json::to_string(&again).unwrap());
    let plot = plot::plot(&judged.attackers, &ranked, &["stepgate", "freeman"]);
    assert!(plot.contains("naive") && plot.contains("prefers-color-scheme:dark") && plot.ends_with("</svg>\n"));
    let mut out = Vec::new();
    scores(&judged, Model::Stepgate, &mut out).unwrap();
    let out = String::from_utf8(out).unwrap();
    assert_eq!(out.lines().count(), small().lines().count());
    assert!(out.lines().nth(1).unwrap().ends_with(",legit,,unscored"), "{out}");
}

#[test]
fn one_person_has_no_interval() {
    let judged = pool(&small());
    let ranked = ranks(&judged, Model::Stepgate);
    let one = report(&judged, Model::Stepgate, &ranked, 20, &|| ()).unwrap();
    assert_eq!(one.attackers[0].no_interval, Some("people are drawn, and only one signs in twice"));
    assert!(one.attackers[0].figures.recall.interval.is_none());
    assert!(table::tables(&one)[0][1][2].ends_with(" [-]"), "{:?}", table::tables(&one)[0]);
    assert_eq!(table::notes(&one), ["[-] no interval for naive: people are drawn, and only one signs in twice."]);
    // A second person, who is not attacked.
    let (own, ann) = (small().replace("ann", "bob"), small());
    let own = own.lines().skip(1).filter(|line| line.ends_with("legit"));
    let mut rows: Vec<&str> = ann.lines().skip(1).chain(own).collect();
    rows.sort_by_key(|row| row.split(',').nth(1).map(str::to_owned));
    let two = pool(&format!("{HEADER}{}\n", rows.join("\n")));
    let ranked = ranks(&two, Model::Stepgate);
    let report = report(&two, Model::Stepgate, &ranked, 20, &|| ()).unwrap();
    assert_eq!(report.attackers[0].no_interval, Some("people are drawn, and only one is attacked"));
}

proptest! {
    /// No bytes break the reader.
    #[test]
    fn any_bytes_are_rows_or_a_bad_row(bytes in prop::collection::vec(any::<u8>(), 0..200), columns in 0..12usize) {
        let cells = vec!["1"; columns].join(",");
        for text in [bytes.clone(), [HEADER.as_bytes(), &bytes].concat(), [HEADER.as_bytes(), cells.as_bytes()].concat()] {
            if let Ok(workload) = rows::read(&text[..]) {
                let mut pool = Pool::default();
                pool.add(&workload, &Settings::default(), false, |_| ());
                prop_assert!(pool.rows.iter().all(|row| row.stepgate.is_finite()));
            }
            let _ = rba::read_rba(&text[..]);
        }
    }
}
