//! The store in PostgreSQL, for many machines: leases are counted by the database's own clock, and rows are locked for as long as a call takes.

use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};

use super::schema::{self, Dialect};
use super::session::{Session, Work};
use super::sql::{Engine, SqlStore};
use super::{ClockShift, Result, StoreError, StoreOptions};
use crate::fail_point;

/// A store in PostgreSQL.
pub type PostgresStore = SqlStore<Postgres>;

/// Connections at the same time, for each process.
const CONNECTIONS: u32 = 16;

/// How long a call waits for a connection.
const ACQUIRE: Duration = Duration::from_secs(10);

/// How often a call is made again when PostgreSQL ended it in favour of another.
const ATTEMPTS: u32 = 10;

/// What every connection asks for: commits that are synced, and an end to statements and locks of processes that hang.
const SETTINGS: [(&str, &str); 4] = [
    ("synchronous_commit", "on"),
    ("statement_timeout", "30000"),
    ("lock_timeout", "20000"),
    ("idle_in_transaction_session_timeout", "15000"),
];

/// The engine over PostgreSQL.
pub struct Postgres {
    pool: PgPool,
    shift: ClockShift,
}

impl PostgresStore {
    /// Opens the database at `url` (`postgres://USER:PASSWORD@HOST/NAME`) and brings its schema up to date. Any number of processes may.
    ///
    /// # Errors
    /// [`StoreError::Open`], [`StoreError::Newer`], [`StoreError::Schema`] or [`StoreError::Unavailable`].
    pub async fn connect(url: &str, options: StoreOptions) -> Result<PostgresStore> {
        let connect = PgConnectOptions::from_str(url)
            .map_err(|error| StoreError::Open { path: "of [store] url".to_owned(), source: Arc::new(error) })?
            .application_name("patchwright")
            .options(SETTINGS);
        let place = format!("{} on {}", connect.get_database().unwrap_or("postgres"), connect.get_host());
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(ACQUIRE)
            .connect_with(connect)
            .await
            .map_err(|error| StoreError::Open { path: place, source: Arc::new(error) })?;
        bring_up(&pool).await?;
        let engine = Postgres { pool, shift: options.shift.clone() };
        Ok(SqlStore::new(engine, options))
    }
}

async fn bring_up(pool: &PgPool) -> Result<()> {
    let there: bool = sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL").fetch_one(pool).await?;
    if there {
        let sql = "SELECT COALESCE(MAX(version), 0) FROM _sqlx_migrations WHERE success";
        schema::refuse_newer(sqlx::query_scalar(sql).fetch_one(pool).await?)?;
    }
    let migrator = schema::migrator(Dialect::Postgres, schema::known());
    migrator.run(pool).await.map_err(schema::migration_failed)
}

impl Postgres {
    #[cfg(test)]
    pub(super) fn pool(&self) -> &PgPool {
        &self.pool
    }

    async fn begin(&self) -> Result<Session> {
        let mut session = Session::postgres(self.pool.begin().await?);
        let sql = "SELECT CAST(floor(extract(epoch FROM clock_timestamp()) * 1000) AS BIGINT) AS millis";
        if let Some(row) = session.row(sql, &[]).await? {
            session.wall = row.int("millis")?.saturating_add(self.shift.millis());
            session.ticks = session.wall;
        }
        Ok(session)
    }

    async fn once<T>(&self, name: &'static str, work: &Work<T>) -> Result<T> {
        let mut session = self.begin().await?;
        fail_point!("store", name, "begin");
        let answer = work(&mut session).await?;
        fail_point!("store", name, "before_commit");
        session.commit().await?;
        fail_point!("store", name, "after_commit");
        Ok(answer)
    }
}

#[async_trait]
impl Engine for Postgres {
    async fn write<T: Send + 'static>(&self, name: &'static str, work: Work<T>) -> Result<T> {
        for _ in 1..ATTEMPTS {
            match self.once(name, &work).await {
                Err(StoreError::Unavailable(error)) if is_conflict(&error) => {}
                other => return other,
            }
        }
        self.once(name, &work).await
    }

    async fn read<T: Send + 'static>(&self, work: Work<T>) -> Result<T> {
        work(&mut self.begin().await?).await
    }

    async fn backup(&self, _: &Path) -> Result<()> {
        Err(StoreError::Unsupported("back PostgreSQL up with its own tools, such as pg_dump"))
    }

    async fn close(&self) -> Result<()> {
        self.pool.close().await;
        Ok(())
    }
}

/// Tells whether PostgreSQL rolled the transaction back only because another was in its way: serialization_failure, deadlock_detected.
fn is_conflict(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|error| error.code()).is_some_and(|code| code == "40001" || code == "40P01")
}
