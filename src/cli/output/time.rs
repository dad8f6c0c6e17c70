//! Times for people and programs, and what is live now.

use std::time::Duration;

use crate::auth::session::{Lifetimes, Session, Standing};
use crate::auth::time::Timestamp;

/// How long something lasts, for a narrow column: in the largest unit of which it is at least one, cut off.
pub(crate) fn brief(span: Duration) -> String {
    match span.as_secs() {
        s @ ..60 => format!("{s}s"),
        s @ ..3_600 => format!("{}m", s / 60),
        s @ ..86_400 => format!("{}h", s / 3_600),
        s => format!("{}d", s / 86_400),
    }
}

/// Whether a session still counts.
pub(crate) fn is_live(lifetimes: &Lifetimes, session: &Session, now: Timestamp) -> bool {
    lifetimes.standing(session, now) == Standing::Live
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_spans_in_one_unit() {
        for (seconds, text) in
            [(0, "0s"), (59, "59s"), (60, "1m"), (3_599, "59m"), (3_600, "1h"), (86_399, "23h"), (86_400, "1d")]
        {
            assert_eq!(brief(Duration::from_secs(seconds)), text);
        }
    }
}
