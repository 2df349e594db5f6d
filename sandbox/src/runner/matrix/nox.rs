//! A `noxfile.py` as its syntax tells it: the sessions, and the `session.run(…)` in each. Nothing of it is executed.
//!
//! Words are known where they are literals, or names that are given literals once: in the function, or in the module. Of
//! `session.posargs or […]` the second is taken where the command line has nothing behind `--`. Branches are all read, in their order.

mod tokens;
mod values;

use self::tokens::{Line, Token, behind};
use self::values::{Scope, Word, assignment, items};
use super::{Environment, Matrix};
use crate::runner::Files;

/// Larger files are not read.
const MOST_BYTES: usize = 1 << 20;

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
    if text.len() > MOST_BYTES {
        return Err("the file is too large".to_owned());
    }
    let lines = tokens::lines(text);
    let mut module = Scope::new(text, &call.posargs);
    for line in lines.iter().filter(|line| line.indent == 0) {
        module.assign(&line.tokens);
    }
    let sessions = sessions(&lines, &module);
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
        let (environment, unknown) = session.read(&module, folder);
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
    body: &'t [Line],
}

/// The functions of the module with nox's decorator.
fn sessions<'t>(lines: &'t [Line], module: &Scope<'_>) -> Vec<Session<'t>> {
    let mut found = Vec::new();
    let mut named = None;
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| line.indent == 0) {
        match line.tokens.as_slice() {
            [sign, decorator @ ..] if sign.is(b'@') => named = named.or_else(|| session_name(decorator, module)),
            [def, name, open, first, ..] if def.is_name("def") && open.is(b'(') => {
                if let (Some(named), Some(name), Some(parameter)) = (named.take(), name.name(), first.name()) {
                    let name = named.unwrap_or_else(|| name.to_owned());
                    found.push(Session { name, parameter, body: block(lines, at) });
                }
            }
            _ => named = None,
        }
    }
    found
}

/// The lines below the head of a block.
fn block(lines: &[Line], head: usize) -> &[Line] {
    let below = lines[head + 1..].iter().take_while(|line| line.indent > lines[head].indent).count();
    &lines[head + 1..head + 1 + below]
}

/// Whether a decorator is nox's, and the name that it gives.
fn session_name(decorator: &[Token], module: &Scope<'_>) -> Option<Option<String>> {
    let open = decorator.iter().position(|token| token.is(b'(')).unwrap_or(decorator.len());
    matches!(module.text_of(&decorator[..open]), "nox.session" | "session" | "nox_poetry.session" | "nox_uv.session")
        .then_some(())?;
    let arguments = decorator.get(open + 1..decorator.len().saturating_sub(1)).unwrap_or_default();
    let named = items(arguments).into_iter().find_map(|item| match item {
        [name, sign, value @ ..] if name.is_name("name") && sign.is(b'=') => module.value(value).ok(),
        _ => None,
    });
    Some(match named {
        Some(Word::One(name)) => Some(name),
        Some(Word::Many(_)) | None => None,
    })
}

impl Session<'_> {
    /// What the session runs, and what of it cannot be known.
    fn read(&self, module: &Scope<'_>, folder: &str) -> (Environment, Vec<String>) {
        let mut environment = Environment { name: self.name.clone(), cwd: folder.to_owned(), ..Environment::default() };
        let mut unknown = Vec::new();
        let mut scope = module.inside(self.parameter);
        let mut inner = None;
        for line in self.body {
            // Functions of its own run when they are called, if they are.
            if inner.is_some_and(|indent| line.indent > indent) {
                continue;
            }
            inner = line.tokens.first().filter(|it| it.is_name("def") || it.is_name("class")).map(|_| line.indent);
            environment.env.extend(self.variable(&line.tokens, &scope));
            for (method, arguments) in self.calls(&line.tokens) {
                self.call(method, arguments, &scope, &mut environment)
                    .unwrap_or_else(|what| unknown.push(format!("{}: {what}", line.number)));
            }
            scope.assign(&line.tokens);
        }
        (environment, unknown)
    }

    /// The methods of the session that a line calls, with their arguments.
    fn calls<'t>(&self, tokens: &'t [Token]) -> Vec<(&'t str, &'t [Token])> {
        let mut found = Vec::new();
        for (at, window) in tokens.windows(4).enumerate() {
            let [object, dot, method, open] = window else { continue };
            if object.is_name(self.parameter) && dot.is(b'.') && open.is(b'(') {
                let arguments = behind(tokens, at + 3).map(|end| &tokens[at + 4..end - 1]);
                found.extend(method.name().zip(arguments));
            }
        }
        found
    }

    /// Takes note of what a call does.
    fn call(
        &self,
        method: &str,
        arguments: &[Token],
        scope: &Scope<'_>,
        environment: &mut Environment,
    ) -> Result<(), String> {
        if !matches!(method, "run" | "run_always" | "chdir" | "cd") {
            return Ok(());
        }
        let words = scope.words(arguments);
        let words =
            words.map_err(|what| format!("what `{}` is shows only when nox runs", crate::format::clip(&what, 100)))?;
        if matches!(method, "run" | "run_always") {
            environment.env.extend(scope.keyword(arguments, "env"));
            environment.commands.extend(Some(words).filter(|words| !words.is_empty()));
            return Ok(());
        }
        let place = crate::format::place::Place { root: "/", cwd: &environment.cwd };
        let cwd = words.first().filter(|to| !to.starts_with('/')).and_then(|to| place.inside(to));
        environment.cwd = cwd.ok_or_else(|| format!("the session {} goes out of the workspace", self.name))?;
        Ok(())
    }

    /// `session.env["NAME"] = "value"`.
    fn variable(&self, tokens: &[Token], scope: &Scope<'_>) -> Option<(String, String)> {
        let (left, is_added, right) = assignment(tokens)?;
        let [object, dot, env, open, name @ .., _] = left else { return None };
        let is_own = object.is_name(self.parameter) && dot.is(b'.') && env.is_name("env") && open.is(b'[');
        (is_own && !is_added).then_some(())?;
        match (scope.value(name).ok()?, scope.value(right).ok()?) {
            (Word::One(name), Word::One(value)) => Some((name, value)),
            _ => None,
        }
    }
}
