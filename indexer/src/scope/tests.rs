use super::*;
use crate::syntax::LanguageId;
use proptest::prelude::*;

fn parse(code: &str) -> SyntaxTree {
    SyntaxTree::parse(LanguageId::Python, code.as_bytes())
}

#[track_caller]
fn check_undefined(code: &str, expected: &[&str]) {
    let found: Vec<_> = undefined_names(&parse(code)).into_iter().map(|it| it.name).collect();
    assert_eq!(found, expected, "in:\n{code}");
}

#[track_caller]
fn check_unbound(code: &str, expected: &[&str]) {
    let found: Vec<_> = Scopes::of(&parse(code)).unbound_locals().into_iter().map(|it| it.name).collect();
    assert_eq!(found, expected, "in:\n{code}");
}

/// The names visible at `$0`, without builtins.
fn visible(code: &str) -> Vec<ScopedName> {
    let offset = code.find("$0").unwrap();
    let tree = parse(&code.replacen("$0", "", 1));
    names_at(&tree, offset).into_iter().filter(|it| it.kind != NameKind::Builtin).collect()
}

#[track_caller]
fn check_visible(code: &str, expected: &str) {
    let names = visible(code).into_iter().map(|it| format!("{}{}", it.name, if it.defined_before { "" } else { "?" }));
    assert_eq!(names.collect::<Vec<_>>().join(" "), expected, "in:\n{code}");
}

#[test]
fn functions_see_enclosing_functions_and_the_module_but_not_classes() {
    check_undefined("def f(a):\n    b = a\n    def g():\n        return a + b + c\n    return g\n", &["c"]);
    check_undefined("class A:\n    x = 1\n    y = x\n    def m(self):\n        return x\n", &["x"]);
    check_undefined("class A:\n    x = [1]\n    y = [i for i in x]\n    z = [x for i in [1]]\n", &["x"]);
    check_undefined("def f():\n    return later\nlater = 1\n", &[]);
    check_undefined("class A:\n    def m(self):\n        return __class__, A\n    n = __qualname__\n", &[]);
}

#[test]
fn defaults_decorators_and_bases_are_evaluated_outside() {
    check_undefined("def f(a, b=a):\n    pass\n", &["a"]);
    check_undefined("@deco\ndef f(): pass\n", &["deco"]);
    check_undefined("class A(Base, metaclass=Meta): pass\n", &["Base", "Meta"]);
    check_undefined("f = lambda a, b=c: a + b + d\n", &["c", "d"]);
    check_undefined("def f(*args: T, k=1, **kw) -> R:\n    return args, k, kw\n", &["T", "R"]);
}

#[test]
fn every_binding_form_binds() {
    let forms = [
        "for x in []: pass",
        "for (a, [x, *b]) in []: pass",
        "with open('f') as x: pass",
        "with open('f') as (x, y), open('g') as z: pass",
        "try:\n    pass\nexcept ValueError as x:\n    pass",
        "try:\n    pass\nexcept* (ValueError, KeyError) as x:\n    pass",
        "import x",
        "import x.y.z",
        "import a.b as x",
        "from a import x",
        "from . import b as x",
        "if (x := 1): pass",
        "print([x := i for i in range(3)])",
        "x: int = 1",
        "a = x = 1",
        "a, *x = [1]",
        "def x(): pass",
        "async def x(): pass",
        "class x: pass",
        "match 1:\n    case x: pass",
        "match 1:\n    case [1, x]: pass",
        "match 1:\n    case {'k': x}: pass",
        "match 1:\n    case {**x}: pass",
        "match 1:\n    case int(real=x): pass",
        "match 1:\n    case int() as x: pass",
        "match 1:\n    case (1 | 2) as x: pass",
        "match 1:\n    case [*x]: pass",
        "type x = int",
        "def f():\n    global x\n    x = 1",
        "from m import (a, x)",
    ];
    for form in forms {
        check_undefined(&format!("{form}\nx\n"), &[]);
    }
}

#[test]
fn attributes_keywords_and_strings_are_no_names() {
    check_undefined("import a\na.b.c = a.d(e=1)['f']\n", &[]);
    check_undefined("print(f'{x} {y!r:>{w}} {{z}}')\n", &["x", "y", "w"]);
    check_undefined("match 1:\n    case Color.RED: pass\n    case Point(x=0): pass\n", &["Color", "Point"]);
    check_undefined("def f[T: Bound](x: T) -> T: return x\n", &["Bound"]);
    check_undefined("class A[T]:\n    def m(self, x: T): return x\n", &[]);
    check_undefined("type L[T] = list[T]\n", &[]);
}

#[test]
fn comprehension_variables_stay_inside() {
    check_undefined("a = [i for i in range(3)]\ni\n", &["i"]);
    check_undefined("a = [i for i in i]\n", &["i"]);
    check_undefined("a = {k: v for k, v in {}.items() if k if v}\n", &[]);
    check_undefined("a = [x for y in [[1]] for x in y]\n", &[]);
}

