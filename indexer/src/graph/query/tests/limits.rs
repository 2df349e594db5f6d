//! Queries that ask for too much keep what they have.

use std::time::Duration;

use super::{Limits, Parameters, shop, shown};
use crate::graph::query::{Answer, Limit};

fn ask(query: &str, limits: &Limits) -> Answer {
    let (_directory, index) = shop();
    index.graph().query(query, &Parameters::new(), limits).unwrap()
}

#[test]
fn rows() {
    let two = Limits { rows: 2, ..Limits::default() };
    let unsorted = ask("MATCH (c:Class) RETURN c.name", &two);
    assert_eq!((unsorted.rows.len(), unsorted.truncated), (2, Some(Limit::Rows)));
    let sorted = ask("MATCH (c:Class) RETURN c.name ORDER BY c.name SKIP 1", &two);
    assert_eq!((shown(&sorted).as_str(), sorted.truncated), ("Money\nOrder", Some(Limit::Rows)));
    let grouped = ask("MATCH (m:Method) RETURN m.name, count(*)", &two);
    assert_eq!((grouped.rows.len(), grouped.truncated), (2, Some(Limit::Rows)));
    for enough in
        ["MATCH (c:Class) RETURN c LIMIT 2", "MATCH (c:Class) RETURN count(c)", "MATCH (r:Repository) RETURN r"]
    {
        assert_eq!(ask(enough, &two).truncated, None, "{enough}");
    }
}

#[test]
fn hops() {
    let few = Limits { hops: 30, ..Limits::default() };
    let answer = ask("MATCH (a), (b), (c) RETURN a.label, b.label, c.label", &few);
    assert_eq!((answer.hops, answer.truncated), (30, Some(Limit::Hops)));
    assert!(!answer.rows.is_empty());
    let counted = ask("MATCH (a), (b), (c) RETURN count(*)", &few);
    assert_eq!((counted.rows.len(), counted.truncated), (1, Some(Limit::Hops)));
    // Even where no row comes of it.
    let none = ask("MATCH (a)-[*1..8]-(b) WHERE a.name = 'x' AND b.name = 'y' OR a.name = 'zz' RETURN a", &few);
    assert_eq!((none.rows.len(), none.truncated), (0, Some(Limit::Hops)));
    let inside = ask("MATCH (a:Class) WHERE NOT EXISTS { (b), (c), (d) WHERE b.name = c.signature } RETURN a", &few);
    assert_eq!((inside.rows.len(), inside.truncated), (0, Some(Limit::Hops)), "what was not looked for is not absent");
}

#[test]
fn time() {
    let none = Limits { time: Duration::ZERO, ..Limits::default() };
    let answer = ask("MATCH (a), (b) RETURN a", &none);
    assert_eq!((answer.rows.len(), answer.truncated), (0, Some(Limit::Time)));
}

#[test]
fn memory() {
    let little = Limits { memory: 1_000, ..Limits::default() };
    for query in [
        "MATCH (a), (b) RETURN a.label, b.label",
        "MATCH (a), (b) RETURN DISTINCT a.label, b.label",
        "MATCH (a), (b) RETURN collect(a.label)",
        "MATCH (a), (b) RETURN count(DISTINCT a.label)",
        "MATCH (a), (b) RETURN a.label, count(b)",
    ] {
        let answer = ask(query, &little);
        assert_eq!(answer.truncated, Some(Limit::Memory), "{query}");
    }
    // Sorted rows that are not wanted are let go.
    let kept = Limits { memory: 600_000, ..Limits::default() };
    let answer = ask("MATCH (a), (b) RETURN a.label, b.label ORDER BY b.label, a.label LIMIT 1", &kept);
    assert_eq!((answer.rows.len(), answer.truncated), (1, None));
}
