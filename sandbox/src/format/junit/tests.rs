use super::*;

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let report = parse(text.as_bytes()).unwrap();
    let shown = report.cases.iter().map(show).collect::<Vec<_>>();
    assert_eq!(shown, expected, "{text}");
    assert_eq!(report.contradiction(), None, "{text}");
}

fn show(case: &JunitCase) -> String {
    let place = match (&case.file, case.line) {
        (Some(file), Some(line)) => format!(" at {file}:{line}"),
        (Some(file), None) => format!(" at {file}"),
        (None, _) => String::new(),
    };
    let retried = if case.retried == Retried::Never { String::new() } else { format!(" {:?}", case.retried) };
    let reason = [&case.kind, &case.message, &case.details].map(|text| text.trim()).join("|");
    format!("{}/{}/{} {:?}{retried}{place} {reason}", case.suite, case.class, case.name, case.outcome)
}

#[test]
fn pytest_writes_one_suite_in_suites() {
    let text = r#"<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests"><testsuite name="pytest" errors="1" failures="1" skipped="1" tests="4" time="0.052" timestamp="2026-01-01T00:00:00" hostname="h"><testcase classname="tests.test_a.TestX" name="test_ok" time="0.001" /><testcase classname="tests.test_a" name="test_bad[a&lt;b]" time="0.000"><failure message="assert 1 == 2">def test_bad():
&gt;   assert 1 == 2</failure></testcase><testcase classname="tests.test_a" name="test_skip" time="0.000"><skipped type="pytest.skip" message="not now">tests/test_a.py:9: not now</skipped></testcase><testcase classname="" name="tests.test_b" time="0.000"><error message="collection failure">ImportError</error></testcase></testsuite></testsuites>"#;
    check(
        text,
        &[
            "pytest/tests.test_a.TestX/test_ok Passed ||",
            "pytest/tests.test_a/test_bad[a<b] Failed |assert 1 == 2|def test_bad():\n>   assert 1 == 2",
            "pytest/tests.test_a/test_skip Skipped pytest.skip|not now|tests/test_a.py:9: not now",
            "pytest//tests.test_b Error |collection failure|ImportError",
        ],
    );
}

#[test]
fn suites_nest_and_hand_down_their_file() {
    let text = r#"<testsuites><testsuite name="all" tests="3" failures="1"><testsuite name="App\FooTest" file="/w/tests/FooTest.php" tests="2" failures="0"><testcase name="testA" class="App\FooTest" classname="App.FooTest" file="/w/tests/FooTest.php" line="12" time="0.01"/><testcase name="testB" classname="App.FooTest" time="1,002.5"/></testsuite><testcase name="loose" classname="x"><failure type="T" message="m">d</failure></testcase></testsuite></testsuites>"#;
    check(
        text,
        &[
            "App\\FooTest/App.FooTest/testA Passed at /w/tests/FooTest.php:12 ||",
            "App\\FooTest/App.FooTest/testB Passed at /w/tests/FooTest.php ||",
            "all/x/loose Failed T|m|d",
        ],
    );
    assert_eq!(parse(text.as_bytes()).unwrap().cases[1].duration, Duration::from_millis(1_002_500));
}

#[test]
fn a_status_may_stand_in_for_an_element() {
    check(
        r#"<testsuite name="s" tests="4"><testcase name="a" status="run"/><testcase name="b" status="notrun"/><testcase name="c" status="fail"/><testcase name="d" status="disabled"/></testsuite>"#,
        &["s//a Passed ||", "s//b Skipped ||", "s//c Failed ||", "s//d Skipped ||"],
    );
}

#[test]
fn reruns_are_told() {
    check(
        r#"<testsuite name="s" tests="2" failures="1"><testcase name="a"><flakyFailure message="once"/></testcase><testcase name="b"><failure message="first"/><rerunFailure message="second"/></testcase></testsuite>"#,
        &["s//a Passed Flaky ||", "s//b Failed Failed |first|"],
    );
}

#[test]
fn the_worst_of_a_case_counts() {
    check(
        r#"<testsuite name="s" tests="1" errors="1"><testcase name="a"><skipped message="s"/><failure message="f"/><error message="e"/><failure message="late"/></testcase></testsuite>"#,
        &["s//a Error |e|"],
    );
}

#[test]
fn counts_are_compared() {
    for (text, expected) in [
        (r#"<testsuite name="s" tests="2"><testcase name="a"/></testsuite>"#, "suite s states 2 tests and has 1"),
        (
            r#"<testsuite name="s" tests="1" failures="1"><testcase name="a"/></testsuite>"#,
            "suite s states 1 failures and has 0",
        ),
        (
            r#"<testsuite name="s" tests="1" failures="0"><testcase name="a"><failure/></testcase></testsuite>"#,
            "suite s states 0 failures and has 1",
        ),
    ] {
        assert_eq!(parse(text.as_bytes()).unwrap().contradiction().as_deref(), Some(expected));
    }
    let silent = r#"<testsuite><testcase name="a"><failure/></testcase></testsuite>"#;
    assert_eq!(parse(silent.as_bytes()).unwrap().contradiction(), None);
}

#[test]
fn what_is_no_report_is_an_error() {
    for text in [
        "",
        "<html></html>",
        "<testsuite><testcase name='a'>",
        "<!DOCTYPE x [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]><testsuite name='&b;'/>",
        "not xml at all",
    ] {
        assert!(parse(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn strange_bytes_and_numbers_are_read() {
    let bytes = b"<testsuite name='s\xff' tests='99999999999999999999' time='NaN'><testcase name='a\0\x1b[31m' time='-1' line='-5'/></testsuite>";
    let report = parse(bytes).unwrap();
    assert_eq!(report.cases[0].line, None);
    assert_eq!(report.cases[0].duration, Duration::ZERO);
    assert_eq!(report.suites[0].tests, None);
}

#[test]
fn long_texts_are_cut() {
    let text =
        format!("<testsuite><testcase name='a'><failure message='{}'/></testcase></testsuite>", "ö".repeat(1 << 20));
    assert!(parse(text.as_bytes()).unwrap().cases[0].message.len() <= MAX_MESSAGE);
}

proptest::proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
        let _ = parse(&bytes);
    }

    #[test]
    fn arbitrary_documents_never_panic(text in "(<testsuites?( (name|tests|failures|file)='[a9-]{0,3}')?>|</testsuites?>|<testcase name='a'/?>|</testcase>|<failure/>|x){0,30}") {
        if let Ok(report) = parse(text.as_bytes()) {
            let _ = report.contradiction();
        }
    }
}
