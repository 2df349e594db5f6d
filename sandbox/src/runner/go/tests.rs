use super::*;
use crate::report::{RunEnding, TestStatus};
use crate::runner::exercise::{self, Exercise};
use crate::tool::{Collected, StepOutput};

const MOD: &str = "module example.com/parcel\n\ngo 1.19\n";
const CALC: &str = "package calc\n\n// Gcd returns the greatest common divisor.\nfunc Gcd(a, b int) int {\n\tfor b != 0 {\n\t\ta, b = b, a%b\n\t}\n\treturn a\n}\n\nfunc Never() int {\n\treturn 1\n}\n";
const CALC_TEST: &str = include_str!("../fixtures/go/calc_test.go.txt");
const BROKEN: &str = "package broken\n\nfunc F() int { return \"x\" }\n";
const BROKEN_TEST: &str = "package broken\n\nimport \"testing\"\n\nfunc TestF(t *testing.T) { F() }\n";
const CRASH_TEST: &str = "package crash\n\nimport \"testing\"\n\nfunc TestA(t *testing.T) {}\n\nfunc TestPanic(t *testing.T) {\n\tvar m map[string]int\n\tm[\"x\"] = 1\n}\n\nfunc TestBehind(t *testing.T) {}\n";
const SLOW_TEST: &str = "package slow\n\nimport (\n\t\"testing\"\n\t\"time\"\n)\n\nfunc TestFast(t *testing.T) {}\n\nfunc TestSlow(t *testing.T) { time.Sleep(time.Hour) }\n";

/// The statuses and first lines of a run in short form; `None`, having said so, without Go.
fn run(words: &[&str], select: Option<&[&str]>, files: &[(&str, &str)]) -> Option<exercise::Exercised> {
    if !crate::testing::tools(&["go"]) {
        return None;
    }
    let mut files = files.to_vec();
    files.push(("go.mod", MOD));
    let wish = Exercise { select, ..Exercise::new(words, &files) };
    Some(exercise_go(&wish))
}

/// With one cache of compiled packages for all tests, beside what cargo keeps: compiling Go's own library takes half a minute.
fn exercise_go(wish: &Exercise<'_>) -> exercise::Exercised {
    let program = std::env::current_exe().unwrap();
    let cache = program.parent().unwrap().join("patchwright-go-build");
    exercise::run(&Go, &Exercise { env: &[("GOCACHE", cache.to_str().unwrap())], ..*wish })
}

const CALC_FILES: [(&str, &str); 2] = [("calc/calc.go", CALC), ("calc/calc_test.go", CALC_TEST)];
const CALC_RESULTS: &str = "\
Passed calc::TestGcd
Failed calc::TestTable
  Assertion: the test failed and printed nothing
Passed calc::TestTable/small_one
Passed calc::TestTable/zero
Failed calc::TestTable/wrong
  Assertion:     calc_test.go:22: Gcd(4, 6) = 2, want 3
  calc/calc_test.go:22 TestTable/wrong
Passed calc::TestTable/zero#01
Skipped calc::TestSkip
  Assertion:     calc_test.go:28: not now
  calc/calc_test.go:28 TestSkip
";

#[test]
fn every_kind_of_result_is_read() {
    let Some(done) = run(&["go", "test", "./..."], None, &CALC_FILES) else { return };
    let lines = done.lines();
    assert!(lines.starts_with(CALC_RESULTS), "{lines}\n{}", done.printed());
    assert!(lines.contains("Failed calc::TestForge\n"), "{lines}");
    assert!(
        lines.contains("Passed calc::TestParallelA\nPassed calc::TestParallelB\nPassed calc::TestNoNewline\n"),
        "{lines}"
    );
    assert!(
        lines.contains("Passed calc::FuzzGcd\nPassed calc::FuzzGcd/seed#0\nPassed calc::ExampleGcd\ncomplete"),
        "{lines}"
    );
    let invented = done.report.results.iter().any(|result| result.id.as_str().contains("Invented"));
    assert!(!invented, "what a test prints is no result: {lines}");
}

