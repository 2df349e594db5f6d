//! Edges in flat arrays (compressed sparse rows), forwards and backwards.

use std::ops::Range;

use crate::graph::{Direction, Edge, EdgeKind, NodeId};

/// All edges of a graph.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Edges {
    forward: Rows,
    backward: Rows,
}

/// One direction: the edges of node `n` are `targets[starts[n]..starts[n + 1]]`.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Rows {
    starts: Vec<u32>,
    targets: Vec<u32>,
    /// Kind in the three low bits, confidence in steps of 1/31 above.
    labels: Vec<u8>,
}

/// An edge while the graph is being built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RawEdge {
    pub(crate) source: u32,
    pub(crate) target: u32,
    pub(crate) kind: EdgeKind,
    /// In steps of 1/31, from 1 to 31.
    pub(crate) confidence: u8,
}

impl RawEdge {
    pub(crate) fn new(source: NodeId, target: NodeId, kind: EdgeKind, confidence: f32) -> RawEdge {
        let confidence = (confidence * 31.0).round().clamp(1.0, 31.0) as u8;
        RawEdge { source: source.0, target: target.0, kind, confidence }
    }

    fn label(self) -> u8 {
        self.kind as u8 | self.confidence << 3
    }
}

impl Edges {
    /// Builds the arrays; of edges that differ only in confidence the surest is kept, and those to itself or to no node are dropped.
    pub(crate) fn build(nodes: usize, mut edges: Vec<RawEdge>) -> Edges {
        settle(nodes, &mut edges);
        let forward = Rows::build(nodes, edges.iter().map(|it| (it.source, it.target, it.label())));
        drop(edges);
        let backward = forward.turned();
        Edges { forward, backward }
    }

    pub(crate) fn len(&self) -> usize {
        self.forward.targets.len()
    }

    pub(crate) fn nodes(&self) -> usize {
        self.forward.starts.len().saturating_sub(1)
    }

    pub(crate) fn at(&self, id: NodeId, direction: Direction) -> impl Iterator<Item = Edge> {
        let rows = match direction {
            Direction::Out => &self.forward,
            Direction::In => &self.backward,
        };
        rows.at(id.0 as usize)
    }

    /// Returns the edges at a node as they stand: the nodes at the other ends, and the labels, for tables by [`of_labels`].
    pub(crate) fn raw(&self, node: usize, direction: Direction) -> (&[u32], &[u8]) {
        let rows = match direction {
            Direction::Out => &self.forward,
            Direction::In => &self.backward,
        };
        let range = rows.range(node);
        (&rows.targets[range.clone()], &rows.labels[range])
    }

    /// Appends the arrays to `out`, little-endian.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        // The way back follows from the way there.
        let Rows { starts, targets, labels } = &self.forward;
        out.reserve(8 + 4 * starts.len() + 5 * targets.len());
        out.extend_from_slice(&(starts.len() as u32).to_le_bytes());
        out.extend_from_slice(&(targets.len() as u32).to_le_bytes());
        starts.iter().chain(targets).for_each(|it| out.extend_from_slice(&it.to_le_bytes()));
        out.extend_from_slice(labels);
    }

    /// Reads what [`Edges::write`] wrote; `None` when it is cut short or does not fit together.
    pub(crate) fn read(mut bytes: &[u8], nodes: usize) -> Option<Edges> {
        let forward = Rows::read(&mut bytes, nodes)?;
        bytes.is_empty().then(|| Edges { backward: forward.turned(), forward })
    }
}

/// Which nodes of a graph are which of another.
#[derive(Debug)]
pub(crate) struct Renumbering {
    /// By old node its new number; [`GONE`] for what is gone.
    pub(crate) new_of: Vec<u32>,
    /// By new node its old number; [`GONE`] for what was not there.
    pub(crate) old_of: Vec<u32>,
    /// By new node, whether its edges are given anew and not taken over.
    pub(crate) is_fresh: Vec<bool>,
}

/// The number of a node that the other graph does not have.
pub(crate) const GONE: u32 = u32::MAX;

