//! `stepgate risk replay`: what a candidate policy would have asked of the people whose sign-ins the trail remembers.

mod answered;
mod plot;
mod requests;
mod tally;

use std::sync::Arc;
use std::time::Duration;

use crate::auth::history::{SignInsUnderWay, TrailStep};
use crate::cli::accounts::{self, OpenStores, store_result};
use crate::cli::args::RiskReplay;
use crate::cli::exit::{CommandResult, Failure};
use crate::cli::output::time::brief;
use crate::cli::output::{table as output, terminal};
use crate::cli::risk::progress::progress;
use crate::flow::destination::Destinations;
use crate::flow::ports::Ports;
use crate::flow::settings::RiskSettings;
use crate::risk::settings::Mode;
use tally::{Candidate, Replayed, Tally};

/// The trail is read in parts.
const PART: Duration = Duration::from_secs(3 * 3600);

/// Reads, counts and tells.
pub(crate) async fn run(args: &RiskReplay) -> CommandResult {
    let OpenStores { settings, ports, .. } = accounts::open(&args.file).await?;
    let file = args.file.config.display();
    let Some(risk) = &settings.flow.risk else {
        return Err(Failure::failed(format!("risk is off in {file}, so nobody would be asked: add `risk:` to try it")));
    };
    let destinations = Destinations::new(Arc::new(settings.policy));
    let candidate = Candidate { risk, destinations: &destinations };
    let Some(replayed) = replay(&ports, candidate, args.since).await? else {
        return Err(Failure::failed(format!(
            "no sign-in of the last {} was assessed: turn `risk:` on (mode: shadow asks nobody anything) and let people \
             sign in, or look further back with --since",
            brief(args.since)
        )));
    };
    if let Some(path) = &args.plot {
        let written = std::fs::write(path, plot::plot(&replayed));
        written.map_err(|fault| Failure::failed(format!("cannot write {}: {fault}", path.display())))?;
    }
    if args.json { terminal::write_json(&replayed) } else { show(&replayed, risk) }
}

async fn replay(ports: &Ports, candidate: Candidate<'_>, since: Duration) -> CommandResult<Option<Replayed>> {
    let now = ports.clock.now();
    let mut tally = Tally::new(candidate);
    let mut under_way = SignInsUnderWay::default();
    let mut from = now.minus(since);
    let parts = since.as_secs().div_ceil(PART.as_secs());
    for part in 1.. {
        let until = from.plus(PART);
        for row in store_result(ports.history.trail(from, until).await)? {
            match row.step {
                TrailStep::Used(..) => tally.add_use(row),
                _ => under_way.take(row).iter().for_each(|sign_in| tally.add(sign_in)),
            }
        }
        under_way.given_up(Some(until)).iter().for_each(|sign_in| tally.add(sign_in));
        progress(&format!("{part} of {parts} parts of the trail"));
        if until > now {
            break;
        }
        from = until;
    }
    under_way.given_up(None).iter().for_each(|sign_in| tally.add(sign_in));
    progress("");
    Ok(tally.finish())
}

fn show(replayed: &Replayed, risk: &RiskSettings) -> CommandResult {
    let Replayed { from, until, days, medium, high, .. } = replayed;
    let day = |time: &str| time.get(..10).unwrap_or(time).to_owned();
    let mut text =
        format!("Sign-ins of {} to {} ({days:.1} days), and what this file would do:\n", day(from), day(until));
    text.push_str(&format!("medium from {medium:.1} on, high from {high:.1} on"));
    if let Some(rate) = risk.model.target {
        let (medium, high) = (rate.medium * 100.0, rate.high * 100.0);
        text.push_str(&format!(", at last, by the target rate ({medium} and {high} %)"));
    }
    text.push_str(if risk.model.mode == Mode::Shadow { "; counted as if it decided.\n\n" } else { ".\n\n" });
    terminal::write_stdout(&text)?;
    output::write_table(cohorts(replayed), &[])?;
    terminal::write_stdout("\nWhat was done, and what the file would do, of sign-ins that opened a session:\n\n")?;
    output::write_table(compared(replayed), &[])?;
    terminal::write_stdout("\nAsked later, of sessions that were unusual, or used from elsewhere:\n\n")?;
    output::write_table(at_requests(replayed), &[])?;
    if replayed.older_rows > 0 {
        let note = "sign-ins were recorded by an earlier version: counted as by a rule of one factor that has no\n\
                    on_risk of its own, and in no kind of sign-ins.\n";
        terminal::write_stdout(&format!("\n{} {note}", replayed.older_rows))?;
    }
    Ok(())
}

fn header(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|cell| (*cell).to_owned()).collect()
}

fn cohorts(replayed: &Replayed) -> Vec<Vec<String>> {
    let names = ["KIND", "PEOPLE", "SIGN-INS", "PROMPTS", "%", "A MONTH", "DENIED", "DONE", "A MONTH"];
    let rows = replayed.cohorts.iter().map(|row| {
        vec![
            row.cohort.to_owned(),
            row.people.to_string(),
            row.sign_ins.to_string(),
            row.prompts.to_string(),
            format!("{:.2}", row.share * 100.0),
            format!("{:.2}", row.per_person_and_month),
            row.denied.to_string(),
            row.really_prompted.to_string(),
            format!("{:.2}", row.really_per_person_and_month),
        ]
    });
    std::iter::once(header(&names)).chain(rows).collect()
}

fn at_requests(Replayed { at_requests: row, .. }: &Replayed) -> Vec<Vec<String>> {
    let cells = vec![
        row.people.to_string(),
        row.sessions.to_string(),
        row.prompts.to_string(),
        format!("{:.2}", row.per_person_and_month),
        row.denied.to_string(),
        row.really_prompted.to_string(),
        format!("{:.2}", row.really_per_person_and_month),
    ];
    vec![header(&["PEOPLE", "SESSIONS", "PROMPTS", "A MONTH", "DENIED", "DONE", "A MONTH"]), cells]
}

fn compared(replayed: &Replayed) -> Vec<Vec<String>> {
    let row = |name: &str, counts: &[u64; 3]| {
        std::iter::once(name.to_owned()).chain(counts.iter().map(u64::to_string)).collect()
    };
    vec![
        header(&["DONE", "NOTHING", "PROMPTED", "DENIED"]),
        row("nothing", &replayed.nothing_was_done),
        row("prompted", &replayed.were_prompted),
        row("denied", &replayed.were_denied),
        row("no session opened", &replayed.opened_no_session),
    ]
}