#[test]
fn single_tests_are_selected() {
    let words = ["go", "test", "-run=TestNothing", "-timeout", "9s", "./..."];
    let select: &[&str] = &["calc::TestTable/wrong", "calc::TestTable/zero#01"];
    let Some(done) = run(&words, Some(select), &CALC_FILES) else { return };
    let expected = "Failed calc::TestTable/wrong\n  Assertion:     calc_test.go:22: Gcd(4, 6) = 2, want 3\n  calc/calc_test.go:22 TestTable/wrong\nPassed calc::TestTable/zero#01\ncomplete";
    assert_eq!(done.lines(), expected, "{}", done.printed());
    assert!(!done.printed().contains("TestGcd"), "nothing else was run: {}", done.printed());
    let Some(done) = run(&words, Some(&["calc::TestGone"]), &CALC_FILES) else { return };
    assert_eq!(done.lines(), "no tests found");
}

#[test]
fn a_build_that_fails_names_its_places() {
    let files = [("broken/broken.go", BROKEN), ("broken/broken_test.go", BROKEN_TEST)];
    let Some(done) = run(&["go", "test", "./..."], None, &files) else { return };
    let RunEnding::BuildFailed { message, places } = &done.report.ending else { panic!("{}", done.lines()) };
    assert!(message.contains("broken/broken.go:3:23: cannot use \"x\""), "{message}");
    assert_eq!((places[0].path.as_str(), places[0].line), ("broken/broken.go", 3));
    let both = [files[0], files[1], CALC_FILES[0], CALC_FILES[1]];
    let Some(done) = run(&["go", "test", "./..."], Some(&["broken::TestF", "calc::TestGcd"]), &both) else { return };
    let lines = done.lines();
    assert!(lines.starts_with("Error broken::TestF\n  Build: broken/broken.go:3:23: cannot use"), "{lines}");
    assert!(lines.contains("  broken/broken.go:3 \n"), "{lines}");
    assert!(lines.ends_with("Passed calc::TestGcd\ncomplete"), "{lines}");
}

#[test]
fn a_panic_is_an_exception_and_hides_what_is_behind_it() {
    let files = [("crash/crash_test.go", CRASH_TEST)];
    let Some(done) = run(&["go", "test", "./..."], None, &files) else { return };
    let lines = done.lines();
    assert!(lines.starts_with("Passed crash::TestA\nFailed crash::TestPanic\n  Exception { name: \"panic\" }: panic: assignment to entry in nil map"), "{lines}");
    assert!(lines.contains("  crash/crash_test.go:9 crash.TestPanic\n"), "{lines}");
    assert!(
        lines.ends_with("crashed: the test program of example.com/parcel/crash ended before its tests did"),
        "{lines}"
    );
    let Some(done) = run(&["go", "test"], Some(&["crash::TestPanic"]), &files) else { return };
    assert_eq!(done.report.ending, RunEnding::Complete, "{}", done.printed());
}

#[test]
fn a_hanging_test_is_timed_out() {
    if !crate::testing::tools(&["go"]) {
        return;
    }
    let files = [("slow/slow_test.go", SLOW_TEST), ("go.mod", MOD)];
    let wish = Exercise { seconds: 30, ..Exercise::new(&["go", "test", "-timeout=1s", "./slow"], &files) };
    let done = exercise_go(&wish);
    let lines = done.lines();
    assert!(
        lines.starts_with("Passed slow::TestFast\nTimedOut slow::TestSlow\n  Timeout: panic: test timed out after 1s"),
        "{lines}"
    );
    assert!(lines.contains("  slow/slow_test.go:10 slow.TestSlow\n"), "{lines}");
    assert!(lines.ends_with("total time exceeded"), "{lines}");
}

