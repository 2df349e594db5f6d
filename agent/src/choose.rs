//! Chooses among plausible candidates: all pass the tests, one is most likely right.
//!
//! Without a model the evidence left is where the edit is, how usual its kind is among real fixes, and how little it changes; the first two are
//! the priors the search worked with. Overfitting patches tend to be large or to delete behaviour (Qi et al. 2015; Long and Rinard 2016).

use std::sync::Arc;

use crate::propose::Proposal;
use crate::search::tree::{Action, NodeId, Tree};

/// Penalty, in natural-log units of prior, for each edit behind the first.
const PER_EDIT: f64 = 4.0;
/// Penalty per byte that is removed without anything in its place, up to [`DELETION_CAP`] bytes.
const PER_DELETED_BYTE: f64 = 0.01;
const DELETION_CAP: usize = 200;

/// Orders plausible nodes, most likely right first; the order of equals is that of discovery.
pub fn rank(tree: &Tree<Arc<Proposal>>, plausible: &[NodeId]) -> Vec<NodeId> {
    let mut scored: Vec<(f64, NodeId)> = plausible.iter().map(|node| (score(&tree.path_to(*node)), *node)).collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    scored.into_iter().map(|(_, node)| node).collect()
}

fn score(path: &[&Action<Arc<Proposal>>]) -> f64 {
    let priors: f64 = path.iter().map(|action| action.prior.max(f64::MIN_POSITIVE).ln()).sum();
    let deleted: usize = path.iter().flat_map(|action| &action.payload.edits).map(net_deletion).sum();
    priors - PER_EDIT * (path.len().saturating_sub(1)) as f64 - PER_DELETED_BYTE * deleted.min(DELETION_CAP) as f64
}

fn net_deletion(edit: &crate::propose::TextEdit) -> usize {
    edit.span.len().saturating_sub(edit.replacement.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::propose::TextEdit;
    use crate::search::policy::Policy;
    use crate::search::tree::Choice;

    fn proposal(span: std::ops::Range<usize>, replacement: &str) -> Arc<Proposal> {
        let path = repo::RepoPath::new("a.py").unwrap();
        let edits = vec![TextEdit { path, span, replacement: replacement.to_owned() }];
        Arc::new(Proposal { edits, template: "made/up", prior: 1.0, note: String::new() })
    }

    #[test]
    fn likely_then_small_then_early() {
        let state = |number: u8| format!("{number:040x}").parse().unwrap();
        let mut tree = Tree::new(state(0), 0.0);
        let policy = Policy::default();
        let actions = vec![
            (proposal(0..150, ""), 1.0),
            (proposal(0..3, "new"), 1.0),
            (proposal(0..4, "like"), 3.0),
            (proposal(5..8, "new"), 1.0),
        ];
        tree.set_actions(NodeId::ROOT, actions);
        let mut nodes = Vec::new();
        for number in 1..=4 {
            let Choice::Try(trial) = tree.choose(&policy) else { panic!("a trial is left") };
            let (_, visit) = tree.reach(&trial, state(number), &policy);
            let visit = visit.unwrap();
            tree.settle(&visit, 1.0);
            tree.close(visit.node);
            nodes.push(visit.node);
        }
        // Tried in the order likely, deletion, small, small.
        assert_eq!(rank(&tree, &nodes), [nodes[0], nodes[2], nodes[3], nodes[1]]);
    }
}
