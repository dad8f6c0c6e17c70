//! Prompts of a person and month as SVG, a pair of bars for each kind of sign-ins. Text and paths only, for light and dark pages;
//! what is drawn is told in words too.

use std::fmt::Write as _;

use super::tally::{ALL, CohortRow, Replayed};

const WIDTH: f64 = 640.0;
/// Where the bars begin, and how long the longest is.
const LEFT: f64 = 130.0;
const LONGEST: f64 = 400.0;
const HEAD: f64 = 76.0;
const ROW: f64 = 40.0;
const BAR: f64 = 12.0;

const STYLE: &str = "svg{background:#fff;font:12px system-ui,sans-serif}text{fill:#333}.h{font-size:15px;font-weight:600}\
.s{font-size:11px;fill:#666}.a{fill:#0b6bcb}.b{fill:none;stroke:#b4540a;stroke-width:1.5}\
@media(prefers-color-scheme:dark){svg{background:#16181c}text{fill:#e4e4e4}.s{fill:#a5a5a5}.a{fill:#6db3ff}\
.b{stroke:#f0a05a}}";

pub(super) fn plot(replayed: &Replayed) -> String {
    let rows = &replayed.cohorts;
    let most = rows.iter().flat_map(|row| [row.per_person_and_month, row.really_per_person_and_month]);
    let most = most.fold(0.0, f64::max).max(f64::MIN_POSITIVE);
    let height = HEAD + ROW * rows.len() as f64 + 12.0;
    let title = "Prompts because of risk, of one person in 30 days";
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-labelledby=\"t d\">\
         <title id=\"t\">{title}</title><desc id=\"d\">{}</desc><style>{STYLE}</style>\
         <text class=\"h\" x=\"14\" y=\"24\">{title}</text>\
         <path class=\"a\" d=\"M14 40h26v{BAR}h-26z\"/><text x=\"46\" y=\"51\">this file</text>\
         <path class=\"b\" d=\"M134 40h26v{BAR}h-26z\"/><text x=\"166\" y=\"51\">what was done</text>",
        described(replayed)
    );
    for (at, row) in rows.iter().enumerate() {
        let top = HEAD + ROW * at as f64;
        let _ = write!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\
             <text class=\"s\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{} sign-ins</text>",
            LEFT - 8.0,
            top + 11.0,
            row.cohort,
            LEFT - 8.0,
            top + 25.0,
            row.sign_ins
        );
        for (line, class, value) in [(0.0, "a", row.per_person_and_month), (1.0, "b", row.really_per_person_and_month)]
        {
            let (y, long) = (top + line * (BAR + 2.0), LONGEST * value / most);
            let _ = write!(
                svg,
                "<path class=\"{class}\" d=\"M{LEFT} {y}h{long:.1}v{BAR}H{LEFT}z\"/>\
                 <text class=\"s\" x=\"{:.1}\" y=\"{}\">{value:.2}</text>",
                LEFT + long + 5.0,
                y + 10.0
            );
        }
    }
    svg + "</svg>\n"
}

/// The figures in a sentence for each kind.
fn described(replayed: &Replayed) -> String {
    let sentence = |row: &CohortRow| {
        let who = if row.cohort == ALL { "All" } else { row.cohort };
        let (file, done) = (row.per_person_and_month, row.really_per_person_and_month);
        format!("{who}: {file:.2} by this file, {done:.2} in fact, of {} sign-ins.", row.sign_ins)
    };
    replayed.cohorts.iter().map(sentence).collect::<Vec<_>>().join(" ")
}
