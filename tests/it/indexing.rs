//! `index query`, `map` and `stats`, as people and programs call them.

use e2e::program::Ended;
use serde_json::{Value, json};

use crate::patchwright;
use crate::samples::clamp;

/// Runs `index VERB ARGS` on the sample repository and returns what it prints.
fn index(args: &[&str]) -> Ended {
    let repository = clamp();
    repository.commit("first").unwrap();
    let path = repository.path();
    let args = [&["index"], args, &["--repo", path.to_str().unwrap()][..]].concat();
    patchwright(&args).run().unwrap()
}

fn json_of(args: &[&str]) -> Value {
    index(&[args, &["--json"]].concat()).expect_code(0).unwrap().json().unwrap()
}

#[test]
fn the_graph_is_asked() {
    let query = "MATCH (f:Function) WHERE f.name = $name RETURN f.path AS path, f.line ORDER BY path";
    let answer = json_of(&["query", query, "--param", "name=clamp"]);
    assert_eq!((&answer["schema"], &answer["truncated"]), (&json!(1), &Value::Null));
    assert_eq!(answer["columns"], json!(["path", "f.line"]));
    assert_eq!(answer["rows"][0][0], "measure/limits.py");

    let table = index(&["query", "MATCH (f:Function) RETURN f.name ORDER BY f.name", "--rows", "1"]);
    let table = table.expect_code(0).unwrap();
    assert_eq!(table.stdout, "f.name\nclamp\n");
    table.expect_said("limit of rows").unwrap();
}

#[test]
fn a_query_that_is_wrong_is_shown_with_its_place() {
    let wrong = index(&["query", "MATCH (f:Functon) RETURN f"]).expect_code(2).unwrap();
    wrong.expect_said("did you mean `Function`?").unwrap().expect_said("         ^").unwrap();
    index(&["query", "MATCH (f) RETURN f", "--param", "x"]).expect_code(2).unwrap();
}

#[test]
fn the_map_shows_signatures_within_its_tokens() {
    let map = json_of(&["map", "--tokens", "60", "--focus", "measure"])["map"].clone();
    assert!(map["text"].as_str().unwrap().contains("│def clamp("), "{map}");
    assert!(map["tokens"].as_u64().unwrap() <= 60);
    assert!(index(&["map"]).expect_code(0).unwrap().stdout.starts_with("measure/"));
    index(&["map", "--focus", "nowhere"]).expect_code(2).unwrap().expect_said("nowhere").unwrap();
}

#[test]
fn what_is_in_the_index_is_counted() {
    let stats = json_of(&["stats"]);
    assert_eq!(stats["nodes"]["repository"], 1);
    assert!(stats["nodes"]["function"].as_u64().unwrap() >= 2, "{stats}");
    assert!(stats["edges"]["contains"].as_u64().unwrap() >= 3);
    let python = &stats["languages"]["Python"];
    assert!(python["files"].as_u64().unwrap() >= 2 && python["lines"].as_u64().unwrap() > 0, "{stats}");
    assert!(index(&["stats"]).expect_code(0).unwrap().stdout.contains("files of Python"));
}
