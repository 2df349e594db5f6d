use super::*;
use indexer::syntax::LanguageId;
use proptest::prelude::*;

fn verdict(base: &str, candidate: &str) -> GateVerdict {
    check(&SyntaxTree::parse(LanguageId::Python, base.as_bytes()), candidate.as_bytes())
}

const BASE: &str = "def f(total, items):\n    for item in items:\n        total = total + item\n    return total\n";

#[track_caller]
fn check_refused(candidate: &str, expected: &str) {
    assert_eq!(verdict("x = 1\n", candidate).to_string(), expected, "for:\n{candidate}");
}

#[track_caller]
fn check_passes(candidate: &str) {
    assert_eq!(verdict("x = 1\n", &format!("x = 1\n{candidate}")), GateVerdict::Pass, "for:\n{candidate}");
}

#[test]
fn layout_comments_and_grouping_are_no_change() {
    for same in [
        BASE.to_owned(),
        BASE.replace("total + item", "total  +  item  # sum"),
        BASE.replace("total + item", "(total + item)"),
        BASE.replace("    return", "\n\n    # done\n    return"),
        BASE.replace("(total, items)", "(total,\n      items)"),
    ] {
        assert_eq!(verdict(BASE, &same), GateVerdict::NoChange, "{same}");
    }
}

#[test]
fn indentation_operators_and_strings_are_changes() {
    for changed in [
        BASE.replace("    return", "        return"),
        BASE.replace("total + item", "total - item"),
        BASE.replace("total + item", "(total + item) * 2"),
        BASE.replace("total + item", "total + item if item else total"),
    ] {
        assert_eq!(verdict(BASE, &changed), GateVerdict::Pass, "{changed}");
    }
    assert_eq!(verdict("a = 'x y'\n", "a = 'x  y'\n"), GateVerdict::Pass);
    assert_eq!(verdict("a = 1 - (2 - 3)\n", "a = 1 - 2 - 3\n"), GateVerdict::Pass);
}

#[test]
fn syntax_errors_are_refused_unless_the_base_has_them() {
    assert_eq!(verdict(BASE, &BASE.replace("in items", "in")), GateVerdict::NewSyntaxError { line: 2 });
    let broken = "def f(:\n    pass\nx = 1\n";
    assert_eq!(verdict(broken, &broken.replace("x = 1", "x = 2")), GateVerdict::Pass);
}

#[test]
fn undefined_names_are_refused_with_a_suggestion() {
    let misspelt = BASE.replace("return total", "return totl");
    let expected = GateVerdict::UndefinedName { name: "totl".to_owned(), did_you_mean: Some("total".to_owned()) };
    assert_eq!(verdict(BASE, &misspelt), expected);
    assert_eq!(expected.to_string(), "undefined name `totl`, did you mean `total`?");
    let unknown = verdict(BASE, &BASE.replace("return total", "return qqqqqq"));
    assert_eq!(unknown, GateVerdict::UndefinedName { name: "qqqqqq".to_owned(), did_you_mean: None });
}

#[test]
fn names_undefined_in_the_base_are_not_held_against_it() {
    let base = "def f():\n    return missing\n";
    assert_eq!(verdict(base, "def f():\n    return missing + 1\n"), GateVerdict::Pass);
    assert!(!verdict(base, "def f():\n    return missing + missing\n").is_pass());
}

#[test]
fn reads_before_assignment_are_refused() {
    let base = "def f(a):\n    n = len(a)\n    return n\n";
    let early = "def f(a):\n    if n: return 0\n    n = len(a)\n    return n\n";
    assert_eq!(verdict(base, early), GateVerdict::UnboundName { name: "n".to_owned() });
}

