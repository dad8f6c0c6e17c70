//! `stepgate risk eval`: what the model is worth on a workload, beside the published one.

mod bootstrap;
mod cells;
mod measures;
mod plot;
mod pool;
mod rba;
mod replay;
mod report;
mod rows;
mod table;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::cli::args::RiskEval;
pub(crate) use crate::cli::args::RiskModel as Model;
use crate::cli::exit::{CommandResult, Failure};
use crate::cli::output::{table as output, terminal};
use crate::cli::risk::progress::progress;
use crate::risk::settings::Settings;
use bootstrap::Ranked;
use pool::Pool;
use report::{Report, rank, report};

/// Reads, judges and measures. Nothing is printed as a result before every row was read.
pub(crate) fn run(args: &RiskEval) -> CommandResult {
    let pool = judge(args)?;
    let ranked = ranks(&pool, args.model);
    let (done, steps) = (AtomicU64::new(0), (args.resamples / 20).max(1));
    let resampled = || {
        let count = done.fetch_add(1, Ordering::Relaxed) + 1;
        if count.is_multiple_of(steps) {
            progress(&format!("{count} of {} resamples", args.resamples));
        }
    };
    let report = report(&pool, args.model, &ranked, args.resamples, &resampled);
    let report = report.filter(|report| report.sign_ins > 0);
    let report = report.ok_or_else(|| Failure::failed("no person signs in twice: there is nothing to measure"))?;
    if let Some(path) = &args.scores {
        written(path, |out| scores(&pool, args.model, out))?;
    }
    if let Some(path) = &args.plot {
        let names = [args.model.name(), Model::Freeman.name()];
        written(path, |out| out.write_all(plot::plot(&pool.attackers, &ranked, &names).as_bytes()))?;
    }
    if args.json { terminal::write_json(&report) } else { show(&report) }
}

/// Ours beside the published model, or that one alone.
fn ranks(pool: &Pool, model: Model) -> Vec<Ranked> {
    let mut ranked = vec![rank(pool, model)];
    if model == Model::Stepgate {
        ranked.push(rank(pool, Model::Freeman));
    }
    ranked
}

fn judge(args: &RiskEval) -> CommandResult<Pool> {
    let mut pool = Pool::default();
    for (path, is_rba) in args.csv.iter().map(|path| (path, false)).chain(args.rba_csv.iter().map(|path| (path, true)))
    {
        let name = path.display();
        let file = File::open(path).map_err(|fault| Failure::failed(format!("cannot read {name}: {fault}")))?;
        let input = BufReader::new(file);
        let workload = if is_rba { rba::read_rba(input) } else { rows::read(input) };
        let workload = workload.map_err(|bad| Failure::failed(format!("{name}: {bad}")))?;
        let (all, mut told) = (workload.rows.len(), 0);
        pool.add(&workload, &Settings::default(), args.as_gateway, |done| {
            if done >= told + 100_000 {
                told = done;
                progress(&format!("{done} of {all} rows"));
            }
        });
    }
    Ok(pool)
}

fn written(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> CommandResult {
    let failed = |fault: io::Error| Failure::failed(format!("cannot write {}: {fault}", path.display()));
    let mut out = BufWriter::new(File::create(path).map_err(failed)?);
    write(&mut out).and_then(|()| out.flush()).map_err(failed)
}

/// The scores of all rows, in their order; a first sign-in has none.
fn scores(pool: &Pool, model: Model, out: &mut impl Write) -> io::Result<()> {
    let mut rows = csv::Writer::from_writer(out);
    rows.write_record(["line", "user", "time", "kind", "score", "level"])?;
    for row in &pool.rows {
        let user = pool.names.get(row.user as usize).map_or("", String::as_str);
        let kind = row.attacker.and_then(|at| pool.attackers.get(at)).map_or(rows::LEGIT, String::as_str);
        let score = if row.before > 0 { model.score(row).to_string() } else { String::new() };
        let level = if model == Model::Stepgate { row.level.name() } else { "" };
        rows.write_record([&row.line.to_string(), user, &row.time.to_string(), kind, &score, level])?;
    }
    rows.flush()
}

fn show(report: &Report) -> CommandResult {
    let left_out = if report.skipped > 0 { format!(", {} rows left out", report.skipped) } else { String::new() };
    let score = |threshold: Option<f64>| threshold.map_or_else(|| "-".to_owned(), |score| format!("{score:.2}"));
    terminal::write_stdout(&format!(
        "Model {}: {} people, {} own sign-ins scored, {} first ones not{left_out}.\n1 % of own sign-ins score {} and more, \
         0.2 % {} and more. In percent; [95 % interval of {} resamples of people].\n",
        report.model.name(),
        report.people,
        report.sign_ins,
        report.first_sign_ins,
        score(report.threshold_1_percent),
        score(report.threshold_02_percent),
        report.resamples,
    ))?;
    for table in table::tables(report) {
        terminal::write_stdout("\n")?;
        output::write_table(table, &[])?;
    }
    for note in table::notes(report) {
        terminal::write_stdout(&format!("\n{note}\n"))?;
    }
    Ok(())
}
