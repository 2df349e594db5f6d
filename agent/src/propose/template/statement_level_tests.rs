//! Tables for the statement-level families: from code, whose `$0` line alone is suspicious, to changes that must be among those proposed.

use indexer::syntax::{LanguageId, SyntaxTree};
use proptest::prelude::*;
use repo::RepoPath;

use super::{Rewrite, Template, TemplateContext};
use crate::gate::Gate;
use crate::propose::{DonorPool, TargetFile};

/// What a family makes of code, as whole texts with their variants.
fn results(family: &dyn Template, code: &str, donors: &DonorPool, line: Option<usize>) -> Vec<(String, &'static str)> {
    let tree = SyntaxTree::parse(LanguageId::Python, code.as_bytes());
    let path = RepoPath::new("case.py").unwrap();
    let suspicion = |it: usize| if line.is_none_or(|line| line == it) { 1.0 } else { 0.0 };
    let file = TargetFile { path: &path, tree: &tree, suspicion: &suspicion };
    let mut rewrites = Vec::new();
    family.propose(&TemplateContext::new(&file, donors), &mut rewrites);
    rewrites.iter().map(|rewrite| (applied(code, rewrite), rewrite.variant)).collect()
}

fn applied(code: &str, rewrite: &Rewrite) -> String {
    let mut bytes = Vec::new();
    let mut at = 0;
    for (span, new) in &rewrite.edits {
        assert!(
            at <= span.start && span.start <= span.end && span.end <= code.len(),
            "{}: {:?}",
            rewrite.variant,
            rewrite.edits
        );
        bytes.extend_from_slice(&code.as_bytes()[at..span.start]);
        bytes.extend_from_slice(new.as_bytes());
        at = span.end;
    }
    bytes.extend_from_slice(&code.as_bytes()[at..]);
    String::from_utf8(bytes).unwrap()
}

#[track_caller]
fn check(family: &dyn Template, code: &str, variant: &str, expected: &str) {
    let line = code[..code.find("$0").unwrap()].matches('\n').count() + 1;
    let code = code.replacen("$0", "", 1);
    let made = results(family, &code, &DonorPool::default(), Some(line));
    let found = made.iter().any(|(text, by)| text == expected && *by == variant);
    let same: Vec<_> = made.iter().filter(|it| it.1 == variant).map(|it| it.0.as_str()).collect();
    assert!(found, "no {variant} gives\n{expected}\nbut there are\n{}", same.join("\n---\n"));
}

#[test]
fn guards_are_put_before_what_they_protect() {
    let family = &super::guard::Guard;
    check(
        family,
        "def f(xs):\n    $0return xs[0]\n",
        "guard/return",
        "def f(xs):\n    if not xs:\n        return None\n    return xs[0]\n",
    );
    check(
        family,
        "def f(a):\n    $0b = a.c\n    return b\n",
        "guard/return",
        "def f(a):\n    if a is None:\n        return None\n    b = a.c\n    return b\n",
    );
    check(
        family,
        "def f(d, ks):\n    out = []\n    for k in ks:\n        $0out.append(d[k])\n    return out\n",
        "guard/continue",
        "def f(d, ks):\n    out = []\n    for k in ks:\n        if k not in d:\n            continue\n        out.append(d[k])\n    return out\n",
    );
    check(
        family,
        "def f(n):\n    if n == 1:\n        return []\n    $0return f(n - 1)\n",
        "guard/return",
        "def f(n):\n    if n == 1:\n        return []\n    if n < 0:\n        return []\n    return f(n - 1)\n",
    );
    check(
        family,
        "def f(xs=None):\n    $0for x in xs:\n        print(x)\n",
        "guard/default",
        "def f(xs=None):\n    if xs is None:\n        xs = []\n    for x in xs:\n        print(x)\n",
    );
    check(
        family,
        "def g(a):\n    raise KeyError('no')\ndef f(a):\n    $0return a.b\n",
        "guard/raise",
        "def g(a):\n    raise KeyError('no')\ndef f(a):\n    if a is None:\n        raise KeyError('no')\n    return a.b\n",
    );
    check(
        family,
        "def f(counts, w):\n    $0counts[w] += 1\n    return counts\n",
        "guard/default",
        "def f(counts, w):\n    if w not in counts:\n        counts[w] = 0\n    counts[w] += 1\n    return counts\n",
    );
}

