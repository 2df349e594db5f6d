//! One table of before and after per family, and what holds for every proposal.

use std::ops::Range;

use indexer::syntax::{LanguageId, SyntaxTree};
use proptest::prelude::*;
use repo::RepoPath;

use super::TemplateContext;
use crate::propose::{DonorPool, Proposal, ProposeLimits, TargetFile, propose_all};

fn propose(text: &str, suspicion: &dyn Fn(usize) -> f64) -> Vec<Proposal> {
    let tree = SyntaxTree::parse(LanguageId::Python, text.as_bytes());
    let path = RepoPath::new("module.py").unwrap();
    let file = TargetFile { path: &path, tree: &tree, suspicion };
    propose_all(&file, &DonorPool::default(), &ProposeLimits { per_site: 60, ..ProposeLimits::default() })
}

fn apply(text: &str, proposal: &Proposal) -> String {
    let mut text = text.to_owned();
    for edit in proposal.edits.iter().rev() {
        text.replace_range(edit.span.clone(), &edit.replacement);
    }
    text
}

/// Checks that the family proposes each change of the one line that ends in `#!` (the mark is not part of the code).
#[track_caller]
fn check(family: &str, code: &str, expected: &[&str]) {
    let marked = code.lines().position(|line| line.ends_with("#!")).expect("a marked line") + 1;
    let text = code.replace("#!", "").lines().map(|line| format!("{}\n", line.trim_end())).collect::<String>();
    let tree = SyntaxTree::parse(LanguageId::Python, text.as_bytes());
    let path = RepoPath::new("module.py").unwrap();
    let suspicion = |line| if line == marked { 1.0 } else { 0.0 };
    let file = TargetFile { path: &path, tree: &tree, suspicion: &suspicion };
    let donors = DonorPool::default();
    let cx = TemplateContext::new(&file, &donors);
    let mut rewrites = Vec::new();
    super::all().iter().find(|it| it.id() == family).unwrap().propose(&cx, &mut rewrites);
    assert!(rewrites.iter().all(|it| it.variant.split('/').next() == Some(family)));
    let results: Vec<_> = rewrites.iter().map(|it| edited(&text, &it.edits)).collect();
    for line in expected {
        let is_result = |it: &&String| it.lines().nth(marked - 1).is_some_and(|it| it.trim() == *line);
        assert!(results.iter().any(|it| is_result(&it)), "{family} does not propose `{line}`");
    }
}

fn edited(text: &str, edits: &[(Range<usize>, String)]) -> String {
    let mut text = text.to_owned();
    for (span, replacement) in edits.iter().rev() {
        text.replace_range(span.clone(), replacement);
    }
    text
}

#[test]
fn conditions() {
    let code = "def f(items, limit, other):\n    if other > limit:\n        pass\n    if limit > 3 and items: #!\n        return 1\n";
    let expected = [
        "if limit > 3:",
        "if items:",
        "if not (limit > 3 and items):",
        "if limit > 3 and items and other > limit:",
        "if limit > 3 and items or other > limit:",
    ];
    check("condition", code, &expected);
    check(
        "condition",
        "def f(queue):\n    while True: #!\n        queue.pop()\n        len(queue)\n",
        &["while queue:"],
    );
    let triangle = "def f(x, y, z):\n    return x + y == z or y + z == x #!\n";
    check("condition", triangle, &["return x + y == z or (x + z == y) or y + z == x"]);
    check("condition", "def f(a):\n    if not a: #!\n        return 2\n", &["if a:"]);
}

#[test]
fn operators() {
    let code = "def f(a, b, c):\n    return a - b < c #!\n";
    check("operator", code, &["return a + b < c", "return b - a < c", "return a - b > c", "return a - b <= c"]);
    check("operator", "def f(a, b):\n    return a and not b #!\n", &["return a or not b"]);
    check("operator", "def f(a, b):\n    return a & b #!\n", &["return a | b", "return a ^ b"]);
    check("operator", "def f(a):\n    if a is 3: #!\n        return 1\n", &["if a == 3:", "if a is not 3:"]);
    check("operator", "def f(a, b):\n    if a in b: #!\n        return 1\n", &["if a not in b:"]);
    check(
        "operator",
        "def f(xs):\n    return len(xs) - 1 // 2 #!\n",
        &["return (len(xs) - 1) // 2", "return len(xs) // 2 - 1"],
    );
}

