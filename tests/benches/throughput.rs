//! Counts candidates validated per second on a small program whose fault no single edit can mend, so that the search runs for all of its time.
//!
//! ```text
//! cargo build --release -p agent
//! cargo bench -p e2e --bench throughput [-- --sandbox process|docker --seconds N]
//! ```
//!
//! The rate is that of the search itself, without sandbox start, baseline and localization.
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use anyhow::{Context, Result, ensure};
use e2e::bench::{Case, Facts, Setting, fix, options};
use e2e::program::released;
use e2e::repository::Repository;

const PROGRAM: &str = r#"def weave(first, second):
    """The items of two lists in turn, then what is left of the longer."""
    woven = []
    for index in range(max(len(first), len(second))):
        if index < len(first):
            woven.append(first[index])
        if index < len(second):
            woven.append(second[index])
    return woven


def runs(items):
    """Pairs of an item and how often it stands in a row."""
    found = []
    for item in items:
        if found and found[-1][0] == item:
            found[-1] = (item, found[-1][1] + 1)
        else:
            found.append((item, 1))
    return found


def rotate(items, steps):
    """The list, turned to the left."""
    if not items:
        return []
    steps = steps % len(items)
    return items[steps:] + items[:steps]
"#;

const TESTS: &str = r#"from weave import rotate, runs, weave


def test_weave():
    assert weave([1, 3], [2, 4, 5]) == [1, 2, 3, 4, 5]


def test_runs():
    assert runs("aabc") == [("a", 2), ("b", 1), ("c", 1)]


def test_rotate():
    assert rotate([1, 2, 3], 1) == [2, 3, 1]


def test_everything_at_once():
    assert weave(rotate([1, 2], 1), runs("x")) == ["this", "cannot", "be", "reached", 17]
"#;

fn main() -> Result<()> {
    let options = options(&["sandbox", "seconds"])?;
    let seconds: u64 = options.get("seconds").map_or(Ok(20), |it| it.parse()).context("--seconds is a number")?;
    let repository = Repository::with(&[("weave.py", PROGRAM), ("test_weave.py", TESTS)])?;
    repository.commit("first")?;
    repository.beside("issue.md", "# weave is wrong\n\n`weave` in weave.py does not give what the test wants.\n")?;
    let case = Case {
        name: "weave".to_owned(),
        dir: repository.path().with_file_name(""),
        facts: Facts { test_command: "python3 -m pytest test_weave.py".to_owned(), fail_to_pass: Vec::new(), seconds },
    };
    for sandbox in options.get("sandbox").map_or(vec!["process", "docker"], |it| vec![it.as_str()]) {
        if sandbox == "docker" && !e2e::engine::available()? {
            continue;
        }
        let setting = Setting { program: released()?, sandbox: sandbox.to_owned(), seed: 1, seconds: None };
        let outcome = fix(&case, &setting)?;
        ensure!(outcome.patch.is_none(), "the unreachable was reached: {:?}", outcome.patch);
        ensure!(!outcome.answer.is_null(), "no answer:\n{}", outcome.talk);
        println!(
            "{sandbox}: {} candidates in {:.1} s, {:.1} a second",
            outcome.evaluations, outcome.seconds, outcome.rate
        );
    }
    Ok(())
}
