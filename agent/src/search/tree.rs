//! The search tree: states, actions, statistics.
//!
//! A node is a state of the repository, named by its git tree id, so one state reached on two ways is one node with one set of statistics
//! (a transposition). Edges only lead to nodes of greater depth, which keeps the graph free of cycles. Nothing here waits, runs or reads
//! anything: choosing is [`super::policy`]'s, executing is the driver's.

use std::collections::HashMap;

use repo::TreeId;

use super::policy::Policy;

/// The number of a node in its tree; the root is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct NodeId(pub u32);

impl NodeId {
    /// The unchanged base.
    pub const ROOT: NodeId = NodeId(0);

    fn index(self) -> usize {
        self.0 as usize
    }
}

/// Something that can be done in a state: a payload (a proposal) and how promising it looks before it is tried.
#[derive(Clone, Debug)]
pub struct Action<A> {
    /// What to do.
    pub payload: A,
    /// Share of the belief among the node's actions, in `[0,1]`; all actions of a node sum to 1.
    pub prior: f64,
}

/// A tried action and where it led.
#[derive(Clone, Debug)]
pub(super) struct Edge {
    pub(super) action: usize,
    pub(super) child: NodeId,
    pub(super) visits: u32,
    /// Visits under way whose result is not known yet (WU-UCT, Liu et al. 2020).
    pub(super) pending: u32,
}

/// A state and what is known of it.
#[derive(Clone, Debug)]
pub struct Node<A> {
    pub(super) state: TreeId,
    pub(super) depth: u32,
    pub(super) came_from: Option<(NodeId, usize)>,
    /// The state's own value in [0,1]; `None` until it is evaluated.
    pub(super) value: Option<f64>,
    /// No further action is worth choosing here: solved, refused, exhausted or too deep.
    pub(super) closed: bool,
    pub(super) actions: Option<Vec<Action<A>>>,
    pub(super) next_action: usize,
    pub(super) edges: Vec<Edge>,
    pub(super) visits: u32,
    pub(super) pending: u32,
    /// Sum, over the visits below this node, of how much each new state was better than the state it was made from.
    pub(super) gains: f64,
}

impl<A> Node<A> {
    fn new(state: TreeId, depth: u32, came_from: Option<(NodeId, usize)>) -> Node<A> {
        Node {
            state,
            depth,
            came_from,
            value: None,
            closed: false,
            actions: None,
            next_action: 0,
            edges: Vec::new(),
            visits: 0,
            pending: 0,
            gains: 0.0,
        }
    }

    /// Returns the state.
    pub fn state(&self) -> TreeId {
        self.state
    }

    /// Returns how many edits lie between the base and this state.
    pub fn depth(&self) -> u32 {
        self.depth
    }

    /// Returns the state's own value in `[0,1]`, once evaluated.
    pub fn value(&self) -> Option<f64> {
        self.value
    }

    /// Returns how often the search came through here.
    pub fn visits(&self) -> u32 {
        self.visits
    }
}

/// What the search should do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Say which actions this node has ([`Tree::set_actions`]), then choose again.
    Propose(NodeId),
    /// Try this action of the last node of the path.
    Try(Trial),
    /// Nothing is left to try.
    Exhausted,
}

/// One walk from the root to an action that has not been tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// Positions of the edges taken, from the root.
    path: Vec<(NodeId, usize)>,
    /// The node in which the action is to be tried.
    pub node: NodeId,
    /// The action's position among the node's actions.
    pub action: usize,
}

/// What became of a trial's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    /// A state never seen: evaluate it, then [`Tree::settle`].
    New(NodeId),
    /// A state already in the tree; its statistics are shared and nothing needs to run.
    Known(NodeId),
    /// A state that is an ancestor or as shallow as the node: no progress, the action is dropped.
    Revisit,
}

/// A started visit that waits for its value.
#[derive(Clone, Debug)]
pub struct Visit {
    path: Vec<(NodeId, usize)>,
    /// The node whose value is awaited.
    pub node: NodeId,
}