#[test]
fn boundaries() {
    let code = "def f(xs, i, n: int):\n    for k in range(n): #!\n        n = 0\n";
    check("boundary", code, &["for k in range(n + 1):", "for k in range(1, n):", "for k in range(n - 1):"]);
    check("boundary", "def f(xs):\n    return xs[len(xs) - 1] #!\n", &["return xs[len(xs)]"]);
    check("boundary", "def f(xs, k):\n    return xs[k:] #!\n", &["return xs[:k]", "return xs[k + 1:]"]);
    let looped = "def f(xs, k):\n    xs.append(k + 1)\n    for x in xs: #!\n        print(x)\n";
    check("boundary", looped, &["for x in xs[1:]:", "for x in xs[k:]:", "for x in xs[:-1]:"]);
}

#[test]
fn variables() {
    let code = "def f(edge_weight, node_weight, graph):\n    total = 0\n    for it in graph:\n        total += edge_weight[it] #!\n    return total\n";
    check("variable", code, &["total += node_weight[it]"]);
    let target = "def f(depth, max_depth):\n    max_depth -= 1 #!\n    return depth\n";
    check("variable", target, &["depth -= 1"]);
    let place = "def f(a, b, i, j):\n    b[j] = 1\n    a[i, j] = b[j] #!\n";
    check("variable", place, &["b[j] = b[j]"]);
}

#[test]
fn calls() {
    let code = "def area(width, height, unit=1):\n    return width * height * unit\n\ndef f(width, height, unit):\n    return area(width, height) #!\n";
    check(
        "call",
        code,
        &["return area(height, width)", "return area(width, height, unit)", "return area(width, height, unit=unit)"],
    );
    check("call", "def f(a, b):\n    return max(a, b) #!\n", &["return min(a, b)"]);
    check("call", "def f(a, b):\n    return g(a, b) #!\n\ndef g(a, b=1):\n    return a\n", &["return g(a)"]);
    check("call", "def f(a):\n    return sorted(a) #!\n", &["return sorted(a, reverse=True)"]);
    check("call", "def f(xs):\n    return any(x for x in xs) #!\n", &["return all(x for x in xs)"]);
}

#[test]
fn literals() {
    check(
        "literal",
        "def f(a):\n    return g(a, 5) #!\n",
        &["return g(a, 6)", "return g(a, 4)", "return g(a, 0)", "return g(a, -5)"],
    );
    check("literal", "def f(a):\n    return g(a, True) #!\n", &["return g(a, False)"]);
    check(
        "literal",
        "def f(a):\n    b = 'south'\n    return g(a, 'north ') #!\n",
        &["return g(a, 'north')", "return g(a, 'south')", "return g(a, '')"],
    );
    check("literal", "def f(a):\n    return a * 0.5 #!\n", &["return a * 2.0"]);
}

#[test]
fn attributes() {
    let code = "class C:\n    def __init__(self):\n        self.first = 1\n        self.last = 2\n\n    def total(self):\n        return self.first #!\n";
    check("attribute", code, &["return self.last"]);
    check("attribute", "def f(a):\n    return a.lower() #!\n", &["return a.upper()"]);
    check("attribute", "def f(a):\n    a.width = 1\n    return a.widht #!\n", &["return a.width"]);
}

#[test]
fn wrappings() {
    check(
        "wrap",
        "def f(text):\n    text = text + ''\n    return text #!\n",
        &["return len(text)", "return text.lower()", "return text[0]"],
    );
    check(
        "wrap",
        "def f(best, n):\n    n = n + 1\n    best = n + 1 #!\n    return best\n",
        &["best = max(best, n + 1)", "best = n"],
    );
    check("wrap", "def f(a):\n    for x in g(a): #!\n        yield x\n", &["for x in a:", "for x in list(g(a)):"]);
    check("wrap", "def f(a, b):\n    return g(a if b else None) #!\n", &["return g(a)"]);
    check("wrap", "def f(a, b):\n    return set(a) == b #!\n", &["return set(set(a)) == set(b)"]);
    check("wrap", "async def f(a):\n    return a.read() #!\n", &["return await a.read()"]);
    check(
        "wrap",
        "def f(rest, first):\n    rest = [1]\n    len(rest)\n    return [first] #!\n",
        &["return rest + [first]"],
    );
}

#[test]
fn collections() {
    check(
        "collection",
        "def f(a, b, n):\n    return [a, b] #!\n",
        &["return [b, a]", "return [a]", "return [a, b, n]", "return (a, b)"],
    );
    check("collection", "def f(a):\n    return (a, 1) #!\n", &["return (a,)", "return (1,)"]);
    check("collection", "def f(d, i, j):\n    return d[i, j] #!\n", &["return d[j, i]"]);
    check("collection", "def f(n):\n    return [] #!\n", &["return [n]"]);
}

