//! Test tools by their command lines, end to end: a candidate that fixes the program, judged by each tool in a box.

use super::languages::{CTEST, GO, PHPUNIT};
use super::*;

/// A program with a fault, its tests, and the fix.
pub(super) struct Case {
    pub(super) runner: RunnerKind,
    pub(super) words: &'static [&'static str],
    pub(super) programs: &'static [&'static str],
    pub(super) files: &'static [(&'static str, &'static str)],
    pub(super) source: &'static str,
    pub(super) fixed: &'static str,
    pub(super) broken: &'static str,
    pub(super) failing: &'static str,
    pub(super) passing: &'static str,
}

pub(super) const NODE: Case = Case {
    runner: RunnerKind::NodeTest,
    words: &["node", "--test"],
    programs: &["node"],
    files: &[
        ("sum.js", "exports.sum = (a, b) => a - b;\n"),
        (
            "test/sum.test.js",
            "const { it } = require('node:test');\nconst assert = require('assert');\nconst { sum } = require('../sum.js');\n\
             it('adds', () => assert.strictEqual(sum(1, 2), 3));\nit('adds nothing', () => assert.strictEqual(sum(1, 0), 1));\n",
        ),
    ],
    source: "sum.js",
    fixed: "exports.sum = (a, b) => a + b;\n",
    broken: "exports.sum = (a, b => a;\n",
    failing: "test/sum.test.js::adds",
    passing: "test/sum.test.js::adds nothing",
};

pub(super) const RSPEC: Case = Case {
    runner: RunnerKind::Rspec,
    words: &["rspec"],
    programs: &["rspec"],
    files: &[
        ("lib/sum.rb", "def sum(a, b) = a - b\n"),
        (
            "spec/sum_spec.rb",
            "require 'sum'\ndescribe 'sum' do\n  it('adds') { expect(sum(1, 2)).to eq 3 }\n\
             \x20 it('adds nothing') { expect(sum(1, 0)).to eq 1 }\nend\n",
        ),
    ],
    source: "lib/sum.rb",
    fixed: "def sum(a, b) = a + b\n",
    broken: "def sum(a, b = a + b\n",
    failing: "spec/sum_spec.rb::sum::adds",
    passing: "spec/sum_spec.rb::sum::adds nothing",
};

pub(super) const MINITEST: Case = Case {
    runner: RunnerKind::Minitest,
    words: &["ruby", "-Ilib", "test/sum_test.rb"],
    programs: &["ruby"],
    files: &[
        ("lib/sum.rb", "def sum(a, b) = a - b\n"),
        (
            "test/sum_test.rb",
            "require 'minitest/autorun'\nrequire 'sum'\nclass SumTest < Minitest::Test\n  def test_adds = assert_equal(3, sum(1, 2))\n\
             \x20 def test_nothing = assert_equal(1, sum(1, 0))\nend\n",
        ),
    ],
    source: "lib/sum.rb",
    fixed: "def sum(a, b) = a + b\n",
    broken: "def sum(a, b = a + b\n",
    failing: "test/sum_test.rb::SumTest::test_adds",
    passing: "test/sum_test.rb::SumTest::test_nothing",
};

async fn judges_candidates(case: &Case) {
    if !crate::testing::tools(case.programs) {
        return;
    }
    let backend = connect(BackendKind::Process, &ConnectOptions::default()).await.unwrap();
    judge(case, backend.as_ref(), &SandboxSpec::new(Labels::for_job("test"))).await;
}

/// Has the base, a candidate that mends it, one of its tests, and a candidate that breaks it judged in one box.
pub(super) async fn judge(case: &Case, backend: &dyn Backend, spec: &SandboxSpec) {
    let args = case.words.iter().map(|word| (*word).to_owned()).collect();
    let plan = TestPlan { args, ..plan(case.runner) };
    let mut bench = Workbench::start(backend, spec, &plan).await.unwrap();
    bench.put(case.files.iter().map(|(path, text)| file(path, text)).collect()).await.unwrap();
    let all = TestRequest::all(plan);

    let base = bench.run_tests(&all).await.unwrap();
    let status = |report: &TestReport, id: &str| report.result(&id.into()).map(|result| result.status);
    assert_eq!(base.ending, RunEnding::Complete, "{base:?}");
    assert_eq!(status(&base, case.failing), Some(TestStatus::Failed), "{base:?}");
    assert_eq!(status(&base, case.passing), Some(TestStatus::Passed), "{base:?}");

    let fixed = TestRequest { overlay: vec![over(case.source, case.fixed)], ..all.clone() };
    let report = bench.run_tests(&fixed).await.unwrap();
    assert!(report.all_passed() && report.results.len() == 2, "{report:?}");

    // One more run of Maven takes as long as all runs of the others; its selection is tested with its reader.
    if case.runner != RunnerKind::Maven {
        let one = TestRequest { select: Select::Ids(vec![case.failing.into()]), ..fixed };
        let report = bench.run_tests(&one).await.unwrap();
        assert!(report.all_passed() && report.results.len() == 1, "{report:?}");
    }

    let broken = TestRequest { overlay: vec![over(case.source, case.broken)], ..all };
    let report = bench.run_tests(&broken).await.unwrap();
    assert!(!report.all_passed() && status(&report, case.passing) != Some(TestStatus::Passed), "{report:?}");
    bench.close().await.unwrap();
}

#[tokio::test]
async fn node_test_judges_candidates() {
    judges_candidates(&NODE).await;
}

#[tokio::test]
async fn rspec_judges_candidates() {
    judges_candidates(&RSPEC).await;
}

#[tokio::test]
async fn minitest_judges_candidates() {
    judges_candidates(&MINITEST).await;
}

#[tokio::test]
async fn phpunit_judges_candidates() {
    judges_candidates(&PHPUNIT).await;
}

#[tokio::test]
async fn go_test_judges_candidates() {
    judges_candidates(&GO).await;
}

#[tokio::test]
async fn ctest_judges_candidates() {
    judges_candidates(&CTEST).await;
}
