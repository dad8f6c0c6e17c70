//! What happened to one account, page by page, the newest first.

use std::net::IpAddr;
use std::str::FromStr;

use crate::auth::event::EventKind;
use crate::auth::proof::Method;
use crate::auth::time::Timestamp;

/// Something that happened to an account, as far as its owner is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activity {
    pub at: Timestamp,
    pub kind: EventKind,
    pub method: Option<Method>,
    /// From where; `None` for commands on the machine of the gateway.
    pub ip: Option<IpAddr>,
    /// In which browser, by its tag; `None` for scripts, and browsers without a mark.
    pub browser: Option<String>,
    /// The names of browser and system, as [`crate::auth::event::Event::agent`] has them.
    pub agent: Option<String>,
    pub session: Option<String>,
}

/// From where on activity is read: moments are whole milliseconds, so of the first one, some may have been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActivityCursor {
    /// Nothing later than this.
    pub at: Timestamp,
    /// How many of that moment were read.
    pub read: u32,
}

/// So many of one moment are told apart.
const MOST_OF_A_MOMENT: u32 = 10_000;

/// Activity of an account, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActivityPage {
    pub rows: Vec<Activity>,
    /// Where it goes on; `None`: there is no more.
    pub next: Option<ActivityCursor>,
}

impl ActivityCursor {
    /// From the newest on.
    pub const fn from(at: Timestamp) -> Self {
        Self { at, read: 0 }
    }

    /// How many rows must be read for `most` new ones, and one that shows that there are more.
    pub const fn rows_for(self, most: u32) -> u32 {
        self.read.saturating_add(most).saturating_add(1)
    }

    /// The page of `most` rows at the cursor. `found`: rows not later than it, the newest first, those of one moment always in
    /// one order; in place of one that cannot be read, nothing.
    pub fn page(self, found: Vec<(Timestamp, Option<Activity>)>, most: u32) -> ActivityPage {
        let whole = usize::try_from(most).unwrap_or(usize::MAX);
        let mut skipped = 0;
        let mut fresh = found.into_iter().filter(|(at, _)| {
            let known = *at == self.at && skipped < self.read;
            skipped += u32::from(known);
            !known
        });
        let (mut rows, mut cursor, mut taken) = (Vec::new(), self, 0);
        while taken < whole {
            let Some((at, row)) = fresh.next() else { return ActivityPage { rows, next: None } };
            let read = if at == cursor.at { cursor.read.saturating_add(1) } else { 1 };
            cursor = Self { at, read };
            rows.extend(row);
            taken += 1;
        }
        ActivityPage { rows, next: fresh.next().map(|_| cursor) }
    }
}

/// As it stands in addresses: `1790000000000.2`.
impl std::fmt::Display for ActivityCursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.at.as_millis(), self.read)
    }
}

impl FromStr for ActivityCursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let digits = |text: &str| !text.is_empty() && text.len() <= 15 && text.bytes().all(|b| b.is_ascii_digit());
        let (at, read) = text.split_once('.').filter(|(at, read)| digits(at) && digits(read)).ok_or(())?;
        let (at, read) = (at.parse().map_err(|_| ())?, read.parse().map_err(|_| ())?);
        if read > MOST_OF_A_MOMENT { Err(()) } else { Ok(Self { at: Timestamp::from_millis(at), read }) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn row(at: u64, nth: usize) -> (Timestamp, Option<Activity>) {
        let at = Timestamp::from_millis(at);
        let (kind, session) = (EventKind::SessionOpened, Some(nth.to_string()));
        (at, Some(Activity { at, kind, method: None, ip: None, browser: None, agent: None, session }))
    }

    proptest! {
        /// Page after page, everything is read once and in order, however many share a moment, and rows that cannot be read
        /// stop nobody.
        #[test]
        fn pages_are_the_whole(moments in prop::collection::vec((0u64..6, any::<bool>()), 0..40), most in 1u32..7) {
            let mut all: Vec<_> = moments.iter().enumerate().map(|(nth, (at, reads))| {
                let (at, row) = row(*at, nth);
                (at, row.filter(|_| *reads))
            }).collect();
            all.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
            let whole: Vec<Activity> = all.iter().filter_map(|(_, row)| row.clone()).collect();
            let (mut read, mut cursor) = (Vec::new(), Some(ActivityCursor::from(Timestamp::from_millis(5))));
            let mut pages = 0;
            while let Some(at) = cursor {
                let limit = usize::try_from(at.rows_for(most)).unwrap();
                let found = all.iter().filter(|(when, _)| *when <= at.at).take(limit).cloned().collect();
                let page = at.page(found, most);
                read.extend(page.rows);
                cursor = page.next;
                if let Some(next) = cursor {
                    prop_assert_eq!(next.to_string().parse(), Ok(next));
                }
                pages += 1;
                prop_assert!(pages <= 42);
            }
            prop_assert_eq!(read, whole);
        }

        #[test]
        fn what_is_no_cursor_is_none(text in "\\PC{0,24}") {
            if let Ok(cursor) = text.parse::<ActivityCursor>() {
                prop_assert!(text.contains('.') && cursor.read <= MOST_OF_A_MOMENT);
            }
        }
    }
}
