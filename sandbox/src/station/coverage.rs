//! Which lines each test runs, from tools that only say which lines a whole run covers.
//!
//! Every failing test is run alone, so that its lines are its own. The others are run in a few groups, and what a group covers is
//! said of each test in it: a spectrum needs to tell lines that failing tests run from lines that only passing tests run, and for
//! that a coarse view of the many is enough.

use std::collections::HashSet;
use std::time::Duration;

use super::tool_run::Wish;
use super::{Place, Station};
use crate::error::SandboxError;
use crate::report::{RunEnding, TestCoverage, TestId, TestReport, TestStatus};
use crate::workbench::Coverage;

/// Most runs for tests that pass.
const MOST_GROUPS: usize = 8;
/// Longest reason that is kept.
const MOST_REASON: usize = 1000;
/// Most tests that fail and are run alone; further ones say little that these do not.
const MOST_ALONE: usize = 24;

impl Station {
    /// Adds coverage to the report of a run, within what is left of its time, or the reason why there is none. Runs that do not end as
    /// the first did say nothing.
    pub(super) async fn cover(&self, at: &Place, wish: &Wish<'_>, report: &mut TestReport) -> Result<(), SandboxError> {
        let mut why = match (wish.tool.never_tells_lines(), &report.ending) {
            (Some(why), _) => why.to_owned(),
            (None, RunEnding::Complete) => self.cover_groups(at, wish, report).await?,
            (None, ending) => format!("the run did not come to its end: {ending}"),
        };
        why.truncate(why.floor_char_boundary(MOST_REASON));
        report.no_coverage = report.coverage.is_empty().then_some(why);
        Ok(())
    }

    /// Returns why there may be no coverage.
    async fn cover_groups(&self, at: &Place, wish: &Wish<'_>, report: &mut TestReport) -> Result<String, SandboxError> {
        let mut why = "no test passed or failed".to_owned();
        let mut spent = report.duration;
        for group in groups(report) {
            let left = wish.total.saturating_sub(spent);
            if left.is_zero() || !self.is_alive() {
                why = "no time was left for runs that record lines".to_owned();
                break;
            }
            let covered = self.cover_group(at, wish, report, &group, left).await?;
            spent += covered.duration;
            report.duration += covered.duration;
            why = covered.why;
            if covered.is_unable {
                break;
            }
            report.coverage.extend(covered.coverage);
        }
        Ok(why)
    }

    async fn cover_group(
        &self,
        at: &Place,
        wish: &Wish<'_>,
        report: &TestReport,
        group: &[TestId],
        total: Duration,
    ) -> Result<Covered, SandboxError> {
        let wish = Wish { select: Some(group), coverage: Coverage::PerTest, total, ..*wish };
        let ran = self.run_once(at, &wish).await?;
        let same = |id: &TestId| {
            let again = ran.read.results.iter().find(|result| result.id == *id);
            again.map(|result| result.status) == report.result(id).map(|result| result.status)
        };
        let lines = &ran.read.lines;
        let sound = ran.read.ending == RunEnding::Complete && group.iter().all(same);
        let told = group.iter().filter(|_| sound && !lines.is_empty());
        let coverage = told.map(|id| TestCoverage { test: id.clone(), lines: lines.clone() }).collect();
        let why = match ran.read.no_lines {
            Some(why) => why,
            None if sound => "the tool told no line of the workspace".to_owned(),
            None => "with lines recorded, tests end otherwise than without".to_owned(),
        };
        Ok(Covered { coverage, duration: ran.duration, is_unable: sound && lines.is_empty(), why })
    }
}

struct Covered {
    coverage: Vec<TestCoverage>,
    duration: Duration,
    /// The run went well, and the tool told no lines: it never will.
    is_unable: bool,
    /// Why there are no lines, if there are none.
    why: String,
}

/// Returns which tests to run together: failing ones alone, passing ones in groups of neighbours.
fn groups(report: &TestReport) -> Vec<Vec<TestId>> {
    let mut seen = HashSet::new();
    let mut of = |wanted: fn(TestStatus) -> bool| -> Vec<TestId> {
        let chosen = report.results.iter().filter(|result| wanted(result.status));
        chosen.map(|result| result.id.clone()).filter(|id| seen.insert(id.clone())).collect()
    };
    let failing = of(TestStatus::is_failure);
    let passing = of(TestStatus::is_success);
    let alone = failing.into_iter().take(MOST_ALONE).map(|id| vec![id]);
    let size = passing.len().div_ceil(MOST_GROUPS).max(1);
    alone.chain(passing.chunks(size).map(<[TestId]>::to_vec)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::TestResult;

    fn result(name: &str, status: TestStatus) -> TestResult {
        TestResult { id: name.into(), status, duration: Duration::ZERO, failure: None }
    }

    #[test]
    fn failing_tests_are_alone_and_passing_ones_in_few_groups() {
        let mut report = TestReport::empty(RunEnding::Complete);
        report.results.extend((0..100).map(|number| result(&format!("pass {number}"), TestStatus::Passed)));
        report.results.extend(["a", "b"].map(|name| result(name, TestStatus::Failed)));
        report.results.push(result("skipped", TestStatus::Skipped));
        let groups = groups(&report);
        assert_eq!(groups[..2], [vec![TestId::from("a")], vec![TestId::from("b")]]);
        assert_eq!(groups.len(), 2 + MOST_GROUPS);
        assert_eq!(groups.iter().map(Vec::len).sum::<usize>(), 102);
        assert!(super::groups(&TestReport::empty(RunEnding::Complete)).is_empty());
    }
}
