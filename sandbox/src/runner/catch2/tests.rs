use super::*;
use crate::runner::exercise::{self, Exercise, lines};
use crate::runner::native::Native;
use crate::testing;
use crate::tool::{Collected, StepKind, StepOutput, ToolReport};

/// Written by Catch2 2.13.10 of `fixtures/catch2`.
const REPORT: &str = include_str!("../fixtures/catch2/2.13.10.xml");
const PLACE: Place<'_> = Place { root: "/work", cwd: "" };

const FOUND: &str = "Passed tests/till_test.cpp::a till starts empty
Failed tests/till_test.cpp::a till adds up
  Assertion: CHECK( total == 4 ), expanded: 3 == 4
  tests/till_test.cpp:12 a till adds up
Failed tests/till_test.cpp::a till refuses, never \"quietly\"
  Exception { name: \"C++ exception\" }: a negative amount
  tests/till_test.cpp:18 a till refuses, never \"quietly\"
XFailed tests/till_test.cpp::expected
  Assertion: REQUIRE( 1 == 2 ), expanded: 1 == 2
  tests/till_test.cpp:23 expected
Passed tests/till_test.cpp::with a fixture
Passed tests/till_test.cpp::small types - char
Failed tests/till_test.cpp::small types - int
  Assertion: REQUIRE( sizeof(TestType) == 1 ), expanded: 4 == 1
  tests/till_test.cpp:36 small types - int
complete";

fn shown(bytes: &[u8], exit_code: Option<i32>) -> String {
    let (results, ending) =
        read(&Collected::report("catch2.xml", bytes), &StepOutput::ended(StepKind::Test, exit_code, b""), PLACE);
    lines(&ToolReport::new(results, ending))
}

fn ending(text: &str, exit_code: Option<i32>) -> String {
    shown(text.as_bytes(), exit_code).lines().last().unwrap_or_default().to_owned()
}

#[test]
fn a_report_is_read() {
    assert_eq!(shown(REPORT.as_bytes(), Some(5)), FOUND);
}

#[test]
fn version_3_names_its_root_otherwise_and_knows_skips() {
    // Written by the documented form of Catch2 3.5; no run of ours made it.
    let report = r#"<?xml version="1.0" encoding="UTF-8"?><Catch2TestRun name="t" rng-seed="1" xml-format-version="3" catch2-version="3.5.0">
  <TestCase name="a" filename="/work/t.cpp" line="1"><OverallResult success="true" skips="0"/></TestCase>
  <TestCase name="b" filename="/work/t.cpp" line="2"><Skip filename="/work/t.cpp" line="3">no reader</Skip><OverallResult success="true" skips="1"/></TestCase>
  <OverallResults successes="1" failures="0" expectedFailures="0" skips="1"/>
  <OverallResultsCases successes="1" failures="0" expectedFailures="0" skips="1"/></Catch2TestRun>"#;
    assert_eq!(shown(report.as_bytes(), Some(0)), "Passed t.cpp::a\nSkipped t.cpp::b\ncomplete");
}

#[test]
fn what_does_not_fit_together_is_no_complete_run() {
    assert_eq!(ending(REPORT, Some(0)), "report not trustworthy: the exit code 0 contradicts the results");
    assert_eq!(ending(REPORT, None), "crashed: the test program was ended by a signal");
    let edited = REPORT.replace(
        "<OverallResultsCases successes=\"3\" failures=\"3\"",
        "<OverallResultsCases successes=\"6\" failures=\"0\"",
    );
    assert!(
        ending(&edited, Some(0)).contains("the totals state 7 cases with 0 failures"),
        "{}",
        ending(&edited, Some(0))
    );
    // The program left in the middle of a test.
    let early = &REPORT[..REPORT.find("<Section").unwrap()];
    assert!(ending(early, Some(0)).contains("the document ends inside an element"));
    let closed = "<Catch><TestCase name='a'/><OverallResultsCases successes='1'/></Catch>";
    assert_eq!(ending(closed, Some(0)), "report not trustworthy: a test case has no result");
    assert_eq!(ending("<Catch><OverallResultsCases successes='0'/></Catch>", Some(0)), "no tests found");
    assert_eq!(ending("<Catch></Catch>", Some(0)), "report not trustworthy: the report has no totals");
}

#[test]
fn names_are_selected_whole() {
    let ids = ["t.cpp::a, b [x]", "plain"].map(TestId::from);
    assert_eq!(names(&ids).as_deref(), Some("\"a*\"\n\"plain\"\n"));
    assert_eq!(names(&["t.cpp::say \"x\"".into()]).as_deref(), Some("\"say *\"\n"));
    assert_eq!(names(&["t.cpp::*".into()]), None);
    assert_eq!(names(&[]).as_deref(), Some("\"no test\"\n"));
}

#[test]
fn a_program_is_built_by_its_makefile_and_run() {
    if !testing::tools(&["make", "g++"]) || !testing::file("/usr/include/catch2/catch.hpp") {
        return;
    }
    let files = [
        ("Makefile", "build/till_tests: tests/till_test.cpp\n\tmkdir -p build\n\tg++ -O0 -o $@ $<\n"),
        ("tests/till_test.cpp", include_str!("../fixtures/catch2/tests/till_test.cpp")),
    ];
    let mut wish = Exercise::new(&["./build/till_tests"], &files);
    let select = ["tests/till_test.cpp::a till refuses, never \"quietly\"", "tests/till_test.cpp::small types - char"];
    wish.select = Some(&select);
    let found = exercise::run(&Native, &wish);
    let expected = "Failed tests/till_test.cpp::a till refuses, never \"quietly\"
  Exception { name: \"C++ exception\" }: a negative amount
  tests/till_test.cpp:18 a till refuses, never \"quietly\"
Passed tests/till_test.cpp::small types - char
complete";
    assert_eq!(found.lines(), expected, "{}", found.printed());
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
