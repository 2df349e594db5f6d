use super::libtest;
use super::*;
use crate::format::place::Place;
use crate::report::{FailureClass, RunEnding, TestStatus};
use crate::runner::exercise::{self, Exercise};
use crate::tool::{Collected, StepOutput};
use std::time::Duration;

pub(in crate::runner) const MANIFEST: &str = "[package]\nname = \"parcel\"\nversion = \"0.1.0\"\nedition = \"2021\"\n";
pub(in crate::runner) const LIB: &str = include_str!("../fixtures/cargo/lib.rs.txt");
const WHOLE: &str = include_str!("../fixtures/cargo/whole.rs.txt");
pub(in crate::runner) const PROJECT: [(&str, &str); 3] =
    [("Cargo.toml", MANIFEST), ("src/lib.rs", LIB), ("tests/whole.rs", WHOLE)];
const PLACE: Place<'static> = Place { root: "/w", cwd: "" };

/// The variables that name the toolchain of the running tests.
pub(in crate::runner) fn toolchain() -> [(&'static str, String); 2] {
    let home = std::env::var("HOME").unwrap_or_default();
    [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")]
        .map(|(name, folder)| (name, std::env::var(name).unwrap_or_else(|_| format!("{home}/{folder}"))))
}

/// Returns whether the LLVM tools of this machine's compiler are installed; where they are not, says so.
pub(in crate::runner) fn counts_lines() -> bool {
    let said = std::process::Command::new("rustc").arg("-vV").output().unwrap().stdout;
    let said = String::from_utf8(said).unwrap();
    let major = said.lines().find_map(|line| line.strip_prefix("LLVM version: ")?.split('.').next()).unwrap();
    let there = crate::testing::program(&format!("llvm-cov-{major}")).is_some();
    if !there {
        println!("skipped: llvm-cov-{major} is not installed");
    }
    there
}

/// Runs cargo on this machine, with the toolchain of the running tests.
fn run(words: &[&str], select: Option<&[&str]>, files: &[(&str, &str)]) -> Option<exercise::Exercised> {
    if !crate::testing::tools(&["cargo", "timeout"]) {
        return None;
    }
    let toolchain = toolchain();
    let env = toolchain.each_ref().map(|(name, value)| (*name, value.as_str()));
    Some(exercise::run(
        &CargoTest,
        &Exercise { select, env: &env, per_test: Duration::from_secs(3), ..Exercise::new(words, files) },
    ))
}

const RESULTS: &str = "\
Failed src/lib.rs::tests::does_not_panic
  Assertion: note: test did not panic as expected at src/lib.rs:60:8
  src/lib.rs:60 tests::does_not_panic
Failed src/lib.rs::tests::forges
  Exception { name: \"panic\" }: in the end
  src/lib.rs:67 parcel::tests::forges
Skipped src/lib.rs::tests::later
  Exception { name: \"ignored\" }: the test is marked as ignored
Passed src/lib.rs::tests::panics
Failed src/lib.rs::tests::results
  Exception { name: \"Error\" }: Error: \"bad\"
Passed src/lib.rs::tests::small
Failed src/lib.rs::tests::unwraps
  Exception { name: \"panic\" }: called `Option::unwrap()` on a `None` value
  src/lib.rs:45 parcel::tests::unwraps
Failed src/lib.rs::tests::wrong
  Assertion: assertion `left == right` failed: six and four
  src/lib.rs:40 parcel::tests::wrong
Passed tests/whole.rs::whole
Passed tests/whole.rs::writes_past_the_capture
Passed src/lib.rs::doc (crate)
Failed src/lib.rs::doc gcd
  Assertion: assertion `left == right` failed
  src/lib.rs:7 gcd
Passed src/lib.rs::doc gcd (2)
Skipped src/lib.rs::doc gcd (3)
  Exception { name: \"ignored\" }: the test is marked as ignored
complete";

#[test]
fn every_kind_of_result_is_read() {
    let Some(done) = run(&["cargo", "test"], None, &PROJECT) else { return };
    assert_eq!(done.lines(), RESULTS, "{}", done.printed());
}

#[test]
fn single_tests_are_selected() {
    let select: &[&str] = &["src/lib.rs::tests::small", "tests/whole.rs::whole", "tests/whole.rs::gone"];
    let Some(done) = run(&["cargo", "test", "nothing_like_this"], Some(select), &PROJECT) else { return };
    let expected = "Passed src/lib.rs::tests::small\nPassed tests/whole.rs::whole\ncomplete";
    assert_eq!(done.lines(), expected, "{}", done.printed());
    let Some(done) = run(&["cargo", "test"], Some(&["src/lib.rs::doc gcd (2)", "src/lib.rs::doc (crate)"]), &PROJECT)
    else {
        return;
    };
    assert_eq!(
        done.lines(),
        "Passed src/lib.rs::doc (crate)\nPassed src/lib.rs::doc gcd (2)\ncomplete",
        "{}",
        done.printed()
    );
}

#[test]
fn a_build_that_fails_names_its_places() {
    let files = [PROJECT[0], ("src/lib.rs", "pub fn f() -> u8 {\n    \"x\"\n}\n")];
    let Some(done) = run(&["cargo", "test"], None, &files) else { return };
    let RunEnding::BuildFailed { message, places } = &done.report.ending else { panic!("{}", done.lines()) };
    assert!(message.starts_with("error[E0308]: mismatched types"), "{message}");
    assert_eq!((places[0].path.as_str(), places[0].line), ("src/lib.rs", 2));
    let Some(done) = run(&["cargo", "test"], None, &[("Cargo.toml", "[package\n")]) else { return };
    assert!(
        matches!(&done.report.ending, RunEnding::BuildFailed { message, .. } if message.contains("Cargo.toml")),
        "{}",
        done.lines()
    );
}

#[test]
fn one_that_ends_the_program_costs_one_result() {
    let lib = "#[cfg(test)]\nmod tests {\n    #[test]\n    fn a_leaves() {\n        use std::io::Write;\n        std::io::stdout().write_all(b\"test tests::a_leaves ... ok\\ntest tests::z_bad ... ok\\n\\ntest result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\\n\").unwrap();\n        std::process::exit(0);\n    }\n\n    #[test]\n    fn b_aborts() {\n        std::process::abort();\n    }\n\n    #[test]\n    fn c_hangs() {\n        loop {\n            std::thread::yield_now();\n        }\n    }\n\n    #[test]\n    fn z_bad() {\n        assert!(1 > 2);\n    }\n\n    #[test]\n    fn z_good() {}\n}\n";
    let files = [PROJECT[0], ("src/lib.rs", lib)];
    if !crate::testing::tools(&["cargo", "timeout"]) {
        return;
    }
    let Some(done) = run(&["cargo", "test", "--lib"], None, &files) else { return };
    let statuses = done.report.results.iter().map(|result| (result.id.as_str(), result.status)).collect::<Vec<_>>();
    use TestStatus::*;
    let expected = [
        ("src/lib.rs::tests::a_leaves", Failed),
        ("src/lib.rs::tests::b_aborts", Failed),
        ("src/lib.rs::tests::c_hangs", TimedOut),
        ("src/lib.rs::tests::z_bad", Failed),
        ("src/lib.rs::tests::z_good", Passed),
    ];
    assert_eq!(statuses, expected, "{}\n{}", done.lines(), done.printed());
}

#[test]
fn lines_are_counted_or_the_reason_is_told() {
    if !crate::testing::tools(&["cargo", "timeout"]) {
        return;
    }
    let toolchain = toolchain();
    let env = toolchain.each_ref().map(|(name, value)| (*name, value.as_str()));
    let select: Option<&[&str]> = Some(&["src/lib.rs::tests::small", "tests/whole.rs::whole"]);
    let wish =
        Exercise { select, env: &env, coverage: Coverage::PerTest, ..Exercise::new(&["cargo", "test"], &PROJECT) };
    if counts_lines() {
        let done = exercise::run(&CargoTest, &wish);
        let shown = crate::format::lines::show(&done.report.lines);
        assert_eq!(shown, ["src/lib.rs: 18 19 20 21 22 23 34 35 36", "tests/whole.rs: 4 5 6"], "{}", done.printed());
        assert_eq!((done.report.results.len(), &done.report.ending), (2, &RunEnding::Complete));
    }
    // A compiler that names a version of which nobody has the tools.
    let folder = tempfile::tempdir().unwrap();
    let rustc = folder.path().join("rustc");
    let real = crate::testing::program("rustc").unwrap();
    let script = "#!/bin/sh\nif [ \"$1\" = -vV ]; then REAL -vV | sed 's/^LLVM version: .*/LLVM version: 1.0.0/'; else exec REAL \"$@\"; fi\n";
    std::fs::write(&rustc, script.replace("REAL", real.to_str().unwrap())).unwrap();
    std::fs::set_permissions(&rustc, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let env = [&env[..], &[("RUSTC", rustc.to_str().unwrap())]].concat();
    let done = exercise::run(&CargoTest, &Exercise { env: &env, ..wish });
    assert!(done.report.lines.is_empty() && done.report.results.len() == 2, "{}\n{}", done.lines(), done.printed());
    let expected = "there is no llvm-cov of LLVM 1, which this rustc has: add the toolchain's component llvm-tools, or the package llvm-1";
    assert_eq!(done.report.no_lines.as_deref(), Some(expected), "{}", done.printed());
}

#[test]
fn a_harness_of_its_own_is_one_test() {
    let manifest =
        format!("{MANIFEST}\n[lib]\ntest = false\ndoctest = false\n\n[[test]]\nname = \"own\"\nharness = false\n");
    let own = "fn main() {\n    println!(\"test a ... ok\");\n    std::process::exit(3);\n}\n";
    let files = [("Cargo.toml", manifest.as_str()), ("src/lib.rs", ""), ("tests/own.rs", own)];
    let Some(done) = run(&["cargo", "test"], None, &files) else { return };
    assert!(done.lines().starts_with("Failed tests/own.rs\n"), "{}\n{}", done.lines(), done.printed());
    assert_eq!(done.report.results.len(), 1);
}

// Logs.

#[test]
fn a_real_log_is_read() {
    let text = include_str!("../fixtures/cargo/rust1.95.txt");
    let printed = libtest::printed(text);
    assert_eq!((printed.runs, printed.results.len()), (3, 8 + 3 + 4));
    // One test wrote a line past the capture, and so the counts do not agree.
    assert!(printed.contradiction.is_some_and(|it| it.contains("2 passed")));
    let honest = text.replace("test invented_too ... ok\n", "");
    assert_eq!(libtest::printed(&honest).contradiction, None);
    let failure = libtest::failure(&printed.failures["tests::wrong"], "tests::wrong", PLACE);
    assert_eq!(failure.class, FailureClass::Assertion);
    assert_eq!(failure.message, "assertion `left == right` failed: six and four\n  left: 2\n right: 3");
    assert_eq!((failure.frames.len(), failure.frames[0].line), (1, 40));
    assert_eq!(libtest::printed(&honest[..honest.len() - 200]).runs, 2, "a cut log has a run less");
}

#[test]
fn old_panics_are_read() {
    let text = "thread 'tests::x' panicked at 'assertion failed: `(left == right)`\n', src/lib.rs:3:5\nnote: run with `RUST_BACKTRACE=1`\n";
    let one_line = text.replace("`\n'", "`'");
    let failure = libtest::failure(&one_line, "tests::x", PLACE);
    assert_eq!((failure.message.as_str(), failure.frames[0].line), ("assertion failed: `(left == right)`", 3));
    let _ = libtest::failure(text, "tests::x", PLACE);
}

#[test]
fn the_log_is_read() {
    let log = b"ok a::b\nfailed c\nfailed: test did not panic as expected at x.rs:1:1 d\nignored: not now e\nignored f\nnonsense\nok\n";
    use TestStatus::*;
    let expected = [("a::b", Passed), ("c", Failed), ("d", Failed), ("e", Skipped), ("f", Skipped)];
    let expected = expected.map(|(name, status)| (name.to_owned(), status));
    assert_eq!(libtest::log(log), expected);
}

fn read_left(files: &[(&str, &[u8])], exit_code: i32) -> ToolReport {
    let words = ["cargo", "test"].map(str::to_owned);
    let run = ToolRun { reports: "/r", root: "/w", ..ToolRun::of(&words) };
    let artifact = br#"{"reason":"compiler-artifact","profile":{"test":true},"executable":"/w/target/x"}"#;
    let mut all = vec![("build.jsonl", &artifact[..])];
    all.extend(files);
    let files = all.iter().map(|(path, bytes)| Collected::report(path, bytes)).collect::<Vec<_>>();
    let steps = [StepOutput::ended(StepKind::Build, 0, b""), StepOutput::ended(StepKind::Test, exit_code, b"")];
    CargoTest.read(&ToolOutput { steps: &steps, files: &files, run })
}

#[test]
fn what_does_not_fit_together_is_not_believed() {
    let (source, list, log, code) = (
        ("programs/1/source", &b"src/lib.rs\n"[..]),
        ("programs/1/list", &b"a\nb\n"[..]),
        ("programs/1/log", &b"ok a\nok b\n"[..]),
        ("programs/1/code", &b"0\n"[..]),
    );
    assert_eq!(read_left(&[source, list, log, code], 0).ending, RunEnding::Complete);
    for (files, exit_code) in [
        (&[source, list, log, code][..], 101),
        (&[source, list, ("programs/1/log", b"ok a\n"), code], 0),
        (&[source, list, ("programs/1/log", b"ok a\nok c\n"), code], 0),
        (&[source, list, log, ("programs/1/code", b"139\n")], 0),
        (&[source, list, log], 0),
        (&[source, list, ("programs/1/log", b"ok a\nok b\nfailed b\n"), code], 0),
        (&[source, list, code, ("programs/1/out", b"running 2 tests\ntest a ... ok\ntest b ... ok\n")], 0),
        (&[], 0),
    ] {
        assert_ne!(read_left(files, exit_code).ending, RunEnding::Complete, "{files:?}");
    }
    let printed = b"\nrunning 2 tests\ntest a ... ok\ntest b ... ok\n\ntest result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n";
    assert_eq!(read_left(&[source, list, code, ("programs/1/out", printed)], 0).ending, RunEnding::Complete);
}

#[test]
fn commands_are_recognised() {
    let words = |text: &str| shell_words::split(text).unwrap();
    for (text, expected) in [
        ("cargo test", true),
        ("cargo +stable t --workspace -- --nocapture", true),
        ("/root/.cargo/bin/cargo test -p x --lib filter", true),
        ("cargo test --no-run", false),
        ("cargo nextest run", false),
        ("cargo build", false),
    ] {
        assert_eq!(CargoTest.claims(&words(text)), expected, "{text}");
    }
}

#[test]
fn targets_are_narrowed_where_names_tell() {
    for (ids, expected) in [
        (&["src/lib.rs::a", "a/src/lib.rs::b"][..], "--lib"),
        (&["tests/x.rs::a", "tests/y-z.rs::b", "src/lib.rs::c"], "--lib --test x --test y-z"),
        (&["tests/x/main.rs::a"], ""),
        (&["tests/x y.rs::a"], ""),
        (&["src/main.rs::a"], ""),
        (&["src/lib.rs::doc x"], ""),
    ] {
        assert_eq!(narrowed(ids.iter().copied()).join(" "), expected, "{ids:?}");
    }
}

proptest::proptest! {
    #[test]
    fn arbitrary_output_never_panics(text in "(test |---- |stdout ----|\n|running 2 tests|a| \\.\\.\\. |ok|FAILED|test result: |1 passed; |thread 'x' panicked at |'|, |src/l\\.rs:1:2|stack backtrace:|at |1: x|note: |ö){0,40}") {
        let printed = libtest::printed(&text);
        let _ = libtest::failure(&text, "a", PLACE);
        proptest::prop_assert!(printed.results.len() <= 40);
    }

    #[test]
    fn arbitrary_files_never_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200), code in -1..200) {
        for name in ["build.jsonl", "programs/1/list", "programs/1/log", "programs/1/again", "programs/1/code", "programs/1/out", "programs/1/own"] {
            let _ = read_left(&[("programs/1/source", b"a.rs"), (name, &bytes)], code);
        }
    }
}
