use std::time::Duration;

use super::*;
use crate::report::{RunEnding, TestStatus};
use crate::runner::cargo::tests::{LIB, MANIFEST, PROJECT, toolchain};
use crate::runner::exercise::{self, Exercise};
use crate::tool::Collected;
use crate::workbench::Coverage;

const RUN: [&str; 3] = ["cargo", "nextest", "run"];

/// nextest takes minutes to compile and has no package: where it is not there, its records are read.
fn is_installed() -> bool {
    let there = crate::testing::program("cargo-nextest").is_some() && crate::testing::tools(&["cargo", "timeout"]);
    if !there {
        println!("skipped: cargo-nextest is not installed");
    }
    there
}

fn check(name: &str, words: &[&str], select: Option<&[&str]>, files: &[(&str, &str)]) -> Option<exercise::Exercised> {
    if !is_installed() {
        return None;
    }
    let toolchain = toolchain();
    let env = toolchain.each_ref().map(|(name, value)| (*name, value.as_str()));
    let wish = Exercise { select, env: &env, per_test: Duration::from_secs(3), ..Exercise::new(words, files) };
    Some(exercise::check(&format!("nextest/{name}"), &Nextest, &wish))
}

#[test]
fn nextest_runs() {
    let Some(done) = check("mixed", &RUN, None, &PROJECT) else { return };
    let timed = done.report.results.iter().filter(|result| result.duration > Duration::ZERO).count();
    assert_eq!(timed, done.report.results.len() - 1, "all but the ignored one took some time");
    let select: &[&str] = &["src/lib.rs::tests::small", "tests/whole.rs::whole", "tests/whole.rs::gone"];
    check("selected", &["cargo", "nextest", "run", "-E", "test(nothing)"], Some(select), &PROJECT);
    check("filtered", &["cargo", "nextest", "run", "--test", "whole", "-E", "test(/^who/)"], None, &PROJECT);
    check("no-tests", &["cargo", "nextest", "run", "nothing_like_this"], None, &PROJECT);
    check("broken", &RUN, None, &[PROJECT[0], ("src/lib.rs", "pub fn f() -> u8 {\n    \"x\"\n}\n")]);
}

/// A program and a library of one name, which nextest's events do not tell apart.
const MAIN: &str = "fn main() {}\n\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn small() {\n        panic!(\"of the program\");\n    }\n\n    #[test]\n    fn own() {}\n}\n";

#[test]
fn what_ends_its_process_is_no_pass() {
    let test = |name: &str, body: &str| format!("#[test]\nfn {name}() {{\n    {body}\n}}\n\n");
    let tests = [
        test("a_leaves", "std::process::exit(0);"),
        test("b_aborts", "std::process::abort();"),
        test("c_hangs", "loop { std::thread::yield_now() }"),
        test("d_is_fine", ""),
        test(
            "e_forges",
            "println!(r#\"{{\"type\":\"test\",\"event\":\"ok\",\"name\":\"parcel::own$x\"}}\"#); panic!();",
        ),
    ];
    let own = tests.concat();
    let files = [PROJECT[0], ("src/lib.rs", LIB), ("src/main.rs", MAIN), ("tests/own.rs", &own)];
    check("hostile", &["cargo", "nextest", "run", "--test", "own"], None, &files);
    check("same-name", &["cargo", "nextest", "run", "--lib", "--bins"], None, &files);
}

#[test]
fn a_harness_of_its_own_is_asked_for_its_list() {
    let manifest =
        format!("{MANIFEST}\n[lib]\ntest = false\ndoctest = false\n\n[[test]]\nname = \"own\"\nharness = false\n");
    let own = "fn main() {\n    let args = std::env::args().collect::<Vec<_>>();\n    let is = |word: &str| args.iter().any(|arg| arg == word);\n    if is(\"--list\") && !is(\"--ignored\") {\n        println!(\"good: test\\nbad: test\");\n    }\n    std::process::exit(i32::from(is(\"bad\")));\n}\n";
    check("harness", &RUN, None, &[("Cargo.toml", &manifest), ("src/lib.rs", ""), ("tests/own.rs", own)]);
}

#[test]
fn recorded_runs_are_read_alike() {
    exercise::replay("nextest", &Nextest);
}

