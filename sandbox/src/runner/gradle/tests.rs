use super::*;
use crate::report::TestId;
use crate::runner::exercise::{self, Exercise, lines};
use crate::testing;
use crate::tool::Collected;

/// Noted by Gradle 4.4.1 of a project with `fixtures/maven`'s `OldTest`, which JUnit 4 runs.
const NOTES: &str = include_str!("../fixtures/gradle/logs/junit4/gradle.jsonl");
/// The same of a test that calls `System.exit(0)`, and what Gradle said.
const EXIT_NOTES: &str = include_str!("../fixtures/gradle/logs/exit/gradle.jsonl");
const EXIT_OUTPUT: &str = include_str!("../fixtures/gradle/logs/exit/out.txt");
/// What Gradle said of a project that does not compile.
const COMPILE_OUTPUT: &str = include_str!("../fixtures/gradle/logs/compile/out.txt");

fn report(notes: &[u8], exit_code: i32, output: &str) -> ToolReport {
    let words = ["gradle".to_owned(), "test".to_owned()];
    let per_test = Duration::from_secs(1);
    let run = ToolRun { per_test, ..ToolRun::of(&words) };
    let file = Collected::report;
    let files = [file(JOURNAL, notes), file("sources.txt", b"./src/test/java/com/acme/OldTest.java\n")];
    let steps = [StepOutput::ended(StepKind::Test, exit_code, output.as_bytes())];
    Gradle.read(&ToolOutput { steps: &steps, files: &files, run })
}

fn ending(notes: &str, exit_code: i32, output: &str) -> String {
    report(notes.as_bytes(), exit_code, output).ending.to_string()
}

#[test]
fn notes_are_read() {
    assert_eq!(
        lines(&report(NOTES.as_bytes(), 0, "")),
        "Passed FILE::adds[1 cents]
Passed FILE::hangs[1 cents]
Skipped FILE::later[1 cents]
  Assertion: 
Failed FILE::adds[2 cents]
  Assertion: expected:<1> but was:<2>
  src/test/java/com/acme/OldTest.java:30 adds
TimedOut FILE::hangs[2 cents]
  Timeout: test timed out after 50 milliseconds
  src/test/java/com/acme/OldTest.java:36 hangs
Skipped FILE::later[2 cents]
  Assertion: 
complete"
            .replace("FILE", "src/test/java/com/acme/OldTest.java::OldTest")
    );
}

#[test]
fn a_test_that_ends_its_virtual_machine_is_no_complete_run() {
    let text = ending(EXIT_NOTES, 1, EXIT_OUTPUT);
    assert!(text.starts_with("crashed: "), "{text}");
    assert!(ending(EXIT_NOTES, 0, "").starts_with("crashed: "));
}

#[test]
fn errors_of_the_compiler_are_places() {
    let RunEnding::BuildFailed { message, places } = report(b"", 1, COMPILE_OUTPUT).ending else { panic!() };
    assert_eq!((places[0].path.as_str(), places[0].line), ("src/main/java/com/acme/Till.java", 10));
    assert!(message.starts_with("src/main/java/com/acme/Till.java:10: cannot find symbol"), "{message}");
}

#[test]
fn what_does_not_fit_together_is_no_complete_run() {
    assert!(ending(NOTES, 1, "").starts_with("the build failed: "));
    let cut = NOTES.rsplit_once("{\"kind\":\"end\"").unwrap().0;
    assert!(ending(cut, 0, "").contains("did not note its end"));
    assert!(
        ending(&NOTES.replace("\"failed\":false", "\"failed\":true"), 0, "").contains("noted that the build failed")
    );
    assert!(ending(&NOTES.replace("\"tests\":6", "\"tests\":7"), 0, "").contains(":test states Some([7, 2, 2])"));
    let forged = NOTES.replacen("\"result\":\"FAILURE\"", "\"result\":\"SUCCESS\"", 1);
    assert!(ending(&forged, 0, "").contains(":test states Some([6, 2, 2])"));
    assert!(ending(&format!("{NOTES}{{\"kind\":\n"), 0, "").contains("cannot be read"));
    let open = NOTES.lines().filter(|line| !line.contains("\"kind\":\"test\"")).collect::<Vec<_>>().join("\n");
    assert!(
        ending(&open, 0, "").starts_with("crashed: a test began and did not end: :test com.acme.OldTest adds[1 cents]")
    );
    assert_eq!(ending("{\"kind\":\"end\",\"failed\":false}\n", 0, ""), "no tests found");
}

#[test]
fn patterns_name_classes_and_methods() {
    let ids = ["src/test/java/a/BTest.java::BTest::x[1]", "src/test/java/a/BTest.java::BTest::y", "CTest::z", "d.E"]
        .map(TestId::from);
    let wanted = jvm::wanted(&ids).unwrap();
    assert_eq!(patterns(&wanted), "*CTest.z*\na.BTest.x*\na.BTest.y*\nd.E*\n");
    assert_eq!(patterns(&[]), "no.test.IsWanted\n");
}

#[test]
fn command_lines_are_recognised() {
    for (line, expected) in [
        ("gradle test", true),
        ("./gradlew :a:test", true),
        ("./gradlew check --info", true),
        ("./gradlew :app:integrationTest", true),
        ("./gradlew build", true),
        ("./gradlew build -x test", false),
        ("./gradlew assemble", false),
        ("gradle", false),
        ("mvn test", false),
    ] {
        let words = line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(Gradle.claims(&words), expected, "{line}");
    }
}

#[test]
fn a_project_is_built_and_selected_tests_are_run() {
    // Gradle is too large to install for every run of these tests: `tests/scripts/gradle.sh` installs it and runs this one.
    if testing::program("gradle").is_none() || !std::path::Path::new("/usr/share/java/junit4.jar").exists() {
        return;
    }
    let files = [
        ("settings.gradle", "rootProject.name = 'till'\n"),
        (
            "build.gradle",
            "apply plugin: 'java'\nrepositories { maven { url 'file:///usr/share/maven-repo' } }\ndependencies { testCompile 'junit:junit:4.x' }\n",
        ),
        ("src/main/java/com/acme/Till.java", include_str!("../fixtures/maven/till/src/main/java/com/acme/Till.java")),
        ("src/test/java/com/acme/OldTest.java", include_str!("../fixtures/gradle/OldTest.java")),
    ];
    let mut wish = Exercise::new(&["gradle", "test"], &files);
    let id = "src/test/java/com/acme/OldTest.java::OldTest::adds[2 cents]";
    let ids = [id];
    wish.select = Some(&ids);
    let found = exercise::run(&Gradle, &wish);
    let shown = found.report.results.iter().map(|it| format!("{:?} {}", it.status, it.id)).collect::<Vec<_>>();
    assert_eq!(found.report.ending, RunEnding::Complete, "{}", found.printed());
    let other = "Passed src/test/java/com/acme/OldTest.java::OldTest::adds[1 cents]".to_owned();
    assert_eq!(shown, [other, format!("Failed {id}")]);
}

proptest::proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
        let _ = report(&bytes, 0, &String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn damaged_notes_never_panic(at in 0..NOTES.len(), byte in proptest::prelude::any::<u8>()) {
        let mut bytes = NOTES.as_bytes().to_vec();
        bytes[at] = byte;
        let _ = report(&bytes, 0, "");
    }
}
