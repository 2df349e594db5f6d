//! The database's files, and what their presence says about the last stop.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::store::{Result, StoreError};

/// How the last stop was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// There was none: the database is new.
    Never,
    /// Everything is in the database file.
    Clean,
    /// The process was killed or the machine lost power; the write-ahead log holds what was accepted last.
    Unclean,
}

/// The database file and what lies beside it.
#[derive(Clone, Debug)]
pub(super) struct Files {
    pub(super) database: PathBuf,
    pub(super) wal: PathBuf,
    /// Says `running` or `clean`. It stays for as long as the database does, so that a database that vanished is not taken for a new one.
    pub(super) marker: PathBuf,
}

const RUNNING: &str = "running\n";
const CLEAN: &str = "clean\n";

impl Files {
    pub(super) fn of(database: &Path) -> Files {
        let beside = |suffix: &str| {
            let mut name = database.as_os_str().to_owned();
            name.push(suffix);
            PathBuf::from(name)
        };
        Files { database: database.to_owned(), wal: beside("-wal"), marker: beside(".state") }
    }

    /// Tells how the last stop was, and refuses files that do not belong together.
    pub(super) fn inspect(&self) -> Result<Stop> {
        let marker = self.read_marker()?;
        // An empty file is to SQLite a database to be made.
        let empty = fs::metadata(&self.database).map_or(true, |meta| meta.len() == 0);
        if empty {
            return match [&self.marker, &self.wal].into_iter().find(|path| path.exists()) {
                Some(evidence) => Err(StoreError::Missing { path: self.database.clone(), evidence: evidence.clone() }),
                None => Ok(Stop::Never),
            };
        }
        match marker.as_deref() {
            Some(CLEAN) => Ok(Stop::Clean),
            // Its making was interrupted before anything was accepted.
            None => Ok(Stop::Unclean),
            Some(_) if self.wal.exists() => Ok(Stop::Unclean),
            Some(_) => Err(StoreError::MissingWal { wal: self.wal.clone(), marker: self.marker.clone() }),
        }
    }

    fn read_marker(&self) -> Result<Option<String>> {
        match fs::read_to_string(&self.marker) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed(error)),
        }
    }

    pub(super) fn mark_running(&self) -> Result<()> {
        self.mark(RUNNING).map_err(|error| self.failed(error))
    }

    pub(super) fn mark_clean(&self) -> Result<()> {
        self.mark(CLEAN).map_err(|error| self.failed(error))
    }

    /// Writes the marker so that after a loss of power it is the old one or the new one.
    fn mark(&self, text: &str) -> io::Result<()> {
        let folder = match self.marker.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(&self.marker).map_err(|error| error.error)?;
        File::open(folder)?.sync_all()
    }

    fn failed(&self, error: io::Error) -> StoreError {
        StoreError::Open { path: self.marker.display().to_string(), source: Arc::new(sqlx::Error::Io(error)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(dir: &Path, present: &[(&str, &str)]) -> Files {
        for (suffix, text) in present {
            fs::write(dir.join(format!("db{suffix}")), text).unwrap();
        }
        Files::of(&dir.join("db"))
    }

    fn check(present: &[(&str, &str)], expected: &str) {
        let dir = tempfile::tempdir().unwrap();
        let found = match files(dir.path(), present).inspect() {
            Ok(stop) => format!("{stop:?}"),
            Err(StoreError::Missing { .. }) => "missing".to_owned(),
            Err(StoreError::MissingWal { .. }) => "missing wal".to_owned(),
            Err(other) => other.to_string(),
        };
        assert_eq!(found, expected, "{present:?}");
    }

    #[test]
    fn files_that_do_not_belong_together_are_refused() {
        check(&[], "Never");
        check(&[("", "")], "Never");
        check(&[("", "x")], "Unclean");
        check(&[("", "x"), (".state", "clean\n")], "Clean");
        check(&[("", "x"), (".state", "running\n"), ("-wal", "x")], "Unclean");
        check(&[("", "x"), (".state", "running\n"), ("-wal", "")], "Unclean");
        check(&[("", "x"), (".state", "running\n")], "missing wal");
        check(&[("", "x"), (".state", "gibberish")], "missing wal");
        check(&[(".state", "clean\n")], "missing");
        check(&[("-wal", "x")], "missing");
        check(&[("", ""), (".state", "running\n")], "missing");
    }

    #[test]
    fn the_marker_says_what_was_said_last() {
        let dir = tempfile::tempdir().unwrap();
        let files = files(dir.path(), &[("", "x"), ("-wal", "")]);
        files.mark_running().unwrap();
        assert_eq!(files.inspect().unwrap(), Stop::Unclean);
        files.mark_clean().unwrap();
        assert_eq!(files.inspect().unwrap(), Stop::Clean);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3);
    }
}
