//! The tools on a small shop.

use super::{Detail, How, Retrieve, SearchEntity, Traverse, Way};
use crate::Index;
use crate::graph::tests::{SHOP, index};
use crate::graph::{EdgeKind, NodeKind};

fn shop() -> (tempfile::TempDir, Index) {
    index(SHOP)
}

fn search(terms: &[&str]) -> SearchEntity {
    serde_json::from_value(serde_json::json!({ "terms": terms })).unwrap()
}

fn labels(index: &Index, search: &SearchEntity) -> Vec<String> {
    search.run(index).unwrap().entities.into_iter().map(|it| it.entity).collect()
}

#[test]
fn entities_are_found_by_label_path_and_name() {
    let (_directory, index) = shop();
    for (term, expected) in [
        ("shop/money.py::Money.round_off", &["shop/money.py::Money.round_off"][..]),
        ("shop/money.py", &["shop/money.py"]),
        ("shop/", &["shop"]),
        ("money.py", &["shop/money.py"]),
        ("Order.validate", &["shop/models.py::Order.validate"]),
        ("Order::validate", &["shop/models.py::Order.validate"]),
        ("validate", &["shop/base.py::Model.validate", "shop/models.py::Order.validate"]),
        ("test_create", &["tests/test_money.py::test_create"]),
        ("/", &["/"]),
    ] {
        let found = search(&[term]).run(&index).unwrap();
        let labels: Vec<&str> = found.entities.iter().map(|it| it.entity.as_str()).collect();
        assert_eq!(labels, expected, "{term}");
        assert!(found.entities.iter().all(|it| it.how == How::Name && it.term == term));
    }
}

#[test]
fn what_is_called_nearly_so_or_speaks_of_it_is_found_too() {
    let (_directory, index) = shop();
    let near = search(&["quite_unusal"]).run(&index).unwrap();
    assert_eq!(near.entities[0].entity, "shop/money.py::Money.quite_unusual");
    assert_eq!(near.entities[0].how, How::NearName);
    let words = search(&["raise not implemented error"]).run(&index).unwrap();
    assert_eq!(words.entities[0].entity, "shop/base.py::Model.validate", "{words}");
    assert_eq!(words.entities[0].how, How::Words);
    assert_eq!(search(&["zzzz"]).run(&index).unwrap().missed, ["zzzz"]);
}

#[test]
fn kinds_places_and_limits_narrow_a_search() {
    let (_directory, index) = shop();
    let models = SearchEntity { below: Some("shop/models.py".to_owned()), ..search(&["validate"]) };
    assert_eq!(labels(&index, &models), ["shop/models.py::Order.validate"]);
    let below = SearchEntity { below: Some("sho".to_owned()), ..search(&["validate"]) };
    assert!(labels(&index, &below).iter().all(|it| !it.contains("::Order.validate")));
    let classes = SearchEntity { kinds: vec![NodeKind::Class], ..search(&["money"]) };
    assert_eq!(labels(&index, &classes)[0], "shop/money.py::Money");
    let one = SearchEntity { limit: 1, ..search(&["validate"]) }.run(&index).unwrap();
    assert_eq!((one.entities.len(), one.left_out), (1, 1));
}

