//! PostgreSQL behind a pooler that gives a server away after each transaction (pgbouncer's `pool_mode = transaction`).
//!
//! What a session of the server keeps is lost between two transactions: named statements, settings, session locks. So
//! behind such a pooler every statement is sent unnamed in a transaction of its own, which says its timeout itself.

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};
use futures_util::{FutureExt as _, TryFutureExt as _};
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArguments, PgQueryResult, PgRow, PgStatement, PgTypeInfo};
use sqlx::{AssertSqlSafe, Describe, Either, Error, Execute, Executor, PgPool, SqlStr};

/// The pool of a process, and how statements are sent over it.
#[derive(Clone, Debug)]
pub(crate) struct Postgres {
    pub(super) pool: PgPool,
    /// Behind a pooler: how long a statement may take, in milliseconds. Without one the connection says it.
    pub(super) pooled: Option<u32>,
}

/// A transaction; undone when dropped.
pub(crate) struct Transaction(Statements);

/// What sends the statements of a transaction.
#[derive(Debug)]
pub(crate) struct Statements {
    inner: sqlx::Transaction<'static, sqlx::Postgres>,
    unnamed: bool,
}

/// What a statement answers, piece by piece.
type Pieces<'e> = BoxStream<'e, Result<Either<PgQueryResult, PgRow>, Error>>;

impl Postgres {
    pub(super) async fn begin(&self) -> Result<Transaction, Error> {
        let inner = match self.pooled {
            None => self.pool.begin().await?,
            Some(millis) => {
                let begin = format!("begin; set local statement_timeout = {millis}");
                self.pool.begin_with(AssertSqlSafe(begin)).await?
            }
        };
        Ok(Transaction(Statements { inner, unnamed: self.pooled.is_some() }))
    }
}

impl Transaction {
    pub(super) async fn commit(self) -> Result<(), Error> {
        self.0.inner.commit().await
    }
}

impl std::ops::Deref for Transaction {
    type Target = Statements;

    fn deref(&self) -> &Statements {
        &self.0
    }
}

impl std::ops::DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut Statements {
        &mut self.0
    }
}

/// A statement that leaves no name on the server.
struct Unnamed<E>(E);

impl<'q, E: Execute<'q, sqlx::Postgres>> Execute<'q, sqlx::Postgres> for Unnamed<E> {
    fn sql(self) -> SqlStr {
        self.0.sql()
    }

    fn statement(&self) -> Option<&PgStatement> {
        self.0.statement()
    }

    fn take_arguments(&mut self) -> Result<Option<PgArguments>, BoxDynError> {
        self.0.take_arguments()
    }

    fn persistent(&self) -> bool {
        false
    }
}

impl<'c> Executor<'c> for &'c mut Statements {
    type Database = sqlx::Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> Pieces<'e>
    where
        'c: 'e,
        E: 'q + Execute<'q, sqlx::Postgres>,
    {
        if self.unnamed { self.inner.fetch_many(Unnamed(query)) } else { self.inner.fetch_many(query) }
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, sqlx::Postgres>,
    {
        if self.unnamed { self.inner.fetch_optional(Unnamed(query)) } else { self.inner.fetch_optional(query) }
    }

    fn prepare_with<'e>(self, sql: SqlStr, types: &'e [PgTypeInfo]) -> BoxFuture<'e, Result<PgStatement, Error>>
    where
        'c: 'e,
    {
        self.inner.prepare_with(sql, types)
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<sqlx::Postgres>, Error>>
    where
        'c: 'e,
    {
        self.inner.describe(sql)
    }
}

impl<'c> Executor<'c> for &'c Postgres {
    type Database = sqlx::Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> Pieces<'e>
    where
        'c: 'e,
        E: 'q + Execute<'q, sqlx::Postgres>,
    {
        if self.pooled.is_none() {
            return self.pool.fetch_many(query);
        }
        // All of it, and only then told: what was not committed has not happened.
        let all = async move {
            let mut tx = self.begin().await?;
            let pieces: Vec<_> = tx.fetch_many(query).try_collect().await?;
            tx.commit().await?;
            Ok(stream::iter(pieces.into_iter().map(Ok)))
        };
        all.try_flatten_stream().boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, sqlx::Postgres>,
    {
        if self.pooled.is_none() {
            return self.pool.fetch_optional(query);
        }
        let first = async move {
            let rows: Vec<PgRow> = self.fetch_all(query).await?;
            Ok(rows.into_iter().next())
        };
        first.boxed()
    }

    fn prepare_with<'e>(self, sql: SqlStr, types: &'e [PgTypeInfo]) -> BoxFuture<'e, Result<PgStatement, Error>>
    where
        'c: 'e,
    {
        self.pool.prepare_with(sql, types)
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<sqlx::Postgres>, Error>>
    where
        'c: 'e,
    {
        self.pool.describe(sql)
    }
}
