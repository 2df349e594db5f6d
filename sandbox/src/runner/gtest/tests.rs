use super::*;
use crate::format::place::Place;
use crate::runner::exercise::lines;
use crate::tool::{Collected, StepKind, StepOutput, ToolReport};

/// Written by GoogleTest 1.12.1 of `fixtures/gtest`.
const REPORT: &str = include_str!("../fixtures/gtest/1.12.1.xml");
const PLACE: Place<'_> = Place { root: "/work", cwd: "" };

fn shown(bytes: &[u8], exit_code: Option<i32>) -> String {
    let (results, ending) =
        read(&Collected::report("gtest.xml", bytes), &StepOutput::ended(StepKind::Test, exit_code, b""), PLACE);
    lines(&ToolReport::new(results, ending))
}

fn ending(bytes: &[u8], exit_code: Option<i32>) -> String {
    shown(bytes, exit_code).lines().last().unwrap_or_default().to_owned()
}

#[test]
fn a_report_is_read() {
    let text = shown(REPORT.as_bytes(), Some(1));
    assert!(text.contains("\nFailed tests/till_test.cpp::Till::AddsUp\n  Assertion: Expected equality"), "{text}");
    assert!(text.contains("\n  tests/till_test.cpp:14 AddsUp\n"), "{text}");
    assert!(text.contains("\nPassed tests/till_test.cpp::Small/Amounts::Odd/0\n"), "{text}");
    assert!(text.ends_with("\ncomplete"), "{text}");
}

#[test]
fn an_exit_code_that_contradicts_the_results_is_no_complete_run() {
    assert_eq!(ending(REPORT.as_bytes(), Some(0)), "report not trustworthy: the exit code 0 contradicts the results");
    let passing = br#"<testsuites tests="1" failures="0"><testsuite name="A" tests="1" failures="0"><testcase name="x" classname="A"/></testsuite></testsuites>"#;
    assert_eq!(ending(passing, Some(0)), "complete");
    assert_eq!(ending(passing, Some(1)), "report not trustworthy: the exit code 1 contradicts the results");
    assert_eq!(ending(passing, None), "crashed: the test program was ended by a signal");
}

#[test]
fn a_report_that_was_cut_or_edited_is_no_complete_run() {
    for at in [0, 1, 100, REPORT.len() / 2, REPORT.len() - 3] {
        let ending = ending(&REPORT.as_bytes()[..at], Some(1));
        assert!(ending.starts_with("report not trustworthy: "), "{at}: {ending}");
    }
    let removed = REPORT.replacen("<testcase name=\"StartsEmpty\"", "<gone name=\"StartsEmpty\"", 1);
    assert_eq!(ending(removed.as_bytes(), Some(1)), "report not trustworthy: suite AllTests states 10 tests and has 9");
    assert_eq!(ending(br#"<testsuites tests="0" failures="0"/>"#, Some(0)), "no tests found");
}

#[test]
fn a_test_reported_twice_counts_with_the_worse() {
    let twice = br#"<testsuites tests="2" failures="1"><testsuite name="A" tests="2" failures="1"><testcase name="x" classname="A"><failure message="no"/></testcase><testcase name="x" classname="A"/></testsuite></testsuites>"#;
    assert_eq!(shown(twice, Some(1)), "Failed A::x\n  Assertion: no\ncomplete");
}

#[test]
fn names_with_escapes_become_plain() {
    let hostile =
        "<testsuites><testsuite name='A'><testcase name='x&#27;[31m\0y' classname='A'/></testsuite></testsuites>";
    assert_eq!(shown(hostile.as_bytes(), Some(0)), "Passed A::xy\ncomplete");
}

#[test]
fn filters_name_exactly_the_tests() {
    let ids = ["tests/a.cpp::Till::AddsUp", "Small/Amounts::Odd/1", "A::b-c:d*"].map(TestId::from);
    assert_eq!(filter(&ids), "Till.AddsUp:Small/Amounts.Odd/1:A.b?c?d?");
    assert_eq!(filter(&[]), "-*");
}

#[test]
fn command_lines_are_told_apart() {
    let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    for (line, gtest, catch2) in [
        ("./build/foo_tests", true, false),
        ("build/tests/unittests", true, false),
        ("cmake-build-debug/foo-test --gtest_filter=A.*", true, false),
        ("./run --gtest_brief=1", true, false),
        ("./build/foo_tests [fast]", false, true),
        ("./build/foo_tests --order rand", false, true),
        ("./build/foo", false, false),
        ("./scripts/run_tests", false, false),
        ("./build/run_tests.sh", false, false),
        ("./build/../evil_tests", false, false),
        ("foo_tests", false, false),
        ("run --gtest_brief=1", false, false),
    ] {
        let found = (GoogleTest.claims(&words(line)), super::super::catch2::Catch2.claims(&words(line)));
        assert_eq!(found, (gtest, catch2), "{line}");
    }
}

proptest::proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
        let _ = shown(&bytes, Some(0));
    }

    #[test]
    fn damaged_reports_never_panic(at in 0..REPORT.len(), byte in proptest::prelude::any::<u8>()) {
        let mut bytes = REPORT.as_bytes().to_vec();
        bytes[at] = byte;
        let _ = shown(&bytes, Some(1));
    }
}
