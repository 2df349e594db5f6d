//! Facts of small programs.

use std::fmt::Write;

use proptest::prelude::*;

use crate::facts::{FileFacts, ImportItem, Receiver};
use crate::language::python::Python;
use crate::language::tests::check_test_paths;
use crate::parse;
use crate::syntax::LanguageId;

fn facts(program: &str) -> FileFacts {
    parse::facts(LanguageId::Python, program.as_bytes())
}

fn symbols(program: &str) -> String {
    let mut out = String::new();
    for it in facts(program).symbols {
        let _ = write!(out, "{} {} {}: {}", it.lines, it.kind, it.qualified, it.signature);
        for (label, texts) in [("bases", &it.bases), ("decorators", &it.decorators)] {
            if !texts.is_empty() {
                let _ = write!(out, " {label}={texts:?}");
            }
        }
        if let Some(class) = it.instance_of {
            let _ = write!(out, " holds={class}");
        }
        if let Some(doc) = it.doc {
            let _ = write!(out, " doc={doc:?}");
        }
        out.push_str(if it.is_test { " test\n" } else { "\n" });
    }
    out
}

fn references(program: &str) -> String {
    let facts = facts(program);
    let mut out = String::new();
    for it in &facts.references {
        let within = it.within.map_or("top", |at| facts.symbols[at as usize].qualified.as_str());
        let name = facts.name(it.name);
        let receiver = match it.receiver {
            Receiver::Bare => "-".to_owned(),
            Receiver::Own => "own".to_owned(),
            Receiver::Super => "super".to_owned(),
            Receiver::Path(it) => format!("path {}", facts.name(it)),
            Receiver::Instance(it) => format!("a {}", facts.name(it)),
            Receiver::OwnField(it) => format!("own field {}", facts.name(it)),
            Receiver::Unknown => "?".to_owned(),
        };
        let _ = writeln!(out, "{}: {:?} {name} of {receiver} in {within}", it.line, it.usage);
    }
    out
}

fn imports(program: &str) -> String {
    let mut out = String::new();
    for it in facts(program).imports {
        let item = match it.item {
            ImportItem::Module { alias } => format!("module as {alias:?}"),
            ImportItem::Name { name, alias } => format!("{name} as {alias:?}"),
            ImportItem::Star => "*".to_owned(),
        };
        let _ = writeln!(out, "{}: {}{} {item}", it.line, ".".repeat(it.level as usize), it.module);
    }
    out
}

