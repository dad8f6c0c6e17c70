//! What whoever holds one stolen thing reaches. Each cell of the table in docs/accounts.md is measured: an attacker does all
//! that can be done with the one thing, and with what comes of that, and what changed is compared with the page.

mod actions;
mod attacker;
mod scene;
mod table;

use std::collections::BTreeSet;

use attacker::Attacker;
use scene::Scene;

/// What somebody may want of an account that is not theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Goal {
    OneFactorApp,
    TwoStepsApp,
    TwoFactorApp,
    FreshApp,
    Activity,
    Export,
    Password,
    Addition,
    Removal,
    BackupCodes,
    Deletion,
    SessionEnd,
    RecoveryBegin,
    RecoveryEnd,
}

impl Goal {
    pub(super) const ALL: [Self; 14] = [
        Self::OneFactorApp,
        Self::TwoStepsApp,
        Self::TwoFactorApp,
        Self::FreshApp,
        Self::Activity,
        Self::Export,
        Self::Password,
        Self::Addition,
        Self::Removal,
        Self::BackupCodes,
        Self::Deletion,
        Self::SessionEnd,
        Self::RecoveryBegin,
        Self::RecoveryEnd,
    ];

    /// The row of the page.
    pub(super) const fn row(self) -> &'static str {
        match self {
            Self::OneFactorApp => "An app that asks `one_factor`",
            Self::TwoStepsApp => "An app that asks `two_steps`",
            Self::TwoFactorApp => "An app that asks `two_factor`",
            Self::FreshApp => "An app that asks `two_factor` of the last 5 minutes",
            Self::Activity => "See sessions and activity",
            Self::Export => "Take all data (`export`)",
            Self::Password => "Another password",
            Self::Addition => "Add a factor or an address",
            Self::Removal => "Remove a factor or an address, turn off two-step sign-in",
            Self::BackupCodes => "New backup codes",
            Self::Deletion => "Delete the account",
            Self::SessionEnd => "End sessions",
            Self::RecoveryBegin => "Begin a recovery",
            Self::RecoveryEnd => "End a recovery that waits",
        }
    }
}

/// What somebody holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stolen {
    Password,
    Mailbox,
    /// An unlocked browser, signed in six minutes ago.
    Browser,
    /// All of it: the owner.
    All,
}

/// How recovery stands when it is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Recovery {
    Off,
    On,
    /// Whoever can wait has waited.
    Waited,
    /// One waits already that the owner began.
    Waits,
}

/// What is reached.
async fn reached(stolen: Stolen, has_second: bool, recovery: Recovery, depth: u8) -> BTreeSet<Goal> {
    let scene = Scene::new(has_second, recovery).await;
    let mut attacker = Attacker::of(&scene, stolen);
    attacker.work(depth).await;
    attacker.reached
}

#[tokio::test]
async fn the_page_says_of_each_theft_what_it_reaches() {
    let page = table::of_page();
    let mut wrong = Vec::new();
    for (column, stolen) in [Stolen::Password, Stolen::Mailbox, Stolen::Browser].into_iter().enumerate() {
        let (with, without) = (table::measured(stolen, true).await, table::measured(stolen, false).await);
        for (nth, goal) in Goal::ALL.into_iter().enumerate() {
            let found = table::cell(with[nth], without[nth]);
            match page.get(nth) {
                Some((row, cells)) if row == goal.row() => {
                    if table::beginnings(&cells[column]) != found {
                        wrong.push(format!("{row}, {stolen:?}: `{}` on the page, `{found}` measured", cells[column]));
                    }
                }
                other => {
                    wrong.push(format!("{}, {stolen:?}: no such row but {other:?}; `{found}` measured", goal.row()))
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(page.len(), Goal::ALL.len());
}

/// An attacker who does nothing would prove nothing.
#[tokio::test]
async fn the_owner_reaches_all_of_it() {
    for has_second in [true, false] {
        let all = reached(Stolen::All, has_second, Recovery::Waits, 1).await;
        let missing: Vec<_> = Goal::ALL.into_iter().filter(|goal| !all.contains(goal)).collect();
        assert!(missing.is_empty(), "{has_second}: {missing:?}");
    }
}