#[test]
fn expressions() {
    let code = "def f(xs, mean):\n    count = len(xs)\n    return sum(xs) / mean #!\n";
    check("expression", code, &["return sum(xs) / len(xs)"]);
    let element = "def f(xs, wrong):\n    for i in range(len(xs)):\n        if wrong != xs[len(xs) - i]: #!\n            return i\n";
    check("expression", element, &["if xs[i] != xs[len(xs) - i]:"]);
}

#[test]
fn lines_without_suspicion_are_left_alone() {
    let text = "def f(a, b):\n    c = a + b\n    d = a - b\n    return c * d\n";
    let proposals = propose(text, &|line| if line == 3 { 0.5 } else { 0.0 });
    assert!(!proposals.is_empty());
    let line = text.find("    d =").unwrap()..text.find("    return").unwrap();
    for edit in proposals.iter().flat_map(|it| &it.edits) {
        let is_there = line.start <= edit.span.start && edit.span.end <= line.end;
        assert!(is_there, "{edit:?} leaves the line");
    }
    assert!(propose(text, &|_| 0.0).is_empty());
}

#[test]
fn suspicion_raises_the_prior() {
    let text = "def f(a, b):\n    c = a + b\n    d = a + b\n    return c * d\n";
    let proposals = propose(text, &|line| if line == 2 { 0.2 } else { 1.0 });
    let prior = |start: usize| {
        let there =
            proposals.iter().filter(|it| it.template == "operator/arithmetic" && it.edits[0].span.start == start);
        there.map(|it| it.prior).fold(0.0, f64::max)
    };
    assert!(prior(text.find("a + b\n    d").unwrap()) < prior(text.rfind("a + b").unwrap()));
}

#[test]
fn other_grammar_than_expected_is_survived() {
    for text in [
        "",
        "\n",
        "def f(:\n  return (1\n",
        "x = \u{e9}\u{e9} + 'ü'[0]\n",
        "class A: pass\nlambda: 0\n",
        "print 'a' % b\n",
    ] {
        propose(text, &|_| 1.0);
    }
}

const WORDS: &[&str] = &[
    "x",
    "xs",
    "self.n",
    "1",
    "0.5",
    "'a'",
    "f(x)",
    "x[1]",
    "xs[1:x]",
    "[x, 1]",
    "(x, xs)",
    "not x",
    "x < 1",
    "x is None",
    "x and xs",
    "-x",
    "x if xs else 1",
    "[y for y in xs]",
    "x.lower()",
    "lambda y: y",
    "{'k': x}",
    "range(x)",
    "f'{x}'",
    "await x",
    "x ** -1",
    "(x)",
];

fn code() -> impl Strategy<Value = String> {
    let word = || prop::sample::select(WORDS);
    let operator = prop::sample::select(&["+", "-", "*", "==", "<", "and", "or", "%", "in"][..]);
    let expression = (word(), operator, word()).prop_map(|(a, o, b)| format!("({a}) {o} ({b})"));
    let statement = (0..6, expression.clone(), expression).prop_map(|(form, a, b)| match form {
        0 => format!("    x = {a}\n"),
        1 => format!("    if {a}:\n        x += {b}\n    elif {b}:\n        return {a}\n"),
        2 => format!("    for i in {a}:\n        xs[i], x = {b}, i\n"),
        3 => format!("    return {a}, {b}\n"),
        4 => format!("    f({a}, key={b})\n"),
        _ => format!("    while {a}:\n        xs.append({b})\n"),
    });
    prop::collection::vec(statement, 1..5).prop_map(|it| format!("async def f(self, x, xs):\n{}", it.concat()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_proposal_applies_and_none_repeats(text in code()) {
        let proposals = propose(&text, &|_| 1.0);
        let mut results = std::collections::HashSet::new();
        for proposal in &proposals {
            prop_assert!(proposal.prior > 0.0 && proposal.prior.is_finite());
            let mut at = 0;
            for edit in &proposal.edits {
                prop_assert!(at <= edit.span.start && edit.span.start <= edit.span.end && edit.span.end <= text.len());
                at = edit.span.end;
            }
            let after = apply(&text, proposal);
            prop_assert_ne!(&after, &text);
            prop_assert!(results.insert(after), "{} repeats another", proposal.template);
        }
        prop_assert!(proposals.windows(2).all(|pair| pair[0].prior >= pair[1].prior));
    }

    #[test]
    fn proposals_repeat_exactly(text in code()) {
        let show = || propose(&text, &|line| 1.0 / line as f64).iter().map(|it| format!("{it:?}")).collect::<Vec<_>>();
        prop_assert_eq!(show(), show());
    }
}
