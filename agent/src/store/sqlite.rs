//! The store in one SQLite file: one writer that commits for many callers at once, readers beside it, and a careful opening.
//!
//! Commits are synced (`synchronous=FULL` in WAL mode), so what was acknowledged survives the loss of power. A small file beside the
//! database says whether the last stop was clean; with it, a database or a write-ahead log that vanished is noticed instead of made anew.

mod files;
mod open;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqliteSynchronous};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::session::{Session, Work};
use super::sql::{Engine, SqlStore};
use super::{ClockShift, Millis, Result, StoreError, StoreOptions};
use crate::clock::{self, Clock};
use files::Files;
pub(super) use open::POINTS;

/// A store in a SQLite file.
pub type SqliteStore = SqlStore<Sqlite>;

/// How long a statement waits for another process that writes.
const BUSY: Duration = Duration::from_secs(10);

/// How many calls wait in line for the writer before callers wait to be let in line.
const LINE: usize = 1024;

/// The clocks of one opening of the store.
#[derive(Clone, Debug)]
struct Clocks {
    since_open: Clock,
    shift: ClockShift,
}

impl Clocks {
    fn wall(&self) -> Millis {
        i64::try_from(clock::wall_millis()).unwrap_or(i64::MAX).saturating_add(self.shift.millis())
    }

    /// Never goes back, whatever is done to the wall clock.
    fn ticks(&self) -> i64 {
        i64::try_from(self.since_open.elapsed().as_millis()).unwrap_or(i64::MAX).saturating_add(self.shift.millis())
    }
}

/// The engine over SQLite.
pub struct Sqlite {
    files: Files,
    clocks: Clocks,
    line: Mutex<Option<mpsc::Sender<writer::BoxedCall>>>,
    writer: Mutex<Option<JoinHandle<Option<SqliteConnection>>>>,
    readers: SqlitePool,
    role: open::Role,
}

impl SqliteStore {
    /// Opens or makes the database and takes it over: leases of an earlier opening are void. The caller sees to it that there is only one.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::MissingWal`], [`StoreError::Corrupt`], [`StoreError::Newer`], [`StoreError::Schema`] or
    /// [`StoreError::Open`]; in none of these cases is anything made anew.
    pub async fn open(path: &Path, options: StoreOptions) -> Result<SqliteStore> {
        let engine = open::open(path, &options, open::Role::Owner).await?;
        Ok(SqlStore::new(engine, options))
    }

    /// Opens the database of a daemon that is running, to look at it and to ask something of its jobs. Nothing can be claimed.
    ///
    /// # Errors
    /// As [`SqliteStore::open`], and [`StoreError::Schema`] if it would first have to be brought up to date.
    pub async fn attach(path: &Path, options: StoreOptions) -> Result<SqliteStore> {
        let engine = open::open(path, &options, open::Role::Guest).await?;
        Ok(SqlStore::new(engine, options))
    }
}

fn connect_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .foreign_keys(true)
        .busy_timeout(BUSY)
        .synchronous(SqliteSynchronous::Full)
}

fn writing_options(path: &Path) -> SqliteConnectOptions {
    connect_options(path).journal_mode(SqliteJournalMode::Wal)
}

/// Calls that give or take leases, whose clock only the owner has.
const OWNERS: &[&str] = &["claim", "heartbeat", "expire_leases", "next_effects"];

#[async_trait]
impl Engine for Sqlite {
    async fn write<T: Send + 'static>(&self, name: &'static str, work: Work<T>) -> Result<T> {
        if self.role == open::Role::Guest && OWNERS.contains(&name) {
            return Err(StoreError::Unsupported("only the daemon that owns the database gives out work"));
        }
        let line = self.line.lock().clone().ok_or(StoreError::Closed)?;
        let (call, reply) = writer::call(name, work);
        line.send(call).await.map_err(|_| StoreError::Closed)?;
        reply.await.map_err(|_| StoreError::Closed)?
    }

    async fn read<T: Send + 'static>(&self, work: Work<T>) -> Result<T> {
        let transaction = self.readers.begin().await?;
        let mut session = Session::reader(transaction, self.clocks.wall(), self.clocks.ticks());
        work(&mut session).await
    }

    async fn backup(&self, to: &Path) -> Result<()> {
        let mut connection = self.readers.acquire().await?;
        copy_to(&mut connection, to).await
    }

    async fn close(&self) -> Result<()> {
        drop(self.line.lock().take());
        let handle = self.writer.lock().take();
        let Some(handle) = handle else { return Ok(()) };
        self.readers.close().await;
        let connection = handle.await.ok().flatten().ok_or(StoreError::Closed)?;
        open::shut(connection, &self.files, self.role).await
    }
}

/// Writes a consistent copy and syncs it. The file must not exist.
async fn copy_to(connection: &mut SqliteConnection, to: &Path) -> Result<()> {
    let name = to.to_str().ok_or(StoreError::Unsupported("a backup's path is valid UTF-8"))?.to_owned();
    sqlx::query("VACUUM INTO $1").bind(name).execute(&mut *connection).await?;
    let sync = std::fs::File::open(to).and_then(|file| file.sync_all());
    sync.map_err(|error| StoreError::Unavailable(Arc::new(sqlx::Error::Io(error))))
}
