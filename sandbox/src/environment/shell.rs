//! Shell scripts of CI and Dockerfiles, taken apart as far as it takes to see what they install, build and test. Never run.

use super::Language;

/// Commands that are looked at in one script.
const MOST: usize = 400;

/// One simple command of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Command {
    /// Its words, without `sudo` and variables in front.
    pub(super) words: Vec<String>,
    /// Variables in front of it.
    pub(super) variables: Vec<(String, String)>,
    /// The folder it runs in, relative to where the script starts; `None` where that cannot be told.
    pub(super) cwd: Option<String>,
    /// The line of the script, counted from 0.
    pub(super) line: u32,
}

impl Command {
    /// Returns the command as a line again.
    pub(super) fn text(&self) -> String {
        shell_words::join(&self.words)
    }

    /// Returns whether something in it is only known when it runs.
    pub(super) fn is_open(&self) -> bool {
        self.words.iter().any(|word| word.contains(['$', '`']))
    }
}

/// Takes a script apart. What needs a shell to understand (loops, functions, here documents) is left out.
pub(super) fn commands(script: &str) -> Vec<Command> {
    let mut found = Vec::new();
    let mut cwd = Some(String::new());
    let mut lines = script.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        let mut whole = line.trim().to_owned();
        while whole.ends_with('\\') && whole.len() < 8192 {
            whole.pop();
            let Some((_, next)) = lines.next() else { break };
            // A comment between continued lines is skipped by Dockerfiles.
            if !next.trim_start().starts_with('#') {
                whole.push_str(next.trim());
            } else {
                whole.push('\\');
            }
        }
        for piece in pieces(&closed_expressions(&whole)) {
            let Some(command) = simple(&piece, cwd.as_deref(), u32::try_from(at).unwrap_or(u32::MAX)) else { continue };
            if command.words.first().is_some_and(|word| word == "cd" || word == "pushd") {
                cwd = command.words.get(1).and_then(|folder| inside(cwd.as_deref()?, folder));
                continue;
            }
            found.push(command);
            if found.len() >= MOST {
                return found;
            }
        }
    }
    found
}

/// `${{ matrix.x }}` as one word.
fn closed_expressions(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(start) = rest.find("${{") {
        let (before, after) = rest.split_at(start);
        out.push_str(before);
        let end = after.find("}}").map_or(after.len(), |end| end + 2);
        out.extend(
            after[..end].chars().filter(|char| !char.is_whitespace() && !matches!(char, '\'' | '"' | '&' | '|')),
        );
        rest = &after[end..];
    }
    out.push_str(rest);
    out
}

/// Splits at `&&`, `||`, `;`, `|` and `&` outside quotes; of a pipe the first command counts.
fn pieces(line: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut quote = None;
    let mut chars = line.chars().peekable();
    let mut piped = false;
    while let Some(char) = chars.next() {
        let last = pieces.last_mut();
        match (quote, char) {
            (None, '#') if last.as_ref().is_none_or(|it| it.is_empty() || it.ends_with(' ')) => break,
            (None, '&' | '|' | ';') => {
                let double = chars.next_if_eq(&char).is_some();
                // `2>&1`
                if char == '&' && !double && last.as_ref().is_some_and(|it| it.ends_with('>')) {
                    chars.next();
                    continue;
                }
                piped = char == '|' && !double;
                if !piped {
                    pieces.push(String::new());
                }
                continue;
            }
            (None, '\'' | '"') => quote = Some(char),
            (Some(open), close) if open == close => quote = None,
            (None | Some('"'), '\\') => {
                if let Some(last) = pieces.last_mut().filter(|_| !piped) {
                    last.push('\\');
                    last.extend(chars.next());
                }
                continue;
            }
            (Some(_) | None, _) => {}
        }
        if let Some(last) = pieces.last_mut().filter(|_| !piped) {
            last.push(char);
        }
    }
    pieces
}

fn simple(piece: &str, cwd: Option<&str>, line: u32) -> Option<Command> {
    let mut words = shell_words::split(piece).ok()?;
    if let Some(at) = words.iter().position(|word| is_redirection(word)) {
        words.truncate(at);
    }
    let mut variables = Vec::new();
    while let Some(first) = words.first() {
        match first.as_str() {
            "sudo" | "time" | "then" | "do" | "else" | "!" | "{" | "(" | "exec" => drop(words.remove(0)),
            "env" if words.get(1).is_some_and(|word| word.contains('=')) => drop(words.remove(0)),
            word if words.len() > 1 && word.starts_with('-') && variables.is_empty() => drop(words.remove(0)),
            word => match word.split_once('=').filter(|(name, _)| is_name(name)) {
                Some((name, value)) => {
                    variables.push((name.to_owned(), value.to_owned()));
                    words.remove(0);
                }
                None => break,
            },
        }
    }
    let first = words.first()?;
    let control =
        ["if", "for", "while", "case", "function", "fi", "done", "esac", "}", "elif", "in", "set", "echo", ")"];
    (!control.contains(&first.as_str())).then(|| Command { words, variables, cwd: cwd.map(str::to_owned), line })
}