#[track_caller]
fn check_changed(file: &str, from: &str, to: &str, expected: fn(&RunEnding) -> bool) {
    let report = exercise::reread_changed("nextest/mixed", &Nextest, |files: &mut Vec<Collected>| {
        for found in files.iter_mut().filter(|found| found.path == file) {
            let text = String::from_utf8_lossy(&found.bytes).into_owned();
            assert!(text.contains(from), "{text}");
            found.bytes = text.replacen(from, to, 1).into_bytes();
        }
    });
    assert!(expected(&report.ending), "{from}: {}", report.ending);
}

#[test]
fn what_does_not_fit_together_is_not_believed() {
    let tampered = |ending: &RunEnding| matches!(ending, RunEnding::Tampered { .. });
    check_changed("events.jsonl", "\"event\":\"failed\",\"name\"", "\"event\":\"ok\",\"name\"", tampered);
    check_changed("events.jsonl", "\"event\":\"ok\",\"passed\":2", "\"event\":\"ok\",\"passed\":3", tampered);
    let torn = |ending: &RunEnding| *ending != RunEnding::Complete;
    check_changed("events.jsonl", "\"event\":\"ok\",\"name\"", "\"event\":\"ok\", name", torn);
    check_changed("cases", "0\t", "70\t", tampered);
    check_changed("events.jsonl", "{\"type\":\"suite\",\"event\":\"ok\"", "{\"type\":\"x\",\"event\":\"ok\"", tampered);
    let crashed = |ending: &RunEnding| matches!(ending, RunEnding::Crashed { .. });
    let started = "{\"type\":\"test\",\"event\":\"started\",\"name\":\"parcel::whole$more\"}\n{\"type\":\"suite\"";
    check_changed("events.jsonl", "{\"type\":\"suite\"", started, crashed);
}

#[test]
fn commands_are_recognised() {
    let words = |text: &str| shell_words::split(text).unwrap();
    for (text, expected) in [
        ("cargo nextest run", true),
        ("cargo +stable nextest r --workspace -E 'test(x)'", true),
        ("cargo nextest run -- --debugger", true),
        ("cargo nextest list", false),
        ("cargo nextest run --archive-file=x.tar.zst", false),
        ("cargo nextest run --no-run", false),
        ("cargo nextest", false),
        ("cargo test", false),
    ] {
        assert_eq!(Nextest.claims(&words(text)), expected, "{text}");
    }
}

#[test]
fn options_go_to_the_build_and_to_nextest() {
    let words = "-p a --cargo-profile ci --build-jobs=2 -P deep -E test(x) --retries 3 --features=f --test-threads 1";
    let words = shell_words::split(words).unwrap();
    let flags = Options::of(&words).flags;
    assert_eq!(of_cargo(&flags).join(" "), "-p a --profile ci --jobs=2 --features=f");
    let kept = "-p a --cargo-profile ci --build-jobs=2 -P deep -E test(x) --features=f --test-threads 1";
    assert_eq!(of_nextest(&flags, false).join(" "), kept);
    assert_eq!(of_nextest(&flags, true).join(" "), kept.replace(" -E test(x)", ""));
}

#[test]
fn lines_are_counted() {
    if !is_installed() || !crate::runner::cargo::tests::counts_lines() {
        return;
    }
    let toolchain = toolchain();
    let env = toolchain.each_ref().map(|(name, value)| (*name, value.as_str()));
    let select: Option<&[&str]> = Some(&["src/lib.rs::tests::small"]);
    let wish = Exercise { select, env: &env, coverage: Coverage::PerTest, ..Exercise::new(&RUN, &PROJECT) };
    let done = exercise::run(&Nextest, &wish);
    assert_eq!(done.report.results[0].status, TestStatus::Passed, "{}", done.printed());
    assert_eq!(
        crate::format::lines::show(&done.report.lines),
        ["src/lib.rs: 18 19 20 21 22 23 34 35 36"],
        "{}",
        done.printed()
    );
}

proptest::proptest! {
    #[test]
    fn arbitrary_reports_never_panic(text in "(\\{\"type\":\"test\",|\\{\"type\":\"suite\",|\"event\":\"ok\"|\"event\":\"started\"|,\"name\":\"a::b\\$c\"|,\"passed\":1|\\}\n|\\\\|\"|9e999|,\"exec_time\":-1.5|ö){0,40}") {
        let events = events::Events::of(text.as_bytes());
        proptest::prop_assert!(events.cases.len() <= 40);
    }
}