/// The tree of all states seen by one search.
#[derive(Clone, Debug)]
pub struct Tree<A> {
    nodes: Vec<Node<A>>,
    by_state: HashMap<TreeId, NodeId>,
}

impl<A> Tree<A> {
    /// Starts a tree at the base state, whose value is given.
    pub fn new(base: TreeId, value: f64) -> Tree<A> {
        let mut root = Node::new(base, 0, None);
        root.value = Some(value);
        Tree { nodes: vec![root], by_state: HashMap::from([(base, NodeId::ROOT)]) }
    }

    /// Returns a node.
    pub fn node(&self, id: NodeId) -> &Node<A> {
        &self.nodes[id.index()]
    }

    /// Returns how many states have been seen, the base included.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Returns whether only the base has been seen.
    pub fn is_empty(&self) -> bool {
        self.nodes.len() <= 1
    }

    /// Returns all nodes in order of their discovery.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, &Node<A>)> {
        (0..).map(NodeId).zip(&self.nodes)
    }

    /// Returns the actions that lead from the base to a node on the way it was first reached.
    pub fn path_to(&self, id: NodeId) -> Vec<&Action<A>> {
        let mut actions = Vec::new();
        let mut at = id;
        while let Some((parent, action)) = self.node(at).came_from {
            actions.extend(self.node(parent).actions.as_ref().and_then(|all| all.get(action)));
            at = parent;
        }
        actions.reverse();
        actions
    }

    /// Returns an action of a node.
    pub fn action(&self, node: NodeId, action: usize) -> Option<&Action<A>> {
        self.node(node).actions.as_ref()?.get(action)
    }

    /// Sets the actions of a node from payloads and weights; weights are made to sum to 1 and the most promising comes first.
    ///
    /// The order of equal weights is kept. Weights that are not finite or not positive count as nothing and their payloads are dropped.
    pub fn set_actions(&mut self, id: NodeId, weighted: Vec<(A, f64)>) {
        let mut actions: Vec<Action<A>> = weighted
            .into_iter()
            .filter(|(_, weight)| weight.is_finite() && *weight > 0.0)
            .map(|(payload, prior)| Action { payload, prior })
            .collect();
        actions.sort_by(|a, b| b.prior.total_cmp(&a.prior));
        let total: f64 = actions.iter().map(|action| action.prior).sum();
        for action in &mut actions {
            action.prior /= total;
        }
        let node = &mut self.nodes[id.index()];
        node.actions = Some(actions);
        node.next_action = 0;
    }

    /// Chooses what to try next by walking down from the root.
    pub fn choose(&mut self, policy: &Policy) -> Choice {
        loop {
            if self.node(NodeId::ROOT).closed {
                return Choice::Exhausted;
            }
            if let Some(choice) = self.walk(policy) {
                return choice;
            }
        }
    }

    /// One walk; `None` when it ended in a node that turned out to have nothing left and is closed now.
    fn walk(&mut self, policy: &Policy) -> Option<Choice> {
        let mut path = Vec::new();
        let mut at = NodeId::ROOT;
        loop {
            let node = self.node(at);
            if node.actions.is_none() {
                return Some(Choice::Propose(at));
            }
            match policy.pick(self, at) {
                Some(Pick::Edge(edge)) => {
                    path.push((at, edge));
                    at = node.edges[edge].child;
                }
                Some(Pick::Untried) => {
                    let action = node.next_action;
                    self.nodes[at.index()].next_action += 1;
                    return Some(Choice::Try(Trial { path, node: at, action }));
                }
                None if self.waits_below(at) => return Some(Choice::Exhausted),
                None => {
                    self.nodes[at.index()].closed = true;
                    return None;
                }
            }
        }
    }

    /// Whether a child's value is still being waited for, so that the node may open again.
    fn waits_below(&self, id: NodeId) -> bool {
        self.node(id).pending > 0
    }

    /// Records which state a trial leads to, and starts the visit when the state is new or known.
    pub fn reach(&mut self, trial: &Trial, state: TreeId, policy: &Policy) -> (Reached, Option<Visit>) {
        let depth = self.node(trial.node).depth + 1;
        let known = self.by_state.get(&state).copied();
        if known.is_some_and(|id| self.node(id).depth < depth) {
            return (Reached::Revisit, None);
        }
        let child = match known {
            Some(id) => id,
            None => self.add(state, depth, (trial.node, trial.action), policy),
        };
        let edge = self.edge_to(trial.node, trial.action, child);
        let mut path = trial.path.clone();
        path.push((trial.node, edge));
        self.mark_pending(&path, child, 1);
        let visit = Visit { path, node: child };
        match known {
            Some(id) => {
                if let Some(value) = self.node(id).value {
                    self.settle(&visit, value);
                    return (Reached::Known(id), None);
                }
                (Reached::Known(id), Some(visit))
            }
            None => (Reached::New(child), Some(visit)),
        }
    }

    fn add(&mut self, state: TreeId, depth: u32, from: (NodeId, usize), policy: &Policy) -> NodeId {
        let id = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        let mut node = Node::new(state, depth, Some(from));
        node.closed = depth >= policy.max_depth;
        self.nodes.push(node);
        self.by_state.insert(state, id);
        id
    }

    fn edge_to(&mut self, parent: NodeId, action: usize, child: NodeId) -> usize {
        let edges = &mut self.nodes[parent.index()].edges;
        if let Some(known) = edges.iter().position(|edge| edge.child == child) {
            return known;
        }
        edges.push(Edge { action, child, visits: 0, pending: 0 });
        edges.len() - 1
    }

    fn mark_pending(&mut self, path: &[(NodeId, usize)], end: NodeId, count: u32) {
        for &(node, edge) in path {
            let node = &mut self.nodes[node.index()];
            node.pending += count;
            node.edges[edge].pending += count;
        }
        self.nodes[end.index()].pending += count;
    }

    /// Ends a visit with the value of its state and carries the gain up to the root.
    ///
    /// What is carried is the gain over the state the new one was made from, not the value itself: else a half-good state would draw the
    /// search for ever, because nearly everything made from it is half good as well.
    pub fn settle(&mut self, visit: &Visit, value: f64) {
        let value = value.clamp(0.0, 1.0);
        self.nodes[visit.node.index()].value = Some(value);
        let parent_value = visit.path.last().and_then(|(parent, _)| self.node(*parent).value).unwrap_or(0.0);
        let gain = (value - parent_value).max(0.0);
        for &(node, edge) in &visit.path {
            let node = &mut self.nodes[node.index()];
            node.visits += 1;
            node.pending = node.pending.saturating_sub(1);
            node.gains += gain;
            node.edges[edge].visits += 1;
            node.edges[edge].pending = node.edges[edge].pending.saturating_sub(1);
        }
        let end = &mut self.nodes[visit.node.index()];
        end.visits += 1;
        end.pending = end.pending.saturating_sub(1);
    }

    /// Closes a node: nothing below it is tried any more (it is a solution, or it was refused).
    pub fn close(&mut self, id: NodeId) {
        self.nodes[id.index()].closed = true;
    }

    /// Gives up a visit without a value, as when the sandbox failed; the state keeps no statistics of it.
    pub fn abandon(&mut self, visit: &Visit) {
        for &(node, edge) in &visit.path {
            let node = &mut self.nodes[node.index()];
            node.pending = node.pending.saturating_sub(1);
            node.edges[edge].pending = node.edges[edge].pending.saturating_sub(1);
        }
        let end = &mut self.nodes[visit.node.index()];
        end.pending = end.pending.saturating_sub(1);
        end.closed = true;
    }
}