fn is_redirection(word: &str) -> bool {
    word.trim_start_matches(|char: char| char.is_ascii_digit() || char == '&').starts_with(['>', '<'])
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|char: char| char.is_ascii_digit())
        && name.chars().all(|char| char.is_ascii_alphanumeric() || char == '_')
}

/// Follows `cd`; `None` where it leads out or depends on something.
pub(super) fn inside(cwd: &str, folder: &str) -> Option<String> {
    if folder.starts_with(['/', '~', '-']) || folder.contains(['$', '`', '\\']) {
        return None;
    }
    let mut parts: Vec<&str> = cwd.split('/').filter(|part| !part.is_empty()).collect();
    for part in folder.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// Returns the packages that an `apt-get install` names.
pub(super) fn apt_packages(words: &[String]) -> Vec<String> {
    let [program, rest @ ..] = words else { return Vec::new() };
    if !matches!(program.as_str(), "apt" | "apt-get" | "aptitude") || !rest.iter().any(|word| word == "install") {
        return Vec::new();
    }
    let after = rest.iter().skip_while(|word| *word != "install").skip(1);
    after.filter(|word| is_package(word)).map(|word| word.split(['=', ':']).next().unwrap_or(word).to_owned()).collect()
}

/// Returns whether a word can be the name of a Debian package.
pub(super) fn is_package(word: &str) -> bool {
    let name = word.split(['=', ':']).next().unwrap_or(word);
    (2..=100).contains(&name.len())
        && name.starts_with(|char: char| char.is_ascii_lowercase() || char.is_ascii_digit())
        && name.chars().all(|char| char.is_ascii_lowercase() || char.is_ascii_digit() || "+.-".contains(char))
}

/// Returns the words without what only chooses the place to run in: `poetry run`, `xvfb-run -a`, `python -m`, `npx`, …
pub(super) fn unwrapped(words: &[String]) -> &[String] {
    let mut rest = words;
    loop {
        let word = |at: usize| rest.get(at).map_or("", String::as_str);
        let options = |from: usize| rest.iter().skip(from).take_while(|word| word.starts_with('-')).count();
        let skip = match (base_name(word(0)), word(1)) {
            ("poetry" | "pipenv" | "uv" | "pdm" | "hatch" | "rye" | "micromamba" | "conda", "run") => 2 + options(2),
            ("bundle", "exec") => 2,
            ("npx" | "bunx", _) => 1 + options(1),
            ("xvfb-run" | "stdbuf" | "nice", _) => 1 + options(1),
            ("timeout", _) => 2 + options(1),
            ("coverage", "run") => 2 + options(2) - usize::from(rest.iter().skip(2).any(|word| word == "-m")),
            ("-m", _) => 1,
            (name, "-m") if name.starts_with("python") => 2,
            (name, flag) if name.starts_with("python") && flag.starts_with('-') && word(2) == "-m" => 3,
            _ => return rest,
        };
        match rest.get(skip..) {
            Some(inner) if !inner.is_empty() => rest = inner,
            _ => return rest,
        }
    }
}

/// Quotes a word where a shell would take it apart.
pub(super) fn quoted(word: &str) -> String {
    let plain =
        !word.is_empty() && word.chars().all(|char| char.is_ascii_alphanumeric() || "_-=./:,+@%".contains(char));
    if plain { word.to_owned() } else { shell_words::quote(word).into_owned() }
}

/// Returns the last component of a program's path.
pub(super) fn base_name(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or(program)
}

/// Returns whose tests a command runs.
pub(super) fn tests_of(words: &[String]) -> Option<Language> {
    let words = unwrapped(words);
    let word = |at: usize| words.get(at).map_or("", String::as_str);
    let has = |wanted: &[&str]| words.iter().skip(1).any(|word| wanted.contains(&word.as_str()));
    let script =
        |name: &str| name == "t" || name.starts_with("test") || name.ends_with(":test") || name.ends_with("-test");
    let first = base_name(word(0));
    match (first, word(1)) {
        (
            "pytest" | "py.test" | "tox" | "nox" | "unittest" | "nosetests" | "nose2" | "trial" | "stestr"
            | "runtests.py",
            _,
        ) => Some(Language::Python),
        (name, file) if name.starts_with("python") => {
            let file_tests =
                ["runtests.py", "run_tests.py", "runtests", "test.py", "tests.py"].contains(&base_name(file));
            let verb = word(2);
            let verbs = (file.ends_with("setup.py") || file.ends_with("manage.py")) && verb == "test";
            (file_tests || verbs).then_some(Language::Python)
        }
        ("npm" | "yarn" | "pnpm" | "bun", "run" | "run-script") if script(word(2)) => Some(Language::JavaScript),
        ("npm" | "yarn" | "pnpm" | "bun", verb) if script(verb) => Some(Language::JavaScript),
        ("jest" | "mocha" | "vitest" | "ava" | "karma" | "tap" | "tape" | "jasmine", _) => Some(Language::JavaScript),
        ("node", _) if has(&["--test"]) => Some(Language::JavaScript),
        ("cargo", _) if has(&["test", "nextest", "t"]) => Some(Language::Rust),
        ("go", "test") | ("gotestsum", _) => Some(Language::Go),
        ("mvn" | "mvnw", _) if has(&["test", "verify", "install", "package"]) && !has(&["-DskipTests"]) => {
            Some(Language::Java)
        }
        ("gradle" | "gradlew", _) if has(&["test", "check", "build"]) => Some(Language::Java),
        ("rspec" | "minitest", _) => Some(Language::Ruby),
        ("rake", verb) if verb.is_empty() || script(verb) || verb.contains("spec") => Some(Language::Ruby),
        ("phpunit" | "simple-phpunit" | "pest", _) => Some(Language::Php),
        ("php", file) if file.ends_with("phpunit") => Some(Language::Php),
        ("composer", verb) if script(verb) || (verb == "run" || verb == "run-script") && script(word(2)) => {
            Some(Language::Php)
        }
        ("ctest", _) => Some(Language::C),
        ("make" | "gmake" | "ninja", _) if has(&["check", "test", "tests"]) => Some(Language::C),
        ("meson", "test") | ("prove", _) => Some(Language::C),
        ("cmake", "--build") if has(&["test", "check"]) => Some(Language::C),
        _ => None,
    }
}

/// Options by which a command runs a part of the tests.
const PARTIAL: &[&str] =
    &["--projects", "-pl", "-k", "--grep", "-g", "--testNamePattern", "-run", "--filter", "--tests"];

/// Returns whether a command says which part of the tests it runs.
pub(super) fn is_partial(words: &[String]) -> bool {
    let option = |word: &str| PARTIAL.contains(&word.split('=').next().unwrap_or(word)) || word.starts_with("-Dtest=");
    words.iter().skip(1).any(|word| option(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(script: &str) -> Vec<String> {
        commands(script).iter().map(Command::text).collect()
    }

    #[test]
    fn scripts_come_apart() {
        let script = "set -e\nsudo apt-get update && sudo apt-get install -y \\\n  libxml2-dev zlib1g-dev # why\ncd sub && CI=1 make -j2 check | tee log\nif x; then\n  pytest 2>&1\nfi";
        assert_eq!(
            texts(script),
            ["apt-get update", "apt-get install -y libxml2-dev zlib1g-dev", "make -j2 check", "pytest"]
        );
        let found = commands(script);
        assert_eq!(apt_packages(&found[1].words), ["libxml2-dev", "zlib1g-dev"]);
        assert_eq!((found[2].cwd.as_deref(), found[2].line), (Some("sub"), 3));
        assert_eq!(found[2].variables, [("CI".to_owned(), "1".to_owned())]);
    }

    #[test]
    fn expressions_stay_one_word() {
        let found = commands("pip install ${{ matrix.extra && 'a b' }} x\ncd $HOME && ls");
        assert_eq!(found[0].words.len(), 4);
        assert!(found[0].is_open());
        assert_eq!(found[1].cwd, None);
    }

    #[test]
    fn test_commands_are_recognised() {
        let check = |line: &str, expected: Option<Language>| {
            let words = shell_words::split(line).unwrap();
            assert_eq!(tests_of(&words), expected, "{line}");
        };
        check("python -m pytest tests", Some(Language::Python));
        check("python3.11 -bb -m pytest", Some(Language::Python));
        check("poetry run pytest -x", Some(Language::Python));
        check("coverage run -m pytest", Some(Language::Python));
        check("coverage run --source=x -m unittest", Some(Language::Python));
        check("python setup.py test", Some(Language::Python));
        check("python setup.py build", None);
        check("npm test", Some(Language::JavaScript));
        check("npm run test:unit", Some(Language::JavaScript));
        check("npm run lint", None);
        check("npx jest --ci", Some(Language::JavaScript));
        check("cargo +stable test --all", Some(Language::Rust));
        check("go test ./...", Some(Language::Go));
        check("./gradlew build", Some(Language::Java));
        check("mvn -B package -DskipTests", None);
        check("bundle exec rake", Some(Language::Ruby));
        check("vendor/bin/phpunit", Some(Language::Php));
        check("make check", Some(Language::C));
        check("make", None);
        check("xvfb-run -a ctest --output-on-failure", Some(Language::C));
    }

    #[test]
    fn folders_stay_inside() {
        assert_eq!(inside("a", "../b/./c").as_deref(), Some("b/c"));
        assert_eq!(inside("a", "../.."), None);
        assert_eq!(inside("", "/tmp"), None);
    }
}
