//! How far each test is from what is suspected, in steps through the code graph: the order in which tests are tried whose coverage is
//! not known.

use std::collections::{BTreeMap, HashMap, VecDeque};

use indexer::Index;
use indexer::graph::{Direction, EdgeKind, EdgeKinds, NodeId};
use indexer::localize::Localization;
use repo::RepoPath;
use sandbox::TestId;

use super::baseline::Baseline;

/// Relations along which a change is felt, from what is changed to what uses it.
const FELT: EdgeKinds = EdgeKinds::of(&[
    EdgeKind::Calls,
    EdgeKind::Uses,
    EdgeKind::Inherits,
    EdgeKind::Overrides,
    EdgeKind::Imports,
    EdgeKind::Tests,
]);
/// Steps beyond which a test is as good as unrelated.
const FAR: u32 = 8;

/// Returns the number of steps from the suspects to each guard that is reached.
pub(super) fn nearness(index: &Index, localization: &Localization, baseline: &Baseline) -> BTreeMap<TestId, f64> {
    let graph = index.graph();
    let symbols = localization.symbols.iter().filter_map(|it| graph.find_symbol(&it.path, &it.name));
    let files = localization.files.iter().filter_map(|it| graph.find(&it.path));
    let steps = steps_from(index, symbols.chain(files));
    let place = |id: &TestId| places(id.as_str()).into_iter().find_map(|(path, symbol)| node_of(index, &path, &symbol));
    let distance = |id: &TestId| Some((id.clone(), f64::from(*steps.get(&place(id)?)?)));
    baseline.guards.iter().filter_map(distance).collect()
}

fn steps_from(index: &Index, seeds: impl Iterator<Item = NodeId>) -> HashMap<NodeId, u32> {
    let graph = index.graph();
    let mut steps: HashMap<NodeId, u32> = seeds.map(|node| (node, 0)).collect();
    let mut nodes: Vec<NodeId> = steps.keys().copied().collect();
    nodes.sort();
    let mut queue: VecDeque<NodeId> = nodes.into();
    while let Some(node) = queue.pop_front() {
        let next = steps[&node] + 1;
        if next > FAR {
            break;
        }
        // What is inside of something that feels a change feels it too: the tests of a file that imports it.
        let users = graph.neighbours(node, FELT, Direction::In);
        let inside = graph.neighbours(node, EdgeKinds::of(&[EdgeKind::Contains]), Direction::Out);
        for edge in users.chain(inside) {
            steps.entry(edge.node).or_insert_with(|| {
                queue.push_back(edge.node);
                next
            });
        }
    }
    steps
}

fn node_of(index: &Index, path: &str, symbol: &str) -> Option<NodeId> {
    let path = RepoPath::new(path).ok()?;
    index.graph().find_symbol(&path, symbol).or_else(|| index.graph().find(&path))
}

/// Where a test of this name may stand: a file and a qualified name in it.
fn places(id: &str) -> Vec<(String, String)> {
    let plain = id.split('[').next().unwrap_or(id);
    if let Some((file, inner)) = plain.split_once("::") {
        return vec![(file.to_owned(), inner.replace("::", "."))];
    }
    let parts: Vec<&str> = plain.split('.').collect();
    let split = |at: usize| (format!("{}.py", parts[..at].join("/")), parts[at..].join("."));
    (1..parts.len()).rev().map(split).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_tests_lead_to_places() {
        let owned =
            |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect::<Vec<_>>();
        assert_eq!(places("tests/test_a.py::Case::test_x[1.5]"), owned(&[("tests/test_a.py", "Case.test_x")]));
        let expected =
            [("pkg/test_a/Case.py", "test_x"), ("pkg/test_a.py", "Case.test_x"), ("pkg.py", "test_a.Case.test_x")];
        assert_eq!(places("pkg.test_a.Case.test_x"), owned(&expected));
        assert!(places("alone").is_empty());
    }
}
