//! Reaching definitions by a worklist, and the def-use chains that follow from them.

use super::build::Step;
use super::{Flow, FlowDefinition, FlowKind, FlowUse};

/// A set of definitions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Set(Vec<u64>);

impl Set {
    fn empty(size: usize) -> Set {
        Set(vec![0; size.div_ceil(64)])
    }

    fn insert(&mut self, at: u32) {
        if let Some(word) = self.0.get_mut(at as usize / 64) {
            *word |= 1 << (at % 64);
        }
    }

    fn remove(&mut self, at: u32) {
        if let Some(word) = self.0.get_mut(at as usize / 64) {
            *word &= !(1 << (at % 64));
        }
    }

    fn contains(&self, at: u32) -> bool {
        self.0.get(at as usize / 64).is_some_and(|it| it >> (at % 64) & 1 == 1)
    }

    /// Adds all of another set and returns whether that was anything new.
    fn union(&mut self, other: &Set) -> bool {
        let mut grew = false;
        for (word, more) in self.0.iter_mut().zip(&other.0) {
            grew |= *word | more != *word;
            *word |= more;
        }
        grew
    }
}

/// Fills in the definitions of all uses. `steps` are what each statement does, in the order of evaluation.
pub(super) fn link(flow: &mut Flow, steps: &[Vec<Step>]) {
    let of_variable = by_variable(flow);
    let reaching = reaching(flow, steps, &of_variable);
    let mut linked: Vec<Vec<u32>> = vec![Vec::new(); flow.uses.len()];
    for (block, mut live) in flow.blocks.iter().zip(reaching) {
        for statement in &block.statements {
            for step in steps.get(*statement as usize).map_or(&[][..], Vec::as_slice) {
                match step {
                    Step::Use(at) => {
                        linked[*at as usize] = meant(&flow.uses[*at as usize], Some(&live), flow, &of_variable)
                    }
                    Step::UseLater(at) => {
                        linked[*at as usize] = meant(&flow.uses[*at as usize], None, flow, &of_variable)
                    }
                    Step::Define(at) => define(*at, &flow.definitions, &of_variable, &mut live),
                }
            }
        }
    }
    for (usage, definitions) in flow.uses.iter_mut().zip(linked) {
        usage.definitions = definitions;
    }
}

fn by_variable(flow: &Flow) -> Vec<Vec<u32>> {
    let mut all = vec![Vec::new(); flow.variables.len()];
    for (at, it) in flow.definitions.iter().enumerate() {
        all[it.variable as usize].push(at as u32);
    }
    all
}

/// Returns the definitions of a use among those that live, or among all.
fn meant(usage: &FlowUse, live: Option<&Set>, flow: &Flow, of_variable: &[Vec<u32>]) -> Vec<u32> {
    let all = of_variable.get(usage.variable as usize).map_or(&[][..], Vec::as_slice);
    let has_value = |it: &u32| !flow.definitions[*it as usize].removes;
    all.iter().copied().filter(|it| live.is_none_or(|live| live.contains(*it))).filter(has_value).collect()
}

/// A sure definition ends all others of its variable.
fn define(at: u32, definitions: &[FlowDefinition], of_variable: &[Vec<u32>], live: &mut Set) {
    let it = definitions[at as usize];
    if it.sure {
        of_variable[it.variable as usize].iter().for_each(|other| live.remove(*other));
    }
    live.insert(at);
}

/// Returns what reaches the begin of each block.
fn reaching(flow: &Flow, steps: &[Vec<Step>], of_variable: &[Vec<u32>]) -> Vec<Set> {
    let size = flow.definitions.len();
    let mut begin = vec![Set::empty(size); flow.blocks.len()];
    let mut leaving: Vec<Vec<(u32, FlowKind)>> = vec![Vec::new(); flow.blocks.len()];
    for edge in &flow.edges {
        leaving[edge.from as usize].push((edge.to, edge.kind));
    }
    // From the entry only: what nobody reaches defines nothing for others.
    let mut open: Vec<u32> = vec![0];
    let mut is_open = vec![false; flow.blocks.len()];
    let mut is_reached = vec![false; flow.blocks.len()];
    while let Some(block) = open.pop() {
        is_open[block as usize] = false;
        is_reached[block as usize] = true;
        let before = begin[block as usize].clone();
        let mut after = before.clone();
        // What fails may have bound any part of its names, and kept any.
        let mut failing = before;
        for statement in &flow.blocks[block as usize].statements {
            for step in steps.get(*statement as usize).map_or(&[][..], Vec::as_slice) {
                if let Step::Define(at) = step {
                    define(*at, &flow.definitions, of_variable, &mut after);
                    failing.insert(*at);
                }
            }
        }
        for (to, kind) in &leaving[block as usize] {
            let carried = if *kind == FlowKind::Exception { &failing } else { &after };
            let grew = begin[*to as usize].union(carried) || !is_reached[*to as usize];
            if grew && !is_open[*to as usize] {
                is_open[*to as usize] = true;
                open.push(*to);
            }
        }
    }
    begin
}
