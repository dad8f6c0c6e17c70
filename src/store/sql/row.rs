//! From rows to values. A row that makes no sense is a fault that names its table and its id.

use data_encoding::BASE64;

use super::fault;
use crate::auth::time::Timestamp;
use crate::flow::ports::{Answer, StoreError};

/// Where a value stands, for the text of a fault.
#[derive(Clone, Copy)]
pub(super) struct RowRef<'a> {
    pub(super) table: &'static str,
    pub(super) id: &'a str,
}

impl RowRef<'_> {
    pub(super) fn broken(self, what: impl std::fmt::Display) -> StoreError {
        fault(format!("broken row in `{}`, id `{}`: {what}", self.table, self.id))
    }

    pub(super) fn number(self, column: &str, value: i64) -> Answer<u64> {
        u64::try_from(value).map_err(|_| self.broken(format_args!("`{column}` is negative")))
    }

    pub(super) fn time(self, column: &str, value: i64) -> Answer<Timestamp> {
        self.number(column, value).map(Timestamp::from_millis)
    }

    pub(super) fn flag(self, column: &str, value: i64) -> Answer<bool> {
        match value {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.broken(format_args!("`{column}` is neither 0 nor 1"))),
        }
    }

    pub(super) fn bytes(self, column: &str, value: &str) -> Answer<Vec<u8>> {
        BASE64.decode(value.as_bytes()).map_err(|_| self.broken(format_args!("`{column}` is not base64")))
    }
}

/// Bytes as they stand in a column.
pub(super) fn text_of(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

/// A number as it stands in a column.
pub(super) fn number_of(value: u64) -> Answer<i64> {
    i64::try_from(value).map_err(|_| fault("a number is too large to keep"))
}

/// A time as it stands in a column.
pub(super) fn time_of(at: Timestamp) -> Answer<i64> {
    number_of(at.as_millis())
}

/// Reads every row as a tuple whose types the caller names; the first column names the row in a fault.
macro_rules! rows {
    ($db:expr, $table:literal, $query:expr, $tuple:ty) => {
        $crate::store::sql::row::each_row!($db, $table, $query, $tuple).and_then(|rows| {
            rows.into_iter()
                .map(|row| row.map_err(|(_, fault)| fault))
                .collect::<$crate::flow::ports::Answer<Vec<$tuple>>>()
        })
    };
}

/// As `rows`; in place of a row that cannot be read, its name and why.
macro_rules! each_row {
    ($db:expr, $table:literal, $query:expr, $tuple:ty) => {
        match &$db.pool {
            $crate::store::sql::Pool::Sqlite(pool) => {
                $crate::store::sql::row::each_row!(@read $db, $table, $query, $tuple, pool)
            }
            $crate::store::sql::Pool::Postgres(pool) => {
                $crate::store::sql::row::each_row!(@read $db, $table, $query, $tuple, pool)
            }
        }
    };
    (@read $db:expr, $table:literal, $query:expr, $tuple:ty, $pool:ident) => {
        $db.within($query.fetch_all($pool)).await.map(|rows| {
            rows.iter()
                .map(|row| {
                    <$tuple as sqlx::FromRow<'_, _>>::from_row(row).map_err(|e| {
                        let id: String = sqlx::Row::try_get(row, 0).unwrap_or_else(|_| "?".to_owned());
                        let fault = $crate::store::sql::row::RowRef { table: $table, id: &id }.broken(e);
                        (id, fault)
                    })
                })
                .collect::<Vec<Result<$tuple, (String, $crate::flow::ports::StoreError)>>>()
        })
    };
}

pub(super) use {each_row, rows};
