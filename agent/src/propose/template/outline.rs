//! What a file defines and uses, as far as templates ask: signatures, class members, attributes by receiver, calls, literals.
//!
//! Read once per file, by name only: nothing is resolved. The names visible at a place are the scopes' business.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use indexer::syntax::SyntaxNode;

use super::grammar::{self, Grammar};

/// What one file defines and uses.
#[derive(Debug, Default)]
pub struct Outline {
    /// Functions, methods and constructors (under their class's name) by name.
    pub signatures: BTreeMap<String, Vec<Signature>>,
    /// Classes in source order.
    pub classes: Vec<Class>,
    /// Attributes read or called, by the receiver's text.
    pub attributes: BTreeMap<String, BTreeMap<Member, usize>>,
    /// How often each attribute occurs on any receiver.
    pub members: BTreeMap<Member, usize>,
    /// Calls by the callee's text.
    pub calls: BTreeMap<String, Calls>,
    /// String literals with how often they occur.
    pub strings: BTreeMap<String, usize>,
    /// Number literals with how often they occur.
    pub numbers: BTreeMap<String, usize>,
}

/// An attribute's name and whether it is called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Member {
    /// The name.
    pub name: String,
    /// Whether it is a method.
    pub is_called: bool,
}

/// The parameters of a function.
#[derive(Clone, Debug, Default)]
pub struct Signature {
    /// The class it is a method of.
    pub class: Option<String>,
    /// Parameters without the receiver, in order.
    pub parameters: Vec<Parameter>,
    /// Whether it takes any number of arguments.
    pub is_variadic: bool,
}

/// One parameter.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// The name.
    pub name: String,
    /// Whether it may be left out.
    pub has_default: bool,
}

/// A class's own members.
#[derive(Clone, Debug)]
pub struct Class {
    /// The name.
    pub name: String,
    /// Where it stands.
    pub span: Range<usize>,
    /// Methods, class variables and attributes assigned through the receiver.
    pub members: BTreeSet<Member>,
}

/// How a callee is called.
#[derive(Clone, Debug, Default)]
pub struct Calls {
    /// How often.
    pub count: usize,
    /// Numbers of arguments seen.
    pub arities: BTreeSet<usize>,
    /// Keywords seen.
    pub keywords: BTreeSet<String>,
}

impl Signature {
    /// Returns whether a call with `arity` arguments fits.
    pub fn accepts(&self, arity: usize) -> bool {
        let least = self.parameters.iter().filter(|it| !it.has_default).count();
        arity >= least && (self.is_variadic || arity <= self.parameters.len())
    }
}

impl Outline {
    /// Reads the outline of a file.
    pub fn read(root: SyntaxNode<'_>, grammar: &Grammar) -> Outline {
        let mut outline = Outline::default();
        for node in root.descendants() {
            match node.kind() {
                kind if grammar.functions.contains(&kind) => outline.read_function(node, grammar),
                kind if grammar.classes.contains(&kind) => outline.read_class(node, grammar),
                "attribute" => outline.read_attribute(node),
                "call" => outline.read_call(node),
                "string" if !grammar::is_document(node) => count(&mut outline.strings, node.text()),
                "integer" | "float" => count(&mut outline.numbers, node.text()),
                _ => {}
            }
        }
        outline
    }

    /// Returns the class around a byte offset, innermost.
    pub fn class_at(&self, offset: usize) -> Option<&Class> {
        self.classes.iter().rev().find(|it| it.span.contains(&offset))
    }

    fn read_function(&mut self, node: SyntaxNode<'_>, grammar: &Grammar) {
        let Some(name) = node.field("name") else { return };
        let class = method_class(node, grammar).and_then(|it| it.field("name")).map(|it| it.text().to_owned());
        let mut signature = Signature { class, ..Signature::default() };
        for parameter in node.field("parameters").map(|it| it.named_children()).unwrap_or_default() {
            match parameter.kind() {
                "identifier" => signature.push(parameter.text(), false),
                "typed_parameter" => match parameter.named_children().first() {
                    Some(first) if first.kind() == "identifier" => signature.push(first.text(), false),
                    _ => signature.is_variadic = true,
                },
                "default_parameter" | "typed_default_parameter" => {
                    signature.push(parameter.field("name").map_or("", |it| it.text()), true);
                }
                "list_splat_pattern" | "dictionary_splat_pattern" => signature.is_variadic = true,
                _ => {}
            }
        }
        let is_bound =
            signature.class.is_some() && signature.parameters.first().is_some_and(|it| is_receiver(&it.name, grammar));
        if is_bound {
            signature.parameters.remove(0);
        }
        if name.text() == "__init__"
            && let Some(class) = signature.class.clone()
        {
            self.signatures.entry(class).or_default().push(signature.clone());
        }
        self.signatures.entry(name.text().to_owned()).or_default().push(signature);
    }

