//! The static gate: refuses a changed file that cannot be worth running.
//!
//! A candidate passes when it parses, holds none of the errors that a compiler would find behind the grammar, reads no name that nothing
//! defines, and differs from its base in more than comments and layout. Everything is judged against the base: what was wrong there already
//! is not held against the candidate. Whether the change is allowed at all is `repo`'s policy; whether it is right, the tests'.

mod fingerprint;
mod rules;

use std::collections::BTreeMap;
use std::fmt;

use indexer::scope::{NameKind, Scopes, UndefinedName};
use indexer::syntax::{SyntaxNode, SyntaxTree};

/// What the gate says of a changed file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GateVerdict {
    /// Worth running.
    Pass,
    /// It does not parse where the base did.
    NewSyntaxError {
        /// First line of the error, counted from 1.
        line: usize,
    },
    /// It parses, but the compiler would refuse it.
    NotCompilable {
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        rule: &'static str,
    },
    /// It reads a name that nothing defines.
    UndefinedName {
        /// The name.
        name: String,
        /// A defined name that looks alike.
        did_you_mean: Option<String>,
    },
    /// It reads a local variable that cannot have been assigned yet.
    UnboundName {
        /// The name.
        name: String,
    },
    /// Only comments, blank space or needless parentheses differ.
    NoChange,
}

impl GateVerdict {
    /// Returns whether the candidate may be run.
    pub fn is_pass(&self) -> bool {
        *self == GateVerdict::Pass
    }
}

impl fmt::Display for GateVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GateVerdict::Pass => write!(f, "worth running"),
            GateVerdict::NewSyntaxError { line } => write!(f, "syntax error at line {line}"),
            GateVerdict::NotCompilable { line, rule } => write!(f, "{rule} at line {line}"),
            GateVerdict::UndefinedName { name, did_you_mean: None } => write!(f, "undefined name `{name}`"),
            GateVerdict::UndefinedName { name, did_you_mean: Some(like) } => {
                write!(f, "undefined name `{name}`, did you mean `{like}`?")
            }
            GateVerdict::UnboundName { name } => write!(f, "local variable `{name}` is read before it is assigned"),
            GateVerdict::NoChange => write!(f, "nothing but layout or comments changed"),
        }
    }
}

/// Judges one candidate; where many share a base, [`Gate`] saves looking at the base each time.
pub fn check(base: &SyntaxTree, candidate: &[u8]) -> GateVerdict {
    Gate::new(base).check(candidate)
}

/// The gate in front of one base file.
#[derive(Clone)]
pub struct Gate {
    base: SyntaxTree,
    errors: usize,
    broken_rules: BTreeMap<&'static str, usize>,
    undefined: BTreeMap<String, usize>,
    unbound: BTreeMap<String, usize>,
    fingerprint: u64,
}

impl Gate {
    /// Looks at the base, so that its own faults are known.
    pub fn new(base: &SyntaxTree) -> Gate {
        let scopes = Scopes::of(base);
        let mut broken_rules = BTreeMap::new();
        for broken in rules::broken(base) {
            *broken_rules.entry(broken.rule).or_insert(0) += 1;
        }
        Gate {
            errors: error_lines(base).len(),
            broken_rules,
            undefined: count(&scopes.undefined_names()),
            unbound: count(&scopes.unbound_locals()),
            fingerprint: fingerprint::of(base),
            base: base.clone(),
        }
    }

    /// Judges the text of a candidate.
    pub fn check(&self, candidate: &[u8]) -> GateVerdict {
        if candidate == self.base.text() {
            return GateVerdict::NoChange;
        }
        self.check_tree(&SyntaxTree::parse(self.base.language(), candidate))
    }

    /// Judges a candidate that is parsed already.
    pub fn check_tree(&self, candidate: &SyntaxTree) -> GateVerdict {
        if let Some(line) = self.new_error(candidate) {
            return GateVerdict::NewSyntaxError { line };
        }
        if fingerprint::of(candidate) == self.fingerprint {
            return GateVerdict::NoChange;
        }
        if let Some(broken) = self.newly_broken(candidate) {
            return GateVerdict::NotCompilable { line: broken.line, rule: broken.rule };
        }
        let scopes = Scopes::of(candidate);
        if let Some(found) = first_new(&scopes.undefined_names(), &self.undefined) {
            let did_you_mean = similar_name(&scopes, &found);
            return GateVerdict::UndefinedName { name: found.name, did_you_mean };
        }
        match first_new(&scopes.unbound_locals(), &self.unbound) {
            Some(found) => GateVerdict::UnboundName { name: found.name },
            None => GateVerdict::Pass,
        }
    }

    fn new_error(&self, candidate: &SyntaxTree) -> Option<usize> {
        if candidate.is_clean() {
            return None;
        }
        let lines = error_lines(candidate);
        (lines.len() > self.errors).then(|| lines.first().copied().unwrap_or(1))
    }

    fn newly_broken(&self, candidate: &SyntaxTree) -> Option<rules::Broken> {
        let mut left = self.broken_rules.clone();
        rules::broken(candidate).into_iter().find(|broken| match left.get_mut(broken.rule) {
            Some(known) if *known > 0 => {
                *known -= 1;
                false
            }
            _ => true,
        })
    }
}

/// The lines of the error nodes, missing tokens included.
fn error_lines(tree: &SyntaxTree) -> Vec<usize> {
    if tree.is_clean() {
        return Vec::new();
    }
    let mut lines = Vec::new();
    let mut stack = vec![tree.root()];
    while let Some(node) = stack.pop() {
        if node.is_error() {
            lines.push(node.start_line());
        }
        // A missing token is no named node, so all children are looked at.
        stack.extend(node.children().into_iter().filter(|child| child.has_error() || child.is_error()));
    }
    lines.sort_unstable();
    lines
}

fn count(names: &[UndefinedName]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for found in names {
        *counts.entry(found.name.clone()).or_insert(0) += 1;
    }
    counts
}

/// The first name that occurs more often than in the base.
fn first_new(names: &[UndefinedName], base: &BTreeMap<String, usize>) -> Option<UndefinedName> {
    let now = count(names);
    names.iter().find(|it| now.get(&it.name) > base.get(&it.name)).cloned()
}

/// The visible name that differs least from an undefined one, if it differs little.
fn similar_name(scopes: &Scopes, undefined: &UndefinedName) -> Option<String> {
    let allowed = undefined.name.chars().count().div_ceil(3).min(3);
    let visible = scopes.names_at(undefined.span.start).into_iter();
    let candidates = visible.filter(|it| it.kind != NameKind::Builtin || it.name.len() > 2);
    let scored = candidates.map(|it| (edit_distance(&it.name, &undefined.name), it.name));
    scored
        .filter(|(distance, _)| *distance <= allowed && *distance > 0)
        .min_by_key(|(distance, _)| *distance)
        .map(|it| it.1)
}

/// The number of single-character changes between two words.
fn edit_distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in right.iter().enumerate() {
            let substituted = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

/// Returns whether a node is a comment, which the gate overlooks.
fn is_comment(node: SyntaxNode<'_>) -> bool {
    node.kind() == "comment"
}

#[cfg(test)]
mod tests;
