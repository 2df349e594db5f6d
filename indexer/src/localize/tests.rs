use std::fs;
use std::path::Path;

use proptest::prelude::*;
use repo::Store;

use super::*;
use crate::spectrum::TestCoverage;

const FILES: &[(&str, &str)] = &[
    ("shop/__init__.py", "from shop.cart import Cart\n"),
    (
        "shop/cart.py",
        r#"from shop.errors import CartError
from shop.tax import rate


class Container:
    def weigh(self):
        return sum(item.weight for item in self.items)


class Cart(Container):
    """Holds items until they are paid."""

    def __init__(self, items):
        self.items = items

    def total(self):
        if not self.items:
            raise CartError("cannot pay for %s items in %s" % (0, self))
        return self.subtotal() * rate(self)

    def subtotal(self):
        return sum(item.price for item in self.items)
"#,
    ),
    (
        "shop/tax.py",
        r#"def rate(cart):
    def reduced(item):
        return item.book
    return 1.07 if all(reduced(item) for item in cart.items) else 1.19


def advance_turnover_return(quarter):
    return quarter * 3
"#,
    ),
    ("shop/errors.py", "class CartError(ValueError):\n    pass\n"),
    (
        "tests/test_cart.py",
        "from shop import Cart\n\n\ndef test_total_of_empty_cart():\n    assert Cart([]).total() == 0\n",
    ),
];

struct Fixture {
    index: Index,
    _dir: tempfile::TempDir,
}

fn fixture(files: &[(&str, &str)]) -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("folder");
    for (path, text) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let index = open(dir.path(), &folder);
    Fixture { index, _dir: dir }
}

fn open(dir: &Path, folder: &Path) -> Index {
    let (store, tree) = Store::import(&dir.join("store"), folder).unwrap();
    Index::open(&dir.join("cache"), &store.snapshot(tree).unwrap(), &|_| {}).unwrap()
}

fn search(fixture: &Fixture, text: &str, settings: &Settings) -> Localization {
    let issue = IssueText::parse(text);
    let inputs = Inputs { issue: &issue, spectrum: None, failing_tests: &[] };
    localize_with(&fixture.index, &inputs, settings, 10).unwrap()
}

/// Asserts which definition comes first and that one of its reasons says why.
fn check(text: &str, settings: &Settings, first: &str, reason: &str) {
    let found = search(&fixture(FILES), text, settings);
    let top = found.symbols.first().unwrap_or_else(|| panic!("nothing found for {text:?}"));
    assert_eq!(format!("{}::{}", top.path, top.name), first, "for {text:?}: {found:#?}");
    assert!(top.evidence.iter().any(|it| it.contains(reason)), "{reason:?} is not in {:?}", top.evidence);
}

const TRACEBACK: &str = "It breaks\nTraceback (most recent call last):\n  File \"/home/me/app/main.py\", line 3, in <module>\n  File \"/usr/lib/python3/site-packages/shop/cart.py\", line 99, in total\n    x\n  File \"/usr/lib/python3/decimal.py\", line 3, in f\n";

#[test]
fn traceback_frames_name_functions_even_when_lines_moved() {
    check(
        TRACEBACK,
        &Settings::only(Signal::Frames),
        "shop/cart.py::Cart.total",
        "traceback frame 2: /usr/lib/python3/site-packages/shop/cart.py:99",
    );
    check(TRACEBACK, &Settings::default(), "shop/cart.py::Cart.total", "traceback frame 2");
}

#[test]
fn frames_in_nested_functions_count_for_the_function_around_them() {
    let text = "T\nFile \"x/shop/tax.py\", line 3, in reduced";
    check(text, &Settings::only(Signal::Frames), "shop/tax.py::rate", "traceback frame 1");
}

#[test]
fn names_are_resolved_with_their_qualifier() {
    let only = Settings::only(Signal::Names);
    check("`Cart.subtotal` is wrong", &only, "shop/cart.py::Cart.subtotal", "issue names `Cart.subtotal`");
    check("see advance_turnover_return", &only, "shop/tax.py::advance_turnover_return", "`advance_turnover_return`");
    check("T\n```\nfrom shop import tax\ntax.rate(1)\n```", &only, "shop/tax.py::rate", "shop.tax.rate");
}

#[test]
fn messages_are_laid_over_literals() {
    let text = "T\nshop.errors.CartError: cannot pay for 0 items in <Cart>";
    check(
        text,
        &Settings::only(Signal::Messages),
        "shop/cart.py::Cart.total",
        "matches the message “cannot pay for 0 items",
    );
}

#[test]
fn words_are_enough() {
    check(
        "Wrong turnover in advance return of quarters",
        &Settings::default(),
        "shop/tax.py::advance_turnover_return",
        "words of the issue: rank 1",
    );
    check("subtotal", &Settings::only(Signal::TitleWords), "shop/cart.py::Cart.subtotal", "words of the title");
}

#[test]
fn named_files_and_modules_are_found() {
    let only = Settings::only(Signal::Places);
    for (text, reason) in
        [("broken since tax.py changed", "the file tax.py"), ("`shop.tax.vat` is missing", "the module shop.tax")]
    {
        let found = search(&fixture(FILES), text, &only);
        assert_eq!(found.files[0].path.to_string(), "shop/tax.py");
        assert!(found.files[0].evidence[0].contains(reason), "{:?}", found.files[0].evidence);
    }
}