#[test]
fn the_fewer_there_are_the_more_is_shown() {
    let (_directory, index) = shop();
    insta::assert_snapshot!(search(&["Money.round_off"]).run(&index).unwrap(), @r"
    `Money.round_off` is the name of:
    shop/money.py::Money.round_off [method, lines 6-6]
        6     def round_off(self): return LIMIT
    ");
    let preview = SearchEntity { detail: Some(Detail::Preview), ..search(&["Order"]) };
    insta::assert_snapshot!(preview.run(&index).unwrap(), @r"
    `Order` is the name of:
    shop/models.py::Order [class, lines 4-16]
        class Order(Base)
            rate = money.Rate()
            def __init__(self, price)
            self.price = price
            self.total = money.Money(price)
            def validate(self)
            def save(self)
    ");
    let fold = SearchEntity { detail: Some(Detail::Fold), ..search(&["save", "shop"]) };
    insta::assert_snapshot!(fold.run(&index).unwrap(), @r"
    `save` is the name of:
    shop/base.py::Model.save [method, lines 3-5]
    shop/models.py::Order.save [method, lines 15-16]
    `shop` is the name of:
    shop [directory]
    ");
}

#[test]
fn trees_say_how_each_is_related_to_the_one_above() {
    let (_directory, index) = shop();
    let calls = Traverse { relations: vec![EdgeKind::Calls], ..Traverse::from(["shop/models.py::create"]) };
    insta::assert_snapshot!(calls.run(&index));
    let upstream = Traverse {
        way: Way::Upstream,
        relations: vec![EdgeKind::Uses, EdgeKind::Calls, EdgeKind::Tests],
        ..Traverse::from(["LIMIT", "nowhere"])
    };
    insta::assert_snapshot!(upstream.run(&index));
    let classes = Traverse { kinds: vec![NodeKind::Class], depth: 3, ..Traverse::from(["/"]) };
    let classes = Traverse { relations: vec![EdgeKind::Contains], ..classes };
    insta::assert_snapshot!(classes.run(&index));
}

#[test]
fn trees_have_bounds_and_count_what_they_leave_out() {
    let functions: String = (0..600).map(|it| format!("def f{it}(): pass\n")).collect();
    let (_directory, index) = index(&format!("=== a.py\n{functions}"));
    let all = Traverse { depth: 99, limit: usize::MAX, ..Traverse::from(["a.py"]) }.run(&index);
    assert_eq!((all.entities, all.left_out), (31, 570));
    assert!(all.to_string().ends_with("ask for fewer kinds or steps\n"));
    let few = Traverse { limit: 5, ..Traverse::from(["a.py"]) }.run(&index);
    assert_eq!((few.entities, few.left_out), (5, 596));
}

#[test]
fn code_is_retrieved_with_line_numbers() {
    let (_directory, index) = shop();
    let retrieve =
        |names: &[&str]| Retrieve { entities: names.iter().map(|it| (*it).to_owned()).collect() }.run(&index);
    insta::assert_snapshot!(retrieve(&["Model.save", "shop", "shop/base.py::Model.save", "Oder"]));
    let whole = retrieve(&["shop/base.py"]);
    assert!(whole.entities[0].code.starts_with("1 import os\n2 class Model:\n"), "{whole}");
    assert_eq!(retrieve(&["nothing_like_it"]).unknown[0].to_string(), "nothing is called `nothing_like_it`");
}

#[test]
fn long_code_is_cut_and_said_to_be() {
    let body: String = (0..4_000).map(|it| format!("    x{it} = {it}\n")).collect();
    let (_directory, index) = index(&format!("=== a.py\ndef f():\n{body}\n=== b.py\ndef f(): pass\n"));
    let retrieved = Retrieve { entities: vec!["f".to_owned()] }.run(&index);
    assert_eq!(retrieved.entities.len(), 2);
    let cut = &retrieved.entities[0];
    assert!(cut.code.len() <= 32 << 10 && cut.left_out > 1_000, "{} {}", cut.code.len(), cut.left_out);
    assert_eq!(cut.code.lines().count() as u32 + cut.left_out, 4_001);
    assert_eq!(retrieved.entities[1].code, "1 def f(): pass\n");
    let found = search(&["f"]).run(&index).unwrap();
    assert!(found.to_string().len() < 32 << 10);
}

#[test]
fn a_name_of_too_many_is_refused_with_examples() {
    let files: String = (0..20).map(|it| format!("=== m{it:02}.py\ndef run(): pass\n")).collect();
    let (_directory, index) = index(&files);
    let retrieved = Retrieve { entities: vec!["run".to_owned()] }.run(&index);
    assert!(retrieved.entities.is_empty());
    assert_eq!(
        retrieved.unknown[0].to_string(),
        "20 entities are called `run`, name one as path::Qualified.name; \
         perhaps m00.py::run, m01.py::run, m02.py::run, m03.py::run, m04.py::run"
    );
}

#[test]
fn unknown_arguments_are_refused() {
    assert!(serde_json::from_str::<Traverse>(r#"{"start": ["a"], "directions": "up"}"#).is_err());
    let read: Traverse = serde_json::from_str(r#"{"start": ["a"], "way": "both", "relations": ["calls"]}"#).unwrap();
    assert_eq!((read.way, read.depth), (Way::Both, 2));
}

#[test]
fn edited_files_are_shown_as_they_were_edited() {
    let (_directory, index) = shop();
    let path = repo::RepoPath::new("shop/money.py").unwrap();
    let edited = index.with_edits(&[(&path, Some(b"LIMIT = 4\n\ndef check(x): return x <= LIMIT\n"))]).unwrap();
    let ask = Retrieve { entities: vec!["shop/money.py::check".to_owned(), "shop/base.py::Model.validate".to_owned()] };
    insta::assert_snapshot!(ask.run(&edited), @r"
    shop/money.py::check [function, lines 3-3]
    3 def check(x): return x <= LIMIT
    shop/base.py::Model.validate [method, lines 6-7]
    6     def validate(self):
    7         raise NotImplementedError
    ");
    // An overlay of the overlay still knows the first edit.
    let other = repo::RepoPath::new("shop/base.py").unwrap();
    let twice = edited.with_edits(&[(&other, Some(b"class Model: pass\n"))]).unwrap();
    let ask = Retrieve { entities: vec!["shop/money.py::LIMIT".to_owned(), "shop/base.py::Model".to_owned()] };
    let shown = ask.run(&twice).to_string();
    assert!(shown.contains("1 LIMIT = 4\n") && shown.contains("1 class Model: pass\n"), "{shown}");
}
