//! One open transaction on either database, with the few things that differ between the two.
//!
//! Statements number their parameters `$1, $2 …`, which both databases read, and know integers, text and bytes alone.

use futures_util::future::BoxFuture;
use github::{InstallationId, RepositoryId};
use sqlx::postgres::{PgRow, Postgres};
use sqlx::sqlite::{Sqlite, SqliteConnection, SqliteRow};
use sqlx::{Row as _, Transaction};

use super::model::Millis;
use super::schema::Dialect;
use super::{JobId, Result, StoreError};

/// What a call does within its transaction. It may be run again when the database asks for that, so it changes nothing but the database.
pub(super) type Work<T> = Box<dyn for<'a> Fn(&'a mut Session) -> BoxFuture<'a, Result<T>> + Send + Sync>;

/// Boxes a closure as [`Work`].
pub(super) fn work<T, F>(run: F) -> Work<T>
where
    F: for<'a> Fn(&'a mut Session) -> BoxFuture<'a, Result<T>> + Send + Sync + 'static,
{
    Box::new(run)
}

/// A parameter.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Int(Option<i64>),
    Text(Option<String>),
    Bytes(Vec<u8>),
}

macro_rules! value_from {
    ($($from:ty => |$it:ident| $value:expr;)*) => {
        $(impl From<$from> for Value {
            fn from($it: $from) -> Value {
                $value
            }
        })*
    };
}

value_from! {
    i64 => |it| Value::Int(Some(it));
    i32 => |it| Value::Int(Some(it.into()));
    u32 => |it| Value::Int(Some(it.into()));
    // GitHub's ids and our amounts are far below 2^63; what is above stays comparable at the end of the range.
    u64 => |it| Value::Int(Some(i64::try_from(it).unwrap_or(i64::MAX)));
    bool => |it| Value::Int(Some(it.into()));
    Option<i64> => |it| Value::Int(it);
    &str => |it| Value::Text(Some(without_nul(it)));
    &String => |it| Value::Text(Some(without_nul(it)));
    String => |it| Value::Text(Some(without_nul(&it)));
    Option<String> => |it| Value::Text(it.as_deref().map(without_nul));
    &Option<String> => |it| Value::Text(it.as_deref().map(without_nul));
    &[u8] => |it| Value::Bytes(it.to_vec());
    JobId => |it| Value::Text(Some(it.to_string()));
    Option<JobId> => |it| Value::Text(it.map(|id| id.to_string()));
    RepositoryId => |it| it.0.into();
    InstallationId => |it| it.0.into();
    Option<RepositoryId> => |it| it.map_or(Value::Int(None), |id| id.0.into());
    Option<InstallationId> => |it| it.map_or(Value::Int(None), |id| id.0.into());
}

/// PostgreSQL's text cannot hold NUL, and a payload's words may.
fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// Makes an array of [`Value`]s.
macro_rules! values {
    ($($value:expr),* $(,)?) => { &[$($crate::store::session::Value::from($value)),*] };
}
pub(super) use values;

/// What must not be done by two transactions at once on PostgreSQL; SQLite has one writer anyway.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lock {
    /// Choosing a job, so that limits of concurrency are exact.
    Claims,
    /// Choosing effects, so that an installation has one writer.
    Effects,
    /// Making jobs in a repository.
    Wishes(RepositoryId),
    /// Setting money aside.
    Money,
}

