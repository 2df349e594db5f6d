//! Exact tables of values on small functions, and functions whose values fight back.

use super::*;
use crate::workbench::trace::{Trace, TraceLimits, TraceRequest, TracedOutcome};

/// The digits of a number, with a fault: the zero is dropped.
const DIGITS: &str = r#"class Number:
    """A number."""

    def __init__(self, value):
        self.value = value

    def digits(self, base):
        """Least digit first."""
        found = []
        rest = self.value
        while rest:
            rest, digit = divmod(rest, base)
            if digit:
                found.append(digit)
        try:
            check = found[0] / base
        except IndexError as error:
            raise ValueError("no digits") from error
        return found
"#;

async fn trace_in(bench: &mut Workbench, runner: RunnerKind, test: &str, function: &str, limits: TraceLimits) -> Trace {
    let request = TraceRequest {
        plan: plan(runner),
        test: TestId::from(test),
        path: RepoPath::new("victim.py").unwrap(),
        function: function.to_owned(),
        overlay: Vec::new(),
        per_test: Duration::from_secs(20),
        limits,
    };
    bench.trace(&request).await.unwrap()
}

async fn trace(source: &str, test: &str, function: &str, limits: TraceLimits) -> Trace {
    let mut bench = start().await;
    bench.put(vec![file("victim.py", source), file("test_victim.py", test)]).await.unwrap();
    let trace = trace_in(&mut bench, RunnerKind::Unittest, "test_victim.T.test_it", function, limits).await;
    bench.close().await.unwrap();
    trace
}

fn test_around(body: &str) -> String {
    format!(
        "import unittest\nfrom victim import *\n\nclass T(unittest.TestCase):\n    def test_it(self):\n        {body}\n"
    )
}

