//! Golden answers.

use super::{Limits, Parameter, Parameters, ask, index, parameters, shop, shown};
use crate::graph::query::{parse, plan};

/// Answers to each query of a list, below the query.
fn transcript(index: &crate::Index, queries: &[&str]) -> String {
    let answer = |query: &&str| match ask(index, query) {
        Ok(answer) => format!("> {query}\n{}", shown(&answer)),
        Err(error) => format!("> {query}\nerror: {error}"),
    };
    queries.iter().map(answer).collect::<Vec<_>>().join("\n\n")
}

#[test]
fn nodes_are_found_by_label_and_property() {
    let (_directory, index) = shop();
    let queries = [
        "MATCH (r:Repository)-[:CONTAINS]->(n) RETURN n, labels(n)",
        "MATCH (c:Class) RETURN c.name, c.path, c.line ORDER BY c.name",
        "MATCH (n {name: 'validate'}) RETURN n.label, n.kind, n.form, n.signature ORDER BY n.path",
        "MATCH (n:Global|Field) WHERE n.path STARTS WITH 'shop/mo' RETURN n.qualified, n.kind ORDER BY n.qualified",
        "MATCH (f:File) WHERE f.is_test RETURN f.name, f.language, f.lines",
        "MATCH (n:Symbol:Class {label: 'shop/money.py::Rate'}) RETURN n",
        "match (n:function) where n.name in ['create', 'check'] return n.qualified order by n.qualified desc",
    ];
    insta::assert_snapshot!(transcript(&index, &queries));
}

#[test]
fn relationships_are_followed_either_way() {
    let (_directory, index) = shop();
    let queries = [
        "MATCH (f {qualified: 'Order.validate'})-[r:CALLS]->(g) RETURN g.qualified, r.confidence ORDER BY g.qualified",
        "MATCH (g {name: 'check'})<-[:CALLS]-(f) RETURN f.label ORDER BY f.label",
        "MATCH (a {name: 'Order'})-[:INHERITS]-(b:Class) RETURN b.name ORDER BY b.name",
        "MATCH (s:Class)-[:INHERITS*1..3]->(b {name: 'Model'}) RETURN s.name ORDER BY s.name",
        "MATCH (s {name: 'Special'})-[path:INHERITS*2]->(b) RETURN b.name, size(path), path",
        "MATCH (s {name: 'Special'})-[:INHERITS*0..1]->(b) RETURN b.name ORDER BY b.name",
        "MATCH (m:Method)-[:OVERRIDES]->(o) RETURN m.qualified, o.qualified ORDER BY m.qualified",
        "MATCH (t)-[r:TESTS {confidence: 0.71}]->(f) RETURN t, type(r), r.kind, startNode(r), endNode(r)",
    ];
    insta::assert_snapshot!(transcript(&index, &queries));
}

#[test]
fn conditions_know_true_false_and_null() {
    let (_directory, index) = shop();
    let count = |condition: &str| {
        let answer = ask(&index, &format!("MATCH (c:Class) WHERE {condition} RETURN count(*)"));
        shown(&answer.unwrap_or_else(|error| panic!("{condition}: {error}")))
    };
    let all = count("true");
    assert_eq!(all, "5");
    for (condition, expected) in [
        ("c.doc IS NULL", "5"),
        ("c.doc IS NOT NULL", "0"),
        ("c.doc = null", "0"),
        ("NOT c.doc = 'x'", "0"),
        ("c.doc = 'x' OR c.name = 'Rate'", "1"),
        ("NOT (c.doc = 'x' AND c.name = 'Rate')", "4"),
        ("c.name IN ['Rate', null]", "1"),
        ("NOT c.name IN ['Rate', null]", "0"),
        ("NOT c.name IN ['Rate']", "4"),
        ("c.name =~ 'R.*|Order'", "2"),
        ("c.name =~ 'Rat'", "0"),
        ("c.name ENDS WITH 'el' XOR c.name CONTAINS 'a'", "3"),
        ("c.line < c.end_line", "5"),
        ("3 <= c.line <= 5", "2"),
        ("c.line < 'a'", "0"),
        ("c.line <> 'a'", "5"),
        ("c.name > 'P'", "2"),
        ("c:Class AND NOT c:Function|Method", "5"),
        ("toLower(c.name) = 'rate' OR toUpper(c.name) = 'MONEY'", "2"),
        ("coalesce(c.doc, c.name) = 'Order'", "1"),
        ("size(c.name) = 5", "3"),
        ("id(c) >= 0", "5"),
        ("(c)-[:INHERITS]->()", "2"),
        ("NOT (c)-[:INHERITS]->(:Class)", "3"),
        ("exists((c)<-[:INHERITS]-())", "2"),
        ("exists(c.doc)", "0"),
        ("EXISTS { MATCH (c)-[:CONTAINS]->(m:Method) WHERE m.name STARTS WITH 'round' }", "1"),
        ("EXISTS { (c)-[:CONTAINS]->(m)-[:CALLS]->(n) WHERE EXISTS { (n)<-[:TESTS]-() } }", "1"),
        ("c.name = -1", "0"),
    ] {
        assert_eq!(count(condition), expected, "{condition}");
    }
}

