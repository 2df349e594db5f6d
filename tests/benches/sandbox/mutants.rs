//! A small program, a test of it that takes 20 ms, and as many different mutants as are asked for.

/// The program's file.
pub(crate) const FILE: &str = "ledger.py";
/// The test's file.
pub(crate) const TEST_FILE: &str = "test_ledger.py";

/// The program.
pub(crate) const PROGRAM: &str = r#"RATES = {"food": 7, "books": 7, "tools": 19, "travel": 19, "rent": 0}


def tax(kind, net):
    rate = RATES.get(kind, 19)
    return (net * rate + 50) // 100


def total(entries):
    whole = 0
    for kind, net in entries:
        if net < 0 and kind != "refund":
            raise ValueError("negative")
        whole = whole + net + tax(kind, net)
    return whole


def split(amount, people):
    if people <= 0:
        raise ValueError("nobody")
    share = amount // people
    rest = amount - share * people
    return [share + 1 if index < rest else share for index in range(people)]


def balance(entries, limit=1000):
    left = limit
    skipped = 0
    for kind, net in entries:
        cost = net + tax(kind, net)
        if cost > left or net == 13:
            skipped = skipped + 1
        else:
            left = left - cost
    return left, skipped


def digits(number):
    found = 0
    for char in str(abs(number)):
        found = found * 1 + int(char) % 10
    return found if number >= 0 else 0 - found
"#;

/// The test: 20 ms long, and looking at everything.
pub(crate) const TEST: &str = r#"import time

import pytest

from ledger import balance, digits, split, tax, total


def test_ledger():
    time.sleep(0.02)
    assert [tax(kind, 250) for kind in ["food", "tools", "rent", "other"]] == [18, 48, 0, 48]
    assert total([("food", 100), ("travel", 1000), ("rent", 500)]) == 1797
    with pytest.raises(ValueError):
        total([("food", -1)])
    assert split(10, 3) == [4, 3, 3]
    with pytest.raises(ValueError):
        split(1, 0)
    assert balance([("rent", 600), ("rent", 500), ("rent", 13), ("rent", 400)]) == (0, 2)
    assert (digits(1234), digits(-52), digits(0)) == (10, -7, 0)
"#;

const SWAPS: &[(&str, &[&str])] = &[
    (" + ", &[" - ", " * ", " // ", " % ", " | ", " ^ "]),
    (" - ", &[" + ", " * ", " // ", " % ", " & "]),
    (" * ", &[" + ", " - ", " // ", " % ", " ** "]),
    (" // ", &[" * ", " - ", " + ", " % ", " / "]),
    (" % ", &[" * ", " + ", " // "]),
    (" < ", &[" <= ", " > ", " >= ", " == ", " != "]),
    (" <= ", &[" < ", " > ", " >= ", " == ", " != "]),
    (" > ", &[" < ", " <= ", " >= ", " == ", " != "]),
    (" >= ", &[" < ", " <= ", " > ", " == ", " != "]),
    (" == ", &[" != ", " < ", " > ", " is "]),
    (" != ", &[" == ", " < ", " > "]),
    (" and ", &[" or ", " and not "]),
    (" or ", &[" and ", " or not "]),
    ("return ", &["return None and ", "return not ", "return -", "raise ", ""]),
    (" in ", &[" not in "]),
    (" else ", &[" if "]),
    ("left = ", &["left -= ", "left += "]),
    ("whole = ", &["whole += ", "whole -= "]),
    ("found = ", &["found += "]),
    ("if ", &["if not ", "if True or ", "if False and ", "while False and "]),
    ("raise ValueError", &["raise KeyError", "return ValueError"]),
    ("str(", &["repr(", "hex(", "bin("]),
    ("abs(", &["bool(", "float("]),
    ("range(", &["list(", "reversed(range("]),
    ("(kind, net)", &["(net, kind)", "(kind, cost)", "(kind)", "(kind, net, 1)"]),
];

/// Returns different mutants of the program, in a fixed order: swapped operators and changed numbers, one to a mutant, then two.
pub(crate) fn mutants(count: usize) -> Vec<String> {
    let mut found = once(PROGRAM);
    let mut next = 0;
    while found.len() < count && next < found.len() {
        let twice = once(&found[next].clone());
        found.extend(twice);
        found.dedup();
        next += 7;
    }
    found.truncate(count);
    found
}

/// Returns every mutant of a text with one change.
pub(crate) fn once(program: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (from, others) in SWAPS {
        for (at, _) in program.match_indices(from) {
            for to in *others {
                found.push(format!("{}{to}{}", &program[..at], &program[at + from.len()..]));
            }
        }
    }
    let is_digit = |at: usize| program.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
    let mut at = 0;
    while at < program.len() {
        let end = (at..program.len()).find(|it| !is_digit(*it)).unwrap_or(program.len());
        if let Ok(number) = program[at..end].parse::<i64>() {
            for to in [number + 1, number - 1, -number, number * 2 + 1, 0].iter().filter(|to| **to != number) {
                found.push(format!("{}({to}){}", &program[..at], &program[end..]));
            }
        }
        at = end.max(at + 1);
    }
    found
}
