//! What lies within a few steps of some nodes.

use std::collections::VecDeque;

use rustc_hash::FxHashSet;

use crate::graph::{CodeGraph, Direction, Edge, EdgeKind, EdgeKinds, NodeId};

/// How far to go and along what.
#[derive(Clone, Debug, PartialEq)]
pub struct Reach {
    /// The relations followed.
    pub kinds: EdgeKinds,
    /// Which ways they are followed.
    pub directions: Vec<Direction>,
    /// How many steps.
    pub depth: u32,
    /// How many nodes at most, those at the start included.
    pub nodes: usize,
    /// How many edges of one node at most, the surest first.
    pub fan_out: usize,
    /// Relations that are less sure are not followed.
    pub confidence: f32,
}

impl Default for Reach {
    fn default() -> Reach {
        Reach {
            kinds: EdgeKinds::ALL,
            directions: vec![Direction::Out],
            depth: 2,
            nodes: 1_000,
            fan_out: usize::MAX,
            confidence: 0.0,
        }
    }
}

/// A node that was reached.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reached {
    /// The node.
    pub node: NodeId,
    /// How many steps away.
    pub depth: u32,
    /// From where: a place in the list of what was reached before. `None` at the start.
    pub from: Option<usize>,
    /// How it is related to that node.
    pub by: Option<Step>,
}

/// One step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// The relation.
    pub kind: EdgeKind,
    /// Whether it was followed from source to target.
    pub direction: Direction,
    /// How sure it is.
    pub confidence: f32,
}

/// What was reached, and what was not looked at.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Neighbourhood {
    /// The nodes, nearest first; each once, by the first way that led there.
    pub reached: Vec<Reached>,
    /// By place in `reached`: how many of its edges lead to nodes left out by the limits.
    pub left_out: Vec<usize>,
}

impl CodeGraph {
    /// Returns what lies around `starts`, breadth first.
    pub fn neighbourhood(&self, starts: &[NodeId], reach: &Reach) -> Neighbourhood {
        let mut seen: FxHashSet<NodeId> = FxHashSet::default();
        let mut all = Neighbourhood::default();
        for start in starts.iter().filter(|it| self.node(**it).is_some()) {
            if all.reached.len() < reach.nodes && seen.insert(*start) {
                all.reached.push(Reached { node: *start, depth: 0, from: None, by: None });
            }
        }
        let mut queue: VecDeque<usize> = (0..all.reached.len()).collect();
        all.left_out.resize(all.reached.len(), 0);
        while let Some(at) = queue.pop_front() {
            let here = all.reached[at];
            if here.depth == reach.depth {
                // Nothing further was asked for, so nothing is left out.
                continue;
            }
            for (taken, (edge, direction)) in self.steps_from(here.node, reach).into_iter().enumerate() {
                if seen.contains(&edge.node) {
                    continue;
                }
                if taken >= reach.fan_out || all.reached.len() >= reach.nodes {
                    all.left_out[at] += 1;
                    continue;
                }
                seen.insert(edge.node);
                let by = Step { kind: edge.kind, direction, confidence: edge.confidence };
                queue.push_back(all.reached.len());
                all.reached.push(Reached { node: edge.node, depth: here.depth + 1, from: Some(at), by: Some(by) });
                all.left_out.push(0);
            }
        }
        all
    }

    /// Returns the edges at a node, the surest first where not all may be taken.
    fn steps_from(&self, node: NodeId, reach: &Reach) -> Vec<(Edge, Direction)> {
        let mut steps: Vec<(Edge, Direction)> = Vec::new();
        for direction in &reach.directions {
            let edges = self.neighbours(node, reach.kinds, *direction).filter(|it| it.confidence >= reach.confidence);
            steps.extend(edges.map(|it| (it, *direction)));
        }
        if steps.len() > reach.fan_out {
            steps.sort_by(|a, b| b.0.confidence.total_cmp(&a.0.confidence));
        }
        steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::tests::index;

    fn reached(files: &str, start: &str, reach: &Reach) -> (Vec<String>, usize) {
        let (_directory, index) = index(files);
        let graph = index.graph();
        let start = (0..graph.node_count() as u32).map(NodeId).find(|it| graph.label(*it) == start).unwrap();
        let all = graph.neighbourhood(&[start, start, NodeId(u32::MAX)], reach);
        let shown = |it: &Reached| format!("{} {}", it.depth, graph.label(it.node));
        (all.reached.iter().map(shown).collect(), all.left_out.iter().sum())
    }

    const CHAIN: &str = "=== a.py\ndef f():\n    g()\n    h()\ndef g(): h()\ndef h(): f()\ndef lone(): pass\n";

    #[test]
    fn the_nearest_come_first_and_each_once() {
        let calls = Reach { kinds: EdgeKinds::of(&[EdgeKind::Calls]), ..Reach::default() };
        let (all, left_out) = reached(CHAIN, "a.py::g", &calls);
        assert_eq!((all.join(", ").as_str(), left_out), ("0 a.py::g, 1 a.py::h, 2 a.py::f", 0));
        let back = Reach { directions: vec![Direction::In], depth: 1, ..calls };
        assert_eq!(reached(CHAIN, "a.py::h", &back).0.join(", "), "0 a.py::h, 1 a.py::f, 1 a.py::g");
    }

    #[test]
    fn what_limits_leave_out_is_counted() {
        let (all, left_out) = reached(CHAIN, "a.py", &Reach { depth: 1, fan_out: 3, ..Reach::default() });
        assert_eq!((all.len(), left_out), (4, 1));
        let (all, left_out) = reached(CHAIN, "a.py", &Reach { depth: 1, nodes: 2, ..Reach::default() });
        assert_eq!((all.len(), left_out), (2, 3));
        let (all, left_out) = reached(CHAIN, "a.py", &Reach { depth: 0, ..Reach::default() });
        assert_eq!((all.len(), left_out), (1, 0));
    }
}
