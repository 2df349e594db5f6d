//! The views as text, for people and for golden tests.

use super::{Flow, FlowKind};

/// More of a statement than this is not shown.
const MAX_SHOWN: usize = 60;

pub(super) fn render(flow: &Flow, text: &[u8]) -> String {
    let mut out = format!("{} {}\n", if flow.name.is_empty() { "(anonymous)" } else { &flow.name }, flow.lines);
    for at in 0..flow.blocks.len() {
        block(flow, at, text, &mut out);
    }
    for variable in 0..flow.variables.len() {
        chains(flow, variable, &mut out);
    }
    out
}

fn block(flow: &Flow, at: usize, text: &[u8], out: &mut String) {
    let edges: Vec<String> = flow.edges_from(at as u32).map(|it| format!("{}{}", word(it.kind), it.to)).collect();
    let is_reached = at == 0 || flow.edges.iter().any(|it| it.to as usize == at);
    let shown: Vec<String> = flow.blocks[at]
        .statements
        .iter()
        .filter_map(|it| flow.statements.get(*it as usize))
        .map(|it| format!("{} `{}`", it.line, one_line(text.get(it.span.clone()).unwrap_or_default())))
        .collect();
    // Where a block that nobody reaches holds nothing there is nothing to say.
    if !is_reached && shown.is_empty() {
        return;
    }
    let name = match at {
        0 => " entry",
        1 => " exit",
        _ if !is_reached => " unreached",
        _ => "",
    };
    let line = format!("  {at}{name}: {} -> {}", shown.join("; "), edges.join(", "));
    out.push_str(line.trim_end_matches(" -> ").trim_end());
    out.push('\n');
}

fn word(kind: FlowKind) -> &'static str {
    match kind {
        FlowKind::Next => "",
        FlowKind::True => "true ",
        FlowKind::False => "false ",
        FlowKind::Exception => "exception ",
        FlowKind::Loop => "loop ",
        FlowKind::Return => "return ",
    }
}

/// One line a variable: each line that defines it, with the lines that use it.
fn chains(flow: &Flow, variable: usize, out: &mut String) {
    let line_of = |statement: u32| flow.statements.get(statement as usize).map_or(0, |it| it.line);
    let mut shown = Vec::new();
    for (at, definition) in flow.definitions.iter().enumerate().filter(|it| it.1.variable as usize == variable) {
        let using = flow.uses.iter().filter(|it| it.definitions.contains(&(at as u32)));
        let mut lines: Vec<u32> = using.map(|it| line_of(it.statement)).collect();
        lines.sort_unstable();
        lines.dedup();
        let mark = match (definition.removes, definition.sure) {
            (true, _) => "-",
            (false, false) => "?",
            (false, true) => "",
        };
        let lines: Vec<String> = lines.iter().map(u32::to_string).collect();
        shown.push(format!("{}{mark} -> [{}]", line_of(definition.statement), lines.join(" ")));
    }
    if !shown.is_empty() {
        out.push_str(&format!("  {}: {}\n", flow.variables[variable], shown.join(", ")));
    }
}

fn one_line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    if line.chars().count() <= MAX_SHOWN {
        return line;
    }
    line.chars().take(MAX_SHOWN).chain(['…']).collect()
}