#[test]
fn lines_of_failing_tests_outweigh_words() {
    let fixture = fixture(FILES);
    let path = RepoPath::new("shop/tax.py").unwrap();
    let ran = |test: &str, failed, lines: &[u32]| TestCoverage {
        test: test.into(),
        failed,
        lines: vec![(path.clone(), lines.to_vec())],
    };
    let spectrum = Spectrum::new(&[ran("a", true, &[1, 7, 8]), ran("b", false, &[1, 7])]);
    let issue = IssueText::parse("cart total");
    let inputs = Inputs { issue: &issue, spectrum: Some(&spectrum), failing_tests: &[] };
    let found = localize(&fixture.index, &inputs, 3).unwrap();
    assert_eq!(found.symbols[0].name, "advance_turnover_return");
    assert_eq!(found.symbols[0].evidence[0], "failing tests run line 8 (Ochiai 1.00)");
    assert_eq!(found.files[0].path, path);
}

#[test]
fn failing_tests_point_to_what_they_use() {
    let fixture = fixture(FILES);
    let issue = IssueText::parse("T");
    for id in ["tests/test_cart.py::test_total_of_empty_cart[x]", "no/such.py::test", "x"] {
        let tests = [id.to_owned()];
        let inputs = Inputs { issue: &issue, spectrum: None, failing_tests: &tests };
        let found = localize_with(&fixture.index, &inputs, &Settings::only(Signal::FailingTests), 10).unwrap();
        let names: Vec<_> = found.symbols.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names.contains(&"Cart"), id.contains("empty"), "{id}: {names:?}");
    }
}

#[test]
fn neighbours_in_the_graph_are_voted_for() {
    let words = Settings::default().with(Signal::Graph, Weights::OFF);
    let before = search(&fixture(FILES), "Cart.total", &words);
    let after = search(&fixture(FILES), "Cart.total", &Settings::default());
    let subtotal = |found: &Localization| found.symbols.iter().find(|it| it.name == "Cart.subtotal").cloned().unwrap();
    assert!(subtotal(&after).evidence.iter().any(|it| it == "next to `Cart.total` in the code graph"), "{after:#?}");
    assert!(!subtotal(&before).evidence.iter().any(|it| it.contains("graph")));
}

#[test]
fn tests_are_suspects_only_when_nothing_else_is() {
    let found = search(&fixture(FILES), "test_total_of_empty_cart fails in tests/test_cart.py", &Settings::default());
    assert!(found.files.iter().all(|it| !it.path.to_string().starts_with("tests/")), "{found:#?}");
    let only_tests = fixture(&FILES[4..]);
    let found = search(&only_tests, "total of empty cart", &Settings::default());
    assert_eq!(found.files[0].path.to_string(), "tests/test_cart.py");
}

#[test]
fn what_is_switched_off_says_nothing() {
    let silent =
        Signal::ALL.into_iter().fold(Settings::default(), |settings, signal| settings.with(signal, Weights::OFF));
    assert_eq!(search(&fixture(FILES), TRACEBACK, &silent), Localization::default());
}

#[test]
fn an_empty_issue_or_repository_finds_nothing() {
    assert_eq!(search(&fixture(FILES), "", &Settings::default()), Localization::default());
    let empty = fixture(&[("README.md", "nothing to parse")]);
    assert_eq!(search(&empty, TRACEBACK, &Settings::default()), Localization::default());
}

#[test]
fn limits_hold_and_scores_fall_from_one() {
    let fixture = fixture(FILES);
    let issue = IssueText::parse(TRACEBACK);
    let inputs = Inputs { issue: &issue, spectrum: None, failing_tests: &[] };
    let found = localize(&fixture.index, &inputs, 2).unwrap();
    assert!(found.files.len() <= 2 && found.symbols.len() == 2);
    let scores: Vec<f64> = found.symbols.iter().map(|it| it.score).collect();
    assert!(scores[0] == 1.0 && scores.is_sorted_by(|a, b| a >= b) && scores.iter().all(|it| *it > 0.0), "{scores:?}");
    let json = serde_json::to_value(&found).unwrap();
    assert_eq!(json["symbols"][0]["name"], "Cart.total");
    assert_eq!(json["files"][0]["path"], "shop/cart.py");
}

#[test]
fn equal_questions_get_equal_answers() {
    let (one, other) = (fixture(FILES), fixture(FILES));
    assert_eq!(search(&one, TRACEBACK, &Settings::default()), search(&other, TRACEBACK, &Settings::default()));
}

#[test]
fn signals_can_be_read_alone() {
    let fixture = fixture(FILES);
    let issue = IssueText::parse(TRACEBACK);
    let inputs = Inputs { issue: &issue, spectrum: None, failing_tests: &[] };
    let all = votes(&fixture.index, &inputs, &Settings::default()).unwrap();
    assert_eq!(all.len(), Signal::ALL.len());
    let frames = all.iter().find(|it| it.signal == Signal::Frames).unwrap();
    assert_eq!(frames.symbols[0].1, "Cart.total");
    for (_, _, score) in all.iter().flat_map(|it| &it.symbols) {
        assert!(*score > 0.0 && *score <= 1.0);
    }
}

#[test]
fn any_issue_is_survived() {
    let fixture = fixture(FILES);
    proptest!(ProptestConfig::with_cases(64), |(text in "(?s).{0,200}", marks in "([`>.:/\"'# \\n(){}aA_%]|File \"|cart|Error: |total){0,40}")| {
        for text in [&text, &marks] {
            let found = search(&fixture, text, &Settings::default());
            for symbol in &found.symbols {
                prop_assert!(symbol.score > 0.0 && symbol.score <= 1.0);
            }
        }
    });
}