#[test]
fn what_the_compiler_refuses_is_refused() {
    check_refused("return 1\n", "`return` outside a function at line 1");
    check_refused("class A:\n    return 1\n", "`return` outside a function at line 2");
    check_refused("def f():\n    break\n", "`break` outside a loop at line 2");
    check_refused("for i in []:\n    def f():\n        continue\n", "`continue` outside a loop at line 3");
    check_refused("for i in []:\n    pass\nelse:\n    break\n", "`break` outside a loop at line 4");
    check_refused("def f():\n    await x\n", "`await` outside an async function at line 2");
    check_refused("yield 1\n", "`yield` outside a function at line 1");
    check_refused("print 'x'\n", "Python 2 statement at line 1");
    check_refused("try:\n    pass\nx = 1\n", "`try` without `except` or `finally` at line 1");
    check_refused("int(x, x=1, x=2)\n", "keyword argument repeated at line 1");
    check_refused("int(x=1, x)\n", "positional argument after keyword argument at line 1");
    check_refused("def f(a=1, b): pass\n", "parameter without default after one with at line 1");
    check_refused("def f(a, a): pass\n", "parameter repeated at line 1");
    check_refused("x = 1\ndel int()\n", "cannot delete this at line 2");
    check_refused("if x:\n    x = 1\n      x = 2\n", "uneven indentation at line 3");
    check_refused("x = f'{x['a']}'\n", "nested quotes of the same kind at line 1");
    check_refused("x = 1[0]\n", "a number or `None` is subscripted at line 1");
    check_refused("x = 0or 1\n", "number runs into a word at line 1");
    check_refused("x = 012\n", "Python 2 integer at line 1");
    check_refused("def f():\n    x = 1\n    global x\n", "name used before its declaration at line 3");
    check_refused("def f():\n    return *x\n", "starred expression outside a list or call at line 2");
}

#[test]
fn what_the_compiler_takes_passes() {
    for code in [
        "def f(a, b=1, *, c, d=2, **e): return a\n",
        "def f(a, /, b=1, *args, c): return a\n",
        "def f():\n    y = yield\n    yield from y\n    return (yield y)\n",
        "async def f(a):\n    await a\n    return [await b async for b in a]\n",
        "for i in []:\n    if i: continue\n    while True:\n        break\n",
        "int(*[1], x=1, *[2], **{}, **{})\n",
        "del x, x\n",
        "a, *b = [1]\n",
        "x = f\"{'a'}\" f'{x!r:>{x}}'\n",
        "if x: pass; x = 2\n",
        "try:\n    pass\nexcept ValueError:\n    pass\nexcept:\n    pass\nelse:\n    pass\nfinally:\n    pass\n",
        "if (y := x): pass\n",
        "class A: x = 1\n",
        "def f():\n\treturn 1\n",
        "print(x, file=None)\nexec('1')\n",
        "g = lambda a, *b, c=1: (yield)\n",
        "x = 0 + 00 + 0x1F + 1_000\n",
        "match x:\n    case 1:\n        pass\n    case _:\n        pass\n",
    ] {
        check_passes(code);
    }
}

#[test]
fn edit_distance_counts_changes() {
    assert_eq!(edit_distance("total", "totl"), 1);
    assert_eq!(edit_distance("", "abc"), 3);
    assert_eq!(edit_distance("same", "same"), 0);
}

proptest! {
    #[test]
    fn any_bytes_get_a_verdict(base in proptest::collection::vec(any::<u8>(), 0..120), candidate in proptest::collection::vec(any::<u8>(), 0..120)) {
        check(&SyntaxTree::parse(LanguageId::Python, base), &candidate);
    }

    #[test]
    fn a_text_never_differs_from_itself(words in proptest::collection::vec("(def|if|:|\\(|\\)|x|=|\n|    |return|,|'|f')", 0..40)) {
        let text = words.join(" ");
        prop_assert_eq!(verdict(&text, &text), GateVerdict::NoChange);
        prop_assert_eq!(verdict(&text, &format!("{text}\n# more\n")).to_string().is_empty(), false);
    }
}
