//! Code in an issue: which lines are code, what they import and call, and what a prompt answered.

use std::sync::LazyLock;

use regex::Regex;
use rustc_hash::FxHashMap;
use serde::Serialize;

use super::{MAX_ITEMS, distinct, pattern};
use crate::issue::Fence;

/// A run of code lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CodeBlock {
    /// The lines, without fences and prompts.
    pub text: String,
    /// What it imports.
    pub imports: Vec<Import>,
    /// What it calls, with the names that imports stand for put in full: `models.Linear1D` after `from astropy.modeling import models` is
    /// `astropy.modeling.models.Linear1D`.
    pub calls: Vec<String>,
}

/// One imported name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Import {
    /// The whole dotted path of the module or name.
    pub path: String,
    /// What the code calls it.
    pub alias: String,
}

/// An input at a prompt and its output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Example {
    /// What was typed.
    pub input: String,
    /// What was printed; may be a traceback.
    pub output: String,
}

/// Returns the code blocks of a body.
pub(super) fn blocks(body: &str) -> Vec<CodeBlock> {
    let mut texts: Vec<String> = Vec::new();
    let mut open = false;
    for (line, kind) in classified(body) {
        match kind {
            Line::Code(code) => {
                if !open {
                    texts.push(String::new());
                    open = true;
                }
                if let Some(text) = texts.last_mut() {
                    text.push_str(code);
                    text.push('\n');
                }
            }
            // A blank line ends no block.
            Line::Prose => open &= line.trim().is_empty(),
            Line::Fence => open = false,
        }
        if texts.len() >= MAX_ITEMS {
            break;
        }
    }
    let imports = distinct(texts.iter().flat_map(|text| imports_of(text)));
    let known: FxHashMap<&str, &str> = imports.iter().map(|it| (it.alias.as_str(), it.path.as_str())).collect();
    texts
        .iter()
        .map(|text| CodeBlock { text: text.clone(), imports: imports_of(text), calls: calls_of(text, &known) })
        .collect()
}

/// Returns the body's prose: its lines that are no code.
pub(super) fn without_blocks(body: &str) -> String {
    let mut prose = String::with_capacity(body.len());
    for (line, kind) in classified(body) {
        if kind == Line::Prose {
            prose.push_str(line);
        }
        prose.push('\n');
    }
    prose
}

/// Returns what was typed at `>>>` or `In [n]:` prompts, with the answers.
pub(super) fn examples(body: &str) -> Vec<Example> {
    let mut found: Vec<Example> = Vec::new();
    let mut answering = false;
    for line in body.lines() {
        let trimmed = line.trim();
        if let Some(typed) = after_prompt(trimmed) {
            let continues = trimmed.starts_with("...");
            match found.last_mut() {
                Some(last) if continues && answering && last.output.is_empty() => {
                    last.input.push('\n');
                    last.input.push_str(typed);
                }
                _ if continues => {}
                _ => found.push(Example { input: typed.to_owned(), output: String::new() }),
            }
            answering = true;
        } else if trimmed.is_empty() || trimmed.starts_with("```") {
            // A blank line ends an answer, as in a doctest; before the answer starts it means nothing.
            answering = answering && found.last().is_some_and(|last| last.output.is_empty()) && trimmed.is_empty();
        } else if let (true, Some(last)) = (answering, found.last_mut()) {
            if !last.output.is_empty() {
                last.output.push('\n');
            }
            last.output.push_str(after_answer_mark(trimmed));
        }
        if found.len() >= MAX_ITEMS {
            break;
        }
    }
    found.retain(|example| !example.input.trim().is_empty());
    found
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line<'t> {
    Code(&'t str),
    Prose,
    Fence,
}

fn classified(body: &str) -> impl Iterator<Item = (&str, Line<'_>)> {
    let mut fence = Fence::default();
    body.lines().map(move |line| {
        let inside = fence.inside_after(line);
        let mark = inside && (line.trim_start().starts_with("```") || line.trim_start().starts_with("~~~"));
        let kind = if inside && !mark {
            Line::Code(after_prompt(line.trim()).unwrap_or(line))
        } else if inside {
            Line::Fence
        } else {
            unfenced(line)
        };
        (line, kind)
    })
}

/// Judges a line outside fences: some trackers have none, so a line that reads like Python is code.
fn unfenced(line: &str) -> Line<'_> {
    static PYTHON: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"^\s*(?:(?:from [\w.]+ )?import [\w.*, ()]+$|(?:async )?def \w+\(|class \w+[(:]|@\w[\w.]*(?:\(.*\))?$|return\b|raise \w|print\(|[\w.]+(?:\[[^\]\n]*\])? = \S|[\w.]+\(.*\)[,:]?$)",
        )
    });
    let indented = line.starts_with("    ") || line.starts_with('\t');
    let listed = line.trim_start().starts_with(['-', '*', '+']);
    match after_prompt(line.trim()) {
        Some(code) => Line::Code(code),
        None if (indented && !listed && !line.trim().is_empty()) || PYTHON.is_match(line) => Line::Code(line),
        None => Line::Prose,
    }
}

