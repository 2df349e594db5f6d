mod recorded;

use std::time::Duration;

use super::*;

fn frame(path: &str, line: u32, function: &str) -> Frame {
    Frame { path: path.into(), line, function: function.into() }
}

fn failed(id: &str, class: FailureClass, message: &str, frames: &[(&str, u32, &str)]) -> TestResult {
    let status = if class == FailureClass::Timeout { TestStatus::TimedOut } else { TestStatus::Failed };
    let frames = frames.iter().map(|(path, line, function)| frame(path, *line, function)).collect();
    let failure = Some(Failure { class, message: message.into(), frames });
    TestResult { id: id.into(), status, duration: Duration::from_millis(3), failure }
}

fn plain(id: &str, status: TestStatus) -> TestResult {
    TestResult { id: id.into(), status, duration: Duration::ZERO, failure: None }
}

fn report(results: Vec<TestResult>, ending: RunEnding, output: &str) -> TestReport {
    TestReport { results, output: output.into(), duration: Duration::from_secs(1), ..TestReport::empty(ending) }
}

fn exception(name: &str) -> FailureClass {
    FailureClass::Exception { name: name.into() }
}

/// One failure as the readers of each tool give it, with the class that it is labelled with and the place that must be told.
fn labelled() -> Vec<(&'static str, TestReport, &'static str, &'static str)> {
    let one = |result: TestResult| report(vec![result], RunEnding::Complete, "");
    let build = |message: &str, path: &str, line: u32| {
        let places = vec![frame(path, line, "")];
        report(Vec::new(), RunEnding::BuildFailed { message: message.into(), places }, "")
    };
    let ended = |ending: RunEnding, output: &str| report(Vec::new(), ending, output);
    vec![
        (
            "pytest",
            one(failed("t.py::test_x", FailureClass::Assertion, "assert 1 == 2", &[("t.py", 3, "test_x")])),
            "assertion",
            "t.py:3 in test_x",
        ),
        (
            "unittest",
            one(failed(
                "t.T.test_x",
                exception("KeyError"),
                "KeyError: 'a'",
                &[("t.py", 3, "test_x"), ("a.py", 9, "get")],
            )),
            "KeyError",
            "a.py:9 in get",
        ),
        (
            "python import",
            one(failed(
                "t.py",
                FailureClass::Import,
                "ModuleNotFoundError: No module named 'yaml'",
                &[("t.py", 1, "<module>")],
            )),
            "import error",
            "No module named 'yaml'",
        ),
        (
            "jest",
            one(failed(
                "sum.test.js::sum::adds",
                FailureClass::Assertion,
                "expect(received).toBe(expected)\n\nExpected: 3\nReceived: -1",
                &[("sum.test.js", 5, "")],
            )),
            "assertion",
            "sum.test.js:5",
        ),
        (
            "node",
            one(failed(
                "a.mjs::boom",
                exception("TypeError"),
                "Cannot read properties of undefined (reading 'x')",
                &[("lib/a.mjs", 12, "get")],
            )),
            "TypeError",
            "lib/a.mjs:12 in get",
        ),
        (
            "cargo",
            one(failed(
                "src/lib.rs::tests::it_works",
                exception("panic"),
                "attempt to subtract with overflow",
                &[("src/lib.rs", 7, "")],
            )),
            "panic",
            "src/lib.rs:7",
        ),
        ("rustc", build("error[E0308]: mismatched types", "src/lib.rs", 4), "build error", "src/lib.rs:4"),
        (
            "go",
            one(failed(
                "pkg::TestAdd/negative",
                FailureClass::Assertion,
                "Add(1, -1) = 2, want 0",
                &[("add_test.go", 12, "")],
            )),
            "assertion",
            "add_test.go:12",
        ),
        ("go build", build("undefined: Sub", "add_test.go", 9), "build error", "add_test.go:9"),
        (
            "junit",
            one(failed(
                "com.x.CalcTest::adds",
                exception("java.lang.NullPointerException"),
                "Cannot invoke \"String.length()\"",
                &[("src/main/java/com/x/Calc.java", 21, "add")],
            )),
            "java.lang.NullPointerException",
            "Calc.java:21 in add",
        ),
        (
            "javac",
            build("cannot find symbol: class Foo", "src/main/java/com/x/Calc.java", 3),
            "build error",
            "Calc.java:3",
        ),
        (
            "gtest",
            one(failed(
                "Suite::Case",
                FailureClass::Assertion,
                "Expected equality of these values:\n  add(1, 2)\n    Which is: 4\n  3",
                &[("calc_test.cc", 8, "")],
            )),
            "assertion",
            "calc_test.cc:8",
        ),
        ("cc", build("error: expected ';' before '}' token", "calc.c", 14), "build error", "calc.c:14"),
        (
            "rspec",
            one(failed(
                "./spec/calc_spec.rb::adds",
                FailureClass::Assertion,
                "expected: 3\n     got: 4",
                &[("spec/calc_spec.rb", 5, "")],
            )),
            "assertion",
            "spec/calc_spec.rb:5",
        ),
        (
            "phpunit",
            one(failed(
                "CalcTest::testAdd",
                exception("DivisionByZeroError"),
                "Division by zero",
                &[("src/Calc.php", 11, "")],
            )),
            "DivisionByZeroError",
            "src/Calc.php:11",
        ),
        (
            "hang",
            one(failed("t::slow", FailureClass::Timeout, "the test exceeded its limit of 1 s", &[])),
            "timeout",
            "limit of 1 s",
        ),
        ("memory", one(failed("t::big", FailureClass::Memory, "MemoryError", &[])), "out of memory", "MemoryError"),
        (
            "network",
            one(failed("t::net", FailureClass::Environment, "OSError: [Errno 101] Network is unreachable", &[])),
            "environment failure",
            "Network is unreachable",
        ),
        ("disk", ended(RunEnding::DiskFull, ""), "limit of the sandbox", "disk full"),
        ("oom", ended(RunEnding::OutOfMemory, ""), "out of memory", "out of memory"),
        ("silence", ended(RunEnding::Silence, ""), "timeout", "silent"),
        (
            "crash",
            ended(RunEnding::Crashed { detail: "signal 11".into() }, "Segmentation fault"),
            "crash",
            "Segmentation fault",
        ),
        (
            "forged",
            ended(RunEnding::Tampered { detail: "two results".into() }, "1 passed"),
            "report not trustworthy",
            "two results",
        ),
        ("nothing", ended(RunEnding::NoTests, "collected 0 items"), "collection error", "collected 0 items"),
        ("xpass", one(plain("t::strict", TestStatus::XPassed)), "unexpected pass", "t::strict"),
    ]
}

