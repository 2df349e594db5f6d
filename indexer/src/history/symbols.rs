//! From changed lines to the definitions they stand in.

use repo::history::ChangedLines;

use crate::symbol::{Definition, SymbolKind};

/// Returns the qualified names of the innermost definitions in which lines changed, in source order, each once.
///
/// Functions and classes go before what they hold: a line of a method that also binds a field is the method's. Where lines only went, the
/// definition around the place is meant, so that a method taken out of a class touches the class.
pub(super) fn touched(definitions: &[Definition], lines: u32, changes: &[ChangedLines]) -> Vec<String> {
    let owners = owners(definitions, lines);
    let owner = |line: u32| owners.get(line as usize).copied().flatten();
    let mut found: Vec<u32> = Vec::new();
    for change in changes {
        if change.new_count == 0 {
            found.extend(common(definitions, owner(change.new_start), owner(change.new_start.saturating_add(1))));
            continue;
        }
        let end = change.new_start.saturating_add(change.new_count).min(lines.saturating_add(1));
        found.extend((change.new_start..end).filter_map(owner));
    }
    found.sort_unstable();
    found.dedup();
    let mut names: Vec<String> = Vec::with_capacity(found.len());
    for definition in found.into_iter().filter_map(|it| definitions.get(it as usize)) {
        // Overloads and a property's accessors share a name.
        if !names.contains(&definition.qualified) {
            names.push(definition.qualified.clone());
        }
    }
    names
}

/// The innermost definition of every line; line 0 is before the first.
fn owners(definitions: &[Definition], lines: u32) -> Vec<Option<u32>> {
    let mut owners: Vec<Option<u32>> = vec![None; lines as usize + 2];
    let is_body = |it: &Definition| it.kind.is_callable() || it.kind == SymbolKind::Class;
    let place = |it: &Definition| {
        let end = (it.lines.end as usize + 1).min(owners_len(lines));
        (it.lines.start as usize).min(end)..end
    };
    for (at, definition) in definitions.iter().enumerate().filter(|it| is_body(it.1)) {
        owners[place(definition)].fill(Some(at as u32));
    }
    let holds_names =
        |it: Option<u32>| it.and_then(|it| definitions.get(it as usize)).is_none_or(|it| it.kind == SymbolKind::Class);
    let bodies = owners.clone();
    for (at, definition) in definitions.iter().enumerate().filter(|it| !is_body(it.1)) {
        for line in place(definition) {
            if holds_names(bodies[line]) {
                owners[line] = Some(at as u32);
            }
        }
    }
    owners
}

fn owners_len(lines: u32) -> usize {
    lines as usize + 2
}

/// The innermost definition that is or holds both.
fn common(definitions: &[Definition], one: Option<u32>, other: Option<u32>) -> Option<u32> {
    // A definition comes after the one around it, so the later of two steps out first.
    let (mut one, mut other) = (one?, other?);
    while one != other {
        let later = one.max(other);
        let around = definitions.get(later as usize)?.parent.filter(|it| *it < later)?;
        if one > other { one = around } else { other = around }
    }
    Some(one)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::LanguageId;

    const CODE: &str = "\
import os
LIMIT = 1

class A:
    size = 2

    def f(self):
        self.x = 1
        return 1

    def g(self):
        def inner():
            return 2
        return inner

def h():
    return 3
";

    fn check(changes: &[(u32, u32)], expected: &[&str]) {
        let facts = crate::parse::facts(LanguageId::Python, CODE.as_bytes());
        let change = |it: &(u32, u32)| ChangedLines { old_start: 1, old_count: 1, new_start: it.0, new_count: it.1 };
        let changes: Vec<ChangedLines> = changes.iter().map(change).collect();
        assert_eq!(touched(&facts.symbols, facts.lines, &changes), expected, "{changes:?}");
    }

    #[test]
    fn changed_lines_touch_the_innermost_definition() {
        check(&[(1, 1)], &[]);
        check(&[(2, 1)], &["LIMIT"]);
        check(&[(4, 1)], &["A"]);
        check(&[(5, 1)], &["A.size"]);
        check(&[(8, 1)], &["A.f"]);
        check(&[(13, 1)], &["A.g.inner"]);
        check(&[(12, 3)], &["A.g", "A.g.inner"]);
        check(&[(9, 1), (17, 1)], &["A.f", "h"]);
        check(&[(1, 17)], &["LIMIT", "A", "A.size", "A.f", "A.g", "A.g.inner", "h"]);
    }

    #[test]
    fn lines_that_went_touch_what_is_around_them() {
        check(&[(8, 0)], &["A.f"]);
        check(&[(10, 0)], &["A"]);
        check(&[(13, 0)], &["A.g"]);
        check(&[(15, 0)], &[]);
        check(&[(0, 0)], &[]);
        check(&[(17, 0)], &[]);
    }

    #[test]
    fn lines_beyond_the_file_touch_nothing() {
        check(&[(99, 5), (u32::MAX, u32::MAX), (u32::MAX, 0)], &[]);
    }
}
