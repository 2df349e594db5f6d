//! Which action is tried next: PUCT with priors from localization and templates.
//!
//! The score of an edge is `Q + c · P · √(1 + N) / (1 + n)` (Rosin 2011; the form of AlphaGo Zero, Silver et al. 2017), with visits that are
//! under way counted as made (WU-UCT, Liu et al. 2020). All values and gains are in `[0,1]`.
//!
//! Two things differ from a game, because here a state's value is exact (its tests were run) and most states are worthless:
//! - `Q` of a child starts from how much better the child itself is than its parent, weighted as [`Policy::promise_visits`] visits, and then
//!   follows the gains made below it. A half-good state is explored first, and let go when nothing comes of it.
//! - A child that is no better than its parent keeps only the share [`Policy::barren`] of its exploration term, so that pairs of edits without
//!   a sign of progress come after the single edits.

use super::tree::{NodeId, Pick, Tree};

/// The constants of the choice.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Weight of the exploration term.
    pub exploration: f64,
    /// How many visits a child's own progress counts for.
    pub promise_visits: f64,
    /// Share of the exploration term that a child without progress keeps, in `[0,1]`.
    pub barren: f64,
    /// The largest number of edits in one candidate.
    pub max_depth: u32,
}

impl Default for Policy {
    fn default() -> Policy {
        Policy { exploration: 1.0, promise_visits: 8.0, barren: 0.02, max_depth: 3 }
    }
}

impl Policy {
    /// The policy that tries single edits only, most promising first: the baseline of best-of-n sampling.
    pub fn best_of_n() -> Policy {
        Policy { max_depth: 1, ..Policy::default() }
    }

    /// The policy that builds on the best state so far for as long as it has gains, and explores nothing beside it: hill climbing.
    pub fn greedy() -> Policy {
        Policy { exploration: f64::EPSILON, ..Policy::default() }
    }

    /// Picks the best open edge or the next untried action of a node; `None` when nothing is open.
    pub fn pick<A>(&self, tree: &Tree<A>, id: NodeId) -> Option<Pick> {
        let node = tree.node(id);
        let actions = node.actions.as_deref().unwrap_or_default();
        let scale = self.exploration * f64::from(1 + node.visits + node.pending).sqrt();
        let untried = actions.get(node.next_action).map(|action| (scale * action.prior, Pick::Untried));
        let edges = node.edges.iter().enumerate().filter_map(|(position, edge)| {
            let child = tree.node(edge.child);
            // A child whose value is not known yet cannot be built upon.
            let value = child.value.filter(|_| !child.closed)?;
            let progress = (value - node.value.unwrap_or(0.0)).max(0.0);
            let prior = actions.get(edge.action).map_or(0.0, |action| action.prior);
            let explore = scale * prior / f64::from(1 + edge.visits + edge.pending);
            let score = if progress > 0.0 { self.quality(progress, child) + explore } else { self.barren * explore };
            Some((score, Pick::Edge(position)))
        });
        // Of equal scores the untried action wins, then the older edge: the order is fixed, so runs repeat.
        untried
            .into_iter()
            .chain(edges)
            .reduce(|best, next| if next.0 > best.0 { next } else { best })
            .map(|(_, pick)| pick)
    }

    fn quality<A>(&self, progress: f64, child: &super::tree::Node<A>) -> f64 {
        let visits = f64::from(child.visits.saturating_sub(1) + child.pending);
        (self.promise_visits * progress + child.gains) / (self.promise_visits + visits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::tree::{Choice, Trial};

    fn state(number: u32) -> repo::TreeId {
        format!("{number:040x}").parse().unwrap()
    }

    /// Runs a search over a made-up world: `value(path)` of the payloads from the root. Returns the trials up to the first value of 1.
    fn trials_until_solved(policy: &Policy, width: usize, value: impl Fn(&[usize]) -> f64) -> Option<u32> {
        let mut tree: Tree<usize> = Tree::new(state(0), 0.0);
        let mut number = 0;
        loop {
            match tree.choose(policy) {
                Choice::Exhausted => return None,
                Choice::Propose(node) => {
                    tree.set_actions(node, (0..width).map(|action| (action, 1.0 / (1.0 + action as f64))).collect());
                }
                Choice::Try(Trial { node, action, .. }) if node != NodeId::ROOT && tree.path_to(node).is_empty() => {
                    panic!("node {node:?} has no path for action {action}")
                }
                Choice::Try(trial) => {
                    number += 1;
                    let (_, visit) = tree.reach(&trial, state(number), policy);
                    let visit = visit.unwrap();
                    let path: Vec<usize> = tree.path_to(visit.node).iter().map(|action| action.payload).collect();
                    let found = value(&path);
                    tree.settle(&visit, found);
                    if found >= 1.0 {
                        return Some(number);
                    }
                }
            }
        }
    }

    #[test]
    fn without_signals_the_order_is_that_of_the_priors() {
        let found = trials_until_solved(&Policy::default(), 50, |path| if path == [30] { 1.0 } else { 0.0 });
        let found = found.unwrap();
        assert!((31..70).contains(&found), "the 31st action was found after {found} trials");
    }

    #[test]
    fn a_second_edit_is_searched_where_the_first_helped() {
        let value = |path: &[usize]| match path {
            [20, 10] | [10, 20] => 1.0,
            [20, ..] => 0.5,
            _ => 0.0,
        };
        let guided = trials_until_solved(&Policy::default(), 60, value).unwrap();
        assert!(guided < 120, "a pair among 3,600 was found after {guided} trials");
    }

    #[test]
    fn a_false_promise_does_not_starve_the_rest() {
        let value = |path: &[usize]| match path {
            [40] => 1.0,
            [0, ..] => 0.5,
            _ => 0.0,
        };
        let found = trials_until_solved(&Policy::default(), 60, value).unwrap();
        assert!(found < 600, "the answer stands at 40 of 60, and took {found} trials");
    }

    #[test]
    fn best_of_n_makes_no_pairs_and_greedy_climbs_first() {
        let pair = |path: &[usize]| match path {
            [2, 3] | [3, 2] => 1.0,
            [2, ..] => 0.5,
            _ => 0.0,
        };
        assert_eq!(trials_until_solved(&Policy::best_of_n(), 10, pair), None);
        // Three single edits up to the one that helps, then its pairs 0, 1 and 3; the pair with itself is tried too.
        assert_eq!(trials_until_solved(&Policy::greedy(), 10, pair), Some(7));
    }

    #[test]
    fn depth_is_bounded() {
        let policy = Policy { max_depth: 2, ..Policy::default() };
        assert_eq!(trials_until_solved(&policy, 3, |path| if path.len() == 3 { 1.0 } else { 0.1 }), None);
    }
}
