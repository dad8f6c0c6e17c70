//! A look through all values, then all marks, a few of them at a time.

use async_trait::async_trait;
use tokio::task::yield_now;

use super::{Embedded, fault, within};
use crate::flow::ports::{Answer, IsMeant, Sweep, SweepStep, SweptEntry, TransientKind};
use crate::store::record_cipher::from_text;
use crate::store::sql::sqlite;

/// Where the marks begin; no kind has this name.
const MARKS: &str = "";

type ValueRow = (String, String, Vec<u8>);

#[async_trait]
impl Sweep for Embedded {
    async fn step(&self, from: Option<&str>, is_meant: IsMeant<'_>) -> Answer<SweepStep> {
        match from.map(|from| from.split_once('\n').ok_or_else(|| fault("no place of a sweep"))).transpose()? {
            Some((MARKS, mark)) => self.sweep_marks(mark, is_meant).await,
            after => self.sweep_values(after.unwrap_or_default(), is_meant).await,
        }
    }

    async fn settle(&self) -> Answer<()> {
        self.write(sqlite::empty_log(&self.writer)).await
    }
}

impl Embedded {
    async fn sweep_values(&self, (kind, key): (&str, &str), is_meant: IsMeant<'_>) -> Answer<SweepStep> {
        // One of them has a megabyte at most.
        const SOME: &str = "select kind, key, cast(value as blob) from state_transient where (kind, key) > ($1, $2) \
             order by kind, key limit 20";
        const SQL: &str = "delete from state_transient where kind = $1 and key = $2 and cast(value as blob) = $3";
        let rows: Vec<ValueRow> = within(sqlx::query_as(SOME).bind(kind).bind(key).fetch_all(&self.readers)).await?;
        let mut removed = 0;
        for (kind, key, text) in &rows {
            let Some(of) = TransientKind::ALL.into_iter().find(|of| of.name() == kind) else { continue };
            let is_meant = from_text(text).is_ok_and(|sealed| is_meant(SweptEntry::Value(of, key, &sealed)));
            // To open a large one and to look through it takes its time.
            yield_now().await;
            if is_meant {
                let query = sqlx::query(SQL).bind(kind).bind(key).bind(text);
                removed += self.write(query.execute(&self.writer)).await?.rows_affected();
            }
        }
        let next = rows.last().map_or_else(|| format!("{MARKS}\n"), |(kind, key, _)| format!("{kind}\n{key}"));
        Ok(SweepStep { removed, next: Some(next) })
    }

    async fn sweep_marks(&self, after: &str, is_meant: IsMeant<'_>) -> Answer<SweepStep> {
        const SOME: &str = "select mark from state_marks where mark > $1 order by mark limit 500";
        const SQL: &str = "delete from state_marks where mark = $1";
        let marks: Vec<(String,)> = within(sqlx::query_as(SOME).bind(after).fetch_all(&self.readers)).await?;
        let mut removed = 0;
        for (mark,) in marks.iter().filter(|(mark,)| is_meant(SweptEntry::Mark(mark))) {
            removed += self.write(sqlx::query(SQL).bind(mark).execute(&self.writer)).await?.rows_affected();
        }
        Ok(SweepStep { removed, next: marks.last().map(|(mark,)| format!("{MARKS}\n{mark}")) })
    }
}
