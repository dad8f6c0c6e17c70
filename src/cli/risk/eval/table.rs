//! The figures as a table for people.

use super::report::{Figure, Report};
use crate::cli::output::text::escape;

/// Rows of columns, a paragraph at a time.
pub(crate) fn tables(report: &Report) -> Vec<Vec<Vec<String>>> {
    let mut tables = vec![attackers(report)];
    if report.attackers.iter().any(|one| one.difference.is_some()) {
        tables.push(differences(report));
    }
    if !report.cohorts.is_empty() {
        tables.push(cohorts(report));
    }
    tables
}

/// Why figures have no interval, a line for each reason.
pub(crate) fn notes(report: &Report) -> Vec<String> {
    let mut notes: Vec<(&str, Vec<&str>)> = Vec::new();
    for one in &report.attackers {
        let Some(why) = one.no_interval else { continue };
        match notes.iter_mut().find(|(known, _)| *known == why) {
            Some((_, names)) => names.push(&one.attacker),
            None => notes.push((why, vec![&one.attacker])),
        }
    }
    notes.into_iter().map(|(why, names)| format!("[-] no interval for {}: {why}.", escape(&names.join(", ")))).collect()
}

fn percent(value: f64) -> String {
    format!("{:.1}", value * 100.0)
}

fn ranged(figure: &Figure) -> String {
    let range = figure.interval.map(|i| format!(" [{}, {}]", percent(i.low), percent(i.high)));
    percent(figure.value) + range.as_deref().unwrap_or(" [-]")
}

fn header(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|cell| (*cell).to_owned()).collect()
}

fn attackers(report: &Report) -> Vec<Vec<String>> {
    let median = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
    let names = ["ATTACKER", "ATTACKS", "RECALL@1%", "PROMPTS@90", "PROMPTS@99", "IN 12", "IN 39", "AUC"];
    let rows = report.attackers.iter().map(|one| {
        let figures = &one.figures;
        let auc = format!("{:.4}", figures.auc.value);
        vec![
            escape(&one.attacker),
            one.attacks.to_string(),
            ranged(&figures.recall),
            ranged(&figures.prompts_90),
            ranged(&figures.prompts_99),
            median(one.median_prompts_12),
            median(one.median_prompts_39),
            auc,
        ]
    });
    std::iter::once(header(&names)).chain(rows).collect()
}

fn differences(report: &Report) -> Vec<Vec<String>> {
    let names = ["LESS FREEMAN", "FREEMAN RECALL@1%", "RECALL", "PROMPTS@90", "PROMPTS@99", "AUC", "BETTER"];
    let rows = report.attackers.iter().filter_map(|one| {
        let (freeman, less) = (one.freeman.as_ref()?, one.difference.as_ref()?);
        let clear = [&less.recall, &less.prompts_99, &less.auc].map(|f| f.interval.is_some_and(|i| i.excludes_zero()));
        let good = less.recall.value > 0.0 && less.prompts_99.value < 0.0 && less.auc.value > 0.0;
        let better = match (good, clear.iter().all(|clear| *clear)) {
            (true, true) => "yes",
            (true, false) => "not clear",
            _ => "not in all",
        };
        Some(vec![
            escape(&one.attacker),
            percent(freeman.recall.value),
            ranged(&less.recall),
            ranged(&less.prompts_90),
            ranged(&less.prompts_99),
            ranged(&less.auc),
            better.to_owned(),
        ])
    });
    std::iter::once(header(&names)).chain(rows).collect()
}

fn cohorts(report: &Report) -> Vec<Vec<String>> {
    let names = ["COHORT", "PEOPLE", "SIGN-INS", "PROMPTED", "TIMES THE AVERAGE"];
    let rows = report.cohorts.iter().map(|one| {
        let (people, sign_ins) = (one.people.to_string(), one.sign_ins.to_string());
        vec![escape(&one.cohort), people, sign_ins, format!("{:.2}", one.prompted * 100.0), format!("{:.2}", one.ratio)]
    });
    std::iter::once(header(&names)).chain(rows).collect()
}
