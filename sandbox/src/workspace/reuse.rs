//! Whether what a build left in one workspace may serve the next.
//!
//! Builds that start from their parent's products are fast, and right only if the build's rules name everything that a product is
//! made from. Whether they do cannot be seen in the rules, so it is seen in what happens: a build that fails on old products is
//! repeated without them, the first runs of a job and some of the later ones are repeated whatever they say, and the first
//! repetition that says something else ends the reuse for the whole job. The repetition is what counts, so a wrong result that was
//! looked at is never believed; one that was not is caught, as every result of a search is, by the validation in a fresh box.

use std::fmt;
use std::time::SystemTime;

use parking_lot::Mutex;

use crate::report::{FailureClass, RunEnding, TestId, TestReport, TestStatus};

/// So many runs of a job are all repeated.
const FIRST: u64 = 2;
/// After them, one of so many.
const EVERY: u64 = 16;

/// What one job has found out about reuse. It can be asked from many tasks at once.
#[derive(Debug, Default)]
pub struct Reuse {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    reused: u64,
    compared: u64,
    unsound: Option<Unsound>,
}

/// What a workspace is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// The parent's layer, with everything that its build left.
    Parent,
    /// The files alone.
    Fresh,
}

/// Why old products cannot be trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unsound {
    /// The build fails on them, and not without them.
    Build,
    /// A test says something else without them.
    Test {
        /// The test.
        test: TestId,
        /// What it said on old products; `None` for nothing.
        reused: Option<TestStatus>,
        /// What it says without them.
        fresh: Option<TestStatus>,
    },
    /// The run ends in another way without them.
    Ending {
        /// How it ended on old products.
        reused: String,
        /// How it ends without them.
        fresh: String,
    },
    /// A build left files of the future, so a later build that compares times would not see what is newer.
    Clock,
}

impl fmt::Display for Unsound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = |status: &Option<TestStatus>| status.map_or("has no result".to_owned(), |it| format!("is {it:?}"));
        f.write_str("build products are not reused: ")?;
        match self {
            Self::Build => f.write_str("the build fails on old ones and not without them"),
            Self::Test { test, reused, fresh } => {
                write!(f, "{test} {} on old ones and {} without them", status(reused), status(fresh))
            }
            Self::Ending { reused, fresh } => write!(f, "on old ones the run ended ({reused}), without them ({fresh})"),
            Self::Clock => f.write_str("a build leaves files that are dated in the future"),
        }
    }
}

impl Reuse {
    /// Returns what the next workspace is made from.
    pub fn start(&self) -> Start {
        if self.state.lock().unsound.is_some() { Start::Fresh } else { Start::Parent }
    }

    /// Returns why everything runs fresh from now on, if it does.
    pub fn unsound(&self) -> Option<Unsound> {
        self.state.lock().unsound.clone()
    }

    /// Returns how many runs used old products, and how many of those were repeated without.
    pub fn counts(&self) -> (u64, u64) {
        let state = self.state.lock();
        (state.reused, state.compared)
    }

    /// Looks at the time of the newest file of a layer. One of the future would be newer than everything that is built on it.
    pub fn dated(&self, newest: SystemTime, now: SystemTime) {
        if newest > now {
            self.end(Unsound::Clock);
        }
    }

    /// Runs something from the parent's products where that is sound, and again from the files alone where it must be made sure.
    /// What the last run returned is returned.
    ///
    /// # Errors
    /// Those of `attempt`.
    pub async fn run<E>(&self, mut attempt: impl AsyncFnMut(Start) -> Result<TestReport, E>) -> Result<TestReport, E> {
        if self.start() == Start::Fresh {
            return attempt(Start::Fresh).await;
        }
        let reused = attempt(Start::Parent).await?;
        if !self.must_repeat(&reused) {
            return Ok(reused);
        }
        let fresh = attempt(Start::Fresh).await?;
        self.compare(&reused, &fresh);
        Ok(fresh)
    }

    /// Counts a run on old products, and returns whether it is to be repeated without them.
    pub fn must_repeat(&self, reused: &TestReport) -> bool {
        let mut state = self.state.lock();
        let count = state.reused;
        state.reused += 1;
        let repeat = state.unsound.is_some() || failed_to_build(reused) || count < FIRST || count.is_multiple_of(EVERY);
        state.compared += u64::from(repeat);
        repeat
    }

    /// Compares a run on old products with its repetition without them.
    pub fn compare(&self, reused: &TestReport, fresh: &TestReport) {
        if let Some(difference) = difference(reused, fresh) {
            self.end(difference);
        }
    }

    fn end(&self, reason: Unsound) {
        let mut state = self.state.lock();
        if state.unsound.is_none() {
            tracing::info!(%reason, "reuse ends");
            state.unsound = Some(reason);
        }
    }
}

fn failed_to_build(report: &TestReport) -> bool {
    let test_not_built = |failure: &crate::report::Failure| failure.class == FailureClass::Build;
    matches!(report.ending, RunEnding::BuildFailed { .. } | RunEnding::CollectionFailed { .. })
        || report.results.iter().filter_map(|result| result.failure.as_ref()).any(test_not_built)
}

fn difference(reused: &TestReport, fresh: &TestReport) -> Option<Unsound> {
    if failed_to_build(reused) && !failed_to_build(fresh) {
        return Some(Unsound::Build);
    }
    // Messages and places may differ from one run to the next; which way it ended may not.
    if std::mem::discriminant(&reused.ending) != std::mem::discriminant(&fresh.ending) {
        return Some(Unsound::Ending { reused: reused.ending.to_string(), fresh: fresh.ending.to_string() });
    }
    let status = |report: &TestReport, id: &TestId| report.result(id).map(|result| result.status);
    let ids = fresh.results.iter().chain(&reused.results).map(|result| &result.id);
    ids.map(|id| (id, status(reused, id), status(fresh, id)))
        .find(|(_, reused, fresh)| reused != fresh)
        .map(|(id, reused, fresh)| Unsound::Test { test: id.clone(), reused, fresh })
}

#[cfg(test)]
mod tests;
