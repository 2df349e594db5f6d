//! What tests did, remembered by what decides it: the tree, the plan, the environment and the tools of ours that ran and read them.
//!
//! One small file holds all that is known of one tree in one [`Context`]. Its name is the digest of the two, so nothing is ever looked
//! up by a name that a repository chose, and a change of anything gives another name. Files are replaced as a whole and carry a
//! checksum: processes share a folder without locks, and the worst that two writers at once can do is to forget a result.
//!
//! Only what would come out the same again is kept. Results that a limit ended, failures for want of something in the box, and results
//! of runs that did not come to their own end are not; a test that was seen to pass and to fail is never answered from here again.

mod file;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use crate::error::SandboxError;
use crate::plan::TestPlan;
use crate::protocol;
use crate::report::{FailureClass, RunEnding, TestId, TestReport, TestResult, TestStatus};

use file::{Entry, Kept};

/// Raised when results are read differently than before.
const RULES: u32 = 1;
/// Writes of one process between two looks at the size of the folder.
const WRITES_BETWEEN_SWEEPS: u64 = 4096;
/// Time between two looks at the size of the folder when opening it.
const SWEEP_EVERY: Duration = Duration::from_secs(3600);
/// What a sweep leaves, as a share of what is allowed.
const SWEPT_TO: f64 = 0.8;
/// A file that is read is marked as used when it was not for so long.
const TOUCH_AFTER: Duration = Duration::from_secs(24 * 3600);
/// The smallest piece of a disk that a file takes.
const BLOCK: u64 = 4096;
/// The file whose age tells when the folder was last swept.
const STAMP: &str = "swept";

/// Everything but the tree that decides what a test does.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Context(String);

impl Context {
    /// Describes how and where tests are run. The environment is an image's digest, or whatever else identifies what is installed.
    pub fn new(plan: &TestPlan, environment: &str) -> Context {
        let TestPlan { runner, args, python, import_cwd, cwd, env, evidence: _ } = plan;
        let parts = (runner, args, python, import_cwd, cwd, env);
        let plan = serde_json::to_string(&parts).unwrap_or_default();
        Self::of_parts(&plan, environment, tools())
    }

    fn of_parts(plan: &str, environment: &str, tools: &str) -> Context {
        let mut hash = blake3::Hasher::new();
        for part in [plan, environment, tools] {
            hash.update(&(part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
        Context(hash.finalize().to_hex().to_string())
    }

    /// Returns the digest, as it may be used to name a [`super::Place`].
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Identifies the programs of ours that run tests and read what they report.
fn tools() -> &'static str {
    static TOOLS: OnceLock<String> = OnceLock::new();
    TOOLS.get_or_init(|| {
        let driver = blake3::hash(&protocol::driver_bundle());
        format!("{RULES} {} {} {}", env!("CARGO_PKG_VERSION"), driver.to_hex(), crate::station::helper::digest())
    })
}

/// What is remembered of one test.
#[derive(Debug, Clone, PartialEq)]
pub enum Remembered {
    /// It had this result.
    Result(TestResult),
    /// It was asked for and does not exist.
    Absent,
}

/// What is remembered of some tests, and the tests that have to be run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Known {
    /// By test.
    pub remembered: BTreeMap<TestId, Remembered>,
    /// In the order in which they were asked for.
    pub missing: Vec<TestId>,
}

/// How often the cache could answer, in tests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheStats {
    /// Tests answered.
    pub hits: u64,
    /// Tests that had to be run.
    pub misses: u64,
}

impl CacheStats {
    /// Returns the share of tests that were answered; 0 before the first question.
    pub fn rate(&self) -> f64 {
        let asked = self.hits + self.misses;
        if asked == 0 { 0.0 } else { self.hits as f64 / asked as f64 }
    }
}

/// Remembered results in a folder.
#[derive(Debug)]
pub struct ResultCache {
    folder: PathBuf,
    most_bytes: u64,
    hits: AtomicU64,
    misses: AtomicU64,
    writes: AtomicU64,
}

/// What [`ResultCache::collect`] removed and kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Collected {
    /// Files removed.
    pub files: usize,
    /// Bytes removed.
    pub bytes: u64,
    /// Bytes that are left.
    pub left: u64,
}