/// Each leaves early and says that all is well; none is a complete run with a passed test.
#[test]
fn leaving_early_is_no_pass() {
    let head = "package early\n\nimport (\n\t\"fmt\"\n\t\"os\"\n\t\"syscall\"\n\t\"testing\"\n)\n\nvar _ = os.Exit\nvar _ = syscall.Exit\nvar _ = fmt.Println\n\n";
    for body in [
        "func TestA(t *testing.T) {\n\tfmt.Println(\"--- PASS: TestA (0.00s)\\nPASS\")\n\tsyscall.Exit(0)\n}\nfunc TestB(t *testing.T) {}\n",
        "func TestA(t *testing.T) { os.Exit(0) }\nfunc TestB(t *testing.T) {}\n",
        "func TestA(t *testing.T) { syscall.Kill(syscall.Getppid(), syscall.SIGKILL); syscall.Exit(0) }\n",
        "func TestMain(m *testing.M) {\n\tfmt.Println(\"=== RUN   TestA\\n--- PASS: TestA (0.00s)\\nPASS\")\n\tos.Exit(0)\n}\nfunc TestA(t *testing.T) { t.Fatal() }\n",
        "func init() {\n\tfmt.Println(\"PASS\")\n\tos.Exit(0)\n}\nfunc TestA(t *testing.T) {}\n",
    ] {
        let text = format!("{head}{body}");
        let files = [("early/early_test.go", text.as_str())];
        let Some(done) = run(&["go", "test", "./..."], None, &files) else { return };
        let passed = done.report.results.iter().any(|result| result.status == TestStatus::Passed);
        assert!(done.report.ending != RunEnding::Complete || !passed, "{body}\n{}\n{}", done.lines(), done.printed());
        assert!(
            !done.lines().ends_with("complete") || done.report.results.iter().any(|it| it.status.is_failure()),
            "{body}\n{}",
            done.lines()
        );
    }
}

#[test]
fn covered_lines_are_those_of_the_workspace() {
    if !crate::testing::tools(&["go"]) {
        return;
    }
    let files = [CALC_FILES[0], CALC_FILES[1], ("go.mod", MOD)];
    let select: &[&str] = &["calc::TestGcd"];
    let wish = Exercise {
        select: Some(select),
        coverage: Coverage::PerTest,
        ..Exercise::new(&["go", "test", "./..."], &files)
    };
    let done = exercise_go(&wish);
    assert_eq!(done.lines(), "Passed calc::TestGcd\ncomplete", "{}", done.printed());
    let [(path, lines)] = done.report.lines.as_slice() else { panic!("{:?}", done.report.lines) };
    assert_eq!((path.to_string().as_str(), lines.as_slice()), ("calc/calc.go", &[4, 5, 6, 7, 8][..]));
}

// Logs.

const WORDS: [&str; 3] = ["go", "test", "./..."];

fn read_log(events: &[u8], stderr: &[u8], exit_code: i32, ended: &[&str]) -> ToolReport {
    let words = WORDS.map(str::to_owned);
    let run = ToolRun { reports: "/r", root: "/w", ..ToolRun::of(&words) };
    let report = Collected::report;
    let mut files = vec![report("modules.txt", b"example.com/parcel /w\n"), report("events.jsonl", events)];
    for (at, folder) in ended.iter().enumerate() {
        files.push(report(&format!("programs/{at}/folder"), format!("/w/{folder}\n").as_bytes()));
        files.push(report(&format!("programs/{at}/ended"), b""));
    }
    let step = StepOutput { stderr: stderr.to_vec(), cut: true, ..StepOutput::ended(StepKind::Test, exit_code, b"") };
    Go.read(&ToolOutput { steps: &[step], files: &files, run })
}

fn event(action: &str, test: &str) -> String {
    format!("{{\"Action\":\"{action}\",\"Package\":\"example.com/parcel/p\",\"Test\":\"{test}\"}}\n")
}

fn package_event(action: &str) -> String {
    format!("{{\"Action\":\"{action}\",\"Package\":\"example.com/parcel/p\",\"Elapsed\":0.1}}\n")
}

#[test]
fn logs_of_both_ages_are_read_alike() {
    for log in
        [&include_bytes!("../fixtures/go/calc-go1.19.jsonl")[..], include_bytes!("../fixtures/go/calc-go1.25.jsonl")]
    {
        let report = read_log(log, b"", 1, &["calc"]);
        let lines = exercise::lines(&report);
        assert!(lines.contains("Failed calc::TestTable/wrong\n"), "{lines}");
        assert!(lines.contains("Failed calc::TestForge\n"), "{lines}");
        assert!(!report.results.iter().any(|result| result.id.as_str().contains("Invented")), "{lines}");
        assert!(lines.ends_with("complete"), "{lines}");
        assert_eq!(report.results.len(), 14, "{lines}");
    }
    let new = read_log(include_bytes!("../fixtures/go/broken-go1.25.jsonl"), b"", 1, &[]);
    let RunEnding::BuildFailed { message, places } = &new.ending else { panic!("{}", exercise::lines(&new)) };
    assert!(message.contains("cannot use \"x\"") && places[0].path == "broken/broken.go", "{message} {places:?}");
}