#[test]
fn rows_are_grouped_sorted_and_cut() {
    let (_directory, index) = shop();
    let queries = [
        "MATCH (c:Class)-[:CONTAINS]->(m:Method) RETURN c.name AS class, count(m) AS methods ORDER BY methods DESC, class",
        "MATCH (c:Class)-[:CONTAINS]->(m:Method) RETURN c.name, collect(m.name), min(m.line), max(m.name) ORDER BY c.name",
        "MATCH (m:Method) RETURN DISTINCT m.name ORDER BY m.name SKIP 2 LIMIT 3",
        "MATCH (m:Method) RETURN count(m.name), count(DISTINCT m.name), count(m.doc), collect(m.doc), min(m.doc)",
        "MATCH (n:Directory {name: 'nowhere'}) RETURN count(*), collect(n.name)",
        "MATCH (n:Directory {name: 'nowhere'}) RETURN n.path, count(*)",
        "MATCH (c:Class) RETURN c.name ORDER BY size(c.name), c.name LIMIT 2",
        "MATCH (m:Method) RETURN m.name, count(*) ORDER BY count(*) DESC, m.name LIMIT 2",
        "MATCH (c:Class) RETURN DISTINCT c ORDER BY c.name LIMIT 1",
        "MATCH (c:Class {name: 'Rate'})-[r:CONTAINS]->(m) RETURN *",
        "MATCH (c:Class) RETURN c.name LIMIT 0",
    ];
    insta::assert_snapshot!(transcript(&index, &queries));
}

#[test]
fn optional_matches_leave_nulls() {
    let (_directory, index) = shop();
    let queries = [
        "MATCH (c:Class) OPTIONAL MATCH (c)-[r:INHERITS]->(b) RETURN c.name, b.name, r ORDER BY c.name",
        "MATCH (c:Class) OPTIONAL MATCH (c)-[:INHERITS]->(b) WHERE b.name = 'Model' RETURN c.name, b ORDER BY c.name",
        "MATCH (c:Class) OPTIONAL MATCH (c)-[:INHERITS]->(b) MATCH (b)-[:INHERITS]->(d) RETURN c.name, b.name, d.name",
        "OPTIONAL MATCH (c:Class {name: 'Nothing'}) RETURN c, c.name",
        "MATCH (c:Class) MATCH (c)-[:CONTAINS]->(m {name: 'save'}) RETURN m.qualified ORDER BY m.qualified",
    ];
    insta::assert_snapshot!(transcript(&index, &queries));
}

#[test]
fn within_one_match_no_relationship_is_met_twice() {
    let (_directory, index) = index("=== a.py\ndef f(): g()\ndef g(): f()\n");
    let one = "MATCH (a {name: 'f'})-[:CALLS]-(b)-[:CALLS]-(c) RETURN c.name";
    assert_eq!(shown(&ask(&index, one).unwrap()), "f\nf");
    let two = "MATCH (a {name: 'f'})-[:CALLS]-(b) MATCH (b)-[:CALLS]-(c) RETURN c.name";
    assert_eq!(shown(&ask(&index, two).unwrap()), "f\nf\nf\nf");
    let path = "MATCH (a {name: 'f'})-[r:CALLS*1..8]->(c) RETURN c.name, size(r) ORDER BY size(r)";
    assert_eq!(shown(&ask(&index, path).unwrap()), "g | 1\nf | 2");
}