#[test]
fn every_labelled_failure_gets_its_class_and_its_place() {
    for (name, report, class, place) in labelled() {
        let feedback = Feedback::of(&report, &FeedbackLimits::default());
        assert_eq!(feedback.problems.len(), 1, "{name}: {feedback:#?}");
        assert_eq!(feedback.problems[0].class.label(), class, "{name}");
        assert!(feedback.to_text().contains(place), "{name}: {}", feedback.to_text());
        let json = serde_json::to_string(&feedback).unwrap();
        assert_eq!(serde_json::from_str::<Feedback>(&json).unwrap().problems, feedback.problems, "{name}: {json}");
    }
}

#[test]
fn tests_that_say_the_same_are_told_once_and_the_text_is_exact() {
    let broken =
        |id: &str| failed(id, exception("KeyError"), "KeyError: <Thing at 0x7f32ab001122>", &[("a.py", 9, "get")]);
    let other = broken("t.py::test_d");
    let mut results: Vec<TestResult> = ["t.py::test_c", "t.py::test_a", "t.py::test_b"].map(broken).into();
    results.push(TestResult {
        failure: Some(Failure {
            message: "KeyError: <Thing at 0x7f0000000000>".into(),
            ..other.failure.clone().unwrap()
        }),
        ..other
    });
    results.push(failed("t.py::test_z", FailureClass::Assertion, "assert \x1b[31m0x10\x1b[0m == 17\n\n", &[]));
    results.push(failed("u.py", FailureClass::Import, "No module named 'x'", &[("u.py", 1, "<module>")]));
    results.extend([plain("t.py::ok", TestStatus::Passed), plain("t.py::skip", TestStatus::Skipped)]);
    let limits = FeedbackLimits { tests: 3, ..FeedbackLimits::default() };
    let feedback = Feedback::of(&report(results.clone(), RunEnding::Complete, ""), &limits);
    let expected = "\
1 passed, 6 failed, 1 skipped; run complete

[import error] u.py
  No module named 'x'
  at u.py:1 in <module>

[KeyError] t.py::test_a, t.py::test_b, t.py::test_c and 1 more
  KeyError: <Thing at 0x…>
  at a.py:9 in get

[assertion] t.py::test_z
  assert 0x10 == 17
";
    assert_eq!(feedback.to_text(), expected);
    results.reverse();
    assert_eq!(Feedback::of(&report(results, RunEnding::Complete, ""), &limits), feedback);
}

#[test]
fn a_collection_that_failed_is_told_by_what_failed() {
    let message = "see the output".to_owned();
    let import = failed("t.py", FailureClass::Import, "SyntaxError: invalid syntax", &[("t.py", 2, "")]);
    let with = report(vec![import], RunEnding::CollectionFailed { message: message.clone() }, "");
    let classes = |report: &TestReport| {
        let feedback = Feedback::of(report, &FeedbackLimits::default());
        feedback.problems.iter().map(|problem| problem.class.label().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(classes(&with), ["import error"]);
    assert_eq!(classes(&report(Vec::new(), RunEnding::CollectionFailed { message }, "")), ["collection error"]);
}

mod randomly {
    use proptest::prelude::*;

    use super::*;

    fn results() -> impl Strategy<Value = Vec<(String, u8, String)>> {
        prop::collection::vec((".{0,40}", 0u8..5, "(?s).{0,400}"), 0..30)
    }

    proptest! {
        #[test]
        fn it_is_short_plain_and_the_same_in_any_order(results in results(), most in 100usize..3000, output in "(?s).{0,200}") {
            let class = |number: u8| match number {
                0 => FailureClass::Assertion,
                1 => exception("\u{1b}[1mE"),
                2 => FailureClass::Timeout,
                3 => FailureClass::Import,
                _ => FailureClass::Environment,
            };
            let made: Vec<TestResult> = results
                .iter()
                .map(|(id, number, message)| failed(id, class(*number), message, &[(id, 1, message)]))
                .collect();
            let limits = FeedbackLimits { text: most, ..FeedbackLimits::default() };
            let ending = RunEnding::Crashed { detail: output.clone() };
            let feedback = Feedback::of(&report(made.clone(), ending.clone(), &output), &limits);
            let text = feedback.to_text();
            prop_assert!(text.len() <= most, "{} of {most}", text.len());
            prop_assert!(text.chars().all(|char| char == '\n' || char == '\t' || !char.is_control()), "{text:?}");
            let mut backwards = made;
            backwards.reverse();
            let again = Feedback::of(&report(backwards, ending, &output), &limits);
            let told = |feedback: &Feedback| {
                feedback.problems.iter().map(|it| (it.class.clone(), it.message.clone(), it.count)).collect::<Vec<_>>()
            };
            prop_assert_eq!(told(&again), told(&feedback));
        }
    }
}