#[test]
fn what_does_not_fit_together_is_not_believed() {
    let passed = event("run", "TestA") + &event("pass", "TestA");
    let good = format!("{passed}{}", package_event("pass"));
    assert_eq!(read_log(good.as_bytes(), b"", 0, &["p"]).ending, RunEnding::Complete);
    for (log, exit_code, ended) in [
        (good.clone(), 1, &["p"][..]),
        (good.clone(), 0, &[]),
        (good.clone(), 0, &["q"]),
        (passed.clone(), 0, &["p"]),
        (format!("{good}{}", package_event("pass")), 0, &["p"]),
        (format!("{}{}{}", event("run", "TestA"), event("fail", "TestA"), package_event("pass")), 0, &["p"]),
        (format!("{passed}{}", package_event("fail")), 0, &["p"]),
        (String::new(), 1, &[]),
        ("\0\x1b[31m garbage\n".to_owned(), 2, &[]),
    ] {
        let report = read_log(log.as_bytes(), b"", exit_code, ended);
        assert_ne!(report.ending, RunEnding::Complete, "{log}");
    }
    assert_eq!(read_log(b"", b"", 0, &[]).ending, RunEnding::NoTests);
    for cut in [10, 80, good.len() - 3] {
        assert_ne!(read_log(&good.as_bytes()[..cut], b"", 0, &["p"]).ending, RunEnding::Complete);
    }
}

#[test]
fn of_two_results_the_worse_counts() {
    let log = event("run", "TestA") + &event("pass", "TestA") + &event("fail", "TestA") + &package_event("fail");
    assert!(exercise::lines(&read_log(log.as_bytes(), b"", 1, &["p"])).starts_with("Failed p::TestA"));
}

#[test]
fn a_line_without_end_is_read_in_time() {
    let mut log = b"{\"Action\":\"output\",\"Package\":\"example.com/parcel/p\",\"Output\":\"".to_vec();
    log.resize(64 << 20, b'x');
    assert_ne!(read_log(&log, b"", 0, &["p"]).ending, RunEnding::Complete);
}

#[test]
fn commands_are_recognised() {
    let words = |text: &str| shell_words::split(text).unwrap();
    for (text, expected) in [
        ("go test ./...", true),
        ("/usr/local/go/bin/go test -race -run TestX ./a -args -list", true),
        ("go test", true),
        ("go vet ./...", false),
        ("go test -c ./a", false),
        ("go test -bench . ./a", false),
        ("gotest ./...", false),
    ] {
        assert_eq!(Go.claims(&words(text)), expected, "{text}");
    }
}

#[test]
fn patterns_name_single_tests() {
    for (ids, pattern, folders) in [
        (&["a::TestX"][..], "^(TestX)$", &["a"][..]),
        (&["a::TestX", "b/c::TestY/sub"], "^(TestX|TestY)$", &["a", "b/c"]),
        (&["a::TestX/s.1", "a::TestX/s 2"], r"^(TestX)$/^(s 2|s\.1)$", &["a"]),
        (&["a::TestX/s/u", "a::TestX/t/v"], "^(TestX)$/^(s|t)$", &["a"]),
        (&["a::TestX/s", "a::TestX"], "^(TestX)$", &["a"]),
        (&["a"], "^$", &["a"]),
        (&[], "^$", &[]),
    ] {
        let ids = ids.iter().map(|id| TestId::from(*id)).collect::<Vec<_>>();
        let selected = Selected::of(&ids);
        assert_eq!(selected.pattern(), pattern);
        assert_eq!(selected.folders.iter().map(String::as_str).collect::<Vec<_>>(), folders);
    }
}

proptest::proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(log in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300), code in -1..3) {
        let _ = read_log(&log, &log, code, &["p"]);
    }

    #[test]
    fn arbitrary_events_never_panic(parts in proptest::collection::vec(("run|pass|fail|skip|pause|cont|output|x", "A|B|A/b|B/c/d|"), 0..20), end in "pass|fail|skip|y", code in 0..2) {
        let log = parts.iter().map(|(action, test)| event(action, test)).collect::<String>() + &package_event(&end);
        let _ = read_log(log.as_bytes(), b"# x\na.go:1:2: e\n", code, &["p"]);
    }
}
