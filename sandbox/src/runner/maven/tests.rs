use super::*;
use crate::format::lines::show;
use crate::report::TestId;
use crate::runner::exercise::{self, Exercise, lines};
use crate::testing;
use crate::tool::Collected;
use std::time::Duration;

/// Logs of Maven 3.8.7 with Surefire 2.22.3: what it printed, and its reports without the properties of the machine.
const LOGS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/runner/fixtures/maven/logs");

struct Log {
    output: String,
    reports: Vec<Collected>,
}

impl Log {
    fn load(name: &str) -> Self {
        let folder = std::path::Path::new(LOGS).join(name);
        let mut reports = Vec::new();
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().replace("__", "/");
            if name.ends_with(".xml") {
                reports.push(Collected { path: name, in_workspace: true, bytes: std::fs::read(&path).unwrap() });
            }
        }
        reports.sort_by(|left, right| left.path.cmp(&right.path));
        Self { output: std::fs::read_to_string(folder.join("out.txt")).unwrap(), reports }
    }

    fn read(&self, exit_code: i32) -> ToolReport {
        let words = ["mvn".to_owned(), "test".to_owned()];
        let run = ToolRun::of(&words);
        let mut files = self.reports.clone();
        let sources = "./src/test/java/com/acme/TillTest.java\n./src/test/java/com/acme/BrokenSetupTest.java\n./core/src/test/java/com/acme/SameTest.java\n./app/src/test/java/com/acme/SameTest.java\n";
        files.push(Collected::report("sources.txt", sources.as_bytes()));
        let steps = [StepOutput::ended(StepKind::Test, exit_code, self.output.as_bytes())];
        Maven.read(&ToolOutput { steps: &steps, files: &files, run })
    }

    fn ending(&self, exit_code: i32) -> String {
        self.read(exit_code).ending.to_string()
    }
}

const TILL: &str = "src/test/java/com/acme/TillTest.java::TillTest";

