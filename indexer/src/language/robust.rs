//! Whatever bytes a file has, every language reads it without a panic, in bounded time, and alike each time.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use repo::RepoPath;

use crate::facts::FileFacts;
use crate::index::SkipReason;
use crate::parse;
use crate::syntax::LanguageId;

/// What opens and closes something in one language or another.
const NESTS: &[(&str, &str)] = &[
    ("(", ")"),
    ("[", "]"),
    ("{", "}"),
    ("f(", ")"),
    ("a.b(", ").c"),
    ("!", ""),
    ("x ? ", " : y"),
    ("if (x) {", "}"),
    ("class A {", "}"),
    ("function f() {", "}"),
    ("fn f() {", "}"),
    ("namespace a {", "}"),
    ("() => {", "}"),
    ("A<", ">"),
    ("/*", "*/"),
    ("`${", "}`"),
    ("<a>", "</a>"),
    ("a::", ""),
    ("#if A\n", "#endif\n"),
    ("if x:\n ", ""),
    ("begin\n", "end\n"),
];
/// What a parse is given here.
const LIMIT: Duration = Duration::from_secs(2);
/// What a file may take on a busy machine, where the clock runs on while others work.
const LONGEST: Duration = Duration::from_secs(60);

fn languages() -> impl Iterator<Item = LanguageId> {
    LanguageId::ALL.into_iter()
}

/// Returns the annotated programs of a language, its kin included: they are as good as any as what gets broken.
fn programs(language: LanguageId) -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/facts");
    let folders = fs::read_dir(root).unwrap().map(|it| it.unwrap().path());
    let files = folders.flat_map(|it| fs::read_dir(it).unwrap()).map(|it| it.unwrap().path());
    let mut programs = Vec::new();
    for path in files {
        let bytes = fs::read(&path).unwrap();
        let name = RepoPath::new(path.file_name().unwrap().to_str().unwrap()).unwrap();
        if LanguageId::of_file(&name, &bytes) == Some(language) {
            programs.push(bytes);
        }
    }
    programs
}

/// Reads bytes, and checks what must be true of all facts.
fn check(language: LanguageId, bytes: &[u8]) {
    let Ok(facts) = parse::extract(language, bytes, LIMIT) else { return };
    for (at, symbol) in facts.symbols.iter().enumerate() {
        assert!(symbol.span.start <= symbol.span.end && symbol.span.end <= bytes.len(), "{language}: {symbol:?}");
        assert!(symbol.parent.is_none_or(|it| (it as usize) < at), "{language}: {symbol:?}");
        assert!(symbol.lines.start >= 1 && symbol.lines.start <= symbol.lines.end, "{language}: {symbol:?}");
    }
    let known = |it: Option<u32>| it.is_none_or(|it| (it as usize) < facts.symbols.len());
    assert!(facts.references.iter().all(|it| known(it.within) && it.offset as usize <= bytes.len()), "{language}");
    assert!(facts.references.is_sorted_by_key(|it| it.offset), "{language}");
    let texts = || facts.comments.iter().chain(&facts.strings).chain(&facts.docs);
    assert!(texts().all(|it| known(it.within) && it.span.end as usize <= bytes.len()), "{language}");
    assert!(facts.imports.iter().all(|it| known(it.within)), "{language}");
}

#[test]
fn every_language_has_a_program_to_break() {
    for language in languages() {
        assert!(!programs(language).is_empty(), "{language} has no annotated program");
    }
}

#[test]
fn programs_cut_off_anywhere_have_facts() {
    for language in languages() {
        for program in programs(language) {
            (0..program.len()).step_by(program.len() / 60 + 1).for_each(|it| check(language, &program[..it]));
            (0..program.len()).step_by(program.len() / 20 + 1).for_each(|it| check(language, &program[it..]));
        }
    }
}

#[test]
fn nothing_is_nested_too_deeply() {
    for language in languages() {
        for (open, close) in NESTS {
            check_nested(language, open, close, 2_000);
        }
        check_nested(language, "(", ")", 100_000);
        check_nested(language, "{", "", 100_000);
    }
}

fn check_nested(language: LanguageId, open: &str, close: &str, depth: usize) {
    let started = Instant::now();
    let deep = [open.repeat(depth), "x".to_owned(), close.repeat(depth)].concat();
    check(language, deep.as_bytes());
    check(language, &deep.as_bytes()[..open.len() * depth]);
    let took = started.elapsed();
    assert!(took < LONGEST, "{language}: {depth} times {open:?} took {took:?}");
}

#[test]
fn a_parse_ends_in_time() {
    // Ten thousand types that never end are one node of all that came before, made anew each time.
    let slow = "A<".repeat(20_000);
    let started = Instant::now();
    let limit = Duration::from_millis(100);
    assert_eq!(parse::extract(LanguageId::CSharp, slow.as_bytes(), limit), Err(SkipReason::TooSlow));
    assert!(started.elapsed() < LONGEST);
}

#[test]
fn a_parse_that_goes_back_too_often_ends_whatever_the_clock_says() {
    // Comments are looked through to the last of them at the end of each line.
    let comments = |count: usize| ["#if A\n".repeat(count), "x".to_owned(), "#endif\n".repeat(count)].concat();
    let far = Duration::from_secs(24 * 60 * 60);
    let started = Instant::now();
    assert_eq!(parse::extract(LanguageId::Python, comments(20_000).as_bytes(), far), Err(SkipReason::TooSlow));
    assert!(started.elapsed() < LONGEST);
    assert!(parse::extract(LanguageId::Python, comments(2_000).as_bytes(), far).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn programs_with_changed_bytes_have_facts(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        moved in any::<(prop::sample::Index, prop::sample::Index)>(),
    ) {
        for language in languages() {
            for mut program in programs(language) {
                for (at, byte) in &changes {
                    let at = at.index(program.len());
                    program[at] = *byte;
                }
                let (one, other) = (moved.0.index(program.len()), moved.1.index(program.len()));
                program.swap(one, other);
                program.rotate_left(one);
                check(language, &program);
            }
        }
    }

    #[test]
    fn any_bytes_have_facts(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        for language in languages() {
            check(language, &bytes);
            let again: Option<FileFacts> = parse::extract(language, &bytes, LIMIT).ok();
            prop_assert_eq!(again, parse::extract(language, &bytes, LIMIT).ok());
        }
    }
}
