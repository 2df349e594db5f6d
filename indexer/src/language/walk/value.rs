//! What a value is that is no literal and made by no constructor: a path of names and calls, such as `a.b().c`.
//!
//! Which class such a path holds, other files tell: what its names mean, and what the functions in it say that they return.

use tree_sitter::Node;

use super::text::MAX_PATH;
use super::{Dialect, ScopeKind, Walk, class_of_type};
use crate::symbol::SymbolKind;

/// Longer values are not read; those that are look at what stands between parentheses once more.
const MAX_READ: usize = 1024;
/// Longer paths are not followed.
const MAX_STEPS: usize = 6;

impl<'t, D: Dialect> Walk<'t, D> {
    /// Returns the path of names and calls that a value is, as seen from outside of the function: a name that is its own is replaced by the
    /// class it holds. `None` where the value is anything else, and in languages that do not say what functions return.
    pub(in crate::language) fn class_of_path_value(&self, value: Node<'t>) -> Option<String> {
        if !D::SAYS_RETURNS {
            return None;
        }
        let path = value_path(self.slice(value))?;
        let steps = path.split('.').filter(|it| !D::PASSING.contains(&it.trim_end_matches("()")));
        self.seen_from_outside(&steps.collect::<Vec<_>>())
    }

    fn seen_from_outside(&self, steps: &[&str]) -> Option<String> {
        let (root, rest) = steps.split_first()?;
        let name = root.trim_end_matches("()");
        if steps.len() > MAX_STEPS || D::SUPER.contains(&name) || self.scopes.iter().any(|it| it.hides(name)) {
            return None;
        }
        let is_own = D::OWN.contains(&name) || self.own_name() == Some(name);
        let functions = self.scopes.iter().rev().take_while(|it| it.kind != ScopeKind::Class);
        let local = functions.filter(|it| it.kind != ScopeKind::File).find_map(|it| it.class_bound(name));
        let first = match local {
            _ if is_own => self.class_around()?,
            Some(held) if !root.ends_with(')') => held?,
            // What a function that is a local variable returns is not known.
            Some(_) => return None,
            None if rest.is_empty() && !root.ends_with(')') => return None,
            None => (*root).to_owned(),
        };
        let path = [first.as_str()].into_iter().chain(rest.iter().copied()).collect::<Vec<_>>().join(".");
        (path.len() <= MAX_PATH).then_some(path)
    }

    /// Returns the dotted path of the class whose code is entered.
    pub(in crate::language) fn class_around(&self) -> Option<String> {
        for scope in self.scopes.iter().rev() {
            if scope.owner.is_some() {
                return scope.owner.clone();
            }
            let Some(it) = scope.definition.and_then(|it| self.facts.symbols.get(it as usize)) else { continue };
            if it.kind == SymbolKind::Class {
                return Some(it.qualified.clone());
            }
            if it.owner.is_some() {
                return it.owner.clone();
            }
        }
        None
    }

    /// Returns the class that a function returns by its written type: what is promised or wrapped counts as had.
    pub(in crate::language) fn class_returned(&self, written: &str) -> Option<String> {
        let mut text = written.trim().trim_start_matches(':').trim_start();
        while let Some(inner) = D::WRAPPERS.iter().find_map(|it| text.strip_prefix(it)?.strip_prefix('<')) {
            text = inner.split(['>', ',']).next().unwrap_or(inner).trim_start();
        }
        self.unless_parameter(class_of_type(text)?).filter(|it| it != "void")
    }

    /// Leaves out names of type parameters, whether they are known to be or only look so.
    pub(in crate::language) fn unless_parameter(&self, class: String) -> Option<String> {
        let is_parameter = class.len() == 1 || self.scopes.iter().any(|it| it.hides(&class));
        (!is_parameter).then_some(class)
    }
}