fn after_prompt(line: &str) -> Option<&str> {
    static NUMBERED: LazyLock<Regex> = LazyLock::new(|| pattern(r"^In ?\[\d{0,6}\]: ?"));
    let continued = line.strip_prefix("...").filter(|rest| rest.is_empty() || rest.starts_with(' '));
    let rest = line.strip_prefix(">>>").or(continued);
    rest.map(|rest| rest.strip_prefix(' ').unwrap_or(rest))
        .or_else(|| NUMBERED.find(line).map(|prompt| &line[prompt.end()..]))
}

fn after_answer_mark(line: &str) -> &str {
    static NUMBERED: LazyLock<Regex> = LazyLock::new(|| pattern(r"^Out ?\[\d{0,6}\]: ?"));
    NUMBERED.find(line).map_or(line, |mark| &line[mark.end()..])
}

fn imports_of(code: &str) -> Vec<Import> {
    static IMPORT: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"(?m)^\s*(?:from\s+([\w.]+)\s+)?import\s+\(?([\w., \t*]+)"));
    let mut found = Vec::new();
    for captures in IMPORT.captures_iter(code) {
        for item in captures[2].split(',') {
            let mut words = item.split_whitespace();
            let Some(name) = words.next() else { continue };
            let alias = words.next().filter(|word| *word == "as").and_then(|_| words.next());
            let path = match captures.get(1) {
                Some(module) if name == "*" => module.as_str().to_owned(),
                Some(module) => format!("{}.{name}", module.as_str()),
                None => name.to_owned(),
            };
            let plain = if captures.get(1).is_some() { name } else { name.split('.').next().unwrap_or(name) };
            // `import a.b` binds `a` to `a`, not to `a.b`.
            found.push(Import { path, alias: alias.unwrap_or(plain).to_owned() });
        }
        if found.len() >= MAX_ITEMS {
            break;
        }
    }
    found
}

fn calls_of(code: &str, imports: &FxHashMap<&str, &str>) -> Vec<String> {
    static CALL: LazyLock<Regex> = LazyLock::new(|| pattern(r"([A-Za-z_][\w]*(?:\.[A-Za-z_]\w*){0,8})\s?\("));
    static DEFINED: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b(?:def|class)\s+(\w+)"));
    let own: Vec<&str> =
        DEFINED.captures_iter(code).take(MAX_ITEMS).filter_map(|it| it.get(1)).map(|it| it.as_str()).collect();
    let found = CALL.captures_iter(code).filter_map(|captures| {
        let written = captures.get(1)?.as_str();
        let (head, tail) = written.split_once('.').map_or((written, None), |(head, tail)| (head, Some(tail)));
        if own.contains(&written) || is_keyword(head) {
            return None;
        }
        Some(match (imports.get(head), tail) {
            // `import a.b` then `a.b.f()`: the code already says it in full.
            (Some(path), Some(tail)) if path.split('.').next() == Some(head) => {
                if path.contains('.') && !written.starts_with(path) && path.rsplit('.').next() == Some(head) {
                    format!("{path}.{tail}")
                } else {
                    written.to_owned()
                }
            }
            (Some(path), Some(tail)) => format!("{path}.{tail}"),
            (Some(path), None) => (*path).to_owned(),
            (None, _) => written.to_owned(),
        })
    });
    distinct(found)
}

fn is_keyword(word: &str) -> bool {
    matches!(
        word,
        "if" | "elif"
            | "while"
            | "for"
            | "in"
            | "not"
            | "and"
            | "or"
            | "return"
            | "yield"
            | "assert"
            | "with"
            | "except"
            | "lambda"
            | "print"
    )
}
