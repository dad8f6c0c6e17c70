//! The figures as SVG, small multiples: one panel an attacker, ours against the published model. Text and paths only, for
//! light and dark pages.

use std::fmt::Write as _;

use super::bootstrap::Ranked;
use super::measures::found_at;

const COLUMNS: usize = 3;
/// A panel with its margins, and the drawing in it.
const PANEL: (f64, f64) = (236.0, 196.0);
const DRAWING: (f64, f64) = (184.0, 130.0);
const CORNER: (f64, f64) = (44.0, 30.0);
const HEAD: f64 = 62.0;

const STYLE: &str = "svg{background:#fff;font:12px system-ui,sans-serif}text{fill:#333}.t{font-weight:600}.h{font-size:15px;\
font-weight:600}.s{font-size:11px;fill:#666}path{fill:none}.g{stroke:#ddd}.a{stroke:#0b6bcb;stroke-width:2.2}\
.b{stroke:#b4540a;stroke-width:1.8;stroke-dasharray:5 3}@media(prefers-color-scheme:dark){svg{background:#16181c}\
text{fill:#e4e4e4}.s{fill:#a5a5a5}.g{stroke:#3a3d42}.a{stroke:#6db3ff}.b{stroke:#f0a05a}}";

/// Draws what each model finds by how much it prompts. `names` are those of the models, ours first.
pub(crate) fn plot(attackers: &[String], ranked: &[Ranked], names: &[&str]) -> String {
    let shown: Vec<(usize, &String)> =
        attackers.iter().enumerate().filter(|(at, _)| has_attacks(ranked, *at)).collect();
    let rows = shown.len().div_ceil(COLUMNS).max(1);
    let (width, height) = (PANEL.0 * COLUMNS as f64 + 12.0, HEAD + PANEL.1 * rows as f64 + 8.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\"><title>Attacks found by \
         sign-ins prompted</title><style>{STYLE}</style><text class=\"h\" x=\"14\" y=\"24\">Attacks found, by own sign-ins \
         prompted</text>"
    );
    for (at, (name, class)) in names.iter().zip(["a", "b"]).enumerate() {
        let x = 14.0 + at as f64 * 130.0;
        let _ =
            write!(svg, "<path class=\"{class}\" d=\"M{x} 44h26\"/><text x=\"{}\" y=\"48\">{name}</text>", x + 32.0);
    }
    for (place, (at, name)) in shown.into_iter().enumerate() {
        let left = (place % COLUMNS) as f64 * PANEL.0 + CORNER.0;
        let top = HEAD + (place / COLUMNS) as f64 * PANEL.1 + CORNER.1;
        panel(&mut svg, (left, top), name, at, ranked);
    }
    svg + "</svg>\n"
}

fn has_attacks(ranked: &[Ranked], at: usize) -> bool {
    ranked.first().and_then(|model| model.attacks.get(at)).is_some_and(|attacks| !attacks.is_empty())
}

fn panel(svg: &mut String, (left, top): (f64, f64), name: &str, at: usize, ranked: &[Ranked]) {
    let (right, bottom) = (left + DRAWING.0, top + DRAWING.1);
    let _ = write!(svg, "<text class=\"t\" x=\"{left}\" y=\"{}\">{}</text>", top - 9.0, escaped(name));
    for share in [0.0, 0.5, 1.0] {
        let y = bottom - DRAWING.1 * share;
        let _ = write!(svg, "<path class=\"g\" d=\"M{left} {y}H{right}\"/>");
        let label = format!("{:.0} %", share * 100.0);
        let _ =
            write!(svg, "<text class=\"s\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{label}</text>", left - 5.0, y + 4.0);
    }
    for (share, label) in [(0.001, "0.1 %"), (0.01, "1 %"), (0.1, "10 %"), (1.0, "100 %")] {
        let x = across(share, left);
        let _ = write!(svg, "<path class=\"g\" d=\"M{x:.1} {top}V{bottom}\"/>");
        let y = bottom + 15.0;
        let _ = write!(svg, "<text class=\"s\" x=\"{x:.1}\" y=\"{y}\" text-anchor=\"middle\">{label}</text>");
    }
    for (model, class) in ranked.iter().zip(["a", "b"]) {
        let Some(attacks) = model.attacks.get(at) else { continue };
        let points = (0..=90).map(|step| {
            let share = 10f64.powf(f64::from(step) / 30.0 - 3.0).min(1.0);
            let found = found_at(model.own.len(), attacks, share);
            format!("{:.1} {:.1}", across(share, left), bottom - DRAWING.1 * found)
        });
        let line = points.collect::<Vec<_>>().join("L");
        let _ = write!(svg, "<path class=\"{class}\" d=\"M{line}\"/>");
    }
}

/// From 0.1 % to 100 %, by its logarithm.
fn across(share: f64, left: f64) -> f64 {
    left + DRAWING.0 * (share.log10() + 3.0) / 3.0
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
