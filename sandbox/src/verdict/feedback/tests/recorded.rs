//! Real runs of real tools, recorded beside their readers, put into words.

use super::*;
use crate::runner::{self, RunnerKind, exercise};

const TOOLS: &[(&str, RunnerKind)] = &[
    ("jest", RunnerKind::Jest),
    ("mocha", RunnerKind::Mocha),
    ("vitest", RunnerKind::Vitest),
    ("ava", RunnerKind::Ava),
    ("node-test", RunnerKind::NodeTest),
    ("rspec", RunnerKind::Rspec),
    ("minitest", RunnerKind::Minitest),
    ("phpunit", RunnerKind::PhpUnit),
];

/// Reads a recorded run as it was read when it was made.
fn recorded(tool: RunnerKind, name: &str) -> TestReport {
    let tool = runner::all().iter().find(|it| it.kind() == tool).and_then(|it| it.tool()).unwrap();
    let read = exercise::reread_changed(name, tool, |_| {});
    report(read.results, read.ending, "")
}

#[test]
fn recorded_failures_have_their_class_and_their_place() {
    for (name, test, class, place) in [
        ("jest/mixed", "test/a.test.js::sum::throws", "TypeError", "src/sum.js:4"),
        ("mocha/mixed", "test/a.test.js::sum::throws", "TypeError", "src/sum.js:4"),
        ("vitest/mixed", "test/a.test.js::sum::throws", "TypeError", "src/sum.js:4"),
        ("vitest/mixed", "test/a.test.js::sum::deep::fails (really) [1] $", "assertion", "test/a.test.js:7"),
        ("ava/mixed", "test/a.test.js::fails (really) [1] $", "assertion", "test/a.test.js:5"),
        ("node-test/mixed", "test/a.test.js::sum::throws", "TypeError", "src/sum.js:4"),
        ("rspec/mixed", "spec/a_spec.rb::sum::raises", "NoMethodError", "lib/sum.rb:6"),
        ("minitest/mixed", "test/sum_test.rb::SumTest::test_fails", "assertion", "test/sum_test.rb:6"),
        ("phpunit/mixed", "tests/SumTest.php::App\\SumTest::testThrows", "RangeException", "src/sum.php:6"),
    ] {
        let (tool, _) = name.split_once('/').unwrap();
        let kind = TOOLS.iter().find(|(known, _)| *known == tool).unwrap().1;
        let feedback = Feedback::of(&recorded(kind, name), &FeedbackLimits { tests: 100, ..FeedbackLimits::default() });
        let problem = feedback.problems.iter().find(|it| it.tests.contains(&test.into()));
        let problem = problem.unwrap_or_else(|| panic!("{name}: {test} is not told of: {feedback:?}"));
        assert_eq!(problem.class.label(), class, "{name}: {problem:?}");
        let places: Vec<String> = problem.frames.iter().map(|it| format!("{}:{}", it.path, it.line)).collect();
        assert!(places.contains(&place.to_owned()) && feedback.to_text().contains(place), "{name}: {places:?}");
    }
}

#[test]
fn no_recorded_failure_is_passed_over() {
    let mut seen = 0;
    for (tool, kind) in TOOLS {
        let folder = format!("{}/src/runner/fixtures/{tool}", env!("CARGO_MANIFEST_DIR"));
        let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        for path in paths.filter(|path| path.extension().is_some_and(|it| it == "json")) {
            let name = format!("{tool}/{}", path.file_stem().unwrap().to_str().unwrap());
            let report = recorded(*kind, &name);
            let limits = FeedbackLimits { problems: 1000, ..FeedbackLimits::default() };
            let feedback = Feedback::of(&report, &limits);
            let failing = report.results.iter().filter(|it| it.status.is_failure()).count();
            let told: usize = feedback.problems.iter().filter(|it| !it.tests.is_empty()).map(|it| it.count).sum();
            assert_eq!((feedback.failed, told + feedback.left_out), (failing, failing), "{name}: {feedback:?}");
            let quiet = failing == 0 && matches!(report.ending, RunEnding::Complete | RunEnding::NoTests);
            assert!(quiet || !feedback.problems.is_empty(), "{name}: {report:?}");
            let text = feedback.to_text();
            assert!(text.len() <= limits.text && !text.contains('\u{1b}'), "{name}: {text}");
            seen += 1;
        }
    }
    assert!(seen > 60, "{seen} recorded runs");
}