#[test]
fn control_goes_where_it_was_meant_to() {
    let family = &super::control::Control;
    let cases = [
        (
            "def f(d):\n    d = 0\n    $0return True\n",
            "control/return-value",
            "def f(d):\n    d = 0\n    return d == 0\n",
        ),
        (
            "def f(n):\n    if n:\n        $0f(n - 1)\n",
            "control/return-expression",
            "def f(n):\n    if n:\n        return f(n - 1)\n",
        ),
        ("def f(n):\n    $0x = n + 1\n", "control/add-return", "def f(n):\n    x = n + 1\n    return x\n"),
        (
            "def f(xs):\n    for x in xs:\n        if x:\n            $0y = x\n    return y\n",
            "control/add-break",
            "def f(xs):\n    for x in xs:\n        if x:\n            y = x\n            break\n    return y\n",
        ),
        (
            "def f(xs):\n    for x in xs:\n        y = x\n        $0return y\n",
            "control/unindent",
            "def f(xs):\n    for x in xs:\n        y = x\n    return y\n",
        ),
        (
            "def f(xs):\n    for x in xs:\n        y = x\n    $0g(y)\n    return y\n",
            "control/indent",
            "def f(xs):\n    for x in xs:\n        y = x\n        g(y)\n    return y\n",
        ),
        (
            "def f(a):\n    $0if a:\n        return 1\n    else:\n        return 2\n",
            "control/swap-branches",
            "def f(a):\n    if a:\n        return 2\n    else:\n        return 1\n",
        ),
        (
            "def f(xs):\n    odd = even = 0\n    for x in xs:\n        $0if x % 2:\n            odd += 1\n    return odd, even\n",
            "control/add-else",
            "def f(xs):\n    odd = even = 0\n    for x in xs:\n        if x % 2:\n            odd += 1\n        else:\n            even += 1\n    return odd, even\n",
        ),
        (
            "def f(q):\n    q = [q]\n    $0while True:\n        q.pop()\n",
            "control/while-condition",
            "def f(q):\n    q = [q]\n    while q:\n        q.pop()\n",
        ),
        ("def f(x):\n    $0yield f(x)\n", "control/yield-from", "def f(x):\n    yield from f(x)\n"),
        ("def f(x):\n    $0yield f(x)\n", "control/yield-argument", "def f(x):\n    yield x\n"),
        ("def f(x):\n    $0return x\n", "control/return-to-yield", "def f(x):\n    yield x\n"),
        ("for x in y:\n    $0break\n", "control/jump", "for x in y:\n    continue\n"),
        (
            "def f(a):\n    if a:\n        x = 1\n    $0if not a:\n        x = 2\n    return x\n",
            "control/if-to-elif",
            "def f(a):\n    if a:\n        x = 1\n    elif not a:\n        x = 2\n    return x\n",
        ),
        (
            "def f(a):\n    for b in a:\n        if b:\n            $0return False\n    return True\n",
            "control/swap-returns",
            "def f(a):\n    for b in a:\n        if b:\n            return True\n    return False\n",
        ),
    ];
    for (code, variant, expected) in cases {
        check(family, code, variant, expected);
    }
}

#[test]
fn statements_come_go_and_move() {
    let family = &super::statement::Statement;
    let cases = [
        ("a = 1\n$0b = 2\nc = 3\n", "statement/delete", "a = 1\nc = 3\n"),
        ("def f(a):\n    $0g(a)\n", "statement/delete", "def f(a):\n    pass\n"),
        ("$0a = 1\nb = 2\n", "statement/swap", "b = 2\na = 1\n"),
        ("def f(a):\n    $0a += 1\n", "statement/assignment-operator", "def f(a):\n    a = 1\n"),
        ("def f(a, b):\n    $0a = b\n", "statement/assignment-operator", "def f(a, b):\n    a += b\n"),
        (
            "def f(a):\n    $0if a:\n        g(a)\n        h(a)\n",
            "statement/take-out-of-if",
            "def f(a):\n    g(a)\n    h(a)\n",
        ),
        ("def f(a):\n    $0g(a.b)\n", "statement/put-under-if", "def f(a):\n    if a is not None:\n        g(a.b)\n"),
        (
            "def f(d, k):\n    $0del d[k]\n",
            "statement/put-under-if",
            "def f(d, k):\n    if k in d:\n        del d[k]\n",
        ),
        (
            "def f(s):\n    $0return int(s)\n",
            "statement/try",
            "def f(s):\n    try:\n        return int(s)\n    except ValueError:\n        return None\n",
        ),
        (
            "def f(n, todo):\n    seen = set()\n    $0for m in n:\n        todo.append(m)\n",
            "statement/insert-call",
            "def f(n, todo):\n    seen = set()\n    seen.add(n)\n    for m in n:\n        todo.append(m)\n",
        ),
        (
            "def f(text):\n    lines = []\n    while text:\n        line, text = text[:1], text[1:]\n        lines.append(line)\n    $0return lines\n",
            "statement/insert-renamed",
            "def f(text):\n    lines = []\n    while text:\n        line, text = text[:1], text[1:]\n        lines.append(line)\n    lines.append(text)\n    return lines\n",
        ),
        (
            "def f(xs):\n    n = 0\n    for x in xs:\n        $0print(x)\n    return n\n",
            "statement/insert-assignment",
            "def f(xs):\n    n = 0\n    for x in xs:\n        print(x)\n        n += 1\n    return n\n",
        ),
        ("def f(a, b, g, h):\n    g(a)\n    $0h(b)\n", "statement/replace", "def f(a, b, g, h):\n    g(a)\n    g(a)\n"),
    ];
    for (code, variant, expected) in cases {
        check(family, code, variant, expected);
    }
}