#[test]
fn global_and_nonlocal_name_the_scope_they_say() {
    check_undefined("def f():\n    n = 0\n    def g():\n        nonlocal n\n        n += 1\n    return g\n", &[]);
    check_undefined("count = 0\ndef f():\n    global count\n    count += 1\n", &[]);
    check_undefined("count = 0\ndef f():\n    count += 1\n", &["count"]);
}

#[test]
fn a_star_import_may_bring_anything() {
    check_undefined("from os import *\nwhatever()\n", &[]);
}

#[test]
fn names_put_into_the_module_at_run_time_are_unknown() {
    check_undefined("globals().update(A=1)\nA\n", &[]);
    check_undefined("vars()['A'] = 1\nA\n", &[]);
    check_undefined("def f():\n    return locals()\nA\n", &["A"]);
}

#[test]
fn a_caught_name_error_excuses() {
    check_undefined("try:\n    unicode\nexcept NameError:\n    unicode = str\n", &[]);
    check_undefined("try:\n    unicode\nexcept NameError:\n    pass\n", &[]);
    check_undefined("try:\n    unicode\nexcept ValueError:\n    pass\n", &["unicode"]);
}

#[test]
fn reads_before_any_assignment_are_unbound() {
    check_unbound("def f():\n    print(x)\n    x = 1\n", &["x"]);
    check_unbound("def f():\n    x = x + 1\n", &["x"]);
    check_unbound("def f(x):\n    x = x + 1\n", &[]);
    check_unbound("def f():\n    for i in range(3):\n        if i: print(x)\n        x = i\n", &[]);
    check_unbound("def f():\n    def g(): return x\n    x = 1\n    return g\n", &[]);
    check_unbound("def f():\n    a = [x for _ in range(3)]\n    x = 1\n", &["x"]);
    check_unbound("def f():\n    if a():\n        x = 1\n    return x\n", &[]);
}

#[test]
fn nearest_defined_names_come_first() {
    check_visible(
        "import os\ndef helper(): pass\ndef f(a, b):\n    c = 1\n    d = 2\n    pass$0\n    e = 3\n",
        "d c b a e? f helper os",
    );
    check_visible(
        "class A:\n    field = 1\n    def m(self):\n        def inner(z):\n            pass$0\n        y = 1\n",
        "z y inner self A",
    );
    check_visible("xs = []\nys = [x for x in xs if $0x]\n", "x xs ys?");
}

#[test]
fn kinds_and_types_are_told() {
    let found = visible(
        "import os\nLIMIT = 3\ndef f(a, flag=False, *rest, name: str, **options):\n    out = []\n    seen = set()\n    for i in range(3): pass\n    a.append(1)$0\n",
    );
    let of = |name: &str| {
        let it = found.iter().find(|it| it.name == name).unwrap();
        (it.kind, it.likely_type)
    };
    assert_eq!(of("a"), (NameKind::Parameter, LikelyType::List));
    assert_eq!(of("flag"), (NameKind::Parameter, LikelyType::Bool));
    assert_eq!(of("rest"), (NameKind::Parameter, LikelyType::Tuple));
    assert_eq!(of("name"), (NameKind::Parameter, LikelyType::Str));
    assert_eq!(of("options"), (NameKind::Parameter, LikelyType::Dict));
    assert_eq!(of("out"), (NameKind::Local, LikelyType::List));
    assert_eq!(of("seen"), (NameKind::Local, LikelyType::Set));
    assert_eq!(of("i"), (NameKind::Local, LikelyType::Int));
    assert_eq!(of("f"), (NameKind::Global, LikelyType::Callable));
    assert_eq!(of("LIMIT"), (NameKind::Global, LikelyType::Int));
    assert_eq!(of("os"), (NameKind::Import, LikelyType::Module));
}

#[test]
fn deep_nesting_is_no_stack_overflow() {
    let sum = format!("x = {}1\n", "1 + ".repeat(20_000));
    check_undefined(&sum, &[]);
    check_undefined(&format!("x = {}y{}\n", "(".repeat(500), ")".repeat(500)), &["y"]);
}

proptest! {
    #[test]
    fn any_bytes_have_scopes(bytes in proptest::collection::vec(any::<u8>(), 0..200), offset in 0usize..250) {
        let scopes = Scopes::of(&SyntaxTree::parse(LanguageId::Python, bytes));
        scopes.names_at(offset);
        scopes.undefined_names();
        scopes.unbound_locals();
    }

    #[test]
    fn any_code_like_text_has_scopes(words in proptest::collection::vec("(def|class|for|in|if|:|\\(|\\)|x|y|=|\n|    |lambda|,|\\*|global|match|case|as|with|\\[|\\])", 0..60)) {
        let text = words.join(" ");
        let scopes = Scopes::of(&parse(&text));
        scopes.names_at(text.len() / 2);
        scopes.undefined_names();
        scopes.unbound_locals();
    }
}
