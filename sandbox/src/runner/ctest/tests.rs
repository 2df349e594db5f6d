use super::*;
use crate::format::lines::show;
use crate::runner::exercise::{self, Exercise, lines};
use crate::testing;
use crate::tool::{Collected, StepOutput};

/// Written by CTest 3.25.1 of `fixtures/gtest`.
const REPORT: &str = include_str!("../fixtures/ctest/3.25.1.xml");
const LIST: &str = include_str!("../fixtures/ctest/3.25.1.json");
const OWN: &str = include_str!("../fixtures/gtest/1.12.1.xml");

fn shown(report: &[u8], list: &[u8], own: &[u8], exit_code: i32, stdout: &str) -> String {
    let words = ["ctest".to_owned()];
    let run = ToolRun::of(&words);
    let file = Collected::report;
    let files = [file("ctest.xml", report), file("ctest.json", list), file("gtest/till_tests.xml", own)];
    let steps = [StepOutput::ended(StepKind::Test, exit_code, stdout.as_bytes())];
    lines(&Ctest.read(&ToolOutput { steps: &steps, files: &files, run }))
}

const FOUND: &str = "Passed Till.StartsEmpty
Failed Till.AddsUp
  Assertion: Expected equality of these values:
  tests/till_test.cpp:14 AddsUp