#[test]
fn donors_are_adapted_to_the_names_at_hand() {
    let family = &super::donor_expression::DonorExpression;
    check(
        family,
        "def g(node, size):\n    return node.width * size\ndef f(node, size):\n    $0return node.height * size\n",
        "donor-expression/replace",
        "def g(node, size):\n    return node.width * size\ndef f(node, size):\n    return node.width * size\n",
    );
    check(
        family,
        "from m import clean, tidy\ndef g(item):\n    return clean(item.name)\ndef f(entry):\n    $0return tidy(entry.name)\n",
        "donor-expression/replace",
        "from m import clean, tidy\ndef g(item):\n    return clean(item.name)\ndef f(entry):\n    return clean(entry.name)\n",
    );
}

#[test]
fn other_files_give_statements() {
    let other = SyntaxTree::parse(LanguageId::Python, &b"def g(cache, key):\n    cache.forget(key)\n"[..]);
    let donors = DonorPool::of_trees([(RepoPath::new("other.py").unwrap(), other)]);
    let code = "def f(cache, key):\n    cache.drop(key)\n";
    let made = results(&super::statement::Statement, code, &donors, Some(2));
    assert!(made.iter().any(|it| it.0 == "def f(cache, key):\n    cache.forget(key)\n"), "{made:?}");
}

#[test]
fn line_ends_tabs_and_comments_are_kept() {
    let code = "def f(a):\r\n\tg(a)  # why\r\n\th(a)\r\n";
    let made = results(&super::statement::Statement, code, &DonorPool::default(), Some(2));
    assert!(made.iter().any(|it| it.0 == "def f(a):\r\n\th(a)\r\n"), "{made:?}");
    let guarded = results(&super::guard::Guard, code, &DonorPool::default(), Some(2));
    let expected = "def f(a):\r\n\tif a is None:\r\n\t\treturn\r\n\tg(a)  # why\r\n\th(a)\r\n";
    assert!(guarded.iter().any(|it| it.0 == expected), "{guarded:?}");
}

fn families() -> [&'static dyn Template; 4] {
    [
        &super::guard::Guard,
        &super::control::Control,
        &super::statement::Statement,
        &super::donor_expression::DonorExpression,
    ]
}

#[test]
fn what_is_proposed_keeps_the_file_parsable() {
    let code = "import os\n\n\nclass A:\n    def m(self, xs, n=0):\n        \"\"\"Doc.\"\"\"\n        seen = set()\n        for x in xs:\n            if x in seen: continue\n            elif x is None:\n                break\n            else:\n                n += x  # count\n            seen.add(x); print(x)\n        with open(n) as f:\n            try:\n                return f.read()\n            except OSError:\n                pass\n        return [\n            n,\n        ]\n";
    let gate = Gate::new(&SyntaxTree::parse(LanguageId::Python, code.as_bytes()));
    for family in families() {
        let made = results(family, code, &DonorPool::default(), None);
        let refused: Vec<_> = made
            .iter()
            .map(|it| (gate.check(it.0.as_bytes()).to_string(), it))
            .filter(|it| it.0.contains("error") || it.0.contains("indent") || it.0.contains("empty"))
            .collect();
        assert!(refused.is_empty(), "{refused:#?}");
        assert!(!made.is_empty());
    }
}

proptest! {
    #[test]
    fn every_proposal_applies_to_any_text(words in proptest::collection::vec("(def f\\(a\\):|for x in a:|if a:|else:|while True:|return|yield x|x = a|x \\+= 1|f\\(x\\)|\n|\n    |\n        |pass|;|#|'é'|break|try:|except:)", 0..40)) {
        let code = words.join(" ");
        for family in families() {
            results(family, &code, &DonorPool::default(), None);
        }
    }
}