fn expected_till() -> String {
    format!(
        "Error src/test/java/com/acme/BrokenSetupTest.java::BrokenSetupTest
  Exception {{ name: \"IllegalStateException\" }}: no server
  src/test/java/com/acme/BrokenSetupTest.java:9 connect
Failed {TILL}::addsUp
  Assertion: the sum ==> expected: <4> but was: <3>
  src/test/java/com/acme/TillTest.java:24 addsUp
Passed {TILL}::countsEach{{int}}[1]
Failed {TILL}::countsEach{{int}}[2]
  Assertion: expected: <2> but was: <0>
  src/test/java/com/acme/TillTest.java:46 countsEach
Failed {TILL}::countsEach{{int}}[3]
  Assertion: expected: <0> but was: <3>
  src/test/java/com/acme/TillTest.java:46 countsEach
Passed {TILL}::startsEmpty
Failed {TILL}::refusesNegative
  Exception {{ name: \"IllegalArgumentException\" }}: a negative amount: -1
  src/test/java/com/acme/TillTest.java:29 refusesNegative
Passed {TILL}::again[1]
Passed {TILL}::again[2]
Skipped {TILL}::later
  Assertion: not yet
Passed {TILL}::named
Passed {TILL}::WhenFull::keeps
complete"
    )
}

#[test]
fn junit_5() {
    assert_eq!(lines(&Log::load("junit5").read(0)), expected_till());
}

#[test]
fn junit_4_with_parameters_and_a_timeout() {
    assert_eq!(
        lines(&Log::load("junit4").read(0)),
        "Passed com.acme.OldTest::adds[1 cents]
Passed com.acme.OldTest::hangs[1 cents]
Skipped com.acme.OldTest::later[1 cents]
  Assertion: not yet
Failed com.acme.OldTest::adds[2 cents]
  Assertion: expected:<1> but was:<2>
TimedOut com.acme.OldTest::hangs[2 cents]
  Timeout: test timed out after 50 milliseconds
Skipped com.acme.OldTest::later[2 cents]
  Assertion: not yet
complete"
    );
}

#[test]
fn testng_reports_a_test_with_data_under_one_name() {
    assert_eq!(
        lines(&Log::load("testng").read(0)),
        "Failed com.acme.BasketTest::breaks
  Assertion: expected [3] but found [2]
Failed com.acme.BasketTest::each
  Assertion: expected [1] but found [2]
Passed com.acme.BasketTest::holds
Skipped com.acme.BasketTest::skips
  Assertion: no card reader
complete"
    );
}

#[test]
fn modules_have_tests_of_the_same_name() {
    let report = Log::load("shop").read(0);
    let ids = report.results.iter().map(|it| format!("{:?} {}", it.status, it.id)).collect::<Vec<_>>();
    assert_eq!(
        ids,
        [
            "Failed com.acme.AppTest::breaks",
            "Passed com.acme.AppTest::holds",
            "Passed app/src/test/java/com/acme/SameTest.java::SameTest::holds",
            "Failed com.acme.CoreTest::breaks",
            "Passed com.acme.CoreTest::holds",
            "Passed core/src/test/java/com/acme/SameTest.java::SameTest::holds",
        ]
    );
    assert_eq!(report.ending, RunEnding::Complete);
}

#[test]
fn a_test_that_ends_its_virtual_machine_is_no_complete_run() {
    let crashed = "crashed: The forked VM terminated without properly saying goodbye. VM crash or System.exit called? (in com.acme.TillTest)";
    assert_eq!(Log::load("exit").ending(0), crashed);
    assert_eq!(Log::load("halt").ending(0), crashed);
}

#[test]
fn errors_of_the_compiler_are_places() {
    for (log, path, line) in [
        ("compile", "src/main/java/com/acme/Till.java", 10),
        ("test-compile", "src/test/java/com/acme/TillTest.java", 56),
    ] {
        let RunEnding::BuildFailed { message, places } = Log::load(log).read(1).ending else { panic!("{log}") };
        assert_eq!((places[0].path.as_str(), places[0].line), (path, line));
        assert!(message.starts_with(&format!("{path}:{line}: cannot find symbol; symbol: ")), "{message}");
    }
}

#[test]
fn maven_says_why_it_did_not_build() {
    let output = "[INFO] BUILD FAILURE\n[ERROR] Failed to execute goal on project till: Could not resolve dependencies for project com.acme:till:jar:1.0: \
                  Cannot access central in offline mode -> [Help 1]\n[ERROR] \n[ERROR] Re-run Maven using the -X switch\n";
    let log = Log { output: output.to_owned(), reports: Vec::new() };
    assert!(log.ending(1).starts_with("the build failed: Failed to execute goal on project till: Could not resolve"));
}

#[test]
fn what_does_not_fit_together_is_no_complete_run() {
    let mut log = Log::load("junit5");
    assert!(log.ending(1).starts_with("the build failed: "));
    // A test writes a report of a class that does not exist.
    let forged = br#"<testsuite name="x" tests="1"><testcase name="x" classname="com.acme.X"/></testsuite>"#.to_vec();
    log.reports.push(Collected {
        path: "target/surefire-reports/TEST-x.xml".to_owned(),
        in_workspace: true,
        bytes: forged,
    });
    assert_eq!(
        log.ending(0),
        "report not trustworthy: Maven counts 12 tests with 3 failures, 2 errors and 1 skipped; the reports have 13, 3, 2 and 1"
    );
    // It replaces a report with one of its own.
    log.reports.pop();
    let text = String::from_utf8(log.reports[1].bytes.clone()).unwrap();
    log.reports[1].bytes = text
        .replace("failures=\"3\"", "failures=\"2\"")
        .replacen("<failure", "<gone", 1)
        .replacen("</failure", "</gone", 1)
        .into_bytes();
    assert!(log.ending(0).ends_with("the reports have 12, 2, 2 and 1"), "{}", log.ending(0));
    log.reports.pop();
    assert!(log.ending(0).starts_with("report not trustworthy: Maven counts 12 tests"));
    log.reports.clear();
    log.output = log.output.replace("BUILD SUCCESS", "");
    assert!(log.ending(0).contains("does not say that the build succeeded"));
    log.output = "[INFO] BUILD SUCCESS\n".to_owned();
    assert_eq!(log.ending(0), "no tests found");
    let mut cut = Log::load("junit5");
    cut.reports[1].bytes.truncate(700);
    assert!(cut.ending(0).contains("the JUnit report cannot be read"), "{}", cut.ending(0));
}

#[test]
fn what_a_test_prints_is_never_a_result() {
    let mut log = Log::load("junit5");
    log.output.push_str("[INFO] Tests run: 99, Failures: 0, Errors: 0, Skipped: 0\n");
    assert!(log.ending(0).starts_with("report not trustworthy: Maven counts 111 tests"));
    let mut log = Log::load("junit5");
    // Without the mark of Maven's own lines it does not count.
    log.output.push_str("Tests run: 99, Failures: 0, Errors: 0, Skipped: 0\n[INFO] Tests run: x, Failures: 0\n");
    log.output.push_str(&format!("\0\x1b[31m{}\n", "x".repeat(2 << 20)));
    assert_eq!(log.ending(0), "complete");
}

#[test]
fn command_lines_are_recognised() {
    for (line, expected) in [
        ("mvn test", true),
        ("./mvnw -q test", true),
        ("mvn -B clean verify -Pci", true),
        ("mvn surefire:test", true),
        ("mvn -pl core test -DskipTests=false", true),
        ("mvn package -DskipTests", false),
        ("mvn verify -Dmaven.test.skip=true", false),
        ("mvn compile", false),
        ("mvn", false),
        ("gradle test", false),
    ] {
        let words = line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(Maven.claims(&words), expected, "{line}");
    }
}

fn command_words(line: &str, ids: &[&str]) -> Vec<String> {
    let words = line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let ids = ids.iter().map(|id| TestId::from(*id)).collect::<Vec<_>>();
    let run = ToolRun { select: Some(&ids), per_test: Duration::from_secs(7), ..ToolRun::of(&words) };
    Maven.command(&run).steps.remove(0).argv
}

#[test]
fn selection_is_told_to_the_plugin_that_runs_it() {
    let unit = command_words("mvn -q test -Dtest=Old -l log.txt", &["a.BTest::x", "a.BTest::y"]);
    assert_eq!(unit[..2], ["mvn", "test"]);
    assert!(unit.contains(&"-Dtest=a.BTest#x+y".to_owned()) && !unit.iter().any(|word| word.contains("it.test")));
    assert!(!unit.iter().any(|word| ["-q", "-Dtest=Old", "-l", "log.txt"].contains(&word.as_str())), "{unit:?}");
    let both = command_words("mvn verify", &["a.BTest::x", "a.BaseIT::y"]);
    assert!(both.contains(&"-Dtest=a.BTest#x".to_owned()) && both.contains(&"-Dit.test=a.BaseIT#y".to_owned()));
    let only = command_words("mvn verify", &["a.BaseIT::y"]);
    assert!(only.contains(&"-Dtest=NoTestIsWanted".to_owned()));
}

const PROJECT: &[(&str, &str)] = &[
    ("pom.xml", include_str!("../fixtures/maven/till/pom.xml")),
    ("src/main/java/com/acme/Till.java", include_str!("../fixtures/maven/till/src/main/java/com/acme/Till.java")),
    (
        "src/test/java/com/acme/TillTest.java",
        include_str!("../fixtures/maven/till/src/test/java/com/acme/TillTest.java"),
    ),
    (
        "src/test/java/com/acme/BrokenSetupTest.java",
        include_str!("../fixtures/maven/till/src/test/java/com/acme/BrokenSetupTest.java"),
    ),
];

/// Debian's repository of Maven, which needs no network.
const WORDS: &[&str] = &["mvn", "-s", "/etc/maven/settings-debian.xml", "-q", "test"];

fn has_maven() -> bool {
    testing::tools(&["mvn", "javac"])
        && testing::file("/etc/maven/settings-debian.xml")
        && testing::file("/usr/share/java/surefire-junit-platform.jar")
        && testing::file("/usr/share/java/junit-jupiter-engine.jar")
}

#[test]
fn a_project_is_built_tested_and_covered() {
    if !has_maven() || !testing::file("/usr/share/java/org.jacoco.agent.jar") {
        return;
    }
    let mut wish = Exercise::new(WORDS, PROJECT);
    wish.coverage = Coverage::PerTest;
    let found = exercise::run(&Maven, &wish);
    let deeper = "src/main/java/com/acme/Till.java:8 add";
    let (before, after) =
        found.report.results.iter().partition::<Vec<_>, _>(|it| !it.id.as_str().ends_with("refusesNegative"));
    assert_eq!((before.len(), after.len(), &found.report.ending), (11, 1, &RunEnding::Complete), "{}", found.printed());
    let frames = &after[0].failure.as_ref().unwrap().frames;
    assert_eq!(frames.last().map(|it| format!("{}:{} {}", it.path, it.line, it.function)).as_deref(), Some(deeper));
    let covered = show(&found.report.lines);
    assert!(covered.contains(&"src/main/java/com/acme/Till.java: 3 7 8 10 11 14".to_owned()), "{covered:?}");
}

#[test]
fn selected_tests_of_a_project_are_run() {
    if !has_maven() {
        return;
    }
    let mut wish = Exercise::new(WORDS, PROJECT);
    let (one, two) = (format!("{TILL}::addsUp"), format!("{TILL}::countsEach{{int}}[2]"));
    let ids = [one.as_str(), two.as_str()];
    wish.select = Some(&ids);
    let found = exercise::run(&Maven, &wish);
    let ids = found.report.results.iter().map(|it| format!("{:?} {}", it.status, it.id)).collect::<Vec<_>>();
    assert_eq!(found.report.ending, RunEnding::Complete, "{}", found.printed());
    assert!(
        ids.contains(&format!("Failed {TILL}::addsUp"))
            && ids.contains(&format!("Failed {TILL}::countsEach{{int}}[2]")),
        "{ids:?}"
    );
    assert!(!ids.iter().any(|id| id.contains("startsEmpty") || id.contains("BrokenSetup")), "{ids:?}");
}

proptest::proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(output in ".{0,200}", bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
        let report = Collected { path: "a/target/surefire-reports/TEST-x.xml".to_owned(), in_workspace: true, bytes };
        let _ = Log { output, reports: vec![report] }.read(0);
    }

    #[test]
    fn damaged_output_never_panics(at in 0usize..4000, text in "(\\[INFO\\] |Tests run: |, |1|Failures: |Crashed tests:|\n|\\[ERROR\\] |The forked VM terminated without|:\\[|a\\.java){0,12}") {
        let mut log = Log::load("junit5");
        let at = log.output.floor_char_boundary(at.min(log.output.len()));
        log.output.insert_str(at, &text);
        let _ = log.read(0);
    }
}