#[test]
fn definitions_have_names_kinds_lines_and_heads() {
    insta::assert_snapshot!(symbols(
        r#"
"""The module."""
LIMIT = 10
registry = Registry(size=1)
a, (b, *c) = 1, (2, 3)
LIMIT = 11

@decorate(1)
@other
class Shape(Base, mixins.Named[int], metaclass=Meta):
    """A shape."""
    sides: int = 0
    owner: "people.Owner"

    def __init__(self, size,
                 *rest) -> None:  # why
        self.size = size
        self.sides = 3
        self.box, self.lid = Box(), None

    @property
    async def area(self):
        'Area.'
        def inner():
            local = 1
        return self.size

if True:
    def free(x, /, y: int = 1, *, z): return x
for loop in ():
    in_loop = 1
"#
    ), @r#"
    3-3 variable LIMIT: LIMIT = 10
    4-4 variable registry: registry = Registry(size=1) holds=Registry
    5-5 variable a: a, (b, *c) = 1, (2, 3)
    5-5 variable b: a, (b, *c) = 1, (2, 3)
    5-5 variable c: a, (b, *c) = 1, (2, 3)
    8-26 class Shape: class Shape(Base, mixins.Named[int], metaclass=Meta) bases=["Base", "mixins.Named[int]"] decorators=["decorate(1)", "other"] doc="A shape."
    12-12 field Shape.sides: sides: int = 0
    13-13 field Shape.owner: owner: "people.Owner" holds=people.Owner
    15-19 method Shape.__init__: def __init__(self, size, *rest) -> None
    17-17 field Shape.size: self.size = size
    19-19 field Shape.box: self.box, self.lid = Box(), None
    19-19 field Shape.lid: self.box, self.lid = Box(), None
    21-26 method Shape.area: async def area(self) decorators=["property"] doc="Area."
    24-25 function Shape.area.inner: def inner()
    29-29 function free: def free(x, /, y: int = 1, *, z)
    31-31 variable in_loop: in_loop = 1
    "#);
}

#[test]
fn references_tell_receiver_and_usage_and_leave_locals_out() {
    insta::assert_snapshot!(references(
        r#"
import os
from m import Thing

@wrap(flag)
class A(m.Base, with_meta(Meta, Other)):
    limit = default()

    def run(self, arg: Thing, n=START):
        global counter
        counter = n
        local = Thing(arg)
        local.go()
        arg.go().stop()
        self.step(local)
        self.field.call(helper)
        self.a.b.deep()
        super().run()
        os.path.join("x", f"{self.name} {outer}")
        for item in [it.x for it in local]:
            item.use()
        return lambda k: k + GLOBAL

    @staticmethod
    def make(self):
        return self.x

def later():
    def nested(q):
        return q, later, nested
    nested(1)
    with open(p) as handle:
        handle.read()
    Thing().go()
    x.y = 1
"#
    ), @r#"
    5: Decorator wrap of - in top
    5: Read flag of - in top
    6: Read m of - in A
    6: Base Base of path m in A
    6: Call with_meta of - in A
    6: Base Meta of - in A
    6: Base Other of - in A
    7: Call default of - in A
    9: Type Thing of - in A.run
    9: Read START of - in A.run
    11: Write counter of - in A.run
    12: Call Thing of - in A.run
    13: Call go of a Thing in A.run
    14: Call go of a Thing in A.run
    14: Call stop of ? in A.run
    15: Call step of own in A.run
    16: Read field of own in A.run
    16: Call call of own field field in A.run
    16: Read helper of - in A.run
    17: Read a of own in A.run
    17: Read b of own field a in A.run
    17: Call deep of ? in A.run
    18: Call super of - in A.run
    18: Call run of super in A.run
    19: Read os of - in A.run
    19: Read path of path os in A.run
    19: Call join of path os.path in A.run
    19: Read name of own in A.run
    19: Read outer of - in A.run
    20: Read x of ? in A.run
    21: Call use of ? in A.run
    22: Read GLOBAL of - in A.run
    24: Decorator staticmethod of - in A
    26: Read x of ? in A.make
    30: Read later of - in later.nested
    32: Call open of - in later
    32: Read p of - in later
    33: Call read of ? in later
    34: Call Thing of - in later
    34: Call go of a Thing in later
    35: Read x of - in later
    35: Write y of path x in later
    "#);
}

#[test]
fn imports_of_every_form() {
    insta::assert_snapshot!(imports(
        r#"
from __future__ import annotations
import a
import a.b, c.d as e
from m import x, y as z
from . import sibling
from .. import parent as p
from .pkg.mod import (one,
    two,)
from ...far import *
def f():
    import late
"#
    ), @r#"
    3: a module as None
    4: a.b module as None
    4: c.d module as Some("e")
    5: m x as None
    5: m y as Some("z")
    6: . sibling as None
    7: .. parent as Some("p")
    8: .pkg.mod one as None
    8: .pkg.mod two as None
    10: ...far *
    12: late module as None
    "#);
}

#[test]
fn texts_are_comments_strings_and_docs() {
    let facts = facts(
        "\"\"\"Doc of file.\"\"\"\n# A comment\ndef f():\n    'doc of f'\n    raise E('bad %s' % x)  #: note\n    return f\"{y!r} is\", b'', ''\n",
    );
    let texts = |all: &[crate::facts::TextSpan]| -> Vec<String> {
        all.iter().map(|it| format!("{}:{}:{:?}", it.line, it.text, it.within)).collect()
    };
    insta::assert_debug_snapshot!((texts(&facts.comments), texts(&facts.strings), texts(&facts.docs), facts.doc), @r#"
    (
        [
            "2:A comment:None",
            "5:: note:Some(0)",
        ],
        [
            "5:bad %s:Some(0)",
            "6:{y!r} is:Some(0)",
        ],
        [
            "1:Doc of file.:None",
            "4:doc of f:Some(0)",
        ],
        Some(
            "Doc of file.",
        ),
    )
    "#);
}

#[test]
fn tests_are_told_by_name_and_assertion() {
    insta::assert_snapshot!(symbols(
        "def test_it():\n    assert 1\ndef test_connection(host):\n    return 1\nclass FormTests(Base):\n    def setUp(self): pass\n    def test_a(self): pass\nclass Creation:\n    def test_db_signature(self): pass\n"
    ), @r#"
    1-2 function test_it: def test_it() test
    3-4 function test_connection: def test_connection(host)
    5-7 class FormTests: class FormTests(Base) bases=["Base"] test
    6-6 method FormTests.setUp: def setUp(self) test
    7-7 method FormTests.test_a: def test_a(self) test
    8-9 class Creation: class Creation
    9-9 method Creation.test_db_signature: def test_db_signature(self)
    "#);
}

#[test]
fn exports_are_read() {
    assert_eq!(facts("__all__ = ['a', 'b']\n").exports, Some(vec!["a".to_owned(), "b".to_owned()]));
    assert_eq!(facts("x = 1\n").exports, None);
}

#[test]
fn test_paths() {
    let table = [
        ("tests/forms/test_a.py", true),
        ("pkg/tests/helpers.py", true),
        ("pkg/conftest.py", true),
        ("pkg/test_thing.py", true),
        ("pkg/thing_test.py", true),
        ("pkg/app/tests.py", true),
        ("testing/example.py", true),
        ("django/test/client.py", false),
        ("pkg/testing/decorators.py", false),
        ("pkg/latest.py", false),
        ("test.py", false),
    ];
    check_test_paths(&Python, &table);
}

#[test]
fn broken_code_is_read_in_part() {
    let broken = facts("def good():\n    return 1\n\ndef bad(:\n    x = (1,\n\nclass After:\n    def m(self): pass\n");
    assert!(broken.error_nodes > 0);
    assert!(broken.symbols.iter().any(|it| it.name == "good"), "{:?}", broken.symbols);
}

#[test]
fn deep_nesting_does_not_end_the_process() {
    for (open, close) in [("(", ")"), ("[", "]"), ("f(", ")"), ("a.b(", ").c")] {
        let deep = format!("x = {}1{}\n", open.repeat(20_000), close.repeat(20_000));
        parse::facts(LanguageId::Python, deep.as_bytes());
        parse::facts(LanguageId::Python, &deep.as_bytes()[..deep.len() / 2]);
    }
}

fn check_facts(bytes: &[u8]) -> Result<(), TestCaseError> {
    let first = parse::facts(LanguageId::Python, bytes);
    for (at, symbol) in first.symbols.iter().enumerate() {
        prop_assert!(symbol.span.end <= bytes.len() && symbol.span.start <= symbol.span.end);
        prop_assert!(symbol.parent.is_none_or(|it| (it as usize) < at));
        prop_assert!(symbol.lines.start >= 1 && symbol.lines.start <= symbol.lines.end);
    }
    prop_assert!(first.references.is_sorted_by_key(|it| it.offset));
    prop_assert_eq!(first, parse::facts(LanguageId::Python, bytes));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_bytes_have_facts(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        check_facts(&bytes)?;
    }

    #[test]
    fn any_soup_of_tokens_has_facts(tokens in proptest::collection::vec(
        prop::sample::select(vec![
            "def ", "class ", "import ", "from ", "f", "a.b", "(", ")", ":", "\n", "\n    ", "=", "self", ".", "'", "\"\"\"", "#",
            "@", "lambda ", "for ", " in ", "with ", " as ", "global ", "match ", "case ", "é", "*", ",", "return ", "__all__", "[", "]",
        ]), 0..60))
    {
        check_facts(tokens.concat().as_bytes())?;
    }
}
