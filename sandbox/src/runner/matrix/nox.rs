//! A `noxfile.py` as its syntax tells it: the sessions, and the `session.run(…)` in each. Nothing of it is executed.
//!
//! Words are known where they are literals, or names that are given literals once: in the function, or in the module. Of
//! `session.posargs or […]` the second is taken where the command line has nothing behind `--`. Branches are all read, in their order.

mod values;

use tree_sitter::{Node, Parser};

use self::values::{Scope, Word};
use super::{Environment, Matrix};
use crate::runner::Files;

/// Larger files are not read.
const MOST_BYTES: usize = 1 << 20;
/// Most statements and expressions that are looked at.
const MOST_NODES: usize = 100_000;

/// What a command line asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Call {
    file: Option<String>,
    sessions: Vec<String>,
    posargs: Vec<String>,
}

impl Call {
    fn of(words: &[String]) -> Result<Self, String> {
        let mut call = Self::default();
        let mut at = 0;
        while let Some(word) = words.get(at) {
            at += 1;
            let (name, value) = word.split_once('=').map_or((word.as_str(), None), |(name, value)| (name, Some(value)));
            match name {
                "--" => {
                    call.posargs = words[at..].to_vec();
                    break;
                }
                "-s" | "-e" | "--session" | "--sessions" => {
                    call.sessions.extend(value.map(str::to_owned));
                    while words.get(at).is_some_and(|word| !word.starts_with('-')) {
                        call.sessions.push(words[at].clone());
                        at += 1;
                    }
                }
                "-f" | "--noxfile" => {
                    call.file = value.map(str::to_owned).or_else(|| words.get(at).cloned());
                    at += usize::from(value.is_none());
                }
                "-k" | "--keywords" | "-t" | "--tags" | "-l" | "--list" => {
                    return Err(format!("nox is told which sessions to run by `{name}`"));
                }
                "-p"
                | "--python"
                | "--pythons"
                | "--force-python"
                | "-db"
                | "--default-venv-backend"
                | "--envdir"
                | "--report" => at += usize::from(value.is_none()),
                _ => {}
            }
        }
        Ok(call)
    }
}

/// Reads what a command line of nox runs.
pub(super) fn read(words: &[String], folder: &str, files: &Files<'_>) -> Result<Matrix, String> {
    let call = Call::of(words)?;
    let name = call.file.as_deref().unwrap_or("noxfile.py");
    let place = crate::format::place::Place { root: "/", cwd: folder };
    let file = place.inside(name).filter(|_| !name.starts_with('/'));
    let file = file.ok_or_else(|| format!("{name} is outside of the workspace"))?;
    let text = files.text(&file).ok_or_else(|| format!("there is no {file}"))?;
    let mut matrix = of_text(&text, &call, folder)?;
    matrix.unknown.iter_mut().for_each(|reason| *reason = format!("{file}:{reason}"));
    Ok(Matrix { file, ..matrix })
}

fn of_text(text: &str, call: &Call, folder: &str) -> Result<Matrix, String> {
    let mut parser = Parser::new();
    let python = parser.set_language(&tree_sitter_python::LANGUAGE.into()).is_ok();
    let tree = parser.parse(text, None).filter(|_| python && text.len() <= MOST_BYTES);
    let tree = tree.ok_or("the file cannot be parsed")?;
    let module = Scope::of_module(tree.root_node(), text, &call.posargs);
    let sessions = sessions(tree.root_node(), text);
    let wanted = if call.sessions.is_empty() { module.default_sessions() } else { Some(call.sessions.clone()) };
    let mut matrix = Matrix::default();
    for session in &sessions {
        let is_meant = |wanted: &String| {
            let rest = wanted.strip_prefix(session.name.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '(']))
        };
        if wanted.as_ref().is_some_and(|wanted| !wanted.iter().any(is_meant)) {
            continue;
        }
        let (environment, unknown) = session.read(&module, text, folder);
        matrix.environments.push(environment);
        matrix.unknown.extend(unknown);
    }
    if sessions.is_empty() {
        return Err("the file has no sessions that can be read".to_owned());
    }
    Ok(matrix)
}

/// A function that nox runs.
struct Session<'t> {
    name: String,
    /// What the function calls the session.
    parameter: &'t str,
    body: Node<'t>,
}

/// The functions of the module with nox's decorator.
fn sessions<'t>(root: Node<'t>, text: &'t str) -> Vec<Session<'t>> {
    let mut cursor = root.walk();
    let mut found = Vec::new();
    for node in root.named_children(&mut cursor).filter(|node| node.kind() == "decorated_definition") {
        let Some(function) = node.child_by_field_name("definition") else { continue };
        let mut inner = node.walk();
        let decorators = node.named_children(&mut inner).filter(|child| child.kind() == "decorator");
        let mut own =
            decorators.filter_map(|decorator| decorator.named_child(0)).filter_map(|it| session_name(it, text));
        let Some(named) = own.next() else { continue };
        let field = |name: &str| function.child_by_field_name(name);
        let (Some(name), Some(parameters), Some(body)) = (field("name"), field("parameters"), field("body")) else {
            continue;
        };
        let first = parameters.named_child(0);
        // `session: nox.Session` has its name inside.
        let first = first.and_then(|it| if it.kind() == "identifier" { Some(it) } else { it.named_child(0) });
        let Some(parameter) = first.map(|it| &text[it.byte_range()]) else { continue };
        let name = named.unwrap_or_else(|| text[name.byte_range()].to_owned());
        found.push(Session { name, parameter, body });
    }
    found
}

