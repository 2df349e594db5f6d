//! The event log of one job: everything that happened, in order, one JSON object a line.
//!
//! Progress shown to people, the summary and later replays are read from these events and from nothing else. Each line is written whole and
//! flushed, so that what a killed job leaves is a readable prefix.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use repo::TreeId;
use serde::{Deserialize, Serialize};

use crate::search::tree::NodeId;
use crate::value::Evaluation;

/// The version of the event format; raised when a reader of older lines would misread newer ones.
pub const SCHEMA: u32 = 1;

/// A place where the fault may be, as shown and journalled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Suspect {
    /// Path in the repository, with `::Qualified.name` behind it for a symbol.
    pub place: String,
    /// Score in (0,1].
    pub score: f64,
    /// Why it is suspected.
    pub evidence: Vec<String>,
}

/// A test that comes and goes, as journalled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FlakyTest {
    /// The test.
    pub test: String,
    /// Runs that differed from the others on the same tree, with older ones faded.
    pub disagreed: f64,
    /// Runs that did not.
    pub agreed: f64,
    /// The expected rate of disagreement.
    pub rate: f64,
    /// Whether its failures are counted against nobody.
    pub quarantined: bool,
}

/// One thing that happened in a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The job began.
    Started {
        /// [`SCHEMA`].
        schema: u32,
        /// The program's version.
        version: String,
        /// The job's id.
        job: String,
        /// The base, a commit or (for an imported folder) a tree.
        base: String,
        /// The seed of all random choices.
        seed: u64,
        /// The sandbox backend in use and what isolates it.
        sandbox: String,
    },
    /// A stage began.
    Stage {
        /// Its name: checkout, sandbox, baseline, localize, search, validate.
        name: String,
        /// What it is about to do, for people.
        detail: String,
    },
    /// Something people should know that is no failure.
    Notice {
        /// What.
        text: String,
    },
    /// The tests were run on the base.
    Baseline {
        /// Tests that pass.
        passed: usize,
        /// Tests that fail on the base, the search's targets among them.
        failed: Vec<String>,
        /// The tests that must turn green.
        targets: Vec<String>,
        /// Seconds the run took.
        seconds: f64,
    },
    /// Tests of the job are known to pass and fail on one and the same tree.
    Flaky {
        /// Which.
        tests: Vec<FlakyTest>,
    },
    /// Suspects were ranked.
    Localized {
        /// Files, most suspicious first.
        files: Vec<Suspect>,
        /// Symbols, most suspicious first.
        symbols: Vec<Suspect>,
        /// Milliseconds it took.
        took_ms: f64,
    },
    /// A node got its actions.
    Proposed {
        /// The node.
        node: NodeId,
        /// How many actions it has.
        actions: usize,
    },
    /// Proposals were refused before anything ran.
    Refused {
        /// How many since the last such event.
        count: u64,
    },
    /// A candidate state was run.
    Evaluated {
        /// Its node.
        node: NodeId,
        /// The node it was made from.
        parent: NodeId,
        /// Its tree.
        tree: TreeId,
        /// The template that made it.
        template: String,
        /// The edit, for people.
        note: String,
        /// The action's prior.
        prior: f64,
        /// What the tests did.
        evaluation: Evaluation,
        /// The value in `[0,1]`.
        value: f64,
    },
    /// A candidate could not be run for a reason that lies not in it.
    Unevaluated {
        /// Its node.
        node: NodeId,
        /// The reason.
        reason: String,
    },
    /// A plausible candidate went through validation in a fresh sandbox.
    Validated {
        /// Its node.
        node: NodeId,
        /// Its tree.
        tree: TreeId,
        /// Whether it was accepted.
        accepted: bool,
        /// Why not, where it was refused.
        reasons: Vec<String>,
    },
    /// How much of the search's test runs was remembered, in this job.
    Remembered {
        /// Tests whose result was known.
        hits: u64,
        /// Tests that had to be run.
        misses: u64,
    },
    /// The job ended.
    Finished {
        /// `solved`, `no_fix`, `budget`, `interrupted` or `error`.
        status: String,
        /// The validated tree.
        tree: Option<TreeId>,
        /// Candidates run.
        evaluations: u64,
        /// Nodes in the tree.
        nodes: usize,
        /// Seconds the job took.
        seconds: f64,
    },
}

/// Receives each event after it is journalled; progress is shown from here.
pub trait Listener: Send + Sync {
    /// Called once per event, in order.
    fn event(&self, event: &Event);
}

/// Appends events to a file and passes them on.
pub struct Journal {
    path: PathBuf,
    file: Mutex<File>,
    listener: Box<dyn Listener>,
    failed: Mutex<Option<io::Error>>,
}

impl Journal {
    /// Creates the journal's file.
    ///
    /// # Errors
    /// When the file cannot be created or exists already: one journal is one job.
    pub fn create(path: &Path, listener: Box<dyn Listener>) -> io::Result<Journal> {
        let file = OpenOptions::new().write(true).create_new(true).open(path)?;
        Ok(Journal { path: path.to_owned(), file: Mutex::new(file), listener, failed: Mutex::new(None) })
    }

    /// Returns the file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes an event. A write that fails (a full disk) is kept for [`Journal::close`], so that recording never stops the work under way.
    pub fn record(&self, event: Event) {
        let mut line = serde_json::to_vec(&event).unwrap_or_default();
        line.push(b'\n');
        if let Err(error) = self.file.lock().write_all(&line) {
            self.failed.lock().get_or_insert(error);
        }
        self.listener.event(&event);
    }

    /// Makes the journal durable.
    ///
    /// # Errors
    /// The first write that failed, or the final sync.
    pub fn close(&self) -> io::Result<()> {
        if let Some(error) = self.failed.lock().take() {
            return Err(error);
        }
        self.file.lock().sync_all()
    }
}

/// Reads a journal; a last line that was cut off by a kill is left out.
///
/// # Errors
/// When the file cannot be read, or a whole line is no event.
pub fn read(path: &Path) -> io::Result<Vec<Event>> {
    let mut events = Vec::new();
    let mut reader = BufReader::new(File::open(path)?);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        let whole = line.last() == Some(&b'\n');
        match serde_json::from_slice(&line) {
            Ok(event) => events.push(event),
            Err(_) if !whole => break,
            Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
        }
        line.clear();
    }
    Ok(events)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Silent;

    impl Listener for Silent {
        fn event(&self, _: &Event) {}
    }

    #[test]
    fn what_a_killed_job_leaves_is_a_readable_prefix() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.jsonl");
        let journal = Journal::create(&path, Box::new(Silent)).unwrap();
        let events: Vec<Event> = (0..3).map(|count| Event::Refused { count }).collect();
        for event in &events {
            journal.record(event.clone());
        }
        journal.close().unwrap();
        assert_eq!(read(&path).unwrap(), events);
        let whole = std::fs::read(&path).unwrap();
        for cut in 0..whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let kept = read(&path).unwrap();
            assert_eq!(kept, events[..kept.len()], "cut at {cut}");
        }
        std::fs::write(&path, b"{\"event\":\"refused\"}\n").unwrap();
        assert_eq!(read(&path).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn one_journal_is_one_job() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.jsonl");
        Journal::create(&path, Box::new(Silent)).unwrap();
        assert_eq!(Journal::create(&path, Box::new(Silent)).err().unwrap().kind(), io::ErrorKind::AlreadyExists);
    }
}
