//! What is remembered between jobs: results of tests, and which tests come and go.
//!
//! Both only ever save work or lend caution. Where a store cannot be used the job goes on without it and says so once.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use repo::TreeId;
use sandbox::verdict::flake;
use sandbox::verdict::{CacheStats, Context, FlakeStore, Known, Passes, Place, ResultCache};
use sandbox::{SandboxError, TestId, TestPlan, TestReport};

use crate::journal::{Event, FlakyTest, Journal};

/// Where things are remembered, and whether.
#[derive(Clone, Debug)]
pub struct Remember {
    /// The folder of test results; `None` remembers and looks up none.
    pub results: Option<PathBuf>,
    /// Bytes that test results may take.
    pub results_bytes: u64,
    /// The folder of what is known of flaky tests.
    pub flakes: PathBuf,
}

/// What is remembered, for one job.
pub(super) struct Memory {
    cache: Option<ResultCache>,
    context: Context,
    flakes: Option<Arc<FlakeStore>>,
    base: Place,
    journal: Arc<Journal>,
    complained: Mutex<bool>,
}

impl Memory {
    /// Opens the stores of a repository. Without an environment's name nothing that was seen in it can be recognised later.
    pub(super) fn open(
        remember: &Remember,
        repository: &Path,
        plan: &TestPlan,
        environment: Option<&str>,
        base: TreeId,
        journal: Arc<Journal>,
    ) -> Memory {
        let unnamed = uuid::Uuid::new_v4().to_string();
        let context = Context::new(plan, environment.unwrap_or(&unnamed));
        let notice = |text: String| journal.record(Event::Notice { text });
        let folder = remember.results.as_deref().filter(|_| environment.is_some());
        let cache = folder.and_then(|folder| {
            let opened = ResultCache::open(folder, remember.results_bytes);
            opened.map_err(|error| notice(format!("test results are not remembered: {}", causes(&error)))).ok()
        });
        let flakes = match FlakeStore::open(&remember.flakes, repository) {
            Ok(opened) => {
                opened.notice.into_iter().for_each(notice);
                Some(Arc::new(opened.store))
            }
            Err(error) => {
                notice(format!("flaky tests are not remembered: {}", causes(&error)));
                None
            }
        };
        let base = Place::new(&base.to_string(), context.as_str());
        Memory { cache, context, flakes, base, journal, complained: Mutex::new(false) }
    }

    /// Returns what is remembered of tests on a tree, and which have to be run.
    pub(super) fn known(&self, tree: TreeId, ids: &[TestId]) -> Known {
        match &self.cache {
            Some(cache) => cache.get(&self.context, &tree.to_string(), ids),
            None => Known { missing: ids.to_vec(), ..Known::default() },
        }
    }

    /// Remembers what a run of some tests on a tree showed.
    pub(super) fn keep(&self, tree: TreeId, ids: &[TestId], report: &TestReport) {
        let Some(cache) = &self.cache else { return };
        let unsteady = |id: &TestId| self.flakes.as_ref().is_some_and(|flakes| flakes.posterior(id).is_flaky());
        if let Err(error) = cache.put(&self.context, &tree.to_string(), ids, report, &unsteady) {
            self.complain("test results cannot be remembered", &causes(&error));
        }
    }

    /// Adds what a run on a tree says of whether tests come and go.
    pub(super) async fn observe(&self, tree: TreeId, report: &TestReport) {
        let place = Place::new(&tree.to_string(), self.context.as_str());
        self.add(place, flake::observations(report)).await;
    }

    /// Adds single observations on the base.
    pub(super) async fn observe_on_base(&self, observations: Vec<(TestId, bool)>) {
        self.add(self.base.clone(), observations).await;
    }

    async fn add(&self, place: Place, observations: Vec<(TestId, bool)>) {
        let Some(flakes) = self.flakes.clone() else { return };
        match tokio::task::spawn_blocking(move || flakes.observe(&place, &observations)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.complain("flaky tests cannot be remembered", &causes(&error)),
            Err(error) => self.complain("flaky tests cannot be remembered", &error.to_string()),
        }
    }

    /// Says once that a store cannot be written.
    fn complain(&self, what: &str, reason: &str) {
        if !std::mem::replace(&mut *self.complained.lock(), true) {
            self.journal.record(Event::Notice { text: format!("{what}: {reason}") });
        }
    }

    /// Returns the tests whose failures say nothing.
    pub(super) fn quarantined(&self) -> BTreeSet<TestId> {
        self.flakes.as_ref().map(|flakes| flakes.with(|book| book.quarantined().cloned().collect())).unwrap_or_default()
    }

    /// Returns whether a test was ever seen to pass and to fail on one tree.
    pub(super) fn is_flaky(&self, id: &TestId) -> bool {
        self.flakes.as_ref().is_some_and(|flakes| flakes.posterior(id).is_flaky())
    }

    /// Returns whether observations go anywhere.
    pub(super) fn learns(&self) -> bool {
        self.flakes.is_some()
    }

    /// Returns how often a test failed on the base, as far as is known.
    pub(super) fn failed_on_base(&self, id: &TestId) -> u32 {
        self.flakes.as_ref().map(|flakes| flakes.with(|book| book.seen(&self.base, id).failed)).unwrap_or_default()
    }

    /// Returns how many passing runs show that a failing test was mended.
    pub(super) fn passes_needed(&self, id: &TestId) -> Passes {
        match &self.flakes {
            Some(flakes) => flakes.with(|book| book.passes_needed(&self.base, id, flake::WRONG_ACCEPT)),
            None => Passes::Enough(1),
        }
    }

    /// Returns what is known of flaky tests among some, for the journal.
    pub(super) fn flaky_among<'a>(&self, ids: impl Iterator<Item = &'a TestId>) -> Vec<FlakyTest> {
        let Some(flakes) = &self.flakes else { return Vec::new() };
        let of = |id: &TestId| {
            let posterior = flakes.posterior(id);
            posterior.is_flaky().then(|| FlakyTest {
                test: id.to_string(),
                disagreed: posterior.disagreed,
                agreed: posterior.agreed,
                rate: posterior.mean(),
                quarantined: posterior.is_quarantined(),
            })
        };
        ids.filter_map(of).collect()
    }

    /// Returns how often results were remembered; `None` where none are.
    pub(super) fn stats(&self) -> Option<CacheStats> {
        self.cache.as_ref().map(ResultCache::stats)
    }
}

/// An error with what caused it.
fn causes(error: &SandboxError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}
