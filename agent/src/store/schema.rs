//! The schema's versions, embedded in the program, and how a database is brought up to the newest.

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, SqlSafeStr};

use super::{Result, StoreError};

/// Which database the statements are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
}

/// One step from a version of the schema to the next: what both databases share, and what each has of its own.
struct Step {
    name: &'static str,
    shared: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

/// Every step ever released, in order; the first makes version 1. A released step is never edited.
const STEPS: &[Step] = &[
    Step {
        name: "jobs",
        shared: include_str!("../../migrations/0001_jobs.sql"),
        sqlite: include_str!("../../migrations/0001_jobs.sqlite.sql"),
        postgres: include_str!("../../migrations/0001_jobs.postgres.sql"),
    },
    Step {
        name: "money and github",
        shared: include_str!("../../migrations/0002_money_and_github.sql"),
        sqlite: "",
        postgres: "",
    },
];

/// The newest version that this program knows.
pub(super) fn known() -> i64 {
    i64::try_from(STEPS.len()).unwrap_or(i64::MAX)
}

/// Returns the migrator to version `upto`.
pub(super) fn migrator(dialect: Dialect, upto: i64) -> Migrator {
    let steps = (1..=upto).zip(STEPS);
    Migrator::with_migrations(steps.map(|(version, step)| migration(dialect, version, step)).collect())
}

fn migration(dialect: Dialect, version: i64, step: &'static Step) -> Migration {
    let (id, bytes, own) = match dialect {
        // AUTOINCREMENT: the number of a deleted row is never given again.
        Dialect::Sqlite => ("INTEGER PRIMARY KEY AUTOINCREMENT", "BLOB", step.sqlite),
        Dialect::Postgres => ("BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY", "BYTEA", step.postgres),
    };
    let sql = format!("{}\n{own}", step.shared.replace("@ID@", id).replace("@BYTES@", bytes));
    Migration::new(version, step.name.into(), MigrationType::Simple, AssertSqlSafe(sql).into_sql_str(), false)
}

/// Refuses a database that a newer program has changed. `applied` is its newest version, 0 for an empty one.
pub(super) fn refuse_newer(applied: i64) -> Result<()> {
    match applied > known() {
        true => Err(StoreError::Newer { found: applied, known: known() }),
        false => Ok(()),
    }
}

/// Says what a failed migration means.
pub(super) fn migration_failed(error: MigrateError) -> StoreError {
    match error {
        MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _) => match StoreError::from(source) {
            StoreError::Statement(source) => StoreError::Schema(source.to_string()),
            other => other,
        },
        MigrateError::VersionMissing(found) => StoreError::Newer { found, known: known() },
        other => StoreError::Schema(other.to_string()),
    }
}
