//! References: which name is used, and from what it is taken.

use std::borrow::Cow;

use tree_sitter::Node;

use super::scope::Pending;
use super::{Dialect, Walk, define};
use crate::facts::{Receiver, Reference, Usage};

impl<'t, D: Dialect> Walk<'t, D> {
    /// Notes a bare name, unless it is claimed.
    pub(in crate::language) fn bare(&mut self, node: Node<'t>, usage: Usage) {
        if !self.is_claimed(node) {
            let name = self.slice(node);
            self.refer_from(name, name, Receiver::Bare, usage, node);
        }
    }

    /// Notes `name`, taken from whatever `object` is. The caller claims `name` where it walks on into it.
    pub(in crate::language) fn member(&mut self, object: Node<'t>, name: Node<'t>, usage: Usage) {
        let text = self.slice(name);
        let path = define::path_of(self.slice(object));
        match path {
            Some(path) => self.member_of(path, text, usage, name),
            None => self.member_of_value(object, text, usage, name),
        }
    }

    /// Notes `name`, taken from what a path of names and calls leads to, or from who knows what.
    pub(in crate::language) fn member_of_value(
        &mut self,
        object: Node<'t>,
        name: &'t str,
        usage: Usage,
        node: Node<'t>,
    ) {
        match self.class_of_path_value(object) {
            Some(class) => self.member_of_instance(class, name, usage, node),
            None => self.refer(name, Receiver::Unknown, usage, node),
        }
    }

    /// Notes `name`, taken from a dotted path.
    pub(in crate::language) fn member_of(&mut self, path: Cow<'t, str>, name: &'t str, usage: Usage, node: Node<'t>) {
        let (root, rest) = match &path {
            Cow::Borrowed(path) => path.split_once('.').unwrap_or((path, "")),
            // A path that is spelled otherwise begins with the same name.
            Cow::Owned(path) => {
                let (root, rest) = path.split_once('.').unwrap_or((path, ""));
                return self.member_of_owned(root.to_owned(), rest.to_owned(), name, usage, node);
            }
        };
        match self.own_receiver(root, rest) {
            Some(receiver) => self.refer(name, receiver, usage, node),
            None => {
                let receiver = Receiver::Path(self.intern(path));
                self.refer_from(root, name, receiver, usage, node);
            }
        }
    }

    fn member_of_owned(&mut self, root: String, rest: String, name: &'t str, usage: Usage, node: Node<'t>) {
        if let Some(receiver) = self.own_receiver(&root, &rest) {
            return self.refer(name, receiver, usage, node);
        }
        let path = if rest.is_empty() { root.clone() } else { format!("{root}.{rest}") };
        let receiver = Receiver::Path(self.intern(path));
        self.refer_from(root, name, receiver, usage, node);
    }

    /// Returns what a path that starts at the own instance means to what is taken from it.
    fn own_receiver(&mut self, root: &str, rest: &str) -> Option<Receiver> {
        if D::SUPER.contains(&root) {
            return Some(if rest.is_empty() { Receiver::Super } else { Receiver::Unknown });
        }
        if !D::OWN.contains(&root) && self.own_name() != Some(root) {
            return None;
        }
        Some(match rest {
            "" => Receiver::Own,
            _ if rest.contains('.') => match self.class_around().filter(|_| D::SAYS_RETURNS) {
                Some(class) => Receiver::Instance(self.intern(format!("{class}.{rest}"))),
                None => Receiver::Unknown,
            },
            _ => Receiver::OwnField(self.intern(rest.to_owned())),
        })
    }

    /// Notes `name`, taken from a new or known instance of `class`.
    pub(in crate::language) fn member_of_instance(
        &mut self,
        class: String,
        name: &'t str,
        usage: Usage,
        node: Node<'t>,
    ) {
        let receiver = Receiver::Instance(self.intern(class));
        self.refer(name, receiver, usage, node);
    }

    fn reference(&mut self, name: &'t str, receiver: Receiver, usage: Usage, node: Node<'t>) -> Reference {
        Reference {
            name: self.intern(name),
            receiver,
            usage,
            within: self.within(),
            line: node.start_position().row as u32 + 1,
            offset: node.start_byte() as u32,
        }
    }

    /// Notes a reference from inside the definition at `within`, whose body the grammar does not know.
    pub(in crate::language) fn refer_within(
        &mut self,
        name: &'t str,
        receiver: Receiver,
        usage: Usage,
        node: Node<'t>,
        within: Option<u32>,
    ) {
        let reference = Reference { within, ..self.reference(name, receiver, usage, node) };
        self.settled.push(reference);
    }

    /// Notes a reference that hangs on no name of this scope.
    pub(in crate::language) fn refer(&mut self, name: &'t str, receiver: Receiver, usage: Usage, node: Node<'t>) {
        if !name.is_empty() {
            let reference = self.reference(name, receiver, usage, node);
            self.settled.push(reference);
        }
    }

    /// Notes a reference that hangs on what `root` turns out to be.
    pub(in crate::language) fn refer_from(
        &mut self,
        root: impl Into<Cow<'t, str>>,
        name: &'t str,
        receiver: Receiver,
        usage: Usage,
        node: Node<'t>,
    ) {
        if !name.is_empty() {
            let root = root.into();
            let reference = self.reference(name, receiver, usage, node);
            let direct = matches!(receiver, Receiver::Path(path) if self.names.get(&root) == Some(&path));
            self.scope().hold(Pending { root, reference, direct, crossed: false });
        }
    }
}
