//! What can go wrong in a store, by who must act.

use std::path::PathBuf;
use std::sync::Arc;

use super::job::{JobId, JobState};

/// Why a call had no effect.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The lease ran out or was given to somebody else: stop, and write nothing more.
    #[error("this worker no longer holds {what}")]
    Fenced {
        /// The job or the effect.
        what: String,
    },
    /// A job cannot go from one state to the other.
    #[error("job {job} is {from} and cannot become {to}")]
    Transition {
        /// The job.
        job: JobId,
        /// Its state.
        from: JobState,
        /// What it should have become.
        to: JobState,
    },
    /// There is no such job.
    #[error("there is no job {0}")]
    Unknown(JobId),
    /// Another job is at work on the same wish.
    #[error("job {0} is at work on the same wish: cancel it first, or wait for it")]
    Busy(JobId),
    /// No space is left for the database. What was kept before is unharmed, and calls succeed again when there is space.
    #[error("no space is left for the database: make room on its disk")]
    Full(#[source] Arc<sqlx::Error>),
    /// The database does not answer, or not in time; trying again later may help.
    #[error("the database does not answer: {0}")]
    Unavailable(#[source] Arc<sqlx::Error>),
    /// The database's content is damaged.
    #[error(
        "the database is damaged ({0}): stop the daemon, keep a copy of its files, and restore a backup, or recover what is readable with `sqlite3 FILE .recover` (see docs/operations.md)"
    )]
    Corrupt(String),
    /// The database file is gone although it was in use.
    #[error(
        "database {path} is missing but {evidence} is there: put the file back or restore a backup; to start from nothing, remove {evidence} too"
    )]
    Missing {
        /// The database.
        path: PathBuf,
        /// What says that there was one.
        evidence: PathBuf,
    },
    /// The write-ahead log of an unclean stop is gone, and with it what was acknowledged last.
    #[error(
        "the write-ahead log {wal} is missing after an unclean stop, and what was accepted last is in it: put it back or restore a backup; to go on without it and lose that, remove {marker}"
    )]
    MissingWal {
        /// The log.
        wal: PathBuf,
        /// The file that says that the stop was unclean.
        marker: PathBuf,
    },
    /// A newer version of the program has been here.
    #[error(
        "the database has schema {found} and this program knows schemas up to {known}: run the newer program again, or restore the backup from before its start"
    )]
    Newer {
        /// What the database has.
        found: i64,
        /// The newest that the program knows.
        known: i64,
    },
    /// The schema is not what its version says.
    #[error("the database's schema cannot be brought up to date: {0}")]
    Schema(String),
    /// The database cannot be opened.
    #[error("cannot open database {path}: {source}")]
    Open {
        /// A file, or an address without its password.
        path: String,
        /// Why.
        source: Arc<sqlx::Error>,
    },
    /// A row that this program cannot have written.
    #[error("unexpected content in the database: {0}")]
    Content(String),
    /// This kind of store cannot do that.
    #[error("{0}")]
    Unsupported(&'static str),
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// A statement was refused for a reason that lies in this program.
    #[error("the database refused a statement: {0}")]
    Statement(#[source] Arc<sqlx::Error>),
}

impl StoreError {
    /// Tells whether the same call may succeed later without anybody's help.
    pub fn is_temporary(&self) -> bool {
        matches!(self, StoreError::Full(_) | StoreError::Unavailable(_))
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> StoreError {
        match &error {
            sqlx::Error::Database(database) => {
                let code = database.code().map(|code| code.into_owned()).unwrap_or_default();
                match Class::of(&code) {
                    Class::Full => StoreError::Full(Arc::new(error)),
                    Class::Corrupt => StoreError::Corrupt(database.message().to_owned()),
                    Class::Unavailable => StoreError::Unavailable(Arc::new(error)),
                    Class::Other => StoreError::Statement(Arc::new(error)),
                }
            }
            sqlx::Error::PoolClosed => StoreError::Closed,
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::BeginFailed => StoreError::Unavailable(Arc::new(error)),
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => StoreError::Content(error.to_string()),
            _ => StoreError::Statement(Arc::new(error)),
        }
    }
}

/// What a database's error code means. SQLite's are numbers and PostgreSQL's have five characters, so that none means two things.
#[derive(Debug, PartialEq, Eq)]
enum Class {
    Full,
    Corrupt,
    Unavailable,
    Other,
}

impl Class {
    /// <https://www.sqlite.org/rescode.html> and <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
    fn of(code: &str) -> Class {
        if code.len() == 5 && code.is_ascii() {
            return match code {
                // disk_full
                "53100" => Class::Full,
                // data_corrupted, index_corrupted
                "XX001" | "XX002" => Class::Corrupt,
                // Serialization failures, deadlocks, lock timeouts, a read-only replica.
                "40001" | "40P01" | "55P03" | "25006" => Class::Unavailable,
                // Connections, resources, operator's intervention, the system.
                _ if ["08", "53", "57", "58"].contains(&&code[..2]) => Class::Unavailable,
                _ => Class::Other,
            };
        }
        // The low byte is the primary code.
        match code.parse::<u32>().map(|code| code & 0xff) {
            // SQLITE_FULL
            Ok(13) => Class::Full,
            // SQLITE_CORRUPT, SQLITE_NOTADB
            Ok(11 | 26) => Class::Corrupt,
            // SQLITE_BUSY, LOCKED, NOMEM, READONLY, IOERR, CANTOPEN, PROTOCOL
            Ok(5 | 6 | 7 | 8 | 10 | 14 | 15) => Class::Unavailable,
            _ => Class::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_both_databases_are_told_by_who_must_act() {
        for (code, class) in [
            ("13", Class::Full),
            ("53100", Class::Full),
            ("11", Class::Corrupt),
            ("267", Class::Corrupt),
            ("26", Class::Corrupt),
            ("XX001", Class::Corrupt),
            ("5", Class::Unavailable),
            ("778", Class::Unavailable),
            ("1032", Class::Unavailable),
            ("08006", Class::Unavailable),
            ("57P01", Class::Unavailable),
            ("40P01", Class::Unavailable),
            ("2067", Class::Other),
            ("23505", Class::Other),
            ("", Class::Other),
            ("é", Class::Other),
        ] {
            assert_eq!(Class::of(code), class, "{code}");
        }
    }
}
