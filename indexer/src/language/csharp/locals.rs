//! Names that functions bind: parameters, variables, patterns.

use tree_sitter::Node;

use super::facts::{Walker, class_of};
use crate::language::walk::named_children;

impl<'t> Walker<'t> {
    /// The declaration of variables; what `var` stands for is seen where the value is made or cast.
    pub(super) fn locals(&mut self, node: Node<'t>) {
        let class = self.field(node, "type").and_then(class_of);
        for it in named_children(node).into_iter().filter(|it| it.kind() == "variable_declarator") {
            let Some(name) = it.child_by_field_name("name") else { continue };
            self.claim(name);
            let value = named_children(it).into_iter().next_back().filter(|it| it.id() != name.id());
            let class = class.clone().or_else(|| {
                let value = value?;
                self.class_of_object(value).or_else(|| self.class_of_path_value(value))
            });
            self.bind_local(self.slice(name), class);
        }
    }

    /// A parameter, or what is declared like one: a type and a name.
    pub(super) fn binding(&mut self, node: Node<'t>) {
        let name = node.child_by_field_name("name").or_else(|| node.child_by_field_name("left"));
        let Some(name) = name.filter(|it| it.kind() == "identifier") else { return };
        // Of `params X[] xs` the grammar has the parts in the list itself.
        let class = self.field(node, "type").and_then(class_of);
        self.claim(name);
        self.bind_local(self.slice(name), class);
    }

    /// `(a, b)` where names are bound.
    pub(super) fn designation(&mut self, node: Node<'t>) {
        let mut cursor = node.walk();
        let names: Vec<Node<'t>> = node.children_by_field_name("name", &mut cursor).collect();
        for it in names.into_iter().filter(|it| it.kind() == "identifier") {
            self.claim(it);
            self.bind_local(self.slice(it), None);
        }
    }

    /// The names that a query binds.
    pub(super) fn query_name(&mut self, node: Node<'t>) {
        if let Some(name) = named_children(node).into_iter().find(|it| it.kind() == "identifier") {
            self.claim(name);
            let class = self.field(node, "type").and_then(class_of);
            self.bind_local(self.slice(name), class);
        }
    }

    /// `get { … }`, `set { … }`, `add { … }`: the ones that are given a value call it so.
    pub(super) fn accessor(&mut self, node: Node<'t>) {
        node.child_by_field_name("name").into_iter().for_each(|it| self.claim(it));
        self.open_anonymous();
        if self.field(node, "name") != Some("get") {
            self.bind_local("value", None);
        }
    }

    pub(super) fn type_parameter(&mut self, node: Node<'t>) {
        if let Some(name) = node.child_by_field_name("name") {
            self.claim(name);
            let name = self.slice(name);
            self.scope().hide(name);
        }
    }
}