/// What a policy picks in a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    /// Walk down this edge.
    Edge(usize),
    /// Try the most promising action that has not been tried.
    Untried,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(number: u8) -> TreeId {
        format!("{number:040x}").parse().unwrap()
    }

    fn tree(weights: &[f64]) -> Tree<usize> {
        let mut tree = Tree::new(state(0), 0.0);
        tree.set_actions(NodeId::ROOT, weights.iter().copied().enumerate().collect());
        tree
    }

    fn trial(tree: &mut Tree<usize>, policy: &Policy) -> Trial {
        match tree.choose(policy) {
            Choice::Try(trial) => trial,
            other => panic!("expected a trial, got {other:?}"),
        }
    }

    #[test]
    fn actions_are_tried_by_prior_and_each_once() {
        let policy = Policy { max_depth: 1, ..Policy::default() };
        let mut tree = tree(&[1.0, 4.0, 2.0, 0.0, f64::NAN]);
        let mut seen = Vec::new();
        let mut number = 1;
        while let Choice::Try(trial) = tree.choose(&policy) {
            seen.push(tree.action(trial.node, trial.action).unwrap().payload);
            let (_, visit) = tree.reach(&trial, state(number), &policy);
            tree.settle(&visit.unwrap(), 0.0);
            number += 1;
        }
        assert_eq!(seen, [1, 2, 0]);
        assert_eq!(tree.choose(&policy), Choice::Exhausted);
    }

    #[test]
    fn one_state_reached_on_two_ways_is_one_node_and_runs_once() {
        let policy = Policy::default();
        let mut tree = tree(&[2.0, 1.0]);
        let first = trial(&mut tree, &policy);
        let (reached, visit) = tree.reach(&first, state(7), &policy);
        assert_eq!(reached, Reached::New(NodeId(1)));
        tree.settle(&visit.unwrap(), 0.0);
        tree.close(NodeId(1));
        let second = trial(&mut tree, &policy);
        let (reached, visit) = tree.reach(&second, state(7), &policy);
        assert_eq!(reached, Reached::Known(NodeId(1)));
        assert!(visit.is_none(), "a known state is never evaluated again");
        assert_eq!(tree.len(), 2);
        assert_eq!(tree.node(NodeId::ROOT).visits(), 2);
    }

    #[test]
    fn an_edit_that_undoes_another_leads_nowhere() {
        let policy = Policy::default();
        let mut tree = tree(&[1.0]);
        let first = trial(&mut tree, &policy);
        let (_, visit) = tree.reach(&first, state(1), &policy);
        tree.settle(&visit.unwrap(), 0.5);
        assert_eq!(tree.choose(&policy), Choice::Propose(NodeId(1)));
        tree.set_actions(NodeId(1), vec![(9, 1.0)]);
        let back = trial(&mut tree, &policy);
        assert_eq!(back.node, NodeId(1));
        assert_eq!(tree.reach(&back, state(0), &policy).0, Reached::Revisit);
        assert_eq!(tree.choose(&policy), Choice::Exhausted);
    }

    #[test]
    fn gains_not_values_are_carried_up() {
        let policy = Policy::default();
        let mut tree = tree(&[1.0]);
        let first = trial(&mut tree, &policy);
        let (_, visit) = tree.reach(&first, state(1), &policy);
        tree.settle(&visit.unwrap(), 0.5);
        tree.set_actions(NodeId(1), vec![(0, 1.0), (1, 1.0)]);
        for (number, value) in [(2, 0.5), (3, 0.75)] {
            let next = trial(&mut tree, &policy);
            let (_, visit) = tree.reach(&next, state(number), &policy);
            tree.settle(&visit.unwrap(), value);
        }
        assert_eq!(tree.node(NodeId::ROOT).gains, 0.75);
        assert_eq!(tree.node(NodeId(1)).gains, 0.25);
        let path: Vec<usize> = tree.path_to(NodeId(3)).iter().map(|action| action.payload).collect();
        assert_eq!(path, [0, 1]);
    }

    #[test]
    fn an_abandoned_visit_leaves_no_trace_in_the_statistics() {
        let policy = Policy::default();
        let mut tree = tree(&[1.0, 1.0]);
        let first = trial(&mut tree, &policy);
        let (_, visit) = tree.reach(&first, state(1), &policy);
        tree.abandon(&visit.unwrap());
        assert_eq!(tree.node(NodeId::ROOT).visits(), 0);
        assert_eq!(tree.node(NodeId::ROOT).pending, 0);
        assert_eq!(tree.node(NodeId(1)).value(), None);
        assert_eq!(trial(&mut tree, &policy).action, 1);
    }
}
