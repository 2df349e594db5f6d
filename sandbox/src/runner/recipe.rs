//! What `make test` stands for: the lines of the recipe that a makefile has for it.
//!
//! Only what can be read is read: rules and variables with plain names. A line in which something is left that only make knows is
//! no line here.

use super::Files;

/// Deepest targets that are made of targets, and variables of variables.
const MOST_DEPTH: usize = 6;
/// Most lines that a recipe stands for.
const MOST_LINES: usize = 100;
/// Longest line when its variables are filled in.
const MOST_LENGTH: usize = 4096;

/// A recipe, with those that it depends on in front.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recipe {
    /// The makefile.
    pub(crate) file: String,
    /// The target that was asked for.
    pub(crate) target: String,
    /// Its lines for the shell, in the order in which they run.
    pub(crate) lines: Vec<String>,
}

/// Returns the recipe of the one target that a call of make names; `folder` is where it is called.
pub(crate) fn resolve(words: &[String], folder: &str, files: &Files<'_>) -> Option<Recipe> {
    let (program, rest) = words.split_first()?;
    if !matches!(program.rsplit('/').next()?, "make" | "gmake") {
        return None;
    }
    let is_option = |word: &&String| word.starts_with("-j") || *word == "-k" || *word == "-s" || *word == "--silent";
    let (set, named): (Vec<_>, Vec<_>) =
        rest.iter().filter(|word| !is_option(word)).partition(|word| word.contains('='));
    let [target] = named.as_slice() else { return None };
    if target.starts_with('-') {
        return None;
    }
    let at = |name: &str| if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
    let (file, text) =
        ["GNUmakefile", "makefile", "Makefile"].iter().find_map(|name| Some((at(name), files.text(&at(name))?)))?;
    let mut makefile = Makefile::read(&text);
    for word in set {
        let (name, value) = word.split_once('=')?;
        makefile.variables.insert(0, (name.to_owned(), value.to_owned()));
    }
    let mut lines = Vec::new();
    makefile.follow(target, 0, &mut lines);
    (!lines.is_empty()).then(|| Recipe { file, target: (*target).clone(), lines })
}

struct Makefile {
    /// Of several values the first that is listed holds.
    variables: Vec<(String, String)>,
    rules: Vec<Rule>,
}

struct Rule {
    targets: Vec<String>,
    needs: Vec<String>,
    recipe: Vec<String>,
}

impl Makefile {
    fn read(text: &str) -> Self {
        let joined = text.replace("\\\r\n", " ").replace("\\\n", " ");
        let (mut variables, mut rules) = (Vec::<(String, String)>::new(), Vec::<Rule>::new());
        for line in joined.lines() {
            if let Some(command) = line.strip_prefix('\t') {
                if let Some(rule) = rules.last_mut() {
                    rule.recipe.push(command.trim().to_owned());
                }
                continue;
            }
            let line = line.split('#').next().unwrap_or_default();
            if let Some((name, value)) = assignment(line) {
                // The last one holds, but for those that say "unless it is set".
                variables.insert(0, (name.to_owned(), value.to_owned()));
            } else if let Some((targets, needs)) = line.split_once(':') {
                let words = |text: &str| text.split_whitespace().map(str::to_owned).collect();
                let (needs, first) = needs.trim_start_matches(':').split_once(';').unwrap_or((needs, ""));
                let recipe = Some(first.trim().to_owned()).filter(|it| !it.is_empty()).into_iter().collect();
                rules.push(Rule { targets: words(targets), needs: words(needs), recipe });
            }
        }
        Self { variables, rules }
    }

    /// Adds the lines that make runs for a target.
    fn follow(&self, target: &str, depth: usize, lines: &mut Vec<String>) {
        if depth >= MOST_DEPTH || lines.len() >= MOST_LINES {
            return;
        }
        let rules: Vec<&Rule> = self.rules.iter().filter(|rule| rule.targets.iter().any(|it| it == target)).collect();
        for need in rules.iter().flat_map(|rule| &rule.needs).take(MOST_LINES) {
            self.follow(need, depth + 1, lines);
        }
        let own = rules.iter().flat_map(|rule| &rule.recipe).filter_map(|line| self.filled_in(line));
        lines.extend(own.take(MOST_LINES.saturating_sub(lines.len())));
    }