Failed Till.RefusesNegative
  Exception { name: \"C++ exception\" }: C++ exception with description \"a negative amount\" thrown in the test body.
Skipped Till.Skips
  Assertion: SKIP_REGULAR_EXPRESSION_MATCHED
Skipped Till.Later
  Assertion: 
Passed Till.Forges
Failed Typed.IsSmall<int>
  Assertion: Expected: (sizeof(TypeParam)) <= (1u), actual: 4 vs 1
  tests/till_test.cpp:48 IsSmall
Passed Typed.IsSmall<char>
Passed Small/Amounts.Odd/1
Failed Small/Amounts.Odd/2
  Assertion: Expected equality of these values:
  tests/till_test.cpp:36 Odd/1
Passed plain
Failed plain_fails
  Exception { name: \"ExitCode\" }: Failed
complete";

const SAID: &str = "12/12 Test #12: plain_fails ......................***Failed    0.00 sec\n";

#[test]
fn a_report_is_read_with_the_programs_own() {
    assert_eq!(shown(REPORT.as_bytes(), LIST.as_bytes(), OWN.as_bytes(), 8, SAID), FOUND);
}

#[test]
fn a_googletest_program_that_leaves_early_does_not_pass() {
    let without = OWN.replacen("name=\"StartsEmpty\"", "name=\"Other\"", 1);
    let text = shown(REPORT.as_bytes(), LIST.as_bytes(), without.as_bytes(), 8, SAID);
    let expected =
        "Error Till.StartsEmpty\n  Exception { name: \"EarlyExit\" }: the program ended with exit code 0 before";
    assert!(text.starts_with(expected), "{text}");
}

#[test]
fn what_does_not_fit_together_is_no_complete_run() {
    let ending = |report: &str, list: &str, code| {
        let text = shown(report.as_bytes(), list.as_bytes(), OWN.as_bytes(), code, SAID);
        text.lines().last().unwrap_or_default().to_owned()
    };
    let prefix = "report not trustworthy: ";
    assert_eq!(ending(REPORT, LIST, 0), format!("{prefix}CTest reports failures and ended with exit code 0"));
    assert_eq!(ending(REPORT, "{", 8), format!("{prefix}CTest's list of tests is missing or unreadable"));
    let longer = LIST.replacen("\"name\" : \"plain\"", "\"name\" : \"vanished\"", 1);
    assert_eq!(ending(REPORT, &longer, 8), format!("{prefix}CTest listed vanished and has no result for it"));
    let edited = REPORT.replacen("tests=\"12\"", "tests=\"13\"", 1);
    assert_eq!(ending(&edited, LIST, 8), format!("{prefix}CTest states 13 tests and reports 12"));
    assert!(ending(&REPORT[..2000], LIST, 8).starts_with(prefix));
    assert_eq!(ending("<testsuite tests='0'/>", "{\"tests\": []}", 0), "no tests found");
}

#[test]
fn causes_are_read_from_the_summary() {
    let said = "1/3 Test #1: sleeps ...........................***Timeout   1.01 sec\n \
                2/3 Test #2: a.b. ....***Exception: SegFault  0.01 sec\n3/3 Test #3: ok ... Passed 0.0 sec\n";
    let mut found =
        causes(said.as_bytes()).into_iter().map(|(name, cause)| format!("{name}: {cause}")).collect::<Vec<_>>();
    found.sort();
    assert_eq!(found, ["a.b: Exception: SegFault", "sleeps: Timeout"]);
}

#[test]
fn places_that_programs_print_are_found() {
    let place = Place { root: "/work", cwd: "" };
    let printed =
        "prog: /work/src/a.c:12: main: Assertion `x' failed.\n/usr/src/b.c:1: x\nsrc/t.cpp:3: FAILED:\n12:30 a.txt:1\n";
    let found = frames(printed, place).into_iter().map(|frame| format!("{}:{}", frame.path, frame.line));
    assert_eq!(found.collect::<Vec<_>>(), ["src/a.c:12", "src/t.cpp:3"]);
}

#[test]
fn names_are_selected_exactly() {
    let ids = ["Till.AddsUp", "a(b)|c*"].map(TestId::from);
    assert_eq!(filter(&ids).as_deref(), Some("^(Till\\.AddsUp|a\\(b\\)\\|c\\*)$"));
    let many = (0..10_000).map(|number| TestId::from(format!("test number {number}"))).collect::<Vec<_>>();
    assert_eq!(filter(&many), None);
}

const TILL: &[(&str, &str)] = &[
    ("CMakeLists.txt", include_str!("../fixtures/gtest/CMakeLists.txt")),
    ("src/till.cpp", include_str!("../fixtures/gtest/src/till.cpp")),
    ("src/till.hpp", include_str!("../fixtures/gtest/src/till.hpp")),
    ("tests/till_test.cpp", include_str!("../fixtures/gtest/tests/till_test.cpp")),
];

fn has_tools() -> bool {
    testing::tools(&["cmake", "ctest", "g++", "gcov"]) && testing::file("/usr/include/gtest/gtest.h")
}

#[test]
fn a_project_is_built_tested_and_covered() {
    if !has_tools() {
        return;
    }
    let mut wish = Exercise::new(&["ctest", "--test-dir", "build", "--output-on-failure"], TILL);
    wish.coverage = Coverage::PerTest;
    let found = exercise::run(&Ctest, &wish);
    assert_eq!(found.lines(), FOUND, "{}", found.printed());
    let covered = show(&found.report.lines);
    assert!(covered.contains(&"src/till.cpp: 5 6 7 9 10".to_owned()), "{covered:?}");
}

#[test]
fn selected_tests_that_leave_early_are_errors() {
    if !has_tools() {
        return;
    }
    let early = TILL[1]
        .1
        .replace("cents += amount;", "std::_Exit(0);")
        .replace("<stdexcept>", "<stdexcept>\n#include <cstdlib>");
    let files = TILL.iter().map(|(path, text)| (*path, if *path == "src/till.cpp" { early.as_str() } else { text }));
    let files = files.collect::<Vec<_>>();
    let mut wish = Exercise::new(&["ctest", "--test-dir", "build"], &files);
    wish.select = Some(&["Till.AddsUp", "Till.StartsEmpty"]);
    let found = exercise::run(&Ctest, &wish);
    let expected = "Passed Till.StartsEmpty
Error Till.AddsUp
  Exception { name: \"EarlyExit\" }: the program ended with exit code 0 before it wrote its report
complete";
    assert_eq!(found.lines(), expected, "{}", found.printed());
}

#[test]
fn an_error_of_the_compiler_is_a_failed_build() {
    if !has_tools() {
        return;
    }
    let broken = TILL[1].1.replace("cents += amount;", "cents += amout;");
    let files = [
        (
            "CMakeLists.txt",
            "cmake_minimum_required(VERSION 3.16)\nproject(till CXX)\nenable_testing()\nadd_library(till src/till.cpp)\n",
        ),
        ("src/till.cpp", broken.as_str()),
        TILL[2],
    ];
    let found = exercise::run(&Ctest, &Exercise::new(&["ctest", "--test-dir", "build"], &files));
    let RunEnding::BuildFailed { message, places } = &found.report.ending else { panic!("{}", found.lines()) };
    assert_eq!(message, "src/till.cpp:9: ‘amout’ was not declared in this scope; did you mean ‘amount’?");
    assert_eq!(places.iter().map(|place| (place.path.as_str(), place.line)).collect::<Vec<_>>(), [("src/till.cpp", 9)]);
}

proptest::proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
        let _ = shown(&bytes, &bytes, &bytes, 0, &String::from_utf8_lossy(&bytes));
        let _ = shown(REPORT.as_bytes(), &bytes, OWN.as_bytes(), 8, "");
    }
}
