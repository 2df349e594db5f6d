//! Random walks over the graph.

use crate::graph::csr::of_labels;
use crate::graph::{Direction, EdgeKind, Edges, NodeId};

/// How a walk moves.
#[derive(Clone, Debug, PartialEq)]
pub struct Walk {
    /// The chance of going on rather than back to a seed.
    pub damping: f64,
    /// How much each kind of edge draws the walk from source to target, by [`EdgeKind::ALL`].
    pub forward: [f64; EdgeKind::ALL.len()],
    /// How much each kind of edge draws the walk from target to source.
    pub backward: [f64; EdgeKind::ALL.len()],
    /// How many steps are made; the rest is below `damping` to this power.
    pub steps: u32,
}

impl Default for Walk {
    fn default() -> Walk {
        //         contains imports calls uses inherits overrides tests
        let forward = [0.4, 0.3, 1.0, 0.4, 1.0, 1.0, 0.5];
        let backward = [0.4, 0.1, 0.4, 0.2, 0.4, 0.4, 0.2];
        Walk { damping: 0.6, forward, backward, steps: 20 }
    }
}

/// Power iteration that stops early once less than a millionth moves.
pub(super) fn pagerank(edges: &Edges, seeds: &[(NodeId, f64)], walk: &Walk) -> Vec<f64> {
    let nodes = edges.nodes();
    let seeds: Vec<(usize, f64)> =
        seeds.iter().filter(|it| it.1 > 0.0 && (it.0.0 as usize) < nodes).map(|it| (it.0.0 as usize, it.1)).collect();
    let total: f64 = seeds.iter().map(|it| it.1).sum();
    if seeds.is_empty() || !total.is_finite() {
        return Vec::new();
    }
    let steps = Steps::new(edges, walk);
    let out_weight: Vec<f64> = (0..nodes).map(|node| steps.weight(node)).collect();
    let mut rank = vec![0.0; nodes];
    seeds.iter().for_each(|(node, weight)| rank[*node] += weight / total);
    for _ in 0..walk.steps {
        let mut next = vec![0.0; nodes];
        let mut lost = 0.0;
        for node in 0..nodes {
            let here = rank[node];
            if here < 1e-12 || out_weight[node] <= 0.0 {
                lost += here;
                continue;
            }
            let share = walk.damping * here / out_weight[node];
            steps.each(node, |target, weight| next[target] += share * weight);
            lost += (1.0 - walk.damping) * here;
        }
        seeds.iter().for_each(|(node, weight)| next[*node] += lost * weight / total);
        let moved: f64 = rank.iter().zip(&next).map(|(old, new)| (old - new).abs()).sum();
        rank = next;
        if moved < 1e-6 {
            break;
        }
    }
    rank
}

/// The steps that a walk may make, without those that are worth nothing: the steps from node `n` are `targets[starts[n]..starts[n + 1]]`.
struct Steps {
    starts: Vec<u32>,
    targets: Vec<u32>,
    /// What each step is worth, by its place in `worth`: the worth of edges by label, those followed backwards after the others.
    labels: Vec<u16>,
    worth: Vec<f64>,
}

impl Steps {
    fn new(edges: &Edges, walk: &Walk) -> Steps {
        let of_all = |weights: &[f64; EdgeKind::ALL.len()]| {
            of_labels(|kind, confidence| weights[kind as usize] * f64::from(confidence))
        };
        let worth = [of_all(&walk.forward), of_all(&walk.backward)].concat();
        let (nodes, most) = (edges.nodes(), 2 * edges.len());
        let mut steps = Steps {
            starts: Vec::with_capacity(nodes + 1),
            targets: Vec::with_capacity(most),
            labels: Vec::with_capacity(most),
            worth,
        };
        steps.starts.push(0);
        for node in 0..nodes {
            for (direction, first) in [(Direction::Out, 0), (Direction::In, LABELS)] {
                let (targets, labels) = edges.raw(node, direction);
                for (target, label) in targets.iter().zip(labels) {
                    let label = first + u16::from(*label);
                    if steps.worth[usize::from(label)] != 0.0 {
                        steps.targets.push(*target);
                        steps.labels.push(label);
                    }
                }
            }
            steps.starts.push(steps.targets.len() as u32);
        }
        steps
    }

    fn weight(&self, node: usize) -> f64 {
        let mut total = 0.0;
        self.each(node, |_, weight| total += weight);
        total
    }

    fn each(&self, node: usize, mut step: impl FnMut(usize, f64)) {
        let range = self.starts[node] as usize..self.starts[node + 1] as usize;
        for (target, label) in self.targets[range.clone()].iter().zip(&self.labels[range]) {
            step(*target as usize, self.worth[usize::from(*label)]);
        }
    }
}

/// How many labels there are.
const LABELS: u16 = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::csr::RawEdge;

    #[test]
    fn rank_stays_near_the_seeds_and_sums_to_one() {
        let edge = |source, target| RawEdge::new(NodeId(source), NodeId(target), EdgeKind::Calls, 1.0);
        let edges = Edges::build(5, vec![edge(0, 1), edge(1, 2), edge(3, 4)]);
        let rank = pagerank(&edges, &[(NodeId(0), 2.0)], &Walk::default());
        assert!((rank.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{rank:?}");
        assert!(rank[0] > rank[1] && rank[1] > rank[2] && rank[2] > 0.0, "{rank:?}");
        assert_eq!((rank[3], rank[4]), (0.0, 0.0));
    }

    #[test]
    fn no_seed_no_rank() {
        let edges = Edges::build(1, vec![]);
        assert!(pagerank(&edges, &[], &Walk::default()).is_empty());
        assert!(pagerank(&edges, &[(NodeId(7), 1.0)], &Walk::default()).is_empty());
    }
}
