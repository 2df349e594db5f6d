//! A statement repeated elsewhere with one of its names replaced by another variable: the slip of whoever copies a line.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

use indexer::scope::NameKind;
use indexer::syntax::SyntaxNode;

use super::ingredients::local;
use super::layout;
use super::{TemplateContext, grammar, material, outline, similar};

/// Which names of a repeated statement are the likelier ones to differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Differs {
    /// What is assigned or acted on.
    Target,
    /// What is read.
    Value,
}

/// A statement with what must be known of it to repeat it.
#[derive(Debug)]
pub struct Repeatable<'t> {
    /// The statement.
    pub node: SyntaxNode<'t>,
    /// The names it reads.
    pub reads: Vec<&'t str>,
    names: Vec<Spots<'t>>,
}

/// One name with its places in a statement.
#[derive(Debug)]
struct Spots<'t> {
    name: &'t str,
    spans: Vec<Range<usize>>,
    /// Whether it is assigned, or is the object of a method that is called.
    is_target: bool,
}

impl<'t> Repeatable<'t> {
    /// Looks at a statement.
    pub fn of(node: SyntaxNode<'t>) -> Repeatable<'t> {
        let mut names: Vec<Spots<'t>> = Vec::new();
        for identifier in node.descendants().filter(|it| it.kind() == "identifier" && !grammar::is_label(*it)) {
            let is_target = is_acted_on(identifier);
            match names.iter_mut().find(|it| it.name == identifier.text()) {
                Some(known) => {
                    known.spans.push(identifier.span());
                    known.is_target |= is_target;
                }
                None => names.push(Spots { name: identifier.text(), spans: vec![identifier.span()], is_target }),
            }
        }
        names.sort_by_key(|it| it.name);
        Repeatable { node, reads: material::free_names(node), names }
    }

    /// Returns the statement with one of its names replaced by another variable visible at an offset, the most alike first.
    pub fn renamings(&self, cx: &TemplateContext<'_>, at: usize, differs: Differs) -> Vec<(String, f64)> {
        let names = cx.names(at);
        let mut found: Vec<(String, f64)> = Vec::new();
        for spots in &self.names {
            let Some(known) = names.iter().find(|it| it.name == spots.name) else { continue };
            if !matches!(known.kind, NameKind::Local | NameKind::Parameter | NameKind::Enclosing) {
                continue;
            }
            let others = local(&names).filter(|it| it.name != spots.name && it.name != cx.grammar().receiver);
            for other in others.take(8) {
                let fits = material::compatible(known.likely_type, other.likely_type);
                let role = if spots.is_target == (differs == Differs::Target) { 1.0 } else { 0.4 };
                let is_there = self.names.iter().any(|it| it.name == other.name);
                let repeats = if is_there { 0.3 } else { 1.0 };
                let likeness = 0.25 + 0.75 * similar::names(spots.name, &other.name);
                found.push((self.renamed(spots, &other.name), role * repeats * fits * likeness));
            }
        }
        found.sort_by(|a, b| b.1.total_cmp(&a.1));
        found
    }

    fn renamed(&self, spots: &Spots<'t>, new: &str) -> String {
        let (text, start) = (self.node.text(), self.node.span().start);
        let mut renamed = String::with_capacity(text.len() + new.len());
        let mut at = 0;
        for span in &spots.spans {
            renamed.push_str(&text[at..span.start - start]);
            renamed.push_str(new);
            at = span.end - start;
        }
        renamed.push_str(&text[at..]);
        renamed
    }
}

/// Whether a name is assigned, or is the object of a method that is called.
fn is_acted_on(name: SyntaxNode<'_>) -> bool {
    let is_receiver = name.field_in_parent() == Some("object") && name.parent().is_some_and(outline::is_called);
    is_receiver || grammar::is_target(name)
}

/// The simple statements of each function, looked at once.
#[derive(Debug, Default)]
pub struct Repeatables<'t> {
    by_function: RefCell<HashMap<usize, Rc<Vec<Repeatable<'t>>>>>,
}

impl<'t> Repeatables<'t> {
    /// Returns the statements of a function that fit on a line and do something.
    pub fn of_function(&self, function: SyntaxNode<'t>) -> Rc<Vec<Repeatable<'t>>> {
        let mut cache = self.by_function.borrow_mut();
        let read = || {
            let statements = function.descendants().filter(|it| it.kind() == "expression_statement");
            let simple = statements.filter(|it| it.start_line() == it.end_line() && layout::is_statement(*it));
            Rc::new(simple.filter(|it| !is_documentation(*it)).map(Repeatable::of).collect())
        };
        Rc::clone(cache.entry(function.id()).or_insert_with(read))
    }
}

fn is_documentation(statement: SyntaxNode<'_>) -> bool {
    statement.named_children().iter().all(|it| matches!(it.kind(), "string" | "concatenated_string" | "ellipsis"))
}
