//! The values of expressions that are the same in every run.

use std::collections::HashMap;

use tree_sitter::Node;

/// Deepest expressions.
const MOST_DEPTH: usize = 24;

/// What an expression stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Word {
    /// A string.
    One(String),
    /// A list or tuple of strings.
    Many(Vec<String>),
}

/// The names that have a known value at some place.
#[derive(Debug, Clone)]
pub(super) struct Scope<'a> {
    text: &'a str,
    posargs: &'a [String],
    /// What the session is called; empty in the module.
    session: String,
    names: HashMap<String, Option<Word>>,
}

impl<'a> Scope<'a> {
    /// Returns the names of a module.
    pub(super) fn of_module(root: Node<'_>, text: &'a str, posargs: &'a [String]) -> Self {
        let mut scope = Self { text, posargs, session: String::new(), names: HashMap::new() };
        let mut cursor = root.walk();
        for statement in root.named_children(&mut cursor).filter(|it| it.kind() == "expression_statement") {
            if let Some(assignment) = statement.named_child(0).filter(|it| it.kind() == "assignment") {
                scope.assign(assignment);
            }
        }
        scope
    }

    /// Returns the names that are known at the start of a session's function.
    pub(super) fn inside(&self, session: &str) -> Self {
        Self { session: session.to_owned(), ..self.clone() }
    }

    /// `nox.options.sessions = […]`.
    pub(super) fn default_sessions(&self) -> Option<Vec<String>> {
        match self.names.get("nox.options.sessions")? {
            Some(Word::Many(names)) => Some(names.clone()),
            Some(Word::One(_)) | None => None,
        }
    }

    /// Takes note of an assignment. What is added to a list in place is not followed: its value is unknown from then on.
    pub(super) fn assign(&mut self, node: Node<'_>) {
        let (Some(left), Some(right)) = (node.child_by_field_name("left"), node.child_by_field_name("right")) else {
            return;
        };
        let name = self.text[left.byte_range()].to_owned();
        let value = self.value(right).ok();
        let value = match (node.kind(), self.names.get(&name), value) {
            ("augmented_assignment", Some(Some(Word::Many(known))), Some(Word::Many(more))) => {
                Some(Word::Many([known.as_slice(), &more].concat()))
            }
            ("augmented_assignment", _, _) => None,
            (_, _, value) => value,
        };
        self.names.insert(name, value);
    }

    /// Returns the words of a call's arguments.
    ///
    /// # Errors
    /// With the text of the first that is not known.
    pub(super) fn words(&self, arguments: Node<'_>) -> Result<Vec<String>, String> {
        let mut words = Vec::new();
        let mut cursor = arguments.walk();
        for argument in arguments.named_children(&mut cursor) {
            match argument.kind() {
                "keyword_argument" | "dictionary_splat" | "comment" => {}
                _ => match self.value(argument)? {
                    Word::One(word) => words.push(word),
                    Word::Many(more) => words.extend(more),
                },
            }
        }
        Ok(words)
    }

    /// Returns a call's argument of a name, where it is a dictionary of known strings.
    pub(super) fn keyword(&self, arguments: Node<'_>, wanted: &str) -> Option<Vec<(String, String)>> {
        let mut cursor = arguments.walk();
        let argument = arguments.named_children(&mut cursor).find(|argument| {
            let name = argument.child_by_field_name("name");
            argument.kind() == "keyword_argument" && name.is_some_and(|name| &self.text[name.byte_range()] == wanted)
        })?;
        let dictionary = argument.child_by_field_name("value").filter(|value| value.kind() == "dictionary")?;
        let mut inner = dictionary.walk();
        let pairs = dictionary.named_children(&mut inner).filter_map(|pair| {
            let (key, value) = (pair.child_by_field_name("key")?, pair.child_by_field_name("value")?);
            match (self.value(key).ok()?, self.value(value).ok()?) {
                (Word::One(key), Word::One(value)) => Some((key, value)),
                _ => None,
            }
        });
        Some(pairs.collect())
    }