/// Whether a decorator is nox's, and the name that it gives.
fn session_name(decorator: Node<'_>, text: &str) -> Option<Option<String>> {
    let is_call = decorator.kind() == "call";
    let function = if is_call { decorator.child_by_field_name("function")? } else { decorator };
    matches!(&text[function.byte_range()], "nox.session" | "session" | "nox_poetry.session" | "nox_uv.session")
        .then_some(())?;
    let named = decorator.child_by_field_name("arguments").filter(|_| is_call).and_then(|arguments| {
        let mut cursor = arguments.walk();
        let named = arguments.named_children(&mut cursor).find(|argument| {
            let name = argument.child_by_field_name("name");
            name.is_some_and(|name| &text[name.byte_range()] == "name")
        })?;
        values::literal(named.child_by_field_name("value")?, text)
    });
    Some(named)
}

impl Session<'_> {
    /// What the session runs, and what of it cannot be known.
    fn read(&self, module: &Scope<'_>, text: &str, folder: &str) -> (Environment, Vec<String>) {
        let mut environment = Environment { name: self.name.clone(), cwd: folder.to_owned(), ..Environment::default() };
        let mut unknown = Vec::new();
        let mut scope = module.inside(self.parameter);
        for node in statements(self.body) {
            if matches!(node.kind(), "assignment" | "augmented_assignment") {
                if let Some((name, value)) = self.variable(node, text, &scope) {
                    environment.env.push((name, value));
                }
                scope.assign(node);
                continue;
            }
            let Some((method, arguments)) = self.call(node, text) else { continue };
            let line = node.start_position().row + 1;
            match (method, scope.words(arguments)) {
                ("run" | "run_always", Ok(words)) if !words.is_empty() => {
                    environment.env.extend(scope.keyword(arguments, "env").unwrap_or_default());
                    environment.commands.push(words);
                }
                ("chdir" | "cd", Ok(words)) => {
                    let place = crate::format::place::Place { root: "/", cwd: &environment.cwd };
                    match words.first().and_then(|to| place.inside(to)).filter(|_| !words[0].starts_with('/')) {
                        Some(cwd) => environment.cwd = cwd,
                        None => unknown.push(format!("{line}: the session {} goes out of the workspace", self.name)),
                    }
                }
                ("run" | "run_always" | "chdir" | "cd", Err(what)) => {
                    let what = crate::format::clip(&what, 100).to_owned();
                    unknown.push(format!("{line}: what `{what}` is shows only when nox runs"));
                }
                _ => {}
            }
        }
        (environment, unknown)
    }

    /// The method of the session that is called, and its arguments.
    fn call<'t>(&self, node: Node<'t>, text: &'t str) -> Option<(&'t str, Node<'t>)> {
        if node.kind() != "call" {
            return None;
        }
        let function = node.child_by_field_name("function")?;
        let (object, method) = (function.child_by_field_name("object")?, function.child_by_field_name("attribute")?);
        (&text[object.byte_range()] == self.parameter).then_some(())?;
        Some((&text[method.byte_range()], node.child_by_field_name("arguments")?))
    }

    /// `session.env["NAME"] = "value"`.
    fn variable(&self, node: Node<'_>, text: &str, scope: &Scope<'_>) -> Option<(String, String)> {
        let (left, right) = (node.child_by_field_name("left")?, node.child_by_field_name("right")?);
        let object = left.child_by_field_name("value").filter(|_| left.kind() == "subscript")?;
        (text[object.byte_range()] == format!("{}.env", self.parameter)).then_some(())?;
        let name = values::literal(left.child_by_field_name("subscript")?, text)?;
        match scope.value(right).ok()? {
            Word::One(value) => Some((name, value)),
            Word::Many(_) => None,
        }
    }
}

/// The statements and calls below a body, in their order; nothing inside of functions that it defines.
fn statements(body: Node<'_>) -> Vec<Node<'_>> {
    let mut found = Vec::new();
    let mut open = vec![body];
    for _ in 0..MOST_NODES {
        let Some(node) = open.pop() else { break };
        match node.kind() {
            "call" | "assignment" | "augmented_assignment" => found.push(node),
            "function_definition" | "class_definition" | "lambda" => continue,
            _ => {}
        }
        let mut cursor = node.walk();
        let children: Vec<Node<'_>> = node.named_children(&mut cursor).collect();
        open.extend(children.into_iter().rev());
    }
    found
}
