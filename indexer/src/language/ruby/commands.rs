//! Calls that do what other languages have statements for: what is required, included, made accessible, and tested.

use tree_sitter::Node;

use super::builtin::AMBIENT;
use super::facts::Walker;
use super::kind::Kind;
use crate::facts::{Import, ImportForm, ImportItem, Receiver, Usage};
use crate::language::walk::{ScopeKind, named_children, path_of};
use crate::symbol::{Form, SymbolKind};

impl<'t> Walker<'t> {
    /// A call without a receiver; returns whether its arguments are to be walked.
    pub(super) fn command(&mut self, node: Node<'t>, name: Node<'t>) -> bool {
        let text = self.slice(name);
        let arguments = node.child_by_field_name("arguments");
        let first = arguments.and_then(|it| it.named_child(0));
        match text {
            "require" | "load" => return self.require(node, first, ImportForm::Require),
            "require_relative" => return self.require(node, first, ImportForm::RequireRelative),
            "autoload" => return self.autoload(node, arguments),
            "include" | "prepend" | "extend" if self.scope_kind() != ScopeKind::Function => {
                self.include(node, arguments)
            }
            "attr_accessor"
            | "attr_reader"
            | "attr_writer"
            | "attr"
            | "cattr_accessor"
            | "cattr_reader"
            | "mattr_accessor"
            | "mattr_reader"
            | "mattr_writer"
            | "class_attribute"
            | "thread_mattr_accessor"
            | "delegate" => {
                arguments.into_iter().for_each(|it| self.properties(it));
            }
            "alias_method" => self.alias_method(node, arguments),
            "define_method" | "define_singleton_method" => self.define_method(node, first),
            "describe" | "context" | "feature" | "it" | "specify" | "scenario" | "example" | "test" | "should"
                if first.is_some() && node.child_by_field_name("block").is_some() =>
            {
                self.facts.is_test = true;
                self.mark_class();
                self.bare(name, Usage::Call);
            }
            _ if AMBIENT.binary_search(&text).is_ok() => {}
            _ => self.bare(name, Usage::Call),
        }
        true
    }

    fn require(&mut self, node: Node<'t>, module: Option<Node<'t>>, form: ImportForm) -> bool {
        let Some(module) = module.filter(|it| self.kind(*it) == Kind::String && it.named_child_count() < 2) else {
            return true;
        };
        self.import(node, self.content(module).to_owned(), ImportItem::Module { alias: None }, form);
        false
    }

    fn import(&mut self, node: Node<'t>, module: String, item: ImportItem, form: ImportForm) {
        let (line, within) = (node.start_position().row as u32 + 1, self.within());
        self.facts.imports.push(Import { form, within, ..Import::new(module, item, line) });
    }

    /// `autoload :Name, "path"`
    fn autoload(&mut self, node: Node<'t>, arguments: Option<Node<'t>>) -> bool {
        let arguments = arguments.map(named_children).unwrap_or_default();
        if let [name, module, ..] = arguments[..]
            && self.kind(module) == Kind::String
        {
            let item = ImportItem::Name { name: self.slice(name).trim_start_matches(':').to_owned(), alias: None };
            self.import(node, self.content(module).to_owned(), item, ImportForm::Require);
            return false;
        }
        true
    }

    fn include(&mut self, node: Node<'t>, arguments: Option<Node<'t>>) {
        for it in arguments.map(named_children).unwrap_or_default() {
            let is_constant = matches!(self.kind(it), Kind::Constant | Kind::ScopeResolution);
            if let Some(path) = path_of(self.slice(it)).filter(|_| is_constant) {
                self.import(node, path.trim_start_matches('.').to_owned(), ImportItem::Star, ImportForm::Mixin);
            }
        }
    }

    /// `alias_method :new, :old`
    fn alias_method(&mut self, node: Node<'t>, arguments: Option<Node<'t>>) {
        let arguments = arguments.map(named_children).unwrap_or_default();
        if let [name, old, ..] = arguments[..]
            && (self.kind(name), self.kind(old)) == (Kind::Symbol, Kind::Symbol)
        {
            self.claim(name);
            self.claim(old);
            self.define_alias(self.slice(name).trim_start_matches(':'), node);
            let old_name = self.slice(old).trim_start_matches(':');
            self.refer(old_name, Receiver::Own, Usage::Read, old);
        }
    }

    /// `define_method(:name) { … }`
    fn define_method(&mut self, node: Node<'t>, name: Option<Node<'t>>) {
        let Some(name) = name.filter(|it| self.kind(*it) == Kind::Symbol) else { return };
        self.claim(name);
        let text = self.slice(name).trim_start_matches(':');
        let body = node.child_by_field_name("block");
        let draft = self.draft(text, SymbolKind::Method, Form::Method, node, body);
        self.bind_member(text);
        self.define_scope(draft, ScopeKind::Function);
    }
}