enum Connection {
    Writer(Box<SqliteConnection>),
    Reader(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

/// An open transaction.
pub(super) struct Session {
    connection: Connection,
    /// The wall clock when the transaction began.
    pub(super) wall: Millis,
    /// The clock of leases when the transaction began: the database's on PostgreSQL, else one that never goes back.
    pub(super) ticks: i64,
}

macro_rules! bound {
    ($sql:expr, $values:expr) => {{
        let mut query = sqlx::query($sql);
        for value in $values {
            query = match value {
                Value::Int(value) => query.bind(*value),
                Value::Text(value) => query.bind(value.clone()),
                Value::Bytes(value) => query.bind(value.clone()),
            };
        }
        query
    }};
}

impl Session {
    pub(super) fn writer(connection: SqliteConnection) -> Session {
        Session { connection: Connection::Writer(Box::new(connection)), wall: 0, ticks: 0 }
    }

    pub(super) fn reader(transaction: Transaction<'static, Sqlite>, wall: Millis, ticks: i64) -> Session {
        Session { connection: Connection::Reader(transaction), wall, ticks }
    }

    pub(super) fn postgres(transaction: Transaction<'static, Postgres>) -> Session {
        Session { connection: Connection::Postgres(transaction), wall: 0, ticks: 0 }
    }

    /// Gives SQLite's only writing connection back.
    pub(super) fn into_writer(self) -> Option<SqliteConnection> {
        match self.connection {
            Connection::Writer(connection) => Some(*connection),
            Connection::Reader(_) | Connection::Postgres(_) => None,
        }
    }

    /// Commits a transaction of PostgreSQL's; SQLite's writer does so itself, for many calls at once.
    pub(super) async fn commit(self) -> Result<()> {
        match self.connection {
            Connection::Writer(_) => Ok(()),
            Connection::Reader(transaction) => Ok(transaction.commit().await?),
            Connection::Postgres(transaction) => Ok(transaction.commit().await?),
        }
    }

    pub(super) fn dialect(&self) -> Dialect {
        match self.connection {
            Connection::Writer(_) | Connection::Reader(_) => Dialect::Sqlite,
            Connection::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Runs a statement; returns how many rows it changed.
    pub(super) async fn run(&mut self, sql: &'static str, values: &[Value]) -> Result<u64> {
        let changed = match &mut self.connection {
            Connection::Writer(it) => bound!(sql, values).execute(&mut **it).await?.rows_affected(),
            Connection::Reader(it) => bound!(sql, values).execute(&mut **it).await?.rows_affected(),
            Connection::Postgres(it) => bound!(sql, values).execute(&mut **it).await?.rows_affected(),
        };
        Ok(changed)
    }

    /// Runs a statement; returns its rows.
    pub(super) async fn rows(&mut self, sql: &'static str, values: &[Value]) -> Result<Vec<Row>> {
        let rows = match &mut self.connection {
            Connection::Writer(it) => sqlite_rows(bound!(sql, values).fetch_all(&mut **it).await?),
            Connection::Reader(it) => sqlite_rows(bound!(sql, values).fetch_all(&mut **it).await?),
            Connection::Postgres(it) => {
                bound!(sql, values).fetch_all(&mut **it).await?.into_iter().map(Row::Postgres).collect()
            }
        };
        Ok(rows)
    }

    /// Runs a statement; returns its first row.
    pub(super) async fn row(&mut self, sql: &'static str, values: &[Value]) -> Result<Option<Row>> {
        Ok(self.rows(sql, values).await?.into_iter().next())
    }

    /// Holds back other transactions that ask for the same lock until this one ends.
    pub(super) async fn lock(&mut self, lock: Lock) -> Result<()> {
        if self.dialect() == Dialect::Sqlite {
            return Ok(());
        }
        // Advisory locks have two 32-bit keys: the kind, and for repositories a hash, where a collision costs only a short wait.
        let (kind, key) = match lock {
            Lock::Claims => (1, 0),
            Lock::Effects => (2, 0),
            Lock::Wishes(repository) => (3, repository.0 % (1 << 31)),
            Lock::Money => (4, 0),
        };
        let sql = "SELECT pg_advisory_xact_lock(CAST($1 AS INT), CAST($2 AS INT))";
        self.run(sql, values![PROGRAM_LOCKS + kind, key]).await?;
        Ok(())
    }

    /// Chooses between a statement for each database.
    pub(super) fn pick(&self, sqlite: &'static str, postgres: &'static str) -> &'static str {
        match self.dialect() {
            Dialect::Sqlite => sqlite,
            Dialect::Postgres => postgres,
        }
    }
}

/// Where our advisory locks begin, so that other programs on the same database keep theirs.
const PROGRAM_LOCKS: i64 = 0x5057_0000;

fn sqlite_rows(rows: Vec<SqliteRow>) -> Vec<Row> {
    rows.into_iter().map(Row::Sqlite).collect()
}

/// A row of an answer.
pub(super) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

macro_rules! column {
    ($self:ident, $name:ident) => {
        match $self {
            Row::Sqlite(row) => row.try_get($name),
            Row::Postgres(row) => row.try_get($name),
        }
        .map_err(StoreError::from)
    };
}

impl Row {
    pub(super) fn int(&self, name: &str) -> Result<i64> {
        column!(self, name)
    }

    pub(super) fn maybe_int(&self, name: &str) -> Result<Option<i64>> {
        column!(self, name)
    }

    pub(super) fn text(&self, name: &str) -> Result<String> {
        column!(self, name)
    }

    pub(super) fn maybe_text(&self, name: &str) -> Result<Option<String>> {
        column!(self, name)
    }

    pub(super) fn bytes(&self, name: &str) -> Result<Vec<u8>> {
        column!(self, name)
    }

    pub(super) fn unsigned(&self, name: &str) -> Result<u64> {
        let value = self.int(name)?;
        u64::try_from(value).map_err(|_| StoreError::Content(format!("column {name} is {value}")))
    }

    pub(super) fn small(&self, name: &str) -> Result<u32> {
        let value = self.int(name)?;
        u32::try_from(value).map_err(|_| StoreError::Content(format!("column {name} is {value}")))
    }

    /// Reads a column with a word of one of our enums.
    pub(super) fn word<T>(&self, name: &str, from_word: fn(&str) -> Option<T>) -> Result<T> {
        let word = self.text(name)?;
        from_word(&word).ok_or_else(|| StoreError::Content(format!("column {name} is `{word}`")))
    }

    pub(super) fn json<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<T> {
        from_json(name, &self.text(name)?)
    }

    pub(super) fn maybe_json<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        self.maybe_text(name)?.map(|text| from_json(name, &text)).transpose()
    }

    pub(super) fn job(&self, name: &str) -> Result<JobId> {
        self.text(name)?.parse().map_err(|error| StoreError::Content(format!("column {name}: {error}")))
    }

    pub(super) fn maybe_job(&self, name: &str) -> Result<Option<JobId>> {
        self.maybe_text(name)?.map(|_| self.job(name)).transpose()
    }

    pub(super) fn repository(&self, name: &str) -> Result<RepositoryId> {
        self.unsigned(name).map(RepositoryId)
    }

    pub(super) fn installation(&self, name: &str) -> Result<InstallationId> {
        self.unsigned(name).map(InstallationId)
    }

    pub(super) fn maybe_repository(&self, name: &str) -> Result<Option<RepositoryId>> {
        self.maybe_int(name)?.map(|_| self.repository(name)).transpose()
    }

    pub(super) fn maybe_installation(&self, name: &str) -> Result<Option<InstallationId>> {
        self.maybe_int(name)?.map(|_| self.installation(name)).transpose()
    }
}

fn from_json<T: serde::de::DeserializeOwned>(name: &str, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| StoreError::Content(format!("column {name}: {error}")))
}

/// Writes a record as JSON.
pub(super) fn to_json<T: serde::Serialize>(record: &T) -> Result<String> {
    serde_json::to_string(record).map_err(|error| StoreError::Content(error.to_string()))
}