    /// Returns what an expression stands for.
    ///
    /// # Errors
    /// With the text of what is not known.
    pub(super) fn value(&self, node: Node<'_>) -> Result<Word, String> {
        self.at_depth(node, 0)
    }

    fn at_depth(&self, node: Node<'_>, depth: usize) -> Result<Word, String> {
        let text = &self.text[node.byte_range()];
        let unknown = || text.to_owned();
        if depth > MOST_DEPTH {
            return Err(unknown());
        }
        let deeper = |node: Node<'_>| self.at_depth(node, depth + 1);
        match node.kind() {
            "string" | "concatenated_string" => self.string(node, depth).map(Word::One).ok_or_else(unknown),
            "list" | "tuple" => {
                let mut words = Vec::new();
                let mut cursor = node.walk();
                for item in node.named_children(&mut cursor).filter(|item| item.kind() != "comment") {
                    match deeper(item)? {
                        Word::One(word) => words.push(word),
                        Word::Many(more) if item.kind() == "list_splat" => words.extend(more),
                        Word::Many(_) => return Err(unknown()),
                    }
                }
                Ok(Word::Many(words))
            }
            "list_splat" | "parenthesized_expression" => node.named_child(0).map_or_else(|| Err(unknown()), deeper),
            "attribute" if text == format!("{}.posargs", self.session) => Ok(Word::Many(self.posargs.to_vec())),
            "identifier" | "attribute" => self.names.get(text).cloned().flatten().ok_or_else(unknown),
            "boolean_operator" => self.either(node, depth),
            "binary_operator" => {
                let side = |name: &str| node.child_by_field_name(name).map_or_else(|| Err(unknown()), deeper);
                match (node.child_by_field_name("operator").map(|it| it.kind()), side("left")?, side("right")?) {
                    (Some("+"), Word::One(left), Word::One(right)) => Ok(Word::One(left + &right)),
                    (Some("+"), Word::Many(left), Word::Many(right)) => Ok(Word::Many([left, right].concat())),
                    _ => Err(unknown()),
                }
            }
            _ => Err(unknown()),
        }
    }

    /// `session.posargs or ["tests"]`.
    fn either(&self, node: Node<'_>, depth: usize) -> Result<Word, String> {
        let text = &self.text[node.byte_range()];
        let field = |name: &str| node.child_by_field_name(name).ok_or_else(|| text.to_owned());
        if field("operator")?.kind() != "or" {
            return Err(text.to_owned());
        }
        let left = self.at_depth(field("left")?, depth + 1)?;
        let is_empty = match &left {
            Word::One(word) => word.is_empty(),
            Word::Many(words) => words.is_empty(),
        };
        if is_empty { self.at_depth(field("right")?, depth + 1) } else { Ok(left) }
    }

    /// A string, also one of several parts, and one with names of known strings in it.
    fn string(&self, node: Node<'_>, depth: usize) -> Option<String> {
        let mut done = String::new();
        let mut cursor = node.walk();
        for part in node.named_children(&mut cursor) {
            match part.kind() {
                "string" => done.push_str(&self.string(part, depth + 1).filter(|_| depth < MOST_DEPTH)?),
                "string_start" | "string_end" => {}
                "string_content" if part.named_child_count() == 0 => done.push_str(&self.text[part.byte_range()]),
                // Escapes are rare in commands, and a wrong word is worse than none.
                "string_content" => return None,
                "interpolation" if part.named_child_count() == 1 => {
                    match self.at_depth(part.named_child(0)?, depth + 1).ok()? {
                        Word::One(word) => done.push_str(&word),
                        Word::Many(_) => return None,
                    }
                }
                _ => return None,
            }
        }
        Some(done)
    }
}

/// Returns a string's text, where it is a plain literal.
pub(super) fn literal(node: Node<'_>, text: &str) -> Option<String> {
    let scope = Scope { text, posargs: &[], session: String::new(), names: HashMap::new() };
    scope.string(node, 0).filter(|_| node.kind() == "string")
}