impl ResultCache {
    /// Opens a folder, which is made if it is missing, and sweeps it when it was not for an hour.
    ///
    /// # Errors
    /// When the folder cannot be made or written.
    pub fn open(folder: &Path, most_bytes: u64) -> Result<ResultCache, SandboxError> {
        let folder = folder.join(format!("v{}", file::VERSION));
        fs::create_dir_all(&folder).map_err(file_error("make", &folder))?;
        let new = AtomicU64::new;
        let cache = ResultCache { folder, most_bytes, hits: new(0), misses: new(0), writes: new(0) };
        let stamp = cache.folder.join(STAMP);
        if age(&stamp).is_none_or(|age| age > SWEEP_EVERY) {
            fs::write(&stamp, b"").map_err(file_error("write", &stamp))?;
            cache.sweep()?;
        }
        Ok(cache)
    }

    /// Looks tests up. What cannot be read is as good as not there.
    pub fn get(&self, context: &Context, tree: &str, ids: &[TestId]) -> Known {
        let path = self.path(context, tree);
        let entry = self.read(&path);
        let mut known = Known::default();
        for id in ids {
            match entry.as_ref().and_then(|entry| entry.get(id)) {
                Some(remembered) => {
                    known.remembered.insert(id.clone(), remembered);
                }
                None => known.missing.push(id.clone()),
            }
        }
        self.hits.fetch_add(known.remembered.len() as u64, Ordering::Relaxed);
        self.misses.fetch_add(known.missing.len() as u64, Ordering::Relaxed);
        if !known.remembered.is_empty() && age(&path).is_some_and(|age| age > TOUCH_AFTER) {
            mark_used(&path);
        }
        known
    }

    /// Remembers what a run of `asked` showed, as far as it would come out the same again. `unsteady` says which tests are known to
    /// come and go.
    ///
    /// # Errors
    /// When the file cannot be written, which loses nothing but time.
    pub fn put(
        &self,
        context: &Context,
        tree: &str,
        asked: &[TestId],
        report: &TestReport,
        unsteady: &dyn Fn(&TestId) -> bool,
    ) -> Result<(), SandboxError> {
        let lasting = lasting(asked, report, unsteady);
        if lasting.is_empty() {
            return Ok(());
        }
        let path = self.path(context, tree);
        let mut entry = self.read(&path).unwrap_or_default();
        if !entry.add(lasting) {
            return Ok(());
        }
        file::write(&path, &entry).map_err(file_error("write", &path))?;
        if self.writes.fetch_add(1, Ordering::Relaxed) % WRITES_BETWEEN_SWEEPS == WRITES_BETWEEN_SWEEPS - 1 {
            self.sweep()?;
        }
        Ok(())
    }

    /// Returns how often tests could be answered since the folder was opened.
    pub fn stats(&self) -> CacheStats {
        CacheStats { hits: self.hits.load(Ordering::Relaxed), misses: self.misses.load(Ordering::Relaxed) }
    }

