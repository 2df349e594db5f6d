//! Opening: nothing that was there is ever replaced, and what is damaged or too new is refused with what to do.

use std::path::Path;
use std::sync::Arc;

use sqlx::sqlite::{SqliteConnection, SqlitePoolOptions};
use sqlx::{Connection, Row};
use tokio::sync::mpsc;

use super::files::{Files, Stop};
use super::{Clocks, LINE, Sqlite, connect_options, copy_to, writer, writing_options};
use crate::clock::Clock;
use crate::fail_point;
use crate::store::schema::{self, Dialect};
use crate::store::session::Session;
use crate::store::sql::{known::set_meta, leases};
use crate::store::{Result, StoreError, StoreOptions};

/// Who opens the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The one process that gives out work.
    Owner,
    /// Somebody who looks and asks.
    Guest,
}

/// Connections that read at the same time.
const READERS: u32 = 4;

/// Up to this size even a database that was closed cleanly is looked over, which takes well below a second.
const QUICK: u64 = 256 << 20;

pub(super) async fn open(path: &Path, options: &StoreOptions, role: Role) -> Result<Sqlite> {
    let files = Files::of(path);
    let stop = files.inspect()?;
    if role == Role::Guest && stop == Stop::Never {
        return Err(cannot_open(path, sqlx::Error::Io(std::io::ErrorKind::NotFound.into())));
    }
    let connect = writing_options(path).create_if_missing(stop == Stop::Never);
    let mut connection = SqliteConnection::connect_with(&connect).await.map_err(|error| opening(path, error))?;
    bring_up(&mut connection, &files, stop, role).await.map_err(|error| naming(path, error))?;

    let clocks = Clocks { since_open: Clock::start(), shift: options.shift.clone() };
    let mut session = Session::writer(connection);
    if role == Role::Owner {
        take_over(&mut session, &clocks, options).await?;
        fail_point!("store", "open", "taken_over");
        files.mark_running()?;
        fail_point!("store", "open", "marked");
    }
    let connection = session.into_writer().ok_or(StoreError::Closed)?;
    let readers =
        SqlitePoolOptions::new().max_connections(READERS).connect_lazy_with(connect_options(path).read_only(true));
    let (line, calls) = mpsc::channel(LINE);
    let task = tokio::spawn(writer::run(connection, calls, clocks.clone()));
    Ok(Sqlite { files, clocks, line: Some(line).into(), writer: Some(task).into(), readers, role })
}

/// The fail points of opening and closing.
pub(in crate::store) const POINTS: &[&str] = &[
    "store.open.migrated",
    "store.open.taken_over",
    "store.open.marked",
    "store.close.checkpointed",
    "store.close.marked",
];

async fn bring_up(connection: &mut SqliteConnection, files: &Files, stop: Stop, role: Role) -> Result<()> {
    let applied = match stop {
        Stop::Never => 0,
        Stop::Clean | Stop::Unclean => applied(connection).await?,
    };
    schema::refuse_newer(applied)?;
    if role == Role::Guest {
        return match applied == schema::known() {
            true => Ok(()),
            false => Err(StoreError::Schema(format!("it has version {applied}, and its daemon is to do that"))),
        };
    }
    check(connection, files, stop).await?;
    if applied > 0 && applied < schema::known() {
        let name = format!("{}.before-{}", files.database.display(), schema::known());
        if !Path::new(&name).exists() {
            copy_to(connection, Path::new(&name)).await?;
        }
    }
    let migrator = schema::migrator(Dialect::Sqlite, schema::known());
    migrator.run(&mut *connection).await.map_err(schema::migration_failed)?;
    fail_point!("store", "open", "migrated");
    Ok(())
}

/// Returns the schema's version, 0 for a database that has none yet.
async fn applied(connection: &mut SqliteConnection) -> Result<i64> {
    let sql = "SELECT COUNT(*) AS number FROM sqlite_master WHERE name = '_sqlx_migrations'";
    if sqlx::query(sql).fetch_one(&mut *connection).await?.try_get::<i64, _>("number")? == 0 {
        return Ok(0);
    }
    let sql = "SELECT COALESCE(MAX(version), 0) AS version FROM _sqlx_migrations WHERE success";
    Ok(sqlx::query(sql).fetch_one(&mut *connection).await?.try_get::<i64, _>("version")?)
}

/// Looks the database over: all of it after an unclean stop, its structure otherwise.
async fn check(connection: &mut SqliteConnection, files: &Files, stop: Stop) -> Result<()> {
    let sql = match stop {
        Stop::Never => return Ok(()),
        Stop::Unclean => "PRAGMA integrity_check(3)",
        Stop::Clean => "PRAGMA quick_check(3)",
    };
    let size = std::fs::metadata(&files.database).map_or(0, |meta| meta.len());
    if stop == Stop::Clean && size > QUICK {
        return Ok(());
    }
    let rows = sqlx::query(sql).fetch_all(&mut *connection).await?;
    let found = rows.iter().map(|row| row.try_get::<String, _>(0)).collect::<Result<Vec<_>, _>>()?;
    match found.as_slice() {
        [only] if only == "ok" => Ok(()),
        faults => Err(StoreError::Corrupt(faults.join("; "))),
    }
}

/// Voids the leases of earlier openings: their clock is gone, and so are the processes that held them.
async fn take_over(session: &mut Session, clocks: &Clocks, options: &StoreOptions) -> Result<()> {
    session.run("BEGIN IMMEDIATE", &[]).await?;
    (session.wall, session.ticks) = (clocks.wall(), i64::MAX);
    let terms = leases::Terms { lease: options.lease, max_lost: options.max_lost };
    leases::expire(session, terms).await?;
    session.run("UPDATE outbox SET lease_holder = NULL, lease_until = NULL WHERE lease_until IS NOT NULL", &[]).await?;
    set_meta(session, "boot", &uuid::Uuid::now_v7().to_string()).await?;
    session.run("COMMIT", &[]).await?;
    Ok(())
}

/// Closes so that the next opening finds everything in one file.
pub(super) async fn shut(mut connection: SqliteConnection, files: &Files, role: Role) -> Result<()> {
    if role == Role::Owner {
        let row = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&mut connection).await?;
        let held_up = row.try_get::<i64, _>(0)? != 0;
        fail_point!("store", "close", "checkpointed");
        if !held_up {
            files.mark_clean()?;
            fail_point!("store", "close", "marked");
        }
    }
    let had_wal = files.wal.exists();
    connection.close().await?;
    // Whoever closes last moves the log into the database and removes it; a guest may outlive a killed owner.
    if role == Role::Guest && had_wal && !files.wal.exists() {
        files.mark_clean()?;
    }
    Ok(())
}

fn cannot_open(path: &Path, source: sqlx::Error) -> StoreError {
    StoreError::Open { path: path.display().to_string(), source: Arc::new(source) }
}

fn opening(path: &Path, error: sqlx::Error) -> StoreError {
    match StoreError::from(error) {
        StoreError::Statement(source) | StoreError::Unavailable(source) => {
            StoreError::Open { path: path.display().to_string(), source }
        }
        other => naming(path, other),
    }
}

/// Says which file is damaged.
fn naming(path: &Path, error: StoreError) -> StoreError {
    match error {
        StoreError::Corrupt(what) => StoreError::Corrupt(format!("{}: {what}", path.display())),
        other => other,
    }
}