/// Returns the names and calls of a text joined by dots, without arguments: `a::b<C>(d)?.e()` is `a.b().e()`. `None` where there is more to it.
fn value_path(text: &str) -> Option<String> {
    let text = text.trim();
    let text = text.strip_prefix("await ").unwrap_or(text).trim_start_matches(['&', '*', '\\']).trim_start();
    let text = text.strip_prefix("new ").unwrap_or(text);
    if text.len() > MAX_READ || !text.starts_with(|it: char| it.is_alphabetic() || matches!(it, '_' | '$')) {
        return None;
    }
    let mut path = String::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let taken = match next {
            '(' => {
                path.push_str("()");
                bracketed(rest, '(', ')')?
            }
            // Type arguments of what is called.
            '<' => {
                path.truncate(path.trim_end_matches('.').len());
                bracketed(rest, '<', '>').filter(|it| rest[*it..].starts_with('('))?
            }
            '.' | ':' | '-' | '?' | '!' | '\\' => joint(rest, &mut path)?,
            it if it.is_whitespace() => {
                let after = rest.trim_start();
                let joins = path.ends_with('.') || after.starts_with(['.', '?']) || after.starts_with("->");
                joins.then_some(rest.len() - after.len())?
            }
            it if it == '_' || it == '$' || it.is_alphanumeric() => {
                if path.ends_with(')') {
                    return None;
                }
                path.push(it);
                it.len_utf8()
            }
            _ => return None,
        };
        rest = &rest[taken..];
    }
    let sound = !path.ends_with('.') && !path.contains("..") && !path.contains("()()");
    sound.then_some(path)
}

/// Takes what joins two names, or a mark that only passes a value on; returns its length.
fn joint(rest: &str, path: &mut String) -> Option<usize> {
    const JOINTS: &[&str] = &["::", "->", "?.", "?->", "!!.", "!.", ".", "\\"];
    if let Some(joint) = JOINTS.iter().find(|it| rest.starts_with(**it)) {
        if !path.ends_with('.') {
            path.push('.');
        }
        return Some(joint.len());
    }
    let mark = ["!!", "!", "?"].iter().find(|it| rest.starts_with(**it))?;
    // Anything but a joint after it makes it an operator.
    let after = rest[mark.len()..].trim_start();
    (after.is_empty() || after.starts_with(['.', '?', ':', ')'])).then_some(mark.len())
}

/// Returns the length of what stands in brackets at the start of a text, brackets included.
fn bracketed(text: &str, open: char, close: char) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(next) = text[at..].chars().next() {
        if matches!(next, '"' | '`' | '\'') {
            at += quoted(&text[at..], next);
            continue;
        }
        at += next.len_utf8();
        match next {
            it if it == open => depth += 1,
            it if it == close => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// Returns the length of the literal that a text begins with; that of its first mark where it does not end on its line.
fn quoted(text: &str, mark: char) -> usize {
    let mut escaped = false;
    for (at, it) in text.char_indices().skip(1) {
        match it {
            '\n' if mark != '`' => break,
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            it if it == mark => return at + 1,
            _ => {}
        }
    }
    1
}

#[cfg(test)]
mod tests {
    use super::value_path;

    #[test]
    fn values_are_paths_of_names_and_calls() {
        let table: &[(&str, Option<&str>)] = &[
            ("open(\"a)\", ')')", Some("open()")),
            ("store::open::<T>(f(1))?.get(|x| x.y())", Some("store.open().get()")),
            ("a?.b!.c()!", Some("a.b.c()")),
            ("$this->store->get($x)", Some("$this.store.get()")),
            ("\\Acme\\Money::of(1)", Some("Acme.Money.of()")),
            ("await client\n  .open<Map<A, B>>()\n  .get()", Some("client.open().get()")),
            ("new Foo(1).bar()", Some("Foo().bar()")),
            ("a + b()", None),
            ("f(x)(y)", None),
            ("a[1].b()", None),
            ("f() { }", None),
            ("x ? y() : z()", None),
            ("a - b", None),
            ("f(", None),
            ("1.f()", None),
            ("a < b", None),
            ("", None),
        ];
        for (text, expected) in table {
            assert_eq!(value_path(text).as_deref(), *expected, "{text}");
        }
    }
}