#[test]
fn paths_read_from_left_to_right() {
    let (_directory, index) = index("=== a.py\ndef f(): g()\ndef g(): h()\ndef h(): pass\n");
    let from_the_left = ask(&index, "MATCH (a {name: 'f'})-[r:CALLS*2]->(b:Function) RETURN r").unwrap();
    let from_the_right = ask(&index, "MATCH (a:Function)-[r:CALLS*2]->(b {name: 'h'}) RETURN r").unwrap();
    assert_eq!(shown(&from_the_left), "[a.py::f calls a.py::g, a.py::g calls a.py::h]");
    assert_eq!(from_the_left.rows, from_the_right.rows);
}

#[test]
fn parameters_stand_for_values() {
    let (_directory, index) = shop();
    let given = parameters(&[
        ("name", Parameter::Text("Order".to_owned())),
        ("names", Parameter::List(vec![Parameter::Text("Rate".to_owned()), Parameter::Null])),
        ("most", Parameter::Integer(1)),
    ]);
    let query = "MATCH (c:Class) WHERE c.name = $name OR c.name IN $names RETURN c.name ORDER BY c.name LIMIT $most";
    let answer = index.graph().query(query, &given, &Limits::default()).unwrap();
    assert_eq!(shown(&answer), "Order");
    let read: Parameters = serde_json::from_str(r#"{"a": [1, 2.5, "x", null, true]}"#).unwrap();
    let expected = [
        Parameter::Integer(1),
        Parameter::Float(2.5),
        Parameter::Text("x".to_owned()),
        Parameter::Null,
        Parameter::Boolean(true),
    ];
    assert_eq!(read["a"], Parameter::List(expected.to_vec()));
}

#[test]
fn answers_are_plain_json() {
    let (_directory, index) = shop();
    let query =
        "MATCH (c:Class {name: 'Order'})-[r:INHERITS]->(b) OPTIONAL MATCH (b)-[:TESTS]->(n) RETURN c, r, n, 1.5";
    let answer = ask(&index, query).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&answer).unwrap());
}

#[test]
fn a_walk_starts_where_the_fewest_nodes_are() {
    let (_directory, index) = shop();
    let plan_of = |query: &str| {
        let query = parse::parse(query, &Parameters::new()).unwrap();
        plan::plan(index.graph(), &query).described()
    };
    for (query, expected) in [
        ("MATCH (a)-[:CALLS]->(b {name: 'check'}) RETURN a", "look up 2 by Name, filter, expand 2 to 0"),
        ("MATCH (a:Class)-[:INHERITS]->(b) RETURN a", "scan 0, filter, expand 0 to 2"),
        ("MATCH (a:Directory)-[:CONTAINS*1..2]->(b:Method) RETURN a", "scan 0, filter, expand 0 to 2, filter"),
        (
            "MATCH (a {qualified: 'Order.save'}), (b) WHERE b.name = a.name RETURN b",
            "look up 0 by Qualified, filter, look up 1 by Name, filter",
        ),
        (
            "MATCH (a)-->(b)-->(c)-->(a) WHERE b.label IN ['shop/money.py::check'] RETURN a",
            "look up 2 by Label, filter, expand 2 to 0, expand 2 to 4, close 4 to 0",
        ),
    ] {
        assert_eq!(plan_of(query), expected, "{query}");
    }
}

#[test]
fn the_questions_of_the_documentation_are_understood() {
    let (_directory, index) = shop();
    let documentation = include_str!("../../../../../docs/queries.md");
    let given = parameters(&[("method", Parameter::Text("shop/base.py::Model.validate".to_owned()))]);
    let asked = documentation.lines().filter(|it| it.starts_with("MATCH ") && it.contains(" RETURN "));
    let mut answers = Vec::new();
    for query in asked.filter(|it| !it.contains("Functon")) {
        let answer = index.graph().query(query, &given, &Limits::default());
        let answer = shown(&answer.unwrap_or_else(|error| panic!("{query}: {error}")));
        // Where an answer stands below the question, it is this one.
        let below = documentation.split_once(query).and_then(|it| it.1.strip_prefix("\n\n"));
        let told = below.and_then(|it| it.split_once("\n```")).map(|it| it.0).filter(|it| !it.starts_with("//"));
        assert!(told.is_none_or(|it| it == answer), "{query}\n{answer}");
        answers.push(answer);
    }
    assert_eq!(answers.len(), 7);
    let mut callers: Vec<&str> = answers[5].lines().collect();
    callers.sort_unstable();
    assert_eq!(callers, ["shop/base.py::Model.save", "shop/models.py::Special.other", "shop/models.py::create"]);
}