    /// Returns a line as the shell gets it; `None` where that is not known.
    fn filled_in(&self, line: &str) -> Option<String> {
        let mut line = line.trim_start_matches(['@', '-', '+']).trim().to_owned();
        for _ in 0..MOST_DEPTH {
            let Some(start) = line.find("$(").or_else(|| line.find("${")) else { break };
            let mut filled = String::new();
            let mut rest = line.as_str();
            let mut at = start;
            while let Some((before, after)) = rest.split_at_checked(at) {
                let (name, tail) = after.get(2..)?.split_once([')', '}'])?;
                let value = self.variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())?;
                filled.push_str(before);
                filled.push_str(value);
                rest = tail;
                match rest.find("$(").or_else(|| rest.find("${")) {
                    Some(next) => at = next,
                    None => break,
                }
            }
            filled.push_str(rest);
            line = filled;
            if line.len() > MOST_LENGTH {
                return None;
            }
        }
        (!line.is_empty() && !line.contains('$')).then_some(line)
    }
}

/// `NAME = value`, `NAME := value`, `export NAME ?= value`.
fn assignment(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once('=')?;
    let name = name.trim_end_matches([':', '?', '+', '!']).trim();
    let name = name.strip_prefix("export ").unwrap_or(name).trim();
    let plain = !name.is_empty() && name.chars().all(|char| char.is_ascii_alphanumeric() || "_-.".contains(char));
    plain.then(|| (name, value.trim()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use repo::RepoPath;

    use super::*;

    fn lines(makefile: &str, command: &str) -> Option<Vec<String>> {
        let path = RepoPath::new("Makefile").unwrap();
        let read = |_: &RepoPath| Some(makefile.to_owned());
        let words = shell_words::split(command).unwrap();
        resolve(&words, "", &Files::new(vec![&path], &read)).map(|it| it.lines)
    }

    #[track_caller]
    fn check(makefile: &str, command: &str, expected: &[&str]) {
        assert_eq!(lines(makefile, command).unwrap_or_default(), expected, "{command}");
    }

    #[test]
    fn recipes_are_read() {
        check("test:\n\tpytest tests\n", "make test", &["pytest tests"]);
        check("test:\n\tpytest tests\n", "make -j2 test", &["pytest tests"]);
        check(
            "PY ?= python3\nARGS = -x $(MORE)\nMORE := tests\ntest: ; $(PY) -m pytest $(ARGS)\n",
            "make test",
            &["python3 -m pytest -x tests"],
        );
        check("PY = python3\ntest:\n\t@${PY} -m pytest\n", "make test PY=pypy", &["pypy -m pytest"]);
        check(
            "check: lint test\n.PHONY: test\nlint:\n\t-flake8\ntest:\n\tpytest \\\n\t  -q\n",
            "make check",
            &["flake8", "pytest  \t  -q"],
        );
        check("test:\n\t$(MAKE) -C sub\n\tpytest $@\n\ttox # why\n", "make test", &["tox # why"]);
        check("test:\n\tpytest\n", "make other", &[]);
        check("test:\n\tpytest\n", "make -C sub test", &[]);
        check("test:\n\tpytest\n", "make", &[]);
        check("a: b\nb: a\n\ttrue\n", "make a", &["true", "true", "true"]);
        check("A = $(B)\nB = $(A)\ntest:\n\t$(A)\n", "make test", &[]);
    }

    proptest! {
        #[test]
        fn any_makefile_is_read(parts in prop::collection::vec(prop::sample::select(vec![
            "test", ":", "\n", "\t", "$(", "${", ")", "}", "A", "=", "\\\n", ";", "é", "pytest ", "#", " ",
        ]), 0..60)) {
            if let Some(lines) = lines(&parts.concat(), "make test") {
                prop_assert!(lines.len() <= MOST_LINES && lines.iter().all(|line| !line.contains('$')));
            }
        }
    }
}
