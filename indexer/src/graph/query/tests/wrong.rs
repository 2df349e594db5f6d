//! Queries that are wrong, and any bytes at all.

use proptest::prelude::*;

use super::{Parameters, ask, shop};
use crate::graph::query::{Cause, parse};

#[test]
fn errors_say_where_and_what_is_allowed() {
    let (_directory, index) = shop();
    let queries = [
        "",
        "RETURN 1",
        "MATCH (n) ",
        "MATCH (n",
        "MATCH n RETURN n",
        "MATCH (n:Functon) RETURN n",
        "MATCH (n:Module) RETURN n",
        "MATCH (n)-[:CALL]->(m) RETURN n",
        "MATCH (n) WHERE n.nmae = 'x' RETURN n",
        "MATCH (n)-[r]->(m) WHERE r.weight > 1 RETURN n",
        "MATCH (node) RETURN nod",
        "MATCH (n) WHERE n.name = $name RETURN n",
        "MATCH (n)-[n]->(m) RETURN n",
        "MATCH (n)-[r]->(m)-[r]->(k) RETURN n",
        "MATCH (n)-[:CALLS*]->(m) RETURN m",
        "MATCH (n)-[:CALLS*1..99]->(m) RETURN m",
        "MATCH (n)-[:CALLS*3..2]->(m) RETURN m",
        "MATCH (n)-[r*1..2]->(m) RETURN r.kind",
        "MATCH (n)-[*1..2 {confidence: n.line}]->(m) RETURN m",
        "MATCH p = (n)-->(m) RETURN p",
        "MATCH (n) WHERE count(n) > 1 RETURN n",
        "MATCH (n) RETURN size(collect(n))",
        "MATCH (n)-[r]->(m) RETURN endNode(r).name",
        "MATCH (n) RETURN frobnicate(n)",
        "MATCH (n) RETURN toLower()",
        "MATCH (n) WHERE n.name =~ '(' RETURN n",
        "MATCH (n) WHERE n.name =~ n.path RETURN n",
        "MATCH (n) RETURN n LIMIT -1",
        "MATCH (n) RETURN n LIMIT many",
        "MATCH (n) RETURN n.name, n.name",
        "MATCH (n) RETURN DISTINCT n.name ORDER BY n.path",
        "MATCH (n) RETURN n.name, count(*) ORDER BY max(n.line)",
        "MATCH (n) DELETE n",
        "CREATE (n:File)",
        "MATCH (n) WITH n RETURN n",
        "MATCH (n) WHERE CASE WHEN true THEN 1 END RETURN n",
        "MATCH (n) WHERE (n)-->(unknown) RETURN n",
        "MATCH (n) WHERE n.name = 'x RETURN n",
        "MATCH (n) WHERE n.name == 'x' RETURN n",
        "MATCH (n) RETURN n # comment",
        "MATCH (n) RETURN n; MATCH (m) RETURN m",
    ];
    let said = |query: &&str| {
        let error = ask(&index, query).expect_err(query);
        format!("> {query}\n{error}")
    };
    insta::assert_snapshot!(queries.iter().map(said).collect::<Vec<_>>().join("\n"));
}

#[test]
fn depth_length_and_size_have_bounds() {
    let cause = |query: &str| parse::parse(query, &Parameters::new()).map_err(|it| it.cause).unwrap_err();
    for (open, close) in [("(", ")"), ("NOT ", ""), ("[", "]"), ("toLower(", ")"), ("EXISTS { (n) WHERE ", " }")] {
        for depth in [40, 400] {
            let query = format!("MATCH (n) WHERE {}1{} RETURN n", open.repeat(depth), close.repeat(depth));
            assert_eq!(cause(&query), Cause::TooDeep { most: parse::MAX_DEPTH }, "{open}");
        }
        let query = format!("MATCH (n) WHERE {}1{} RETURN n", open.repeat(20), close.repeat(20));
        assert!(parse::parse(&query, &Parameters::new()).is_ok(), "{open}");
    }
    let long = format!("MATCH (n) WHERE {}true RETURN n", "true AND ".repeat(1_000));
    assert!(parse::parse(&long, &Parameters::new()).is_ok());
    let longer = format!("MATCH (n) WHERE {}true RETURN n", "true AND ".repeat(2_000));
    assert_eq!(cause(&longer), Cause::TooLong { most: parse::MAX_BYTES });
    let many = format!("MATCH (){} RETURN 1", "-->()".repeat(40));
    assert_eq!(cause(&many), Cause::TooManyElements { most: parse::MAX_ELEMENTS });
}

/// Pieces of which queries are made, in any order.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "MATCH",
        "OPTIONAL",
        "WHERE",
        "RETURN",
        "DISTINCT",
        "ORDER",
        "BY",
        "SKIP",
        "LIMIT",
        "AS",
        "AND",
        "OR",
        "NOT",
        "XOR",
        "IN",
        "IS",
        "NULL",
        "EXISTS",
        "STARTS",
        "WITH",
        "CONTAINS",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "-",
        "->",
        "<-",
        "--",
        ":",
        "|",
        "*",
        "..",
        ",",
        ".",
        "=",
        "<>",
        "<",
        "<=",
        "=~",
        "n",
        "m",
        "r",
        "name",
        "n.name",
        "(n)",
        "(m:Class)",
        "-[r]->",
        "-[:CALLS*1..2]->",
        "Function",
        "CALLS",
        "count",
        "count(*)",
        "collect(n)",
        "'x'",
        "\"y\"",
        "1",
        "2.5",
        "$p",
        "`q`",
        "'a.*'",
        "true",
        "null",
        "é",
        "/*",
        "*/",
        "//",
        "\n",
        "\\",
        "'",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|it| it.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,200}") {
        let _ = parse::parse(&text, &Parameters::new());
    }

    #[test]
    fn any_pieces_are_read_or_refused_with_a_place_in_the_text(text in pieces()) {
        if let Err(error) = parse::parse(&text, &Parameters::new()) {
            prop_assert!(error.at.offset <= text.len() && text.is_char_boundary(error.at.offset));
            prop_assert!(!error.to_string().is_empty() && !error.shown(&text).is_empty());
        }
    }

    #[test]
    fn a_good_query_with_one_byte_less_is_read_or_refused(cut in 0usize..200, drop in 0usize..4) {
        let good = "MATCH (a:Class {name: 'x'})-[r:CALLS|USES*1..3]->(b) WHERE NOT (a)<-[:TESTS]-() AND a.line IN [1, 2] \
                    RETURN DISTINCT a.name AS name, count(*) ORDER BY name DESC SKIP 1 LIMIT 2";
        let text: String = good.chars().enumerate().filter(|it| it.0 < cut || it.0 > cut + drop).map(|it| it.1).collect();
        let _ = parse::parse(&text, &Parameters::new());
    }
}
