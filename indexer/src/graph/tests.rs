//! Edges of small repositories.

use std::fs;

use repo::{RepoPath, Store};

use super::{Direction, EdgeKind, EdgeKinds, Node, NodeKind, Walk};
use crate::Index;

/// Indexes files given as `=== path` sections.
pub(crate) fn index(files: &str) -> (tempfile::TempDir, Index) {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("folder");
    for section in files.split("=== ").skip(1) {
        let (path, text) = section.split_once('\n').unwrap();
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let (store, tree) = Store::import(&directory.path().join("store"), &folder).unwrap();
    let index = Index::open(&directory.path().join("cache"), &store.snapshot(tree).unwrap(), &|_| {}).unwrap();
    (directory, index)
}

/// Returns the edges of the kinds, one a line, with the confidence where it is not certain.
fn edges(index: &Index, kinds: &[EdgeKind]) -> String {
    let graph = index.graph();
    let mut lines = Vec::new();
    for id in (0..graph.node_count() as u32).map(super::NodeId) {
        for edge in graph.neighbours(id, EdgeKinds::of(kinds), Direction::Out) {
            let sure = if edge.confidence < 0.99 { format!(" {:.2}", edge.confidence) } else { String::new() };
            lines.push(format!("{} {:?} {}{sure}", graph.label(id), edge.kind, graph.label(edge.node)));
        }
    }
    lines.join("\n")
}

pub(crate) const SHOP: &str = r#"
=== shop/__init__.py
from .models import *
from .models import _hidden
=== shop/base.py
import os
class Model:
    def save(self, force=False):
        self.validate()
        return os.path.join("a", "b")
    def validate(self):
        raise NotImplementedError
=== shop/models.py
from shop.base import Model as Base
from . import money
__all__ = ["Order", "create"]
class Order(Base):
    rate = money.Rate()
    def __init__(self, price):
        self.price = price
        self.total = money.Money(price)
    def validate(self):
        check = money.check
        super().save()
        self.total.round_off()
        self.rate.apply_to(self.price)
        return money.check(self.price) and check
    def save(self):
        return Base.save(self)
class Special(Order):
    def other(self):
        self.validate()
        self.unique_method_somewhere()
def create(kind: Order):
    kind.validate()
    order = Special(1)
    order.save()
    unknown().quite_unusual()
    [].append(1)
    validate = 1
    validate()
def _hidden(): pass
=== shop/money.py
LIMIT = 3
class Rate:
    def apply_to(self, amount): return amount
class Money:
    def __init__(self, amount): self.amount = amount
    def round_off(self): return LIMIT
    def quite_unusual(self): pass
    def append(self, x): pass
def check(x): return x < LIMIT
=== tests/test_money.py
from shop import Order, create, _hidden
import shop.money as m
def test_create():
    assert create(Order(1))
    assert m.check(1)
    _hidden()
"#;

#[test]
fn references_are_resolved_through_imports_classes_and_names() {
    let (_directory, index) = index(SHOP);
    insta::assert_snapshot!(edges(&index, &[EdgeKind::Calls]), @r#"
    shop/base.py::Model.save Calls shop/base.py::Model.validate
    shop/models.py::Order Calls shop/money.py::Rate
    shop/models.py::Order.__init__ Calls shop/money.py::Money
    shop/models.py::Order.__init__ Calls shop/money.py::Money.__init__ 0.90
    shop/models.py::Order.validate Calls shop/base.py::Model.save
    shop/models.py::Order.validate Calls shop/money.py::Rate.apply_to 0.90
    shop/models.py::Order.validate Calls shop/money.py::Money.round_off 0.90
    shop/models.py::Order.validate Calls shop/money.py::check
    shop/models.py::Order.save Calls shop/base.py::Model.save
    shop/models.py::Special.other Calls shop/models.py::Order.validate
    shop/models.py::create Calls shop/models.py::Order.__init__ 0.90
    shop/models.py::create Calls shop/models.py::Order.validate 0.90
    shop/models.py::create Calls shop/models.py::Order.save 0.90
    shop/models.py::create Calls shop/models.py::Special
    shop/models.py::create Calls shop/money.py::Money.quite_unusual 0.52
    tests/test_money.py::test_create Calls shop/models.py::Order
    tests/test_money.py::test_create Calls shop/models.py::Order.__init__ 0.90
    tests/test_money.py::test_create Calls shop/models.py::create
    tests/test_money.py::test_create Calls shop/models.py::_hidden
    tests/test_money.py::test_create Calls shop/money.py::check
    "#);
    insta::assert_snapshot!(edges(&index, &[EdgeKind::Inherits]), @r#"
    shop/models.py::Order Inherits shop/base.py::Model
    shop/models.py::Special Inherits shop/models.py::Order
    "#);
    insta::assert_snapshot!(edges(&index, &[EdgeKind::Overrides]), @r#"
    shop/models.py::Order.validate Overrides shop/base.py::Model.validate
    shop/models.py::Order.save Overrides shop/base.py::Model.save
    "#);
    insta::assert_snapshot!(edges(&index, &[EdgeKind::Imports]), @r#"
    shop/__init__.py Imports shop/models.py
    shop/__init__.py Imports shop/models.py::_hidden
    shop/models.py Imports shop/__init__.py
    shop/models.py Imports shop/base.py
    shop/models.py Imports shop/money.py
    shop/models.py Imports shop/base.py::Model
    tests/test_money.py Imports shop/__init__.py
    tests/test_money.py Imports shop/money.py
    tests/test_money.py Imports shop/models.py::Order
    tests/test_money.py Imports shop/models.py::create
    tests/test_money.py Imports shop/models.py::_hidden
    "#);
    insta::assert_snapshot!(edges(&index, &[EdgeKind::Uses]), @r#"
    shop/models.py::Order.__init__ Uses shop/models.py::Order.price
    shop/models.py::Order.__init__ Uses shop/models.py::Order.total
    shop/models.py::Order.validate Uses shop/models.py::Order.rate
    shop/models.py::Order.validate Uses shop/models.py::Order.price
    shop/models.py::Order.validate Uses shop/models.py::Order.total
    shop/models.py::Order.validate Uses shop/money.py::check
    shop/models.py::Order.save Uses shop/base.py::Model
    shop/models.py::create Uses shop/models.py::Order
    shop/money.py::Money.__init__ Uses shop/money.py::Money.amount
    shop/money.py::Money.round_off Uses shop/money.py::LIMIT
    shop/money.py::check Uses shop/money.py::LIMIT
    "#);
    insta::assert_snapshot!(edges(&index, &[EdgeKind::Tests]), @r#"
    tests/test_money.py Tests shop/__init__.py 0.52
    tests/test_money.py Tests shop/money.py 0.71
    tests/test_money.py Tests shop/models.py::Order 0.52
    tests/test_money.py Tests shop/models.py::create 0.52
    tests/test_money.py Tests shop/models.py::_hidden 0.52
    tests/test_money.py::test_create Tests shop/models.py::Order
    tests/test_money.py::test_create Tests shop/models.py::create
    tests/test_money.py::test_create Tests shop/models.py::_hidden
    tests/test_money.py::test_create Tests shop/money.py::check
    "#);
}

#[test]
fn everything_hangs_on_its_directory() {
    let (_directory, index) = index("=== a/b/c.py\nclass K:\n    x = 1\n    def m(self): pass\n=== top.py\n");
    insta::assert_snapshot!(edges(&index, &[EdgeKind::Contains]), @r#"
    / Contains a
    / Contains top.py
    a Contains a/b
    a/b Contains a/b/c.py
    a/b/c.py Contains a/b/c.py::K
    a/b/c.py::K Contains a/b/c.py::K.x
    a/b/c.py::K Contains a/b/c.py::K.m
    "#);
}

#[test]
fn circles_end() {
    let (_directory, index) = index(
        r#"
=== a.py
from b import *
from b import x
class A(B): pass
y = A()
y.m()
x()
z: z = z()
z.z.z()
=== b.py
from a import *
from a import x
class B(A): pass
from c import *
=== c.py
from a import *
from b import *
from .c import *
class C(C): pass
missing()
"#,
    );
    assert!(edges(&index, &[EdgeKind::Inherits]).contains("a.py::A Inherits b.py::B"));
}

#[test]
fn nodes_are_found_and_walked() {
    let (_directory, index) = index(SHOP);
    let graph = index.graph();
    let money = RepoPath::new("shop/money.py").unwrap();
    let check = graph.find_symbol(&money, "check").unwrap();
    assert_eq!(graph.label(check), "shop/money.py::check");
    assert!(matches!(graph.node(graph.find(&money).unwrap()), Some(Node::File(_))));
    assert!(matches!(graph.node(graph.find(&RepoPath::new("shop").unwrap()).unwrap()), Some(Node::Directory(_))));
    assert_eq!(graph.node(super::NodeId(u32::MAX)), None);
    assert_eq!(graph.kind(graph.root()), Some(NodeKind::Repository));
    assert_eq!((graph.path(graph.root()), graph.label(graph.root())), (None, "/".to_owned()));
    let callers = graph.neighbours(check, EdgeKinds::of(&[EdgeKind::Calls]), Direction::In);
    let callers: Vec<String> = callers.map(|it| graph.label(it.node)).collect();
    assert_eq!(callers, ["shop/models.py::Order.validate", "tests/test_money.py::test_create"]);
    let rank = graph.pagerank(&[(check, 1.0)], &Walk::default());
    assert!((rank.iter().sum::<f64>() - 1.0).abs() < 1e-9);
    let validate = graph.find_symbol(&RepoPath::new("shop/models.py").unwrap(), "Order.validate").unwrap();
    let special = graph.find_symbol(&RepoPath::new("shop/models.py").unwrap(), "Special.other").unwrap();
    assert!(rank[validate.0 as usize] > rank[special.0 as usize]);
}

#[test]
fn a_call_means_the_definition_and_not_its_prototype() {
    let (_directory, index) = index(
        "=== a.c\nstatic int rate(int);\nint total(void) { return rate(1); }\nstatic int rate(int n) { return n; }\n",
    );
    let graph = index.graph();
    let total = graph.find_symbol(&RepoPath::new("a.c").unwrap(), "total").unwrap();
    let called: Vec<u32> = graph
        .neighbours(total, EdgeKinds::of(&[EdgeKind::Calls]), Direction::Out)
        .filter_map(|it| Some(graph.symbol(it.node)?.lines.start))
        .collect();
    assert_eq!(called, [3]);
}
