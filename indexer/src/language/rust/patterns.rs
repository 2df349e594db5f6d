//! Names that patterns bind.

use tree_sitter::Node;

use super::facts::Walker;
use super::kind::Kind;
use crate::facts::Usage;
use crate::language::walk::{ScopeKind, named_children};

impl<'t> Walker<'t> {
    pub(super) fn let_declaration(&mut self, node: Node<'t>) {
        let Some(pattern) = node.child_by_field_name("pattern") else { return };
        let written = node.child_by_field_name("type").map(|it| self.class_of_type(it));
        let value = node.child_by_field_name("value");
        let of_value = |it| self.class_of_value(it).or_else(|| self.class_of_path_value(it));
        let class = written.unwrap_or_else(|| value.and_then(of_value));
        self.bind_pattern(pattern, class);
    }

    pub(super) fn bind_field(&mut self, node: Node<'t>, field: &str) {
        if let Some(pattern) = node.child_by_field_name(field) {
            self.bind_pattern(pattern, None);
        }
    }

    pub(super) fn parameter(&mut self, node: Node<'t>) {
        let Some(pattern) = node.child_by_field_name("pattern") else { return };
        let class = node.child_by_field_name("type").and_then(|it| self.class_of_type(it));
        // In the type of a function a name says something to people alone.
        if self.around(1).is_some_and(|it| matches!(it.kind, Kind::Function | Kind::Closure)) {
            self.bind_pattern(pattern, class);
        } else {
            self.claim(pattern);
        }
    }

    pub(super) fn closure_parameters(&mut self, node: Node<'t>) {
        for it in named_children(node) {
            if self.kind(it) != Kind::Parameter {
                self.bind_pattern(it, None);
            }
        }
    }

    /// Binds the names of a pattern; a name with a capital is a constant or variant that is compared with.
    fn bind_pattern(&mut self, pattern: Node<'t>, class: Option<String>) {
        if self.scope_kind() == ScopeKind::File {
            return;
        }
        let mut open = vec![(pattern, class)];
        while let Some((node, class)) = open.pop() {
            match node.kind() {
                "identifier" | "shorthand_field_identifier" => {
                    let name = self.slice(node);
                    if name.starts_with(|it: char| it.is_lowercase() || it == '_') {
                        self.claim(node);
                        self.scope().bind(name, class);
                    }
                }
                "mut_pattern" | "ref_pattern" | "reference_pattern" | "captured_pattern" => {
                    open.extend(named_children(node).into_iter().map(|it| (it, class.clone())));
                }
                "tuple_pattern" | "slice_pattern" | "or_pattern" | "struct_pattern" => {
                    open.extend(named_children(node).into_iter().map(|it| (it, None)));
                }
                "tuple_struct_pattern" => {
                    let kind = node.child_by_field_name("type");
                    open.extend(named_children(node).into_iter().filter(|it| Some(*it) != kind).map(|it| (it, None)));
                }
                "field_pattern" => {
                    let inner = node.child_by_field_name("pattern").or_else(|| node.child_by_field_name("name"));
                    open.extend(inner.map(|it| (it, None)));
                }
                "match_pattern" => {
                    let condition = node.child_by_field_name("condition");
                    open.extend(
                        named_children(node).into_iter().filter(|it| Some(*it) != condition).map(|it| (it, None)),
                    );
                }
                _ => {}
            }
        }
    }

    /// `Type { field, .. }` reads a field of the type.
    pub(super) fn field_pattern(&mut self, node: Node<'t>) {
        let pattern = self.around(0).map(|it| it.node).and_then(|it| it.child_by_field_name("type"));
        let Some(name) = node.child_by_field_name("name") else { return };
        if let Some(class) = pattern.and_then(|it| self.class_of_type(it)) {
            self.member_of_instance(class, self.slice(name), Usage::Read, name);
        }
    }
}