impl Edges {
    /// Returns the edges of another graph: those of fresh nodes are `fresh`, those of all others are the ones of this graph with the ends in
    /// their new numbers. `None` when one of these leads to what is gone.
    pub(crate) fn renewed(&self, numbers: &Renumbering, mut fresh: Vec<RawEdge>) -> Option<Edges> {
        settle(numbers.old_of.len(), &mut fresh);
        let mut turned: Vec<RawEdge> = fresh.clone();
        turned.sort_unstable_by_key(|it| (it.target, it.kind, it.source));
        // Edges that start at fresh nodes come from `fresh`, so the old ones are none.
        let kept = |it: &u32| if *it != GONE && numbers.is_fresh[*it as usize] { GONE } else { *it };
        let sources: Vec<u32> = numbers.new_of.iter().map(kept).collect();
        let forward = || {
            let row_of = |node: usize| if numbers.is_fresh[node] { GONE } else { numbers.old_of[node] };
            let fresh = fresh.iter().map(|it| (it.source, it.target, it.label()));
            self.forward.renewed(numbers.old_of.len(), row_of, &numbers.new_of, fresh)
        };
        let backward = || {
            let fresh = turned.iter().map(|it| (it.target, it.source, it.label()));
            self.backward.renewed(numbers.old_of.len(), |node| numbers.old_of[node], &sources, fresh)
        };
        let ((forward, lost), (backward, _)) = rayon::join(forward, backward);
        (lost == 0).then_some(Edges { forward, backward })
    }
}

/// Orders edges by source, kind and target; of edges that differ only in confidence the surest is kept, and those to itself or to no node
/// are dropped.
pub(super) fn settle(nodes: usize, edges: &mut Vec<RawEdge>) {
    edges.retain(|it| it.source != it.target && (it.source as usize) < nodes && (it.target as usize) < nodes);
    edges.sort_unstable_by_key(|it| (it.source, it.kind, it.target, u8::MAX - it.confidence));
    edges.dedup_by_key(|it| (it.source, it.kind, it.target));
}

impl Rows {
    /// Returns the rows of `nodes` nodes: each is the old one of number `row_of`, if it has one, with the other ends in their new numbers and
    /// without those that are [`GONE`], and what of `fresh` (node, other end, label; by node) belongs to it; and how many ends were gone.
    fn renewed(
        &self,
        nodes: usize,
        row_of: impl Fn(usize) -> u32,
        new_of: &[u32],
        fresh: impl ExactSizeIterator<Item = (u32, u32, u8)>,
    ) -> (Rows, usize) {
        let capacity = self.targets.len() + fresh.len();
        let mut rows = Rows {
            starts: Vec::with_capacity(nodes + 1),
            targets: Vec::with_capacity(capacity),
            labels: Vec::with_capacity(capacity),
        };
        let (mut fresh, mut buffer, mut gone) = (fresh.peekable(), Vec::new(), 0);
        rows.starts.push(0);
        for node in 0..nodes {
            let first = rows.targets.len();
            let (mut last, mut is_ordered) = ((0, 0), true);
            let mut push = |target: u32, label: u8, rows: &mut Rows| {
                is_ordered &= last <= (label & 7, target);
                last = (label & 7, target);
                rows.targets.push(target);
                rows.labels.push(label);
            };
            for at in self.range(row_of(node) as usize) {
                match new_of[self.targets[at] as usize] {
                    GONE => gone += 1,
                    target => push(target, self.labels[at], &mut rows),
                }
            }
            while let Some((_, target, label)) = fresh.next_if(|it| it.0 as usize == node) {
                push(target, label, &mut rows);
            }
            if !is_ordered {
                rows.order(first, &mut buffer);
            }
            rows.starts.push(rows.targets.len() as u32);
        }
        (rows, gone)
    }

    /// Orders the last row, which begins at `first`, by kind and target.
    fn order(&mut self, first: usize, buffer: &mut Vec<(u8, u32, u8)>) {
        let pairs = self.targets[first..].iter().zip(&self.labels[first..]);
        buffer.clear();
        buffer.extend(pairs.map(|(target, label)| (label & 7, *target, *label)));
        buffer.sort_unstable();
        for (at, (_, target, label)) in buffer.iter().enumerate() {
            self.targets[first + at] = *target;
            self.labels[first + at] = *label;
        }
    }

    /// Returns the same edges by target, kind and source.
    fn turned(&self) -> Rows {
        let nodes = self.starts.len() - 1;
        let place = |target: u32, label: u8| target as usize * 8 + usize::from(label & 7);
        let mut ends = vec![0_u32; nodes * 8 + 1];
        for (target, label) in self.targets.iter().zip(&self.labels) {
            ends[place(*target, *label) + 1] += 1;
        }
        for at in 1..ends.len() {
            ends[at] += ends[at - 1];
        }
        let starts = (0..=nodes).map(|it| ends[it * 8]).collect();
        let (mut targets, mut labels) = (vec![0; self.targets.len()], vec![0; self.targets.len()]);
        for source in 0..nodes {
            for at in self.starts[source] as usize..self.starts[source + 1] as usize {
                let free = &mut ends[place(self.targets[at], self.labels[at])];
                targets[*free as usize] = source as u32;
                labels[*free as usize] = self.labels[at];
                *free += 1;
            }
        }
        Rows { starts, targets, labels }
    }

