//! What the versions before sealing left: records in clear. They count for nothing, so they go at the first opening.

use super::{Embedded, within};
use crate::flow::ports::Answer;

/// Which rows are of those versions. A sealed record is base64url, a digest as well, and neither has these.
const FOUND: &str = "select exists (select 1 from state_sessions where body like '{%') \
     or exists (select 1 from state_counters where key like '%:%')";
const SESSIONS: &str = "delete from state_sessions where body like '{%'";
const COUNTERS: &str = "delete from state_counters where key like '%:%'";

impl Embedded {
    /// Ends what an earlier version has kept, and tells of it once.
    pub(super) async fn end_unsealed(&self) -> Answer<()> {
        let (found,): (bool,) = within(sqlx::query_as(FOUND).fetch_one(&self.readers)).await?;
        if !found {
            return Ok(());
        }
        let sessions = self.write(sqlx::query(SESSIONS).execute(&self.writer)).await?.rows_affected();
        self.write(sqlx::query(COUNTERS).execute(&self.writer)).await?;
        tracing::warn!(
            target: "store",
            sessions,
            "what an earlier version kept of sessions, sign-ins under way and attempts is not sealed and was ended; people sign in again"
        );
        Ok(())
    }
}
