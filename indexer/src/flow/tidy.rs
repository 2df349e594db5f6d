//! Takes out blocks that hold nothing and decide nothing.

use super::{Flow, FlowEdge, FlowKind};

/// Lets edges into such blocks lead to where those lead, drops what is then left alone, and numbers the rest anew.
pub(super) fn tidy(flow: &mut Flow) {
    let size = flow.blocks.len();
    let mut leaving: Vec<Vec<FlowEdge>> = vec![Vec::new(); size];
    flow.edges.iter().for_each(|it| leaving[it.from as usize].push(*it));
    let is_idle = |at: u32| at > 1 && flow.blocks[at as usize].statements.is_empty();
    let onward = |edge: FlowEdge| -> Option<FlowEdge> {
        let [only] = leaving[edge.to as usize][..] else { return None };
        let kind = match (edge.kind, only.kind) {
            (kind, FlowKind::Next) => kind,
            (FlowKind::Next, kind) => kind,
            // Two words would become one.
            _ => return None,
        };
        is_idle(edge.to).then_some(FlowEdge { from: edge.from, to: only.to, kind })
    };
    for edge in &mut flow.edges {
        // Empty blocks in a ring lead nowhere; the bound ends the search.
        for _ in 0..size {
            match onward(*edge) {
                Some(next) => *edge = next,
                None => break,
            }
        }
    }
    drop_idle(flow);
    flow.edges.sort_unstable();
    flow.edges.dedup();
}

/// Empty blocks that nobody enters are dropped, which may leave others alone.
fn drop_idle(flow: &mut Flow) {
    let mut entered = vec![0_usize; flow.blocks.len()];
    flow.edges.iter().for_each(|it| entered[it.to as usize] += 1);
    let is_idle = |at: usize, entered: &[usize]| at > 1 && entered[at] == 0 && flow.blocks[at].statements.is_empty();
    let mut leaving: Vec<Vec<u32>> = vec![Vec::new(); flow.blocks.len()];
    flow.edges.iter().for_each(|it| leaving[it.from as usize].push(it.to));
    let mut gone = vec![false; flow.blocks.len()];
    let mut open: Vec<usize> = (0..flow.blocks.len()).filter(|it| is_idle(*it, &entered)).collect();
    while let Some(at) = open.pop() {
        if std::mem::replace(&mut gone[at], true) {
            continue;
        }
        for to in &leaving[at] {
            entered[*to as usize] -= 1;
            if is_idle(*to as usize, &entered) {
                open.push(*to as usize);
            }
        }
    }
    let mut numbers = Vec::with_capacity(gone.len());
    let mut next = 0;
    for gone in &gone {
        numbers.push(next);
        next += u32::from(!gone);
    }
    let mut at = 0;
    flow.blocks.retain(|_| {
        at += 1;
        !gone[at - 1]
    });
    flow.edges.retain(|it| !gone[it.from as usize]);
    for edge in &mut flow.edges {
        (edge.from, edge.to) = (numbers[edge.from as usize], numbers[edge.to as usize]);
    }
}
