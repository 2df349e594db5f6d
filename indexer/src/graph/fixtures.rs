//! How much of what a reader sees is found: small projects in every language, annotated with what each line means.
//!
//! `fixtures/graph/LANGUAGE.txt` holds the files of one project as `=== path` sections. A comment `-> calls path::Name, imports path` says
//! which edges the definition around its line (or the file) has because of that line. All edges of these kinds are written down, those too
//! that are not found: precision is the share of edges found that are written down, recall the share of those written down that are found.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use repo::{RepoPath, Store};

use crate::graph::{CodeGraph, Direction, EdgeKind, EdgeKinds, NodeId};
use crate::symbol::Form;
use crate::{Index, SymbolKind};

const KINDS: &[(&str, EdgeKind)] = &[
    ("imports", EdgeKind::Imports),
    ("calls", EdgeKind::Calls),
    ("inherits", EdgeKind::Inherits),
    ("overrides", EdgeKind::Overrides),
];

/// Each language with the least precision and recall, in hundredths.
const FLOORS: &[(&str, usize, usize)] = &[
    ("python", 93, 98),
    ("javascript", 98, 98),
    ("typescript", 97, 98),
    ("java", 98, 98),
    ("csharp", 98, 98),
    ("kotlin", 98, 98),
    ("go", 98, 98),
    ("rust", 98, 98),
    ("c", 98, 98),
    ("cpp", 98, 98),
    ("ruby", 98, 98),
    ("php", 98, 98),
];

/// An edge between labels.
type Line = (String, EdgeKind, String);

struct Project {
    _directory: tempfile::TempDir,
    index: Index,
    sections: Vec<(String, String)>,
}

impl Project {
    fn open(language: &str) -> Project {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/graph").join(format!("{language}.txt"));
        let text = fs::read_to_string(&path).unwrap();
        let sections = text.split("=== ").skip(1).map(|it| it.split_once('\n').unwrap());
        let sections: Vec<(String, String)> = sections.map(|it| (it.0.to_owned(), it.1.to_owned())).collect();
        let directory = tempfile::tempdir().unwrap();
        for (path, text) in &sections {
            let path = directory.path().join("folder").join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let (store, tree) = Store::import(&directory.path().join("store"), &directory.path().join("folder")).unwrap();
        let snapshot = store.snapshot(tree).unwrap();
        let index = Index::open(&directory.path().join("cache"), &snapshot, &|_| {}).unwrap();
        Project { _directory: directory, index, sections }
    }

    fn expected(&self) -> BTreeSet<Line> {
        let mut expected = BTreeSet::new();
        for (path, text) in &self.sections {
            for (at, line) in text.lines().enumerate() {
                let Some((_, said)) = line.split_once("// -> ").or_else(|| line.split_once("# -> ")) else { continue };
                for (word, target) in said.split(", ").map(|it| it.split_once(' ').unwrap()) {
                    let kind = KINDS.iter().find(|it| it.0 == word).unwrap().1;
                    expected.insert((self.source(path, at as u32 + 1, kind), kind, target.trim().to_owned()));
                }
            }
        }
        expected
    }

    /// Returns the label of the definition around a line; imports are always the file's.
    fn source(&self, path: &str, line: u32, kind: EdgeKind) -> String {
        let place = RepoPath::new(path).unwrap();
        let around = self.index.symbol_at(&place, line).filter(|_| kind != EdgeKind::Imports);
        let graph = self.index.graph();
        around.map_or_else(|| path.to_owned(), |it| graph.label(body_around(graph, graph.node_of_symbol(it))))
    }

    fn found(&self) -> BTreeSet<Line> {
        let graph = self.index.graph();
        let kinds: Vec<EdgeKind> = KINDS.iter().map(|it| it.1).collect();
        let nodes = (0..graph.node_count() as u32).map(NodeId);
        let edges = nodes.flat_map(|from| {
            graph.neighbours(from, EdgeKinds::of(&kinds), Direction::Out).map(move |edge| (from, edge))
        });
        edges.map(|(from, edge)| (graph.label(body_around(graph, from)), edge.kind, graph.label(edge.node))).collect()
    }

    /// A test exercises all that is no test and that it calls.
    fn assert_tests_are_known(&self, language: &str) {
        let graph = self.index.graph();
        let mut tests = 0;
        for from in (0..graph.node_count() as u32).map(NodeId) {
            let is_test = |id: NodeId| graph.symbol(id).is_some_and(|it| it.is_test);
            let file_is_test = |id: NodeId| {
                let path = graph.path(id).unwrap();
                self.index.files().iter().any(|it| it.path == *path && it.is_test)
            };
            for edge in graph.neighbours(from, EdgeKinds::of(&[EdgeKind::Calls]), Direction::Out) {
                // Of a constructor, it is the class that is tested.
                let makes =
                    graph.symbol(edge.node).is_some_and(|it| it.form == Form::Constructor || it.name == "__init__");
                if file_is_test(from) && !is_test(edge.node) && !makes {
                    let mut all = graph.neighbours(from, EdgeKinds::of(&[EdgeKind::Tests]), Direction::Out);
                    assert!(all.any(|it| it.node == edge.node), "{language}: {}", graph.label(from));
                    tests += 1;
                }
            }
        }
        assert!(tests > 0, "{language}: no test was found");
    }
}

/// Returns the function, class or file around a node.
fn body_around(graph: &CodeGraph, from: NodeId) -> NodeId {
    let Some(symbol) = graph.symbol(from) else { return from };
    if !matches!(symbol.kind, SymbolKind::Variable | SymbolKind::Field) {
        return from;
    }
    match symbol.parent {
        Some(parent) => body_around(graph, graph.node_of_symbol(parent)),
        None => graph.node_of_file(symbol.file),
    }
}

#[test]
fn edges_are_found_as_precisely_and_completely_as_they_were() {
    let mut missed = Vec::new();
    let mut table = String::new();
    for (language, least_precision, least_recall) in FLOORS {
        let project = Project::open(language);
        let (expected, found) = (project.expected(), project.found());
        let both = expected.intersection(&found).count();
        let (precision, recall) = (both * 100 / found.len().max(1), both * 100 / expected.len());
        table += &format!("| {language} | {} | {precision} | {recall} |\n", expected.len());
        for (from, kind, to) in found.difference(&expected) {
            table += &format!("    too much: {from} {kind:?} {to}\n");
        }
        for (from, kind, to) in expected.difference(&found) {
            table += &format!("    missing: {from} {kind:?} {to}\n");
        }
        if precision < *least_precision || recall < *least_recall {
            missed.push(*language);
        }
        if !missed.contains(language) {
            project.assert_tests_are_known(language);
        }
    }
    assert!(missed.is_empty(), "{missed:?}\n{table}");
    eprintln!("{table}");
}

#[test]
fn every_target_of_the_fixtures_exists() {
    for (language, ..) in FLOORS {
        let project = Project::open(language);
        let graph = project.index.graph();
        let all: BTreeSet<String> = (0..graph.node_count() as u32).map(|it| graph.label(NodeId(it))).collect();
        for (from, kind, to) in project.expected() {
            assert!(all.contains(&to), "{language}: {from} {kind:?} {to} leads nowhere");
        }
    }
}
