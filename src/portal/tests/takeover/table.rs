//! The table of docs/accounts.md, and what was measured in its words.

use super::{Goal, Recovery, Stolen, reached};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/accounts.md");

/// How far one kind of account is open to a theft.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    No,
    Yes,
    /// Not where nobody recovers by themselves.
    WithRecovery,
    /// And there not at once.
    AfterWait,
}

impl Reach {
    const fn word(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Yes => "yes",
            Self::WithRecovery => "where `recovery` is on",
            Self::AfterWait => "after the waiting time",
        }
    }
}

/// What each goal's row says of a kind of account.
pub(super) async fn measured(stolen: Stolen, has_second: bool) -> Vec<Reach> {
    let of = async |recovery, depth| reached(stolen, has_second, recovery, depth).await;
    let (off, on) = (of(Recovery::Off, 1).await, of(Recovery::On, 1).await);
    // Who can begin none has nothing to wait for.
    let waited = if on.contains(&Goal::RecoveryBegin) { of(Recovery::Waited, 1).await } else { on.clone() };
    let waits = of(Recovery::Waits, 0).await;
    let reach = |goal: &Goal| match goal {
        Goal::RecoveryEnd if waits.contains(goal) => Reach::WithRecovery,
        _ if off.contains(goal) => {
            assert!(on.contains(goal), "{stolen:?} {has_second}: recovery takes {goal:?} away");
            Reach::Yes
        }
        _ if on.contains(goal) => Reach::WithRecovery,
        _ if waited.contains(goal) => Reach::AfterWait,
        _ => Reach::No,
    };
    Goal::ALL.iter().map(reach).collect()
}

/// A cell by what it begins with.
pub(super) fn cell(with: Reach, without: Reach) -> String {
    match with == without {
        true => with.word().to_owned(),
        false => format!("with: {} · without: {}", with.word(), without.word()),
    }
}

/// A cell of the page without what it goes on to say.
pub(super) fn beginnings(cell: &str) -> String {
    let first = |part: &str| part.split([',', ';', '(']).next().unwrap_or_default().trim().to_owned();
    cell.split('·').map(first).collect::<Vec<_>>().join(" · ")
}

/// The rows of the page: what is wanted, and a cell for each theft.
pub(super) fn of_page() -> Vec<(String, [String; 3])> {
    let page = std::fs::read_to_string(PAGE).expect("the page");
    let (_, table) = page.split_once("| Goal |").expect("the table");
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let row = |line: &str| {
        let mut cells = line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned());
        let mut next = || cells.next().expect("four columns");
        (next(), [next(), next(), next()])
    };
    rows.map(row).collect()
}
