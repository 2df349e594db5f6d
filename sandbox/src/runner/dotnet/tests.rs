use super::*;
use crate::runner::exercise::lines;
use crate::tool::Collected;

/// Written by hand after the schema: no run made it.
const REPORT: &str = include_str!("../fixtures/dotnet/by-the-schema.trx");

fn report(bytes: &[u8], exit_code: i32, stdout: &str) -> ToolReport {
    let words = ["dotnet".to_owned(), "test".to_owned()];
    let per_test = Duration::from_secs(1);
    let run = ToolRun { per_test, ..ToolRun::of(&words) };
    let files = [Collected::report("trx/a.trx", bytes)];
    let files = if bytes.is_empty() { &files[..0] } else { &files[..] };
    let steps = [StepOutput::ended(StepKind::Test, exit_code, stdout.as_bytes())];
    Dotnet.read(&ToolOutput { steps: &steps, files, run })
}

fn ending(text: &str, exit_code: i32, stdout: &str) -> String {
    report(text.as_bytes(), exit_code, stdout).ending.to_string()
}

#[test]
fn a_report_by_the_schema_is_read() {
    assert_eq!(
        lines(&report(REPORT.as_bytes(), 1, "")),
        "Passed Acme.TillTests::StartsEmpty
Failed Acme.TillTests::Adds(amount: 2)
  Assertion: Assert.Equal() Failure
  tests/TillTests.cs:12 Adds
  src/Till.cs:9 Check
Failed Acme.TillTests::Refuses
  Exception { name: \"InvalidOperationException\" }: System.InvalidOperationException : no server
  tests/TillTests.cs:20 Refuses
Skipped Acme.OtherTests::Later
  Assertion: not yet
complete"
    );
}

#[test]
fn what_does_not_fit_together_is_no_complete_run() {
    assert!(ending(REPORT, 0, "").contains("exit code 0 though tests failed"));
    let edited = REPORT.replacen("outcome=\"Failed\" testListId", "outcome=\"Passed\" testListId", 1);
    assert!(ending(&edited, 1, "").contains("counts [4, 1, 2] tests, passed and failed ones, and has [4, 2, 1]"));
    assert!(ending(&REPORT[..REPORT.len() / 2], 1, "").contains("cannot be read"));
    assert!(
        ending(&REPORT.replace("<ResultSummary outcome=\"Failed\"", "<ResultSummary outcome=\"Aborted\""), 1, "")
            .contains("ended as Aborted")
    );
    assert_eq!(
        ending(REPORT, 1, "The active test run was aborted. Reason: Test host process crashed\n"),
        "crashed: the test host ended before its tests did"
    );
    assert_eq!(ending("", 0, ""), "no tests found");
    assert!(ending("<other/>", 0, "").contains("not a TRX file"));
    let passing = REPORT
        .replace("outcome=\"Failed\" testListId", "outcome=\"Passed\" testListId")
        .replace("passed=\"1\" failed=\"2\"", "passed=\"3\" failed=\"0\"");
    assert_eq!(ending(&passing, 0, ""), "complete");
    assert!(ending(&passing, 1, "").contains("though no test failed"));
}

#[test]
fn errors_of_the_compiler_are_places() {
    let said = "/work/src/Till.cs(9,13): error CS0103: The name 'amout' does not exist [/work/src/Till.csproj]\n";
    let RunEnding::BuildFailed { message, places } = report(b"", 1, said).ending else { panic!() };
    assert_eq!(message, "src/Till.cs:9: CS0103: The name 'amout' does not exist");
    assert_eq!((places[0].path.as_str(), places[0].line), ("src/Till.cs", 9));
}

#[test]
fn filters_name_the_methods() {
    let ids = ["Acme.TillTests::Adds(amount: 2)", "Acme.TillTests::Adds(amount: 3)", "Acme.B::C"].map(TestId::from);
    assert_eq!(filter(&ids).as_deref(), Some("FullyQualifiedName=Acme.TillTests.Adds|FullyQualifiedName=Acme.B.C"));
    assert_eq!(duration("00:01:02.5"), Duration::from_millis(62_500));
}

proptest::proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
        let _ = report(&bytes, 0, &String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn damaged_reports_never_panic(at in 0..REPORT.len(), byte in proptest::prelude::any::<u8>()) {
        let mut bytes = REPORT.as_bytes().to_vec();
        bytes[at] = byte;
        let _ = report(&bytes, 1, "");
    }
}