    /// `edges` are sorted by their first number.
    fn build(nodes: usize, edges: impl ExactSizeIterator<Item = (u32, u32, u8)>) -> Rows {
        let (targets, labels) = (Vec::with_capacity(edges.len()), Vec::with_capacity(edges.len()));
        let mut rows = Rows { starts: vec![0; nodes + 1], targets, labels };
        for (at, target, label) in edges {
            rows.starts[at as usize + 1] += 1;
            rows.targets.push(target);
            rows.labels.push(label);
        }
        for node in 0..nodes {
            rows.starts[node + 1] += rows.starts[node];
        }
        rows
    }

    fn range(&self, node: usize) -> Range<usize> {
        match (self.starts.get(node), self.starts.get(node + 1)) {
            (Some(start), Some(end)) => *start as usize..*end as usize,
            _ => 0..0,
        }
    }

    fn at(&self, node: usize) -> impl Iterator<Item = Edge> {
        self.range(node).map(|at| {
            let (kind, confidence) = of_label(self.labels[at]);
            Edge { node: NodeId(self.targets[at]), kind, confidence }
        })
    }

    fn read(bytes: &mut &[u8], nodes: usize) -> Option<Rows> {
        let starts = read_u32(bytes)? as usize;
        let targets = read_u32(bytes)? as usize;
        if starts != nodes + 1 {
            return None;
        }
        let starts = read_u32s(bytes, starts)?;
        let targets = read_u32s(bytes, targets)?;
        let labels = bytes.split_off(..targets.len())?.to_vec();
        let ordered = starts.windows(2).all(|it| it[0] <= it[1]) && starts.last() == Some(&(targets.len() as u32));
        let inside = targets.iter().all(|it| (*it as usize) < nodes);
        (ordered && inside).then_some(Rows { starts, targets, labels })
    }
}

fn of_label(label: u8) -> (EdgeKind, f32) {
    (EdgeKind::of_number(label & 7), f32::from(label >> 3) / 31.0)
}

/// Returns a value for each label, from what its kind and confidence are worth.
pub(crate) fn of_labels(worth: impl Fn(EdgeKind, f32) -> f64) -> [f64; 256] {
    std::array::from_fn(|label| {
        let (kind, confidence) = of_label(label as u8);
        worth(kind, confidence)
    })
}

fn read_u32(bytes: &mut &[u8]) -> Option<u32> {
    let four = bytes.split_off(..4)?;
    Some(u32::from_le_bytes(four.try_into().ok()?))
}

fn read_u32s(bytes: &mut &[u8], count: usize) -> Option<Vec<u32>> {
    let all = bytes.split_off(..count.checked_mul(4)?)?;
    Some(all.chunks_exact(4).map(|it| u32::from_le_bytes([it[0], it[1], it[2], it[3]])).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edges() -> Edges {
        let edge = |source, target, kind, confidence| RawEdge::new(NodeId(source), NodeId(target), kind, confidence);
        Edges::build(
            4,
            vec![
                edge(2, 1, EdgeKind::Calls, 0.5),
                edge(0, 1, EdgeKind::Calls, 0.5),
                edge(0, 1, EdgeKind::Calls, 1.0),
                edge(0, 1, EdgeKind::Uses, 0.1),
                edge(3, 3, EdgeKind::Calls, 1.0),
                edge(0, 9, EdgeKind::Calls, 1.0),
            ],
        )
    }

    #[test]
    fn both_directions_agree_and_the_surest_edge_stays() {
        let edges = edges();
        assert_eq!(edges.len(), 3);
        let out: Vec<_> = edges.at(NodeId(0), Direction::Out).map(|it| (it.node.0, it.kind, it.confidence)).collect();
        assert_eq!(out, [(1, EdgeKind::Calls, 1.0), (1, EdgeKind::Uses, 3.0 / 31.0)]);
        let back: Vec<_> = edges.at(NodeId(1), Direction::In).map(|it| (it.node.0, it.kind)).collect();
        assert_eq!(back, [(0, EdgeKind::Calls), (2, EdgeKind::Calls), (0, EdgeKind::Uses)]);
        assert_eq!(edges.at(NodeId(77), Direction::Out).count(), 0);
    }

    #[test]
    fn what_is_written_is_read_and_damage_is_seen() {
        let edges = edges();
        let mut bytes = Vec::new();
        edges.write(&mut bytes);
        assert_eq!(Edges::read(&bytes, 4), Some(edges));
        assert_eq!(Edges::read(&bytes, 5), None);
        for cut in 0..bytes.len() {
            assert_eq!(Edges::read(&bytes[..cut], 4), None, "cut at {cut}");
        }
        bytes[8] = 77;
        assert_eq!(Edges::read(&bytes, 4), None);
    }
}
