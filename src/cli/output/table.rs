//! Rows as columns, which fit a terminal.

use std::io::{self, IsTerminal};

use super::terminal::write_stdout;
use crate::cli::exit::CommandResult;

/// Rows as columns, padded by characters; the last column is not padded.
pub(crate) fn columns(rows: &[Vec<String>]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |i: usize| rows.iter().filter_map(|r| r.get(i)).map(|c| c.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..count).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(&format!("{cell:<width$}  "));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// How wide a terminal is taken to be.
pub(crate) const WIDTH: usize = 80;
/// The narrowest that a column is made.
const NARROW: usize = 8;

/// Writes rows as columns. On a terminal, cells of the columns `elastic` are cut where a line were too wide for it.
pub(crate) fn write_table(rows: Vec<Vec<String>>, elastic: &[usize]) -> CommandResult {
    let rows = if io::stdout().is_terminal() { fitted(rows, elastic, WIDTH) } else { rows };
    write_stdout(&columns(&rows))
}

/// Makes the widest of the elastic columns narrower until all fit, or nothing more is to be had.
fn fitted(mut rows: Vec<Vec<String>>, elastic: &[usize], width: usize) -> Vec<Vec<String>> {
    let wide = |rows: &[Vec<String>], i: usize| rows.iter().filter_map(|r| r.get(i)).map(|c| c.chars().count()).max();
    while columns(&rows).lines().any(|line| line.chars().count() > width) {
        let widest = elastic.iter().max_by_key(|i| wide(&rows, **i));
        let Some((i, most)) = widest.and_then(|i| Some((*i, wide(&rows, *i)?))).filter(|(_, most)| *most > NARROW)
        else {
            break;
        };
        for cell in rows.iter_mut().filter_map(|row| row.get_mut(i)).filter(|cell| cell.chars().count() == most) {
            *cell = cell.chars().take(most.saturating_sub(2)).chain(['…']).collect();
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pads_columns_by_characters() {
        let rows = [vec!["é".to_owned(), "x".to_owned()], vec!["long".to_owned(), "y".to_owned()]];
        assert_eq!(columns(&rows), "é     x\nlong  y\n");
    }

    proptest! {
        #[test]
        fn a_table_fits_where_it_can_and_cuts_nothing_else(
            rows in proptest::collection::vec(("[0-9A-Z]{26}", "[a-zé]{1,20}", "[a-z.]{1,60}", "[0-9a-f:]{1,39}", "[a-z]{3,7}"), 1..6),
            width in 60_usize..120,
        ) {
            let rows: Vec<Vec<String>> = rows.into_iter().map(|(a, b, c, d, e)| vec![a, b, c, d, e]).collect();
            let told = fitted(rows.clone(), &[2, 3], width);
            let firm: usize = [0, 1, 4].map(|i| rows.iter().map(|r| r[i].chars().count()).max().unwrap()).iter().sum();
            if firm + 2 * NARROW + 8 <= width {
                prop_assert!(columns(&told).lines().all(|line| line.chars().count() <= width));
            }
            for (whole, told) in rows.iter().zip(&told) {
                prop_assert!([0, 1, 4].iter().all(|i| whole[*i] == told[*i]));
                for i in [2, 3] {
                    let begins = told[i].strip_suffix('…').is_some_and(|cut| whole[i].starts_with(cut) && cut.len() + 1 >= NARROW);
                    prop_assert!(whole[i] == told[i] || begins, "{} {}", whole[i], told[i]);
                }
            }
            prop_assert_eq!(fitted(rows.clone(), &[2, 3], 1000), rows);
        }
    }
}