    fn read_class(&mut self, node: SyntaxNode<'_>, grammar: &Grammar) {
        let (Some(name), Some(body)) = (node.field("name"), node.field("body")) else { return };
        let mut members = BTreeSet::new();
        for statement in body.named_children() {
            let definition = statement.field("definition").unwrap_or(statement);
            if grammar.functions.contains(&definition.kind()) {
                let is_property = statement.text().starts_with("@property");
                let name = definition.field("name").map_or("", |it| it.text()).to_owned();
                members.insert(Member { name, is_called: !is_property });
            } else if let Some(target) = statement.named_children().first().and_then(|it| it.field("left")) {
                members.insert(Member { name: target.text().to_owned(), is_called: false });
            }
        }
        let assigned = body.descendants().filter(|it| it.kind() == "attribute" && grammar::is_target(*it));
        for target in assigned {
            let (Some(object), Some(attribute)) = (target.field("object"), target.field("attribute")) else { continue };
            if object.text() == grammar.receiver {
                members.insert(Member { name: attribute.text().to_owned(), is_called: false });
            }
        }
        self.classes.push(Class { name: name.text().to_owned(), span: node.span(), members });
    }

    fn read_attribute(&mut self, node: SyntaxNode<'_>) {
        let (Some(object), Some(attribute)) = (node.field("object"), node.field("attribute")) else { return };
        let member = Member { name: attribute.text().to_owned(), is_called: is_called(node) };
        *self.members.entry(member.clone()).or_default() += 1;
        *self.attributes.entry(object.text().to_owned()).or_default().entry(member).or_default() += 1;
    }

    fn read_call(&mut self, node: SyntaxNode<'_>) {
        let Some(function) = node.field("function") else { return };
        let arguments = arguments(node);
        let calls = self.calls.entry(function.text().to_owned()).or_default();
        calls.count += 1;
        calls.arities.insert(arguments.len());
        let keywords = arguments.iter().filter(|it| it.kind() == "keyword_argument").filter_map(|it| it.field("name"));
        calls.keywords.extend(keywords.map(|it| it.text().to_owned()));
    }
}

impl Signature {
    fn push(&mut self, name: &str, has_default: bool) {
        self.parameters.push(Parameter { name: name.to_owned(), has_default });
    }
}

/// Returns whether an attribute is the function of a call.
pub fn is_called(node: SyntaxNode<'_>) -> bool {
    node.field_in_parent() == Some("function")
}

/// Returns the arguments of a call; a lone generator expression counts as one.
pub fn arguments(call: SyntaxNode<'_>) -> Vec<SyntaxNode<'_>> {
    match call.field("arguments") {
        Some(list) if list.kind() == "argument_list" => {
            list.named_children().into_iter().filter(|it| it.kind() != "comment").collect()
        }
        Some(generator) => vec![generator],
        None => Vec::new(),
    }
}

fn method_class<'t>(function: SyntaxNode<'t>, grammar: &Grammar) -> Option<SyntaxNode<'t>> {
    let mut parent = function.parent()?;
    if parent.kind() == "decorated_definition" {
        parent = parent.parent()?;
    }
    parent.parent().filter(|it| grammar.classes.contains(&it.kind()))
}

fn is_receiver(name: &str, grammar: &Grammar) -> bool {
    name == grammar.receiver || name == "cls" || name == "mcs"
}

fn count(counts: &mut BTreeMap<String, usize>, text: &str) {
    *counts.entry(text.to_owned()).or_default() += 1;
}