    /// Removes what was not used for longest, while more is kept than allowed. Returns how many files were removed.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn sweep(&self) -> Result<usize, SandboxError> {
        let mut files = self.files().map_err(file_error("read", &self.folder))?;
        let mut bytes: u64 = files.iter().map(|(_, size, _)| size).sum();
        if bytes <= self.most_bytes {
            return Ok(0);
        }
        files.sort();
        let left = (self.most_bytes as f64 * SWEPT_TO) as u64;
        let mut removed = 0;
        for (_, size, path) in files {
            if bytes <= left {
                break;
            }
            if fs::remove_file(&path).is_ok() {
                removed += 1;
            }
            bytes -= size;
        }
        Ok(removed)
    }

    /// Removes what was not used for `age` from the folder that [`ResultCache::open`] was given, of every version of this program; a dry run
    /// only counts.
    ///
    /// # Errors
    /// When the folder cannot be read. A folder that is not there holds nothing.
    pub fn collect(folder: &Path, age: Duration, dry_run: bool) -> Result<Collected, SandboxError> {
        let mut done = Collected::default();
        let versions = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(done),
            Err(error) => return Err(file_error("read", folder)(error)),
        };
        for version in versions.flatten().filter(|it| it.path().is_dir()) {
            let new = AtomicU64::new;
            let cache =
                ResultCache { folder: version.path(), most_bytes: 0, hits: new(0), misses: new(0), writes: new(0) };
            for (used, size, path) in cache.files().map_err(file_error("read", &cache.folder))? {
                let old = SystemTime::now().duration_since(used).is_ok_and(|it| it > age);
                if old && (dry_run || fs::remove_file(&path).is_ok()) {
                    done.files += 1;
                    done.bytes += size;
                } else {
                    done.left += size;
                }
            }
        }
        Ok(done)
    }

    /// All files with the time of their last use and what they take of the disk.
    fn files(&self) -> io::Result<Vec<(SystemTime, u64, PathBuf)>> {
        let mut files = Vec::new();
        for shard in fs::read_dir(&self.folder)? {
            let shard = shard?;
            if !shard.file_type()?.is_dir() {
                continue;
            }
            for file in fs::read_dir(shard.path())? {
                let file = file?;
                // Another process may sweep at the same time.
                let Ok(metadata) = file.metadata() else { continue };
                files.push((metadata.modified()?, metadata.len().next_multiple_of(BLOCK), file.path()));
            }
        }
        Ok(files)
    }

    fn read(&self, path: &Path) -> Option<Entry> {
        match file::read(path) {
            Ok(entry) => entry,
            Err(broken) => {
                tracing::debug!(path = %path.display(), %broken, "remembered results are unreadable and dropped");
                let _ = fs::remove_file(path);
                None
            }
        }
    }

    fn path(&self, context: &Context, tree: &str) -> PathBuf {
        let mut hash = blake3::Hasher::new();
        hash.update(context.0.as_bytes());
        hash.update(tree.as_bytes());
        let name = hash.finalize().to_hex();
        self.folder.join(&name[..2]).join(&name[2..])
    }
}

/// What of a report would come out the same again.
fn lasting(asked: &[TestId], report: &TestReport, unsteady: &dyn Fn(&TestId) -> bool) -> BTreeMap<TestId, Kept> {
    let came_to_its_end = match report.ending {
        RunEnding::Complete | RunEnding::NoTests | RunEnding::CollectionFailed { .. } => true,
        RunEnding::StoppedEarly => false,
        RunEnding::BuildFailed { .. }
        | RunEnding::TotalTimeout
        | RunEnding::Silence
        | RunEnding::OutOfMemory
        | RunEnding::OutputLimit
        | RunEnding::DiskFull
        | RunEnding::ProcessLimit
        | RunEnding::CpuTime
        | RunEnding::FileLimit
        | RunEnding::Crashed { .. }
        | RunEnding::Tampered { .. } => return BTreeMap::new(),
    };
    let mut lasting = BTreeMap::new();
    let unexplained = report.results.iter().any(|result| !lasts(result));
    for id in asked.iter().filter(|id| !unsteady(id)) {
        match report.result(id) {
            Some(result) if lasts(result) => {
                lasting.insert(id.clone(), Kept::of(result));
            }
            Some(_) => {}
            // A file that could not be collected for want of something hides tests that exist.
            None if came_to_its_end && !unexplained => {
                lasting.insert(id.clone(), Kept::absent());
            }
            None => {}
        }
    }
    lasting
}

fn lasts(result: &TestResult) -> bool {
    let by_limit = match result.failure.as_ref().map(|failure| &failure.class) {
        Some(FailureClass::Timeout | FailureClass::Memory | FailureClass::Environment) => true,
        Some(
            FailureClass::Assertion
            | FailureClass::Exception { .. }
            | FailureClass::Import
            | FailureClass::Collection
            | FailureClass::Build,
        )
        | None => false,
    };
    !by_limit && result.status != TestStatus::TimedOut
}

fn age(path: &Path) -> Option<Duration> {
    fs::metadata(path).ok()?.modified().ok()?.elapsed().ok()
}

fn mark_used(path: &Path) {
    if let Ok(file) = fs::File::options().append(true).open(path) {
        let _ = file.set_modified(SystemTime::now());
    }
}

fn file_error(what: &'static str, path: &Path) -> impl Fn(io::Error) -> SandboxError + use<> {
    let path = path.to_owned();
    move |source| SandboxError::File { what, path: path.clone(), source }
}

#[cfg(test)]
mod tests;