fn pairs(values: &[(String, String)]) -> String {
    values.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

/// A trace as people would write it down.
fn table(trace: &Trace) -> String {
    let mut text = String::new();
    for call in &trace.calls {
        text.push_str(&format!("call {}: {}\n", call.number, pairs(&call.arguments)));
        for block in &call.blocks {
            text.push_str(&format!("  lines {}-{} x{}\n", block.lines.0, block.lines.1, block.hits));
            for visit in &block.visits {
                text.push_str(&format!("    {}: {} -> {}\n", visit.order, pairs(&visit.before), pairs(&visit.after)));
            }
        }
        text.push_str(&match &call.outcome {
            TracedOutcome::Returned { value } => format!("  returned {value}\n"),
            TracedOutcome::Raised { exception } => format!("  raised {exception}\n"),
            TracedOutcome::Unfinished => "  unfinished\n".to_owned(),
        });
    }
    text
}

#[tokio::test]
async fn blocks_and_values_are_exactly_those_of_the_run() {
    let limits = TraceLimits { visits: 4, ..TraceLimits::default() };
    let test = test_around("assert Number(102).digits(10) == [2, 0, 1]");
    let found = trace(DIGITS, &test, "Number.digits", limits).await;
    let expected = "\
call 1: self=Number(value=102) base=10
  lines 9-10 x1
    1: self=Number(value=102) -> found=[] rest=102
  lines 11-11 x4
    2: rest=102 -> 
    5: rest=10 -> 
    7: rest=1 -> 
    10: rest=0 -> 
  lines 12-13 x3
    3: base=10 rest=102 -> digit=2 rest=10
    6: base=10 digit=2 rest=10 -> digit=0 rest=1
    8: base=10 digit=0 rest=1 -> digit=1 rest=0
  lines 14-14 x2
    4: digit=2 found=[] -> found=[2]
    9: digit=1 found=[2] -> found=[2, 1]
  lines 16-16 x1
    11: base=10 found=[2, 1] -> check=0.2
  lines 19-19 x1
    12: found=[2, 1] -> 
  returned [2, 1]
";
    assert_eq!(table(&found), expected);
    assert_eq!((found.total_calls, found.stopped), (1, None));
    assert_eq!(found.result.unwrap().status, TestStatus::Failed);
}

#[tokio::test]
async fn exceptions_and_many_calls_are_told() {
    let limits = TraceLimits { calls: 2, ..TraceLimits::default() };
    let test = test_around("[Number(n).digits(10) for n in (1, 2, 3, 0)]");
    let found = trace(DIGITS, &test, "Number.digits", limits).await;
    assert_eq!(found.total_calls, 4);
    assert_eq!(found.calls.iter().map(|call| call.number).collect::<Vec<_>>(), [1, 4]);
    let raised = TracedOutcome::Raised { exception: "ValueError('no digits')".into() };
    assert_eq!(found.calls[1].outcome, raised);
    assert!(table(&found).contains("  lines 17-18 x1\n"), "{}", table(&found));
}

#[tokio::test]
async fn loops_keep_their_first_and_last_rounds() {
    let source = "def total(n):\n    sum = 0\n    for i in range(n):\n        sum += i\n    return sum\n";
    let found =
        trace(source, &test_around("total(1000)"), "total", TraceLimits { visits: 4, ..TraceLimits::default() }).await;
    let body = &found.calls[0].blocks[2];
    assert_eq!((body.lines, body.hits), ((4, 4), 1000));
    let values: Vec<&str> = body.visits.iter().map(|visit| visit.before[0].1.as_str()).collect();
    assert_eq!(values, ["0", "1", "998", "999"]);
}

#[tokio::test]
async fn pytest_and_functions_inside_functions_are_traced() {
    let source = "def make(k):\n    def add(x):\n        return x + k\n    return add\n";
    let mut bench = start().await;
    if bench.pytest_version().is_err() {
        println!("skipped: no pytest");
        return bench.close().await.unwrap();
    }
    let test = "from victim import make\n\ndef test_it():\n    assert make(2)(3) == 6\n";
    bench.put(vec![file("victim.py", source), file("test_victim.py", test)]).await.unwrap();
    let id = "test_victim.py::test_it";
    let found = trace_in(&mut bench, RunnerKind::Pytest, id, "make.<locals>.add", TraceLimits::default()).await;
    assert_eq!(table(&found), "call 1: x=3\n  lines 3-3 x1\n    1: k=2 x=3 -> \n  returned 5\n");
    let none = trace_in(&mut bench, RunnerKind::Pytest, id, "make.sub", TraceLimits::default()).await;
    assert_eq!(none.stopped.as_deref(), Some("there is no function make.sub in victim.py"));
    assert_eq!(none.result.unwrap().status, TestStatus::Failed, "the test runs all the same");
    let gone = trace_in(&mut bench, RunnerKind::Pytest, "test_victim.py::gone", "make", TraceLimits::default()).await;
    assert!(gone.calls.is_empty() && gone.result.is_none());
    bench.close().await.unwrap();
}

/// Every way in which a value could run code, or be endless.
const HOSTILE: &str = r#"
import os, sys

class Meta(type):
    def __getattribute__(cls, name):
        os._exit(3)

class Exits(metaclass=Meta):
    def __init__(self):
        self.__dict__["kept"] = 1
    def __repr__(self):
        os._exit(4)
    __str__ = __repr__

class Hangs(list):
    def __repr__(self):
        while True: pass
    __len__ = __iter__ = __getitem__ = __repr__

class Raises:
    __slots__ = ("slot",)
    @property
    def __dict__(self):
        os._exit(5)
    @property
    def __class__(self):
        os._exit(6)
    def __getattribute__(self, name):
        os._exit(7)

class Text(str):
    def __len__(self):
        return os._exit(8)
    __getitem__ = __repr__ = __len__

def victim():
    a = object.__new__(Exits)
    object.__setattr__(a, "kept", 1)
    b = Hangs([1, 2])
    c = Raises.__new__(Raises)
    Raises.slot.__set__(c, "s")
    d = Text("t" * 10**6)
    e = 10 ** 100000
    f = list(range(10 ** 6))
    g = {}
    g["g"] = g
    h = "\x1b[31mred\x00"
    i = (b"x", {3, 1, 2}, frozenset(), 1.5, None, victim, type(a))
    return None
"#;

#[tokio::test]
async fn no_value_runs_code_or_is_endless() {
    let found = trace(HOSTILE, &test_around("victim()"), "victim", TraceLimits::default()).await;
    assert_eq!(found.ending, RunEnding::Complete, "{found:#?}");
    let block = &found.calls[0].blocks[0];
    let values: Vec<String> = block.visits[0].after.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let most = TraceLimits::default().text;
    assert!(block.visits[0].after.iter().all(|(_, value)| value.chars().count() <= most), "{values:#?}");
    let text = values.join("\n");
    for expected in [
        "a=Exits(kept=1)",
        "b=Hangs([1, 2])",
        "c=Raises(slot='s')",
        "d=Text('tttt",
        "e=<int of 332193 bits>",
        "f=[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, ... (1000000)]",
        "g={'g': {'g': {'g': {'g': {... (1)}}}}}",
        "h='\\x1b[31mred\\x00'",
        "i=(b'x', {1, 2, 3}, frozenset(), 1.5, None, <function victim>, <class Exits>)",
    ] {
        assert!(text.contains(expected), "{expected} in\n{text}");
    }
    assert_eq!(found.calls[0].outcome, TracedOutcome::Returned { value: "None".into() });
}

#[tokio::test]
async fn deep_recursion_generators_and_long_runs_are_capped() {
    let source = "\
def deep(n):
    return deep(n + 1)

def generate(n):
    for i in range(n):
        yield i * i

def busy():
    n = 0
    while n < 10 ** 9:
        n += 1
    return n
";
    let deep = "try:\n            deep(0)\n        except RecursionError:\n            pass";
    let found = trace(source, &test_around(deep), "deep", TraceLimits::default()).await;
    assert_eq!(found.result.unwrap().status, TestStatus::Passed);
    assert!(found.total_calls > 100 && found.calls.len() <= 6, "{}", found.total_calls);
    let found = trace(source, &test_around("list(generate(3))"), "generate", TraceLimits::default()).await;
    assert_eq!(found.total_calls, 1, "a generator that is resumed is one call");
    assert!(table(&found).ends_with("  returned None\n"), "{}", table(&found));
    let limits = TraceLimits { steps: 1000, ..TraceLimits::default() };
    let endless = "import signal; signal.setitimer(signal.ITIMER_REAL, 0.5); busy()";
    let found = trace(source, &test_around(endless), "busy", limits).await;
    assert_eq!(found.stopped.as_deref(), Some("1000 steps were traced"));
    assert_eq!(found.calls[0].outcome, TracedOutcome::Unfinished);
}

#[tokio::test]
async fn a_command_has_no_values_to_show() {
    let mut bench = start().await;
    let request = TraceRequest {
        plan: TestPlan { args: vec!["true".into()], ..plan(RunnerKind::Command) },
        test: TestId::from("command: true"),
        path: RepoPath::new("victim.py").unwrap(),
        function: "f".into(),
        overlay: Vec::new(),
        per_test: Duration::from_secs(1),
        limits: TraceLimits::default(),
    };
    assert!(bench.trace(&request).await.is_err());
    assert!(bench.is_alive());
    bench.close().await.unwrap();
}
